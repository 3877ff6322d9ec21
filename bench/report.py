"""report -- what was measured, as JSON, as Markdown tables, and as a chart of ratios.

A ratio is pyredis divided by a peer within one round; its median and its least and greatest over the
rounds are shown. "better peer" is, in each round, the peer that took less processor time (or answered more
requests). Nothing here names the machine's host, user or folders: processor, kernel, cores and versions
only.
"""

import json
import os
import platform
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Spread = tuple[float, float, float]                 # median, least, greatest
BETTER = "better peer"


def machine(versions: dict[str, str], settings: dict[str, Any]) -> dict[str, Any]:
    """Where and with what the figures were taken."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line.partition(":")[2].strip() for line in info.read_text().splitlines()
                 if line.startswith("model name")]
        model = named[0] if named else model
    return {"cpu": model, "cores": os.cpu_count(), "kernel": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(), "versions": versions,
            "date": datetime.now(UTC).strftime("%Y-%m-%d"), **settings}


def spread(values: list[float]) -> Spread:
    return statistics.median(values), min(values), max(values)


def ratios(row: Row, subject: str, metric: str) -> dict[str, Spread]:
    """Subject over each peer, round by round, and over the better one."""
    figures = row["figures"]
    own = figures[subject][metric]
    others = {name: figures[name][metric] for name in figures if name != subject}
    best = min if metric == "cpu_us" else max
    if len(others) > 1:
        others[BETTER] = [best(values) for values in zip(*others.values(), strict=True)]
    return {name: spread([a / b for a, b in zip(own, values, strict=True)])
            for name, values in others.items()}


def against_better(row: Row, subject: str, metric: str = "cpu_us") -> Spread:
    """The ratio that counts; with a single peer, that one."""
    found = ratios(row, subject, metric)
    return found.get(BETTER) or next(iter(found.values()))


def show(values: Spread, digits: int = 2) -> str:
    return f"{values[0]:.{digits}f} ({values[1]:.{digits}f}–{values[2]:.{digits}f})"


def table(heads: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(line) + " |" for line in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(lines)


def markdown(result: dict[str, Any]) -> str:
    """Tables for a README, one for each kind of measurement that was made."""
    about, subject = result["machine"], result["subject"]
    parts = [f"{about['date']}, {about['cpu']}, {about['cores']} cores, {about['kernel']}; "
             + ", ".join(f"{name} {version}" for name, version in about["versions"].items())
             + f"; {about['rounds']} rounds. Median (least–greatest)."]
    if result["workloads"]:
        parts.append(workload_table(result["workloads"], subject))
    if about["profile"] == "collections" and result["workloads"]:
        parts.append(f"Geometric mean of the ratios: {mean_ratio(result['workloads'], subject):.2f}.")
    if result.get("memory"):
        counts = list(next(iter(result["memory"].values())))
        parts.append("Bytes of resident memory a key (16-byte key, 16-byte value):\n\n" + table(
            ["server", *(f"{int(count) / 1e6:g} M" for count in counts)],
            [[name, *(f"{found[count]:.1f}" for count in counts)]
             for name, found in result["memory"].items()]))
    parts += collection_parts(result, subject)
    if result.get("stall"):
        title = f"Wait for a PONG while {result['stall_keys'] / 1e6:g} M keys load, milliseconds:\n\n"
        parts.append(title + wait_table(result["stall"]))
    if result.get("start"):
        parts.append("Milliseconds from start to the first reply:\n\n" + table(
            ["server", "median (least–greatest)"],
            [[name, show(spread([value * 1000 for value in values]), 0)]
             for name, values in result["start"].items()]))
    return "\n\n".join(parts) + "\n"


def mean_ratio(rows: list[Row], subject: str) -> float:
    """Geometric mean of the medians against the better peer."""
    return statistics.geometric_mean(against_better(row, subject)[0] for row in rows)


def wait_table(servers: dict[str, Any]) -> str:
    return table(["server", "median", "p99.9", "greatest"],
                 [[name, *(f"{found[part]:.2f}" for part in ("median", "p99.9", "max"))]
                  for name, found in servers.items()])


def collection_parts(result: dict[str, Any], subject: str) -> list[str]:
    """Tables of what only the profile of collections has."""
    parts = []
    if result.get("large"):
        names = list(result["large"][0]["figures"])
        parts.append("Milliseconds of processor time:\n\n" + table(
            ["command", *names, "of the better peer"],
            [[row["name"], *(f"{statistics.median(row['figures'][name]['cpu_us']):.1f}" for name in names),
              show(against_better(row, subject))] for row in result["large"]]))
    if result.get("held"):
        names = list(next(iter(result["held"].values())))
        parts.append("Bytes of resident memory an element:\n\n" + table(
            ["", *names], [[shape, *(f"{found[name]:.1f}" for name in names)]
                           for shape, found in result["held"].items()]))
    if result.get("delete"):
        parts.append("Wait for a PONG while a set of 10 M members is deleted, milliseconds:\n\n"
                     + wait_table(result["delete"]))
    return parts


def workload_table(rows: list[Row], subject: str) -> str:
    names = list(rows[0]["figures"])
    heads = ["workload", *(f"{name} µs" for name in names),
             "CPU / better peer", "target", "req/s / better peer"]
    lines = []
    for row in rows:
        costs = [f"{statistics.median(row['figures'][name]['cpu_us']):.2f}" for name in names]
        cost = against_better(row, subject)
        mark = "" if cost[0] <= row["target"] else " ✗"
        lines.append([row["name"], *costs, show(cost), f"{row['target']:.2f}{mark}",
                      show(against_better(row, subject, "rps"))])
    return table(heads, lines)


def chart(result: dict[str, Any], path: Path) -> bool:
    """A PNG with one row a workload; False where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot
    rows, subject = list(reversed(result["workloads"])), result["subject"]
    figure, axes = pyplot.subplots(figsize=(9, 1.6 + 0.32 * len(rows)), layout="constrained")
    for height, row in enumerate(rows):
        median, least, greatest = against_better(row, subject)
        colour = "#2a7f4f" if median <= row["target"] else "#c0392b"
        axes.plot([least, greatest], [height, height], color=colour, linewidth=4, alpha=0.35,
                  solid_capstyle="round")
        axes.plot(median, height, "o", color=colour, markersize=6)
        axes.plot([row["target"]] * 2, [height - 0.36, height + 0.36], color="#333333", linewidth=1.6)
        axes.annotate(f"{median:.2f}", (greatest, height), xytext=(6, 0), textcoords="offset points",
                      va="center", fontsize=8, color="#555555")
    axes.axvline(1, color="#999999", linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows], fontsize=9)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(left=0)
    axes.margins(x=0.12)
    axes.set_xlabel("server CPU per request, relative to the better peer (less is better)")
    about = result["machine"]
    others = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if name != subject)
    axes.set_title(f"{subject} beside {others}"
                   "\ndot: median, bar: least to greatest, tick: target", fontsize=10)
    axes.grid(axis="x", alpha=0.25)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
    return True


def save(result: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
