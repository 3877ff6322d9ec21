"""runner: how the micro-benchmarks measure and print: CPU time, several rounds, min, median and max."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping

Cases = Mapping[str, tuple[int, Callable[[int], object]]]       # name -> (calls a round, run(calls))


def nanoseconds(run: Callable[[int], object], count: int) -> float:
    """CPU time a call."""
    began = time.process_time_ns()
    run(count)
    return (time.process_time_ns() - began) / count


def rounds(default: int = 9) -> int:
    """As the command line says."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else default


def show(name: str, taken: list[float]) -> None:
    print(f"{name:44}{min(taken):10.1f}{statistics.median(taken):9.1f}{max(taken):9.1f}", flush=True)


def heading(what: str) -> None:
    print(f"{what:44}{'min':>10}{'median':>9}{'max':>9}")


def run_cases(cases: Cases, times: int) -> None:
    heading(f"ns of CPU a call, {times} rounds")
    for name, (count, run) in cases.items():
        nanoseconds(run, count // 10)
        show(name, [nanoseconds(run, count) for _ in range(times)])
