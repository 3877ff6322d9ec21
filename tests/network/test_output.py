"""Replies under readers that are slow, absent, or gone."""

import re
import time

import pytest

from bench import peers
from tests.network.line import connect, eventually, setting
from tests.session import Status, encode

MEGABYTE = 1 << 20


def test_64_megabytes_reach_a_reader_with_a_small_window(start_server):
    server = start_server()
    value = bytes(range(256)) * (64 * MEGABYTE // 256)
    server.call("SET", "big", value)
    with connect(server, small_window=True) as slow, connect(server) as quick:
        slow.send(encode("GET", "big"))
        for _ in range(20):
            slow.read(1000)
            assert quick.call("PING") == "PONG"         # others are not disturbed
        begun = 20 * 1000
        total = len(b"$%d\r\n" % len(value)) + len(value) + 2
        rest = slow.read(total - begun)
        assert rest == (value + b"\r\n")[-len(rest):]


def test_replies_larger_than_one_round_sends_all_arrive(server):
    value = b"x" * (5 * MEGABYTE)
    with connect(server) as a:
        a.call("SET", "k", value)
        a.send(encode("GET", "k") * 8 + encode("PING"))
        assert [len(a.receive()) for _ in range(8)] == [len(value)] * 8
        assert a.receive() == "PONG"


def test_a_reader_that_stops_and_goes_on_gets_everything_in_order(server):
    with connect(server, small_window=True) as a:
        values = [bytes([65 + i]) * 300_000 for i in range(20)]
        for i, value in enumerate(values):
            a.call("SET", f"k{i}", value)
        a.send(b"".join(encode("GET", f"k{i}") for i in range(20)))
        for value in values:
            time.sleep(0.005)
            assert a.receive() == value


def test_those_who_never_read_do_not_disturb_the_others(server):
    value = b"x" * MEGABYTE
    with connect(server) as quick:
        quick.call("SET", "k", value)
        never = [connect(server, small_window=True) for _ in range(20)]
        for one in never:
            one.send(encode("GET", "k") * 3)
        for i in range(200):
            assert quick.call("ECHO", i) == b"%d" % i
        for one in never:
            one.close()
        quick.call("DEL", "k")


def test_a_hard_limit_ends_a_reader_that_is_too_slow(start_server):
    server = start_server("--client-output-buffer-limit", "normal 2mb 0 0")
    with connect(server) as watcher, connect(server, small_window=True) as slow:
        watcher.call("SET", "k", b"x" * MEGABYTE)
        slow.call("CLIENT", "SETNAME", "slow")
        slow.send(encode("GET", "k") * 16)
        eventually(lambda: b"name=slow" not in watcher.call("CLIENT", "LIST"))
        assert len(slow.rest()) < 16 * MEGABYTE
        assert watcher.call("PING") == "PONG"
    assert "overcoming of output buffer limits" in server.log()


def test_a_soft_limit_ends_it_after_its_time_though_it_asks_for_no_more(start_server):
    server = start_server("--client-output-buffer-limit", "normal 0 1mb 1")
    with connect(server) as watcher, connect(server, small_window=True) as slow:
        watcher.call("SET", "k", b"x" * MEGABYTE)
        slow.call("CLIENT", "SETNAME", "slow")
        slow.send(encode("GET", "k") * 8)
        eventually(lambda: b"name=slow" not in watcher.call("CLIENT", "LIST"))


def test_who_gets_below_the_soft_limit_in_time_may_stay(start_server):
    server = start_server("--client-output-buffer-limit", "normal 0 1mb 1")
    with connect(server) as watcher, connect(server, small_window=True) as slow:
        watcher.call("SET", "k", b"x" * MEGABYTE)
        slow.send(encode("GET", "k") * 4)
        for _ in range(4):
            assert len(slow.receive()) == MEGABYTE
        time.sleep(1.2)
        slow.send(encode("GET", "k") * 4 + encode("PING"))
        for _ in range(4):
            assert len(slow.receive()) == MEGABYTE
        assert slow.receive() == "PONG"


@pytest.mark.parametrize("pending", [1, 64])
def test_a_reader_that_vanishes_with_replies_pending_is_forgotten(server, pending):
    with connect(server) as watcher:
        watcher.call("SET", "k", b"x" * MEGABYTE)
        gone = []
        for _ in range(5):
            with connect(server, small_window=True) as a:
                gone.append(a.call("CLIENT", "ID"))
                a.send(encode("GET", "k") * pending)
        eventually(lambda: watcher.call("CLIENT", "LIST", "ID", *gone) == b"")
        watcher.call("DEL", "k")


def test_dropped_replies_leave_the_rest_in_place(server):
    with connect(server) as a:
        a.call("SET", "k", b"x" * 100_000)
        a.send(encode("CLIENT", "REPLY", "OFF") + encode("GET", "k") * 50 + encode("CLIENT", "REPLY", "ON"))
        assert a.receive() == "OK"
        a.send(encode("CLIENT", "REPLY", "SKIP") + encode("GET", "k") + encode("PING"))
        assert a.receive() == Status("PONG")


def test_memory_of_replies_goes_back_when_they_are_read(start_server):
    server = start_server()
    with connect(server) as a, connect(server) as watcher:
        a.call("SET", "k", b"x" * MEGABYTE)
        a.send(encode("GET", "k") * 32)
        for _ in range(32):
            a.receive()
        line = watcher.call("CLIENT", "LIST", "ID", a.call("CLIENT", "ID"))
        info = dict(part.split(b"=", 1) for part in line.split())
        assert int(info[b"omem"]) == 0
        assert int(info[b"tot-mem"]) < 100_000


def test_the_limits_can_change_while_running(server):
    with connect(server, small_window=True) as slow, connect(server) as watcher:
        watcher.call("SET", "k", b"x" * MEGABYTE)
        slow.call("CLIENT", "SETNAME", "slow2")
        slow.send(encode("GET", "k") * 8)
        time.sleep(0.05)
        with setting(server, client_output_buffer_limit="normal 1mb 0 0"):
            slow.send(encode("GET", "k"))
            eventually(lambda: b"name=slow2" not in watcher.call("CLIENT", "LIST"))
        watcher.call("DEL", "k")


def test_each_class_has_its_own_limit(start_server):
    server = start_server("--client-output-buffer-limit", "pubsub 1mb 0 0")
    with connect(server, small_window=True) as subscriber, connect(server, small_window=True) as reader:
        server.call("SET", "k", b"x" * MEGABYTE)
        subscriber.call("CLIENT", "SETNAME", "listener")
        subscriber.call("SUBSCRIBE", "news")
        reader.send(encode("GET", "k") * 8)
        for _ in range(100):
            server.call("PUBLISH", "news", b"x" * 100_000)
        assert len(subscriber.rest()) < 10 * MEGABYTE
        assert [len(reader.receive()) for _ in range(8)] == [MEGABYTE] * 8
    told = next(line for line in server.log().splitlines() if "output buffer limits" in line)
    assert re.search(r" # Client id=\d+ addr=127.0.0.1:\d+ .* name=listener .* flags=P .* scheduled to be closed ASAP "
                     r"for overcoming of output buffer limits\.$", told)
    stats = peers.info_fields(server.call("INFO", "stats"))
    assert stats["client_output_buffer_limit_disconnections"] == "1"


def test_short_replies_pass_the_smallest_limit(start_server):
    server = start_server("--client-output-buffer-limit", "normal 1 1 0")
    server.call("SET", "k", b"x" * 10_000)
    assert [len(server.call("GET", "k")) for _ in range(3)] == [10_000] * 3
    server.call("SET", "k", b"x" * 20_000)
    with connect(server) as line:
        line.send(encode("GET", "k"))
        assert line.rest() == b""


def test_client_list_tells_what_the_limits_are_compared_with(server):
    with connect(server, small_window=True) as slow, connect(server) as watcher:
        watcher.call("SET", "k", b"x" * 5 * MEGABYTE)
        slow.call("CLIENT", "SETNAME", "slow3")
        slow.send(encode("GET", "k") * 2)

        def figures() -> dict[str, int]:
            line = next(line for line in watcher.call("CLIENT", "LIST").splitlines() if b"name=slow3" in line)
            pairs = (part.split(b"=", 1) for part in line.split())
            return {name.decode(): int(value) for name, value in pairs if value.isdigit()}

        found = eventually(lambda: figures() if figures()["omem"] else None)
        assert found["omem"] > 2 * MEGABYTE and found["oll"] > 0 and found["obl"] == 16384
        assert found["tot-mem"] >= found["omem"] + found["rbs"]
        clients = peers.info_fields(watcher.call("INFO", "clients"))
        assert int(clients["client_recent_max_output_buffer"]) >= found["omem"]
