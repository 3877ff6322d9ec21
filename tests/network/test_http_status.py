"""The status page's server: what it answers, to whom, and that nobody can hold it up."""

import base64
import json
import socket
import time
from contextlib import closing

import pytest

from bench import peers
from pyredis.http_status import MOST_CONNECTIONS, MOST_REQUEST, Refused, host_is_own, parse

pytestmark = pytest.mark.socket


class Web:
    """A pyredis with a status page."""

    def __init__(self, start, *options):
        self.port = peers.free_port()
        self.server = start("--http-port", str(self.port), *options)

    def raw(self, data):
        """All that is answered until the end of the connection."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=20)) as sock:
            sock.sendall(data)
            return self.rest(sock)

    @staticmethod
    def rest(sock):
        answer = b""
        while piece := sock.recv(1 << 16):
            answer += piece
        return answer

    def get(self, path, *headers):
        head, _, body = self.raw("\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()
                                 ).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        return int(lines[0].split(" ")[1]), dict(line.split(": ", 1) for line in lines[1:]), body


@pytest.fixture
def web(start_server):
    return Web(start_server)


def test_the_page_is_whole_and_asks_nobody_else(web):
    code, headers, body = web.get("/")
    assert (code, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert int(headers["Content-Length"]) == len(body)
    assert b"https://" not in body and b"src=" not in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_status_and_metrics_tell_of_what_happened(web):
    web.server.call("SET", "a", 1)
    code, headers, body = web.get("/status.json")
    assert (code, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body)["keyspace"] == [{"db": 0, "keys": 1, "expires": 0, "ttl": 0}]
    code, headers, body = web.get("/metrics")
    assert (code, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b'\nredis_db_keys{db="db0"} 1\n' in body


@pytest.mark.parametrize(("head", "code"), [
    ("GET /nosuch HTTP/1.1", 404), ("GET /../config HTTP/1.1", 404), ("POST / HTTP/1.1", 405),
    ("HEAD / HTTP/1.1", 405), ("GET / HTTP/2.0", 505), ("GET /", 400), ("GET  / HTTP/1.1", 400), ("nonsense", 400),
    ("*1\r\n$4\r\nPING", 400), ("GET / HTTP/1.1\r\nno colon", 400), ("GET / HTTP/1.1\r\nHost : x", 400),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nhost: localhost", 400), ("GET / HTTP/1.0", 200),
    ("GET /metrics?x=1 HTTP/1.1", 200), ("GET / HTTP/1.1\r\nHost: evil.example", 403)])
def test_other_requests_are_refused_by_their_kind(web, head, code):
    assert web.raw(head.encode() + b"\r\n\r\n").startswith(f"HTTP/1.1 {code} ".encode())


def test_a_request_that_is_too_long_is_refused(web):
    assert web.raw(b"GET / HTTP/1.1\r\nX: " + b"x" * MOST_REQUEST).startswith(b"HTTP/1.1 431 ")


def test_a_request_may_come_in_pieces(web):
    with closing(socket.create_connection(("127.0.0.1", web.port), timeout=20)) as sock:
        for piece in (b"GET /metr", b"ics HTTP/1.1\r\n", b"Host: localhost\r\n\r", b"\n"):
            sock.sendall(piece)
            time.sleep(0.01)
        assert web.rest(sock).startswith(b"HTTP/1.1 200 OK")


def test_more_connections_than_there_is_room_for_are_closed_and_the_server_goes_on(web):
    idle = [socket.create_connection(("127.0.0.1", web.port), timeout=20) for _ in range(MOST_CONNECTIONS + 5)]
    assert idle[-1].recv(1) == b""
    assert web.server.call("PING") == "PONG"
    for sock in idle:
        sock.close()
    deadline = time.monotonic() + 10
    while web.raw(b"GET / HTTP/1.0\r\n\r\n") == b"" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert web.get("/")[0] == 200


def test_the_password_is_asked_for(start_server):
    web = Web(start_server, "--requirepass", "secret:x")
    code, headers, _ = web.get("/status.json")
    assert code == 401 and headers["WWW-Authenticate"].startswith("Basic ")

    def given(words):
        return web.get("/status.json", "Authorization: Basic " + base64.b64encode(words).decode())[0]

    assert [given(b"default:secret:x"), given(b":secret:x"), given(b"any:secret:x"), given(b"default:secret"),
            given(b"secret:x"), given(b"")] == [200, 200, 401, 401, 401, 401]
    assert web.get("/metrics", "Authorization: Basic ***")[0] == 401
    assert web.get("/metrics", "Authorization: Bearer x")[0] == 401
    assert web.get("/metrics", "Authorization: Basic \xe4\xff")[0] == 401


def test_a_user_sees_it_who_may_run_the_commands_that_tell_the_same(start_server):
    web = Web(start_server)
    web.server.call("ACL", "SETUSER", "reader", "on", ">pw", "+info", "+slowlog|get", "+latency|latest")
    web.server.call("ACL", "SETUSER", "writer", "on", ">pw", "+@all", "-slowlog", "~*")
    web.server.call("ACL", "SETUSER", "gone", "off", ">pw", "allcommands", "allkeys")
    web.server.call("ACL", "SETUSER", "default", "resetpass", ">other")

    def seen(name, password="pw"):
        words = base64.b64encode(f"{name}:{password}".encode()).decode()
        return web.get("/metrics", f"Authorization: Basic {words}")[0]

    assert [seen("reader"), seen("reader", "x"), seen("writer"), seen("gone"), seen("nobody"), seen("default", "other"),
            web.get("/metrics")[0]] == [200, 401, 403, 401, 401, 200, 401]


def test_it_is_off_unless_asked_for_and_can_be_switched_at_run_time(start_server):
    server, port = start_server(), peers.free_port()
    assert server.call("CONFIG", "GET", "http-port") == [b"http-port", b"0"]
    for _ in range(2):
        server.call("CONFIG", "SET", "http-port", port)
        socket.create_connection(("127.0.0.1", port), timeout=20).close()
        server.call("CONFIG", "SET", "http-port", 0)
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=20)


def test_a_port_that_is_taken_is_refused_and_the_old_one_stays(web):
    with pytest.raises(peers.ReplyError, match="Unable to listen on the port for HTTP"):
        web.server.call("CONFIG", "SET", "http-port", web.server.port)
    assert web.get("/")[0] == 200


def test_who_takes_too_long_is_left(web):
    with closing(socket.create_connection(("127.0.0.1", web.port), timeout=30)) as sock:
        sock.sendall(b"GET / HT")
        assert sock.recv(1) == b""


@pytest.mark.parametrize(("host", "own"), [
    ("localhost", True), ("localhost:80", True), ("LOCALHOST.", True), ("127.0.0.1:8080", True), ("[::1]:80", True),
    ("192.168.1.5", True), (socket.gethostname(), True), ("evil.example", False), ("localhost.evil.example:80", False),
    ("", False), ("127.0.0.1.evil.example", False)])
def test_a_host_is_own_if_it_cannot_be_somebody_else_s_name(host, own):
    assert host_is_own(host) is own


def test_parsing_survives_any_bytes():
    import random
    chance = random.Random(7)
    for _ in range(3000):
        data = bytes(chance.choice(b"GET / HTTP/1.\r\n:\x00\xff ab") for _ in range(chance.randrange(60)))
        try:
            parse(data)
        except Refused as refused:
            assert refused.answer.status in (400, 405, 505)
