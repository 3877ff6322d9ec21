"""torture: kill -9 under load, and whether anything was lost that had been promised.

    python -m tests.persistence.torture --kills 200 --policy always --policy everysec

A server with an append-only file gets writes from several connections, each with keys of its own: pipelines of
counters, of list elements, and transactions of two keys that must always be equal. At a random moment it is killed
and started again in the same folder, now and then in the middle of a rewrite. Each connection knows what was
acknowledged, and when. After the start:

    always      everything acknowledged is there
    everysec    everything acknowledged more than two seconds before the kill is there
    both        nothing is there that was never sent, nothing is out of order, no transaction is torn
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

from bench import peers

CLIENTS = 3
GRACE = 2.0                # seconds that everysec may lose
PIPELINE = 12


class Lost(AssertionError):
    """What was promised is not there."""


class Writer(threading.Thread):
    """One connection. Counts up: value n is written to counter, list, and both keys of a transaction."""

    def __init__(self, port: int, number: int, start: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.port, self.number, self.rng = port, number, random.Random(seed)
        self.sent = self.acknowledged = start
        self.history: list[tuple[float, int]] = [(0.0, start)]     # (when, acknowledged up to)
        self.stopping = False

    def key(self, what: str) -> str:
        return f"{what}:{self.number}"

    def request(self, n: int) -> bytes:
        """Seven replies."""
        commands = [("SET", self.key("counter"), n), ("RPUSH", self.key("list"), n), ("MULTI",),
                    ("SET", self.key("left"), n), ("SET", self.key("right"), n), ("EXEC",),
                    ("LTRIM", self.key("list"), -50, -1)]
        return b"".join(peers.encode(*command) for command in commands)

    def run(self) -> None:
        with contextlib.suppress(OSError, ConnectionError, ValueError):
            client = peers.Client(self.port, 10.0)
            while not self.stopping:
                many = self.rng.randint(1, PIPELINE)
                first = self.sent + 1
                self.sent += many
                client.send(b"".join(self.request(first + i) for i in range(many)))
                for i in range(many):
                    for _ in range(7):
                        client.receive()
                    self.acknowledged = first + i
                self.history.append((time.monotonic(), self.acknowledged))

    def promised(self, killed: float, policy: str) -> int:
        """Up to which value all must be there."""
        if policy == "always":
            return self.acknowledged
        return max(value for when, value in self.history if when < killed - GRACE)


def value(server: peers.Server, key: str) -> int:
    return int(server.call("GET", key) or 0)


def check(server: peers.Server, writer: Writer, killed: float, policy: str) -> int:
    """What is there. Raises Lost."""
    counter, left, right = (value(server, writer.key(what)) for what in ("counter", "left", "right"))
    items = [int(item) for item in server.call("LRANGE", writer.key("list"), 0, -1)]
    promised = writer.promised(killed, policy)
    if left != right:
        raise Lost(f"torn: {left} and {right}")
    if items != list(range(items[0], items[0] + len(items))) if items else counter:
        raise Lost(f"the list is {items}")
    last = items[-1] if items else 0
    for name, found in (("counter", counter), ("list", last), ("transaction", left)):
        if not promised <= found <= writer.sent:
            raise Lost(f"{name} is {found}, {promised} was promised and {writer.sent} sent")
    if not 0 <= counter - left <= 1 or not 0 <= counter - last <= 1:
        raise Lost(f"out of order: {counter}, {last}, {left}")
    return counter


def torture(kills: int, policy: str, seed: int = 0, name: str = "pyredis", longest: float = 0.8) -> dict[str, int]:
    """Kills it so often; how many values were written, and lost within what is allowed."""
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="pyredis-torture-"))
    options = ("--dir", str(folder), "--appendonly", "yes", "--appendfsync", policy,
               "--auto-aof-rewrite-percentage", "0")
    found = dict.fromkeys(range(CLIENTS), 0)
    counts = {"kills": 0, "written": 0, "lost": 0}
    try:
        for _ in range(kills):
            with peers.start(name, *options) as server:
                writers = [Writer(server.port, i, found[i], rng.random()) for i in range(CLIENTS)]
                for writer in writers:
                    writer.start()
                time.sleep(rng.uniform(0.05, longest))
                if rng.random() < 0.5:
                    server.call("BGREWRITEAOF")
                    time.sleep(rng.uniform(0, 0.05))
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
                killed = time.monotonic()
                for writer in writers:
                    writer.stopping = True
                    writer.join(10)
            with peers.start(name, *options) as server:
                for i, writer in enumerate(writers):
                    found[i] = check(server, writer, killed, policy)
                    counts["written"] += writer.acknowledged
                    counts["lost"] += max(0, writer.acknowledged - found[i])
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
            counts["kills"] += 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="of each policy together (200)")
    parser.add_argument("--policy", action="append", choices=("always", "everysec", "no"))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--server", default="pyredis", choices=peers.NAMES)
    words = parser.parse_args()
    policies = words.policy or ["always", "everysec"]
    print(f"seed {words.seed}")
    for policy in policies:
        longest = 4.0 if policy == "everysec" else 0.8
        print(policy, torture(words.kills // len(policies), policy, words.seed, words.server, longest), flush=True)


if __name__ == "__main__":
    main()
