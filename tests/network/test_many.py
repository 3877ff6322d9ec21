"""Many connections at once: 2,000, or as many as PYREDIS_CONNECTIONS says (in the full run 10,000)."""

import os
import resource

import pytest

from tests.network.line import Line, connect, connect_unix, eventually
from tests.session import encode

COUNT = int(os.environ.get("PYREDIS_CONNECTIONS", "2000"))


@pytest.fixture
def many(start_server):
    """(server, lines): half of them over TCP, half over the unix socket."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[1], COUNT + 1000), limits[1]))
    server = start_server("--maxclients", str(COUNT + 100))
    lines: list[Line] = []
    try:
        for i in range(COUNT):
            lines.append(connect(server) if i % 2 else connect_unix(server.socket))
        yield server, lines
    finally:
        for line in lines:
            line.close()
        server.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_thousands_of_connections_are_served_and_forgotten(many):
    server, lines = many
    for i, line in enumerate(lines):
        line.send(encode("ECHO", i))
    assert all(line.receive() == b"%d" % i for i, line in enumerate(lines))
    # all at once, several times, in pipelines
    for _ in range(3):
        for line in lines:
            line.send(encode("INCR", "n") + encode("PING"))
        for line in lines:
            assert line.receive() > 0
            assert line.receive() == "PONG"
    assert server.call("GET", "n") == b"%d" % (3 * len(lines))
    listed = server.call("CLIENT", "LIST")
    assert listed.count(b"\n") == len(lines) + 1
    # an idle connection holds no buffers
    sizes = [int(part[8:]) for part in listed.split() if part.startswith(b"tot-mem=")]
    assert sorted(sizes)[-2] < 2000
    for line in lines[::2]:
        line.close()
    eventually(lambda: server.call("CLIENT", "LIST").count(b"\n") == len(lines) - len(lines[::2]) + 1)
    assert server.call("CLIENT", "KILL", "TYPE", "normal") == len(lines) - len(lines[::2])
    assert all(line.rest() == b"" for line in lines[1::2])
    assert server.call("PING") == "PONG"
