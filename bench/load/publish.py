"""publish -- what a PUBLISH costs the server, by who listens.

    python -m bench.load.publish [--publishes N] [NAME ...]     starts each server (default: all there are) in turn

Subscribers sit in a process of their own that reads and throws away; this one publishes, over one connection, a
few at a time, and waits for all to be delivered. The server's processor time a PUBLISH is what is told, in
microseconds, the median of the rounds; the generators share the other core.
"""

import argparse
import json
import multiprocessing
import multiprocessing.synchronize
import select
import socket
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bench import peers

MESSAGE = b"x" * 64
ROUNDS = 3


@dataclass(frozen=True)
class Scene:
    """Who listens: `subscribers` connections, each with the words of `subscribe`, "%d" its number."""

    name: str
    subscribers: int
    subscribe: tuple[str, ...]
    pipeline: int
    delivered: int              # messages a PUBLISH to "news.1" makes


SCENES = [
    Scene("nobody", 0, (), 16, 0),
    Scene("5 of the channel", 5, ("SUBSCRIBE", "news.1"), 1, 5),
    Scene("5 of the channel, pipelined", 5, ("SUBSCRIBE", "news.1"), 16, 5),
    Scene("1000 of the channel", 1000, ("SUBSCRIBE", "news.1"), 1, 1000),
    Scene("1000 of the channel, pipelined", 1000, ("SUBSCRIBE", "news.1"), 16, 1000),
    Scene("1000 of one pattern", 1000, ("PSUBSCRIBE", "news.*"), 1, 1000),
    Scene("1000 patterns, one matches", 1000, ("PSUBSCRIBE", "news.%d"), 16, 1),
    Scene("1000 patterns of *s, one matches", 1000, ("PSUBSCRIBE", "*ws.%d"), 16, 1),
]


def listen(port: int, scene: Scene, ready: multiprocessing.synchronize.Event, went: socket.socket) -> None:
    """Reads whatever comes, and reports through `went` the bytes of each batch of reads."""
    poller = select.epoll()
    links = {}
    for number in range(scene.subscribers):
        link = socket.create_connection(("127.0.0.1", port))
        link.sendall(peers.encode(*(word.replace("%d", str(number)) for word in scene.subscribe)))
        link.recv(1000)
        links[link.fileno()] = link
        poller.register(link.fileno(), select.EPOLLIN)
    ready.set()
    while True:
        got = sum(len(links[fd].recv(1 << 16)) for fd, _ in poller.poll())
        went.sendall(got.to_bytes(8, "little"))


def message_bytes(scene: Scene) -> int:
    """Bytes of what one PUBLISH makes the server send to subscribers."""
    words = ["message", "news.1", MESSAGE.decode()]
    if scene.subscribe and scene.subscribe[0] == "PSUBSCRIBE":
        words = ["pmessage", scene.subscribe[1].replace("%d", "1"), *words[1:]]
    return len(peers.encode(*words)) * scene.delivered


def deliveries(went: socket.socket) -> Iterator[int]:
    while True:
        yield int.from_bytes(went.recv(8, socket.MSG_WAITALL), "little")


def measure(server: peers.Server, scene: Scene, publishes: int) -> float:
    """Microseconds of the server's processor a PUBLISH."""
    here, there = socket.socketpair()
    ready = multiprocessing.Event()
    listener = multiprocessing.Process(target=listen, args=(server.port, scene, ready, there), daemon=True)
    listener.start()
    ready.wait(60)
    client = peers.Client(server.port)
    went = deliveries(here)
    costs = []
    for _ in range(ROUNDS):
        begun = server.cpu_us()
        for _ in range(publishes // scene.pipeline):
            client.send(peers.encode("PUBLISH", "news.1", MESSAGE) * scene.pipeline)
            for _ in range(scene.pipeline):
                assert client.receive() == scene.delivered
            missing = message_bytes(scene) * scene.pipeline
            while missing > 0:
                missing -= next(went)
        costs.append((server.cpu_us() - begun) / (publishes // scene.pipeline * scene.pipeline))
    listener.terminate()
    listener.join()
    client.close()
    return statistics.median(costs)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--publishes", type=int, default=2000)
    parser.add_argument("names", nargs="*", default=["pyredis", "redis8", "valkey9"])
    options = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    for name in options.names:
        with peers.start(name) as server:
            for scene in SCENES:
                many = scene.delivered >= 100
                count = max(options.publishes // 10, 16) if many else options.publishes * 5
                found.setdefault(scene.name, {})[name] = round(measure(server, scene, count), 2)
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
