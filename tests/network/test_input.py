"""What clients may send, and in what pieces."""

import socket
import struct

import pytest

from tests.network.line import connect, connect_unix, eventually, setting
from tests.session import ReplyError, Status, encode

PONG = Status("PONG")


@pytest.mark.parametrize(("line", "reply"), [
    (b"PING\r\n", b"+PONG\r\n"), (b"PING\n", b"+PONG\r\n"), (b"  ping   \r\n", b"+PONG\r\n"),
    (b'ECHO "a b"\r\n', b"$3\r\na b\r\n"), (b"ECHO 'a\\'b'\r\n", b"$3\r\na'b\r\n"),
    (b'ECHO "\\x41\\n\\t"\r\n', b"$3\r\nA\n\t\r\n"), (b'ECHO ""\r\n', b"$0\r\n\r\n"),
    (b"\r\n\r\nPING\r\n", b"+PONG\r\n"), (b"*0\r\n*-1\r\nPING\r\n", b"+PONG\r\n"),
])
def test_inline_commands_are_read_as_people_type_them(server, line, reply):
    with connect(server) as a:
        a.send(line)
        assert a.read(len(reply)) == reply


@pytest.mark.parametrize(("data", "error"), [
    (b'ECHO "a\r\n', "unbalanced quotes in request"), (b'ECHO "a"b\r\n', "unbalanced quotes in request"),
    (b"*x\r\n", "invalid multibulk length"), (b"*2147483648\r\n", "invalid multibulk length"),
    (b"*1\r\nPING\r\n", "expected '$', got 'P'"), (b"*1\r\n$x\r\n", "invalid bulk length"),
    (b"*1\r\n$-1\r\n", "invalid bulk length"), (b"*1\r\n$99999999999\r\n", "invalid bulk length"),
    (b"x" * 70_000, "too big inline request"), (b"*" + b"1" * 70_000, "too big mbulk count string"),
    (b"*1\r\n$" + b"1" * 70_000, "too big bulk count string"),
])
def test_garbage_is_told_so_and_the_connection_ends(server, data, error):
    with connect(server) as a:
        a.send(b"PING\r\n" + data)
        assert a.rest() == b"+PONG\r\n-ERR Protocol error: " + error.encode() + b"\r\n"
    assert server.call("PING") == "PONG"


def test_binary_garbage_harms_nobody(server):
    with connect(server) as other:
        for seed in range(20):
            with connect(server) as a:
                a.send(bytes((seed * 131 + i * i * 7) % 256 for i in range(4000)) + b"\n")
        assert other.call("PING") == PONG


def test_a_pipeline_may_be_deep(server):
    with connect(server) as a:
        count = 100_000
        a.socket.setblocking(False)
        to_send, got = memoryview(encode("ECHO", "x") * count), 0
        wanted = len(b"$1\r\nx\r\n") * count
        while got < wanted:
            try:
                to_send = to_send[a.socket.send(to_send):] if to_send else to_send
            except BlockingIOError:
                pass
            try:
                data = a.socket.recv(1 << 20)
            except BlockingIOError:
                continue
            assert data == (b"$1\r\nx\r\n" * (len(data) // 7 + 2))[got % 7:][:len(data)]
            got += len(data)
        assert got == wanted


def test_a_pipeline_sent_before_any_reply_is_read_is_answered_whole(server):
    with connect(server) as a:
        a.send(encode("PING") * 30_000)
        assert a.read(7 * 30_000) == b"+PONG\r\n" * 30_000


@pytest.mark.parametrize("size", [1, 16_383, 16_384, 16_385, 100_000, 1_000_000])
def test_arguments_of_all_sizes_come_back_unchanged(server, size):
    value = bytes(i * 7 % 251 for i in range(997)) * (size // 997 + 1)
    with connect(server) as a:
        assert a.call("ECHO", value[:size]) == value[:size]
        a.send(encode("ECHO", value[:size]) * 3)
        assert [a.receive() for _ in range(3)] == [value[:size]] * 3


def test_a_request_may_come_byte_by_byte(server):
    with connect(server) as a:
        a.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in encode("ECHO", "hello"):
            a.send(bytes([byte]))
        assert a.receive() == b"hello"


def test_an_argument_of_64_megabytes_is_stored_and_comes_back(start_server):
    server = start_server()
    size = 64 << 20
    with connect(server) as a:
        value = bytes(range(256)) * (size // 256)
        assert a.call("SET", "big", value) == "OK"
        assert a.call("STRLEN", "big") == size
        a.send(encode("GET", "big"))
        header = b"$%d\r\n" % size
        assert a.read(len(header)) == header
        assert a.read(size + 2) == value + b"\r\n"


def test_an_argument_may_be_as_long_as_the_limit_and_no_longer(start_server):
    server = start_server("--proto-max-bulk-len", "1mb")
    with connect(server) as a:
        assert a.call("SET", "k", b"x" * (1 << 20)) == "OK"
        a.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % ((1 << 20) + 1))
        assert a.rest() == b"-ERR Protocol error: invalid bulk length\r\n"
    with setting(server, proto_max_bulk_len=2 << 20), connect(server) as a:
        assert a.call("ECHO", b"x" * (2 << 20)) == b"x" * (2 << 20)


def test_too_much_input_for_one_request_ends_the_connection(start_server):
    server = start_server("--client-query-buffer-limit", "1mb")
    with connect(server) as a:
        try:
            a.send(b"*2\r\n$4\r\nECHO\r\n$3000000\r\n" + b"x" * 2_900_000)
        except OSError:
            pass
        assert a.rest() == b""
    assert "Closing client that reached max query buffer length" in server.log()
    assert server.call("PING") == "PONG"


def test_a_half_closed_connection_still_gets_its_replies(server):
    with connect(server) as a:
        a.send(encode("PING") * 1000)
        a.socket.shutdown(socket.SHUT_WR)
        assert a.rest().startswith(b"+PONG\r\n")
    with connect(server) as a:
        a.send(b"PING\r\n")
        assert a.receive() == PONG
        a.socket.shutdown(socket.SHUT_WR)
        assert a.rest() == b""


@pytest.mark.parametrize("reset", [False, True])
def test_clients_that_vanish_within_a_command_leave_nothing_behind(server, reset):
    with connect(server) as watcher:
        gone = []
        for cut in range(1, 30):
            with connect(server) as a:
                gone.append(a.call("CLIENT", "ID"))          # so it has been accepted before we look for it
                a.send(encode("SET", "vanished", "x" * 10)[:cut])
                if reset:
                    a.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        eventually(lambda: watcher.call("CLIENT", "LIST", "ID", *gone) == b"")
        assert watcher.call("EXISTS", "vanished") == 0


def test_protocol_versions_are_each_connections_own(server):
    with connect(server) as two, connect(server) as three:
        assert three.call("HELLO", "3")[b"proto"] == 3
        two.send(encode("GET", "nope"))
        assert two.read(5) == b"$-1\r\n"
        three.send(encode("GET", "nope"))
        assert three.read(3) == b"_\r\n"


def test_the_unix_socket_speaks_the_same(server):
    with connect_unix(server.socket) as a:
        assert a.call("PING") == PONG
        line = a.call("CLIENT", "INFO")
        assert b"addr=%s:0 laddr=%s:0" % (str(server.socket).encode(), str(server.socket).encode()) in line
        assert b"flags=U" in line


def test_the_longest_bulk_that_can_be_announced_is_no_longer_than_sums_can_hold(start_server):
    server = start_server("--proto-max-bulk-len", str(2**63 - 1))
    with connect(server) as a:
        a.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (2**63 - 1))
        assert a.rest() == b"-ERR Protocol error: invalid bulk length\r\n"
    with connect(server) as a:
        assert a.call("PING") == PONG


def test_a_client_before_its_password_may_send_only_little(start_server):
    server = start_server("--requirepass", "secret")
    for data, error in [(b"*11\r\n", "unauthenticated multibulk length"),
                        (b"*2\r\n$4\r\nECHO\r\n$16385\r\n", "unauthenticated bulk length")]:
        with connect(server) as a:
            a.send(data)
            assert a.rest() == b"-ERR Protocol error: %s\r\n" % error.encode()
    with connect(server) as a:
        assert str(a.call("ECHO", "x")) == "NOAUTH Authentication required."
        a.send(encode("AUTH", "secret") + encode("ECHO", "x" * 20_000))
        assert [a.receive(), a.receive()] == ["OK", b"x" * 20_000]
        assert isinstance(a.call("AUTH", "bad"), ReplyError)
