"""append -- what a SET costs with an append-only file: processor time a request, all servers with the same settings.

    python -m bench.append [--requests 2000000] [--policy everysec --policy always]

redis-benchmark sends SETs of 16 bytes over a million keys, 50 clients, pipeline 16; the server's processor time, its
fsync thread included, is read before and after. `everysec` has to be at most TARGET of the better peer's; `always` is
for information, since the disk decides it.
"""

import argparse
import subprocess
import tempfile

from bench import peers

TARGET = 0.65
SIZE, KEYS, CLIENTS, PIPELINE = 16, 1_000_000, 50, 16


def load(server: peers.Server, requests: int) -> None:
    program = peers.tool("redis8", "benchmark") or peers.tool("redis7", "benchmark")
    if program is None:
        raise SystemExit("redis-benchmark is not installed: run bench/get-peers")
    subprocess.run([str(program), "-p", str(server.port), "-P", str(PIPELINE), "-c", str(CLIENTS), "-n", str(requests),
                    "-r", str(KEYS), "-d", str(SIZE), "-t", "set", "-q"], check=True, stdout=subprocess.DEVNULL)


def cost(name: str, policy: str, requests: int) -> float:
    """Microseconds of processor time a SET."""
    with tempfile.TemporaryDirectory(prefix="pyredis-append-") as folder:
        options = ("--dir", folder, "--appendonly", "yes", "--appendfsync", policy,
                   "--auto-aof-rewrite-percentage", "0")
        with peers.start(name, *options) as server:
            load(server, max(requests // 10, KEYS // 10))
            before = server.cpu_us()
            load(server, requests)
            return (server.cpu_us() - before) / requests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2_000_000)
    parser.add_argument("--policy", action="append", choices=("everysec", "always", "no"))
    words = parser.parse_args()
    for policy in words.policy or ["everysec", "always"]:
        requests = words.requests if policy != "always" else words.requests // 10
        found = {name: cost(name, policy, requests) for name in peers.NAMES if name != "redis7" and peers.find(name)}
        rivals = [found[name] for name in found if name != "pyredis"]
        ratio = found["pyredis"] / min(rivals) if rivals else float("nan")
        target = f" (target {TARGET})" if policy == "everysec" else ""
        print(f"appendfsync {policy}: " + ", ".join(f"{name} {us:.3f} us" for name, us in found.items())
              + f"; {ratio:.2f} of the better peer{target}", flush=True)


if __name__ == "__main__":
    main()
