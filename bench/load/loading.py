"""loading -- how long a server takes to load its own RDB file.

    python -m bench.load.loading [--servers pyredis,redis8,valkey9] [--strings 5000000] [--mixed 1000000] [--rounds 3]
                                 [--json FILE]

The data sets are those of bench.load.saving. Each server is filled, saves, and ends; then it is started `rounds` times
with the file and as often without: the difference of processor time (user and system) until it is ready is what loading
takes. Wall time is what the server's log says. Rounds go from one server to the next, so that what else the machine
does falls on all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench import peers
from bench.load.fill import fill
from bench.load.saving import fill_mixed

LOADED = re.compile(r"DB loaded from disk: ([0-9.]+) seconds")


def make_file(name: str, what: str, count: int, folder: Path) -> None:
    """folder/dump.rdb, saved by the server itself."""
    with peers.start(name) as server:
        fill(server.port, 0, count, 16) if what == "strings" else fill_mixed(server.port, count)
        server.call("SAVE")
        shutil.move(server.folder / "dump.rdb", folder / "dump.rdb")


def load(name: str, folder: Path, keys: int) -> tuple[float, float]:
    """(processor seconds, wall seconds) of a start with the file, until all keys are there."""
    with peers.start(name, "--dir", str(folder)) as server:
        assert server.call("DBSIZE") == keys
        found = LOADED.search(server.log())
        return server.cpu_us() / 1e6, float(found[1]) if found else 0.0


def measure(names: list[str], what: str, count: int, rounds: int) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="pyredis-loading-") as top:
        folders = {name: Path(top) / name for name in names}
        empty = Path(top) / "empty"
        empty.mkdir()
        for name, folder in folders.items():
            folder.mkdir()
            make_file(name, what, count, folder)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        starts: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                starts[name].append(load(name, empty, 0)[0])
                times[name].append(load(name, folders[name], count))
    rows = {}
    for name in names:
        cpu = sorted(spent - statistics.median(starts[name]) for spent, _ in times[name])
        wall = sorted(wall for _, wall in times[name])
        rows[name] = {"cpu": statistics.median(cpu), "cpu_spread": [cpu[0], cpu[-1]],
                      "wall": statistics.median(wall), "wall_spread": [wall[0], wall[-1]]}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", default="pyredis,redis8,valkey9")
    parser.add_argument("--strings", type=int, default=5_000_000)
    parser.add_argument("--mixed", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = {}
    for what, count in (("strings", arguments.strings), ("mixed", arguments.mixed)):
        if not count:
            continue
        results[what] = measure(arguments.servers.split(","), what, count, arguments.rounds)
        for name, row in results[what].items():
            print(f"{name:8} {what:8} cpu {row['cpu']:6.3f} s ({row['cpu_spread'][0]:.3f}-{row['cpu_spread'][1]:.3f})  "
                  f"wall {row['wall']:6.3f} s", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"cores": os.cpu_count(), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
