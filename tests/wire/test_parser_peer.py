"""The same bytes to a real Redis 8: the same replies, the same refusals, and the same end.

A NUL in a line is left out: Redis looks for the line's end with C's string functions, does not see it behind
the NUL, and waits for ever. Here such a header is refused at once (test_parser.py).
"""

import socket

import pytest
from hypothesis import HealthCheck, given, settings

from tests.network.line import connect
from tests.session import encode
from tests.wire.mutate import mutated


def answer(server, *pieces):
    """All that comes back until the server closes, after these bytes and our own end."""
    with connect(server) as line:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            line.send(piece)
        line.socket.shutdown(socket.SHUT_WR)
        return line.rest()


CASES = [
    b"*\r\n", b"*-5\r\nPING\r\n", b"*1\r\n\r\n", b"*1\r\n$4\r\nPINGxxPING\r\n", b"*1\r\n$ 4\r\nPING\r\n",
    b"*1\n$4\nPING\n", b"*1\rX$4\rXPING\rX", b"*3\r\n$4\r\nECHO\r\n$1\r\na\r\n:1\r\n", b"*1\r\n$0\r\n\r\n",
    b"*2\r\n$0\r\n\r\n$1\r\na\r\n", b"*1\r\n$536870913\r\n", b"*1048577\r\n", b"*2147483647\r\n",
    b"*9223372036854775808\r\n", b"PING\r", b"ECHO '\\x41'\r\n",
    b"ECHO \"\\xzz\"\r\n", b"ECHO \"a\\", b'ECHO "a"x\r\n', b"ECHO 'a' 'b'\r\n", b"ECHO a\tb\r\n", b"''\r\n",
    b'"" a\r\n', b"$4\r\nPING\r\n", b"+PING\r\n", b"PING\r\r\n", b"\t\v\f PING\r\n", b"PING a b c\r\n",
    b"*1\r\n\xff\r\n", b"ECHO \xff\xfe\r\n", b"nosuch \xff 'a b' \x01\r\n",
    b"*2\r\n$6\r\nno\r\nsu\r\n$1\r\n\n\r\n", b"*2\r\n$4\r\nno\0a\r\n$3\r\na\0b\r\n", b"*1\r\n$-0\r\n",
    b"*-0\r\n", encode("x" * 200, "y" * 200, "z"), encode("x", *["y" * 30] * 10),
    b"*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n",
]


@pytest.mark.parametrize("data", CASES)
def test_odd_input_is_answered_as_by_redis(server, peer, data):
    data = b"PING\r\n" + data
    assert answer(server, data) == answer(peer("redis8"), data)


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated())
def test_mutated_requests_are_answered_as_by_redis(shared_server, peer, data):
    assert answer(shared_server, data) == answer(peer("redis8"), data)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated(most=3))
def test_inline_lines_are_cut_into_words_as_by_redis(shared_server, peer, data):
    line = b"ECHO " + data.replace(b"\r", b" ").replace(b"\n", b" ") + b"\r\n"
    assert answer(shared_server, line) == answer(peer("redis8"), line)
