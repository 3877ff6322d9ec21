"""Clients that mean harm, or act as if: the server's memory stays within its limits, and others are served.

Numbers are small enough for a test machine; what is checked is what each connection costs.
"""

import time

import pytest

from bench import peers
from tests.network.line import Line, connect, eventually
from tests.session import R, encode

MEGABYTE = 1 << 20
LIMIT = 8 * MEGABYTE


def memory(server: peers.Server) -> dict[str, int]:
    fields = peers.info_fields(server.call("INFO", "memory"))
    return {name: int(fields[name]) for name in ("used_memory", "mem_clients_normal", "used_memory_dataset")}


def many(server: peers.Server, count: int) -> list[Line]:
    return [connect(server, small_window=True) for _ in range(count)]


@pytest.fixture
def guarded(start_server):
    return start_server("--maxmemory-clients", str(LIMIT))


def evicted(server: peers.Server) -> int:
    return int(peers.info_fields(server.call("INFO", "stats"))["evicted_clients"])


def send_what_is_taken(line: Line, data: bytes) -> None:
    """A client that does not wait: what the socket does not take at once is left."""
    line.socket.setblocking(False)
    try:
        line.socket.send(data)
    except OSError:
        pass


def test_a_hundred_readers_of_large_replies_who_never_read_are_bounded_together(guarded):
    guarded.call("RPUSH", "list", *(b"x" * 1000 for _ in range(1000)))
    before = memory(guarded)["used_memory"]
    slow = many(guarded, 100)
    for _ in range(5):
        for line in slow:
            send_what_is_taken(line, encode("LRANGE", "list", 0, -1))
        now = memory(guarded)
        assert now["mem_clients_normal"] <= LIMIT and now["used_memory"] < before + LIMIT + 6 * MEGABYTE
    assert evicted(guarded) > 50 and guarded.call("LLEN", "list") == 1000
    for line in slow:
        line.close()


def test_requests_that_are_announced_and_never_end_are_bounded_together(guarded):
    before = memory(guarded)["used_memory"]
    liars = many(guarded, 40)
    for line in liars:
        send_what_is_taken(line, b"*1000000\r\n" + b"$1\r\nx\r\n" * 5)              # counts are not believed
    assert memory(guarded)["used_memory"] < before + 40 * 20_000 + MEGABYTE
    for _ in range(10):
        for line in liars:
            send_what_is_taken(line, b"$1\r\nx\r\n" * 5000)
    eventually(lambda: evicted(guarded) > 0)
    assert memory(guarded)["mem_clients_normal"] <= LIMIT
    for line in liars:
        line.close()


def test_announcing_a_large_argument_reserves_nothing(guarded):
    before = memory(guarded)["used_memory"]
    liars = many(guarded, 50)
    for line in liars:
        send_what_is_taken(line, b"*2\r\n$4\r\nECHO\r\n$500000000\r\nx")
    assert memory(guarded)["used_memory"] < before + 50 * 20_000 + MEGABYTE
    assert evicted(guarded) == 0
    for line in liars:
        line.close()


def test_without_a_password_nobody_gets_far(start_server):
    server = start_server("--requirepass", "secret")
    with connect(server) as friend:
        friend.call("AUTH", "secret")
        used = int(peers.info_fields(friend.call("INFO", "memory"))["used_memory"])
        for data in (b"*1000000\r\n$3\r\nSET\r\n", b"*2\r\n$4\r\nECHO\r\n$1000000\r\n", b"*11\r\n$4\r\nAUTH\r\n"):
            with connect(server) as stranger:
                stranger.send(data)
                assert stranger.rest().startswith(b"-ERR Protocol error: unauthenticated ")
        waiting = many(server, 50)
        for line in waiting:
            send_what_is_taken(line, b"*10\r\n" + b"$16384\r\n" + b"x" * 16_384 + b"\r\n$16384\r\n")
        now = int(peers.info_fields(friend.call("INFO", "memory"))["used_memory"])
        assert now < used + 50 * 40_000 + MEGABYTE
        for line in waiting:
            line.close()


def test_errors_that_a_stranger_does_not_read_fill_no_memory(start_server):
    server = start_server("--requirepass", "secret")
    with connect(server, small_window=True) as stranger, connect(server) as friend:
        friend.call("AUTH", "secret")
        pings = encode("PING") * 1000
        with pytest.raises(OSError):
            for _ in range(1000):
                stranger.send(pings)
        friend.send(pings * 3)                               # who has logged in may ask for as much as it likes
        assert [friend.receive() for _ in range(3000)] == ["PONG"] * 3000
        fields = peers.info_fields(friend.call("INFO", "stats"))
        assert fields["client_output_buffer_limit_disconnections"] == "1"


@pytest.mark.parametrize("request_line", ["POST / HTTP/1.1", "post /", "GET / HTTP/1.1", "DELETE /k HTTP/1.1"])
@pytest.mark.parametrize("password", ["", "secret"])
def test_a_web_page_cannot_make_a_browser_run_commands(start_server, request_line, password):
    server = start_server("--requirepass", password)
    with connect(server) as browser, connect(server) as friend:
        if password:
            friend.call("AUTH", password)
        body = f"AUTH {password}\r\nSET k v\r\n" if password else "SET k v\r\n"
        browser.send(f"{request_line}\r\nHost: localhost:6379\r\n\r\n{body}".encode())
        assert b"OK" not in browser.rest()
        assert friend.call("EXISTS", "k") == 0
        assert "cmdstat_set:" not in friend.call("INFO", "commandstats").decode()


def test_the_log_tells_of_web_pages_once_a_minute(r):
    told = []
    r.server.log.write = lambda level, text: told.append(text)
    for minutes in (0, 0, 1):
        browser = R(r.server)
        browser.advance(ms=60_000 * minutes)
        assert browser.feed(b"POST / HTTP/1.1\r\nSET k v\r\n") == []
        assert browser.session.closed
    assert [text.partition(":")[0] for text in told] == ["Possible SECURITY ATTACK"] * 2
    assert r("EXISTS", "k") == 0


def test_those_who_send_a_byte_and_stop_hold_little_and_end_by_the_timeout(start_server):
    server = start_server()
    before = memory(server)["mem_clients_normal"]
    slow = many(server, 100)
    for line in slow:
        line.send(b"*")
    eventually(lambda: int(peers.info_fields(server.call("INFO", "clients"))["connected_clients"]) > 100)
    eventually(lambda: memory(server)["mem_clients_normal"] < before + 100 * 1500)
    for data in (b"1", b"\r\n$4", b"\r\nPI", b"NG\r\n"):                 # they go on, and are understood
        for line in slow:
            line.send(data)
    assert all(line.receive() == "PONG" for line in slow)
    for line in slow:
        line.send(b"*")
    server.call("CONFIG", "SET", "timeout", "1")
    assert all(line.closed() for line in slow)


def test_blocked_and_subscribed_clients_and_monitors_are_never_idle(start_server):
    server = start_server("--timeout", "1")
    with connect(server) as blocked, connect(server) as subscribed, connect(server) as monitor, connect(server) as idle:
        blocked.send(encode("BLPOP", "list", 0))
        subscribed.call("SUBSCRIBE", "news")
        monitor.call("MONITOR")
        idle.call("PING")
        assert monitor.receive().endswith('"PING"') and idle.closed()
        time.sleep(1.2)
        server.call("RPUSH", "list", "a")
        server.call("PUBLISH", "news", "b")
        assert blocked.receive() == [b"list", b"a"] and subscribed.receive() == [b"message", b"news", b"b"]
        assert '"RPUSH" "list" "a"' in monitor.receive()


def test_a_thousand_connections_that_come_and_go_leave_nothing(start_server):
    server = start_server("--maxclients", "50")
    assert server.call("PING") == "PONG"
    turned_away = 0
    for _ in range(10):
        lines = many(server, 100)
        turned_away += sum(b"max number of clients" in line.rest() for line in lines[60:])
        for line in lines:
            line.close()
        eventually(lambda: int(peers.info_fields(server.call("INFO", "clients"))["connected_clients"]) == 1)
    assert turned_away == 400
    assert memory(server)["mem_clients_normal"] < 50_000
