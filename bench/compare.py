"""compare -- pyredis and the real servers, measured in turn on this machine.

    python -m bench.compare                       quick: GET, SET, PING; 2-3 minutes
    python -m bench.compare --full                every workload, memory, stalls; about half an hour
    python -m bench.compare --collections         lists, sets, hashes, sorted sets; about half an hour
    python -m bench.compare --only 'GET P16*'     workloads by name; also memory, stall, start; with
                                                  --collections also large, held, delete
    python -m bench.compare --subject valkey9     another program in the place of pyredis

Writes bench/results/<date>-<profile>.json and .png, and prints Markdown. Leave the machine alone
meanwhile: with both cores busy elsewhere the spread grows, and the spread is printed for that reason.
"""

import argparse
import fnmatch
import sys
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

from bench import families, measure, peers, report, workloads

RESULTS = peers.ROOT / "bench" / "results"
SECTIONS = ("memory", "stall", "start")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.compare", description=(__doc__ or "").partition("\n")[0])
    profile = parser.add_mutually_exclusive_group()
    profile.add_argument("--quick", action="store_const", dest="profile", const="quick")
    profile.add_argument("--full", action="store_const", dest="profile", const="full")
    profile.add_argument("--collections", action="store_const", dest="profile", const="collections")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="workloads or parts by name, a glob")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, help="of one run (1.5 full, else 0.7)")
    parser.add_argument("--peers", default="redis8,valkey9", help="comma-separated (default: %(default)s)")
    parser.add_argument("--subject", default="pyredis", choices=peers.NAMES)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.set_defaults(profile="quick")
    args = parser.parse_args()
    args.seconds = args.seconds or {"full": 1.5}.get(args.profile, 0.7)
    args.names = [args.subject, *(name for name in args.peers.split(",") if name and name != args.subject)]
    absent = [name for name in args.names if peers.find(name) is None]
    if absent or len(args.names) < 2:
        parser.error(f"cannot compare: not installed: {', '.join(absent) or 'a peer'} (bench/get-peers)")
    return args


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def versions(names: list[str]) -> dict[str, str]:
    found = {}
    for name in names:
        with peers.start(name) as server:
            found[name] = server.version
    return found


def run_workloads(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Every chosen workload on every server; one start and one filling a keyspace."""
    table = workloads.FULL if args.profile == "full" else workloads.QUICK
    chosen = [work for work in table if fnmatch.fnmatch(work.name, args.only)]
    rows = []
    for group, works in groupby(chosen, key=lambda work: work.group):
        with ExitStack() as stack:
            servers = measure.start_all(args.names, stack)
            measure.fill_all(servers, group)
            for work in works:
                figures = measure.paired(servers, work, args.rounds, args.seconds)
                rows.append({"name": work.name, "target": work.target, "figures": figures})
                ratio = report.against_better(rows[-1], args.subject)
                say(f"{work.name:36} CPU {report.show(ratio)} of the better peer")
    return rows


def run_steps(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Every chosen command over a collection."""
    rows = []
    with ExitStack() as stack:
        servers = measure.start_all(args.names, stack)
        for work in (*families.STEPS, *families.BURSTS):
            if fnmatch.fnmatch(work.name, args.only):
                figures = measure.paired(servers, work, args.rounds, args.seconds)
                rows.append({"name": work.name, "target": work.target, "figures": figures})
                say(f"{work.name:36} CPU {report.show(report.against_better(rows[-1], args.subject))}")
    return rows


def run_collection_sections(args: argparse.Namespace, result: dict[str, Any]) -> None:
    chosen = [work for work in families.LARGE if any(fnmatch.fnmatch(name, args.only) for name in ("large", work.name))]
    if chosen:
        result["large"] = []
        for work in chosen:
            with ExitStack() as stack:
                servers = measure.start_all(args.names, stack)
                row = {"name": work.name, "target": 1.0, "figures": measure.large(servers, work, args.rounds)}
            result["large"].append(row)
            say(f"{work.name:44} {report.show(report.against_better(row, args.subject))}")
    if fnmatch.fnmatch("held", args.only):
        result["held"] = {}
        for shape in families.HOLDINGS:
            found = {name: measure.held(name, shape) for name in args.names}
            result["held"][shape.name] = found
            say(f"{shape.name:24} " + "  ".join(f"{name} {value:.1f}" for name, value in found.items()))
    if fnmatch.fnmatch("delete", args.only):
        say("DEL of a set of 10 M")
        result["delete"] = {name: measure.delete(name) for name in args.names}


def run_sections(args: argparse.Namespace, result: dict[str, Any]) -> None:
    full = args.profile == "full"
    wanted = {section for section in SECTIONS if fnmatch.fnmatch(section, args.only)}
    if "memory" in wanted:
        say("memory a key")
        counts = workloads.MEMORY_FULL if full else workloads.MEMORY_QUICK
        result["memory"] = {name: measure.memory(name, counts) for name in args.names}
    if "stall" in wanted:
        say("stalls while keys load")
        result["stall_keys"] = workloads.STALL_KEYS[args.profile]
        result["stall"] = {name: measure.stall(name, result["stall_keys"]) for name in args.names}
    if "start" in wanted:
        say("time to start")
        result["start"] = measure.start_times(args.names, args.rounds)


def main() -> int:
    args = arguments()
    if measure.LOAD_CORE is None:
        say("only one core: server and generator share it, and the figures say little")
    settings = {"profile": args.profile, "rounds": args.rounds, "seconds": args.seconds}
    about = report.machine(versions(args.names), settings)
    result: dict[str, Any] = {"machine": about, "subject": args.subject}
    if args.profile == "collections":
        result["workloads"] = run_steps(args)
        run_collection_sections(args, result)
    else:
        result["workloads"] = run_workloads(args)
        run_sections(args, result)
    stem = f"{about['date']}-{args.profile}"
    report.save(result, args.out / f"{stem}.json")
    if result["workloads"] and not report.chart(result, args.out / f"{stem}.png"):
        say("no chart: matplotlib is not installed")
    print(report.markdown(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
