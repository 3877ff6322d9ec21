"""burst -- send ready-made runs of requests from many connections, and wait for all replies before the next.

For what redis-benchmark cannot send: several commands that belong together, MULTI ... EXEC. The replies of a run are
known beforehand and counted by their bytes, so this side costs two system calls a run.
"""

import socket
from contextlib import ExitStack
from itertools import cycle

from bench.load.fill import expect


def send_bursts(port: int, payloads: list[bytes], reply: bytes, clients: int, bursts: int) -> int:
    """Sends about `bursts` runs, the payloads in turn; how many. Raises RuntimeError on any other reply."""
    sent = 0
    source = cycle(payloads)
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 120)) for _ in range(clients)]
        for connection in connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while sent < bursts:
            for connection in connections:
                connection.sendall(next(source))
            for connection in connections:
                expect(connection, reply)
            sent += clients
    return sent
