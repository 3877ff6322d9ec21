"""fill -- store exactly the keys key:000000000000 ... in order, over one connection.

Requests go out as ready-made runs of BATCH and replies are counted by their bytes ("+OK", five each), so
the cost of this side is one format operation a key. It runs on the generator's core; the server's time is
what is measured.
"""

import socket

BATCH = 100
OK = b"+OK\r\n"


def fill(port: int, first: int, last: int, size: int, batch: int = BATCH) -> None:
    """SET keys first ... last-1 to values of `size` bytes. Raises RuntimeError on any reply but OK."""
    template = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%%012d\r\n$%d\r\n%b\r\n" % (size, b"x" * size)
    if size > 4096:
        batch = 4                   # replies of a run must fit into the socket while we are still sending
    with socket.create_connection(("127.0.0.1", port), 120) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(first, last, batch):
            stop = min(start + batch, last)
            connection.sendall(b"".join([template % n for n in range(start, stop)]))
            expect(connection, OK * (stop - start))


def expect(connection: socket.socket, wanted: bytes) -> None:
    got = b""
    while len(got) < len(wanted):
        piece = connection.recv(len(wanted) - len(got))
        if not piece:
            raise RuntimeError("the server closed the connection")
        got += piece
    if got != wanted:
        raise RuntimeError(f"not OK: {got[:200]!r}")
