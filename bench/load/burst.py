"""burst -- send ready-made runs of requests from many connections, and wait for all replies before the next.

For what redis-benchmark cannot send: several commands that belong together, MULTI ... EXEC. The replies of a run are
known beforehand and counted by their bytes, so this side costs two system calls a run.
"""

import socket
from contextlib import ExitStack, suppress
from itertools import cycle

from bench import peers
from bench.load.fill import expect


def open_all(stack: ExitStack, port: int, count: int, hello: tuple[str, ...]) -> list[socket.socket]:
    """So many connections, that have sent `hello` and are answered; the stack closes them."""
    links = []
    for _ in range(count):
        link = stack.enter_context(socket.create_connection(("127.0.0.1", port), 120))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for text in (*hello, "ECHO ready"):
            link.sendall(peers.encode(*text.split()))
        answer = b""
        while not answer.endswith(b"$5\r\nready\r\n"):
            answer += link.recv(65536)
        links.append(link)
    return links


def send_bursts(clients: list[socket.socket], exchanges: list[tuple[bytes, bytes]], bursts: int,
                listeners: list[socket.socket]) -> int:
    """Sends about `bursts` runs, in turn; how many. What listeners get is thrown away. Raises RuntimeError on another
    reply than that of the exchange."""
    sent = 0
    source = cycle(exchanges)
    for listener in listeners:
        listener.setblocking(False)
    while sent < bursts:
        awaited = []
        for client in clients:
            request, reply = next(source)
            client.sendall(request)
            awaited.append(reply)
        for client, reply in zip(clients, awaited, strict=True):
            expect(client, reply)
        for listener in listeners:
            with suppress(BlockingIOError):
                while listener.recv(1 << 20):
                    pass
        sent += len(clients)
    return sent
