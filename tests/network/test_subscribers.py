"""Subscribers and monitors over sockets: slow readers, many of them, and where a command came from."""

import re
import time

import pytest

from bench import peers


def subscriber(server, *words):
    client = peers.Client(server.port)
    client.send(peers.encode(*words))
    client.receive()
    return client


def wait_until(true):
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def figures(server):
    return peers.info_fields(server.call("INFO", "everything"))


@pytest.mark.parametrize("limit", ["pubsub 1mb 0 0", "pubsub 0 64kb 1"])
def test_a_subscriber_that_does_not_read_is_closed_at_the_limit_of_its_class(start_server, limit):
    server = start_server("--client-output-buffer-limit", limit)
    slow = subscriber(server, "SUBSCRIBE", "a")
    end = time.monotonic() + 20
    while server.call("PUBLISH", "a", "x" * 100_000):
        assert time.monotonic() < end
    assert "overcoming of output buffer limits" in server.log()
    assert figures(server)["client_output_buffer_limit_disconnections"] == "1"
    assert figures(server)["pubsub_clients"] == "0"
    slow.close()


def test_the_limit_of_ordinary_clients_does_not_count_for_subscribers(start_server):
    server = start_server("--client-output-buffer-limit", "normal 100kb 0 0")
    reader = subscriber(server, "SUBSCRIBE", "a")
    for _ in range(3):
        assert server.call("PUBLISH", "a", "x" * 2_000_000) == 1
    for _ in range(3):
        assert reader.receive()[2] == b"x" * 2_000_000
    reader.close()


def test_everybody_gets_every_message_in_order(server):
    listeners = [subscriber(server, "SUBSCRIBE", "a") for _ in range(200)]
    for number in range(20):
        assert server.call("PUBLISH", "a", number) == 200
    for listener in listeners:
        assert [int(listener.receive()[2]) for _ in range(20)] == list(range(20))
        listener.close()
    wait_until(lambda: figures(server)["pubsub_clients"] == "0")


def test_a_disconnected_subscriber_is_forgotten(server):
    subscriber(server, "PSUBSCRIBE", "a*").close()
    wait_until(lambda: server.call("PUBSUB", "NUMPAT") == 0)


def test_a_subscriber_is_not_closed_for_being_idle(start_server):
    server = start_server("--timeout", "1")
    listener, idle = subscriber(server, "SUBSCRIBE", "a"), subscriber(server, "PING")
    wait_until(lambda: server.call("CLIENT", "LIST").count(b"\n") == 2)
    assert server.call("PUBLISH", "a", "m") == 1
    assert listener.receive() == [b"message", b"a", b"m"]
    listener.close()
    idle.close()


def test_a_monitor_is_told_addresses(server):
    monitor = subscriber(server, "MONITOR")
    client = peers.Client(server.port)
    client.call("PING")
    port = client._socket.getsockname()[1]
    assert re.fullmatch(rf'\d+\.\d{{6}} \[0 127\.0\.0\.1:{port}\] "PING"', monitor.receive())
    client.close()
    monitor.close()
