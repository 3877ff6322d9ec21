"""publish -- what a PUBLISH costs the server, by who listens.

    python -m bench.load.publish [--publishes N] [--rounds N] [--only PATTERN] [NAME ...]

The servers named (default: all there are) are measured in turn, forwards and backwards. Subscribers sit in a process
of their own that reads and throws away; this one publishes, over one connection, a few at a time, and waits for all to
be delivered. The server has a core of its own and the generators share the other. What is told is the server's
processor time a PUBLISH, in microseconds, and of the first server its ratio to the better of the others within a
round: median, least, greatest.
"""

import argparse
import contextlib
import fnmatch
import multiprocessing
import multiprocessing.synchronize
import select
import socket
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from bench import peers
from bench.measure import LOAD_CORE, start_all

MESSAGE = b"x" * 64


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


@contextlib.contextmanager
def audience(server: peers.Server, scene: Scene) -> Iterator[Iterator[int]]:
    """The subscribers; how many bytes have reached them, batch by batch."""
    here, there = socket.socketpair()
    ready = multiprocessing.Event()
    listener = multiprocessing.Process(target=listen, args=(server.port, scene, ready, there), daemon=True)
    listener.start()
    ready.wait(60)
    try:
        yield deliveries(here)
    finally:
        listener.terminate()
        listener.join()


def measure(server: peers.Server, scene: Scene, publishes: int) -> float:
    """Microseconds of the server's processor a PUBLISH."""
    turns = max(publishes // scene.pipeline, 1)
    with audience(server, scene) as went, contextlib.closing(peers.Client(server.port)) as client:
        begun = server.cpu_us()
        for _ in range(turns):
            client.send(peers.encode("PUBLISH", "news.1", MESSAGE) * scene.pipeline)
            for _ in range(scene.pipeline):
                assert client.receive() == scene.delivered
            missing = message_bytes(scene) * scene.pipeline
            while missing > 0:
                missing -= next(went)
        return (server.cpu_us() - begun) / (turns * scene.pipeline)


def spread(values: list[float], digits: int = 2) -> str:
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({least:.{digits}f}-{most:.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.load.publish")
    parser.add_argument("--publishes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="scenes by name, a glob")
    parser.add_argument("names", nargs="*", default=["pyredis", "redis8", "valkey9"])
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        servers = start_all(options.names, stack)
        stack.enter_context(peers.pinned(LOAD_CORE))
        for scene in SCENES:
            if not fnmatch.fnmatch(scene.name, options.only):
                continue
            count = max(options.publishes // 10, 16) if scene.delivered >= 100 else options.publishes * 5
            costs: dict[str, list[float]] = {server.name: [] for server in servers}
            for turn in range(options.rounds):
                for server in servers if turn % 2 == 0 else reversed(servers):
                    costs[server.name].append(measure(server, scene, count))
            own, *others = costs.values()
            told = "  ".join(f"{name} {spread(values)}" for name, values in costs.items())
            if others:
                better = min(others, key=statistics.median)
                told += f"  ratio {spread([a / b for a, b in zip(own, better, strict=True)])}"
            print(f"{scene.name:34} {told}", flush=True)


if __name__ == "__main__":
    main()
