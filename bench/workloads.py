"""workloads -- what the servers are asked to do, as data.

A Workload is one command at one depth of pipeline, from so many clients, over a keyspace of so many keys.
Keys are "key:" and twelve digits, 16 bytes, drawn evenly by the generator. Workloads over the same
keyspace (a Group) share one filling of it, and stand in an order in which none spoils it for the next:
EXPIRE comes last.

`target` is the most that pyredis may take of the better peer's processor time per request, by depth of pipeline.
"""

from dataclasses import dataclass

from bench import peers

KEY = "key:__rand_int__"            # redis-benchmark puts twelve digits in
BUDGET = {1: 0.85, 16: 0.60, 100: 0.50}


@dataclass(frozen=True)
class Group:
    """A keyspace: `keys` strings of `size` bytes."""

    keys: int
    size: int

    @property
    def label(self) -> str:
        return f"{short(self.keys)} keys of {short(self.size, 1024)}B"


@dataclass(frozen=True)
class Workload:
    command: str
    pipeline: int
    clients: int
    group: Group

    @property
    def name(self) -> str:
        return f"{self.command} P{self.pipeline} c{self.clients} {self.group.label}"

    @property
    def target(self) -> float:
        return BUDGET[self.pipeline]

    @property
    def span(self) -> int:
        """Of the random numbers."""
        return self.group.keys

    def prepare(self, server: peers.Server, requests: int) -> None:
        """Its keyspace is filled once for all runs."""

    def words(self) -> list[str]:
        """The command as redis-benchmark takes it."""
        value = "x" * self.group.size
        return {
            "PING": ["PING"],
            "GET": ["GET", KEY],
            "SET": ["SET", KEY, value],
            "INCR": ["INCR", "n:__rand_int__"],
            "MSET10": ["MSET", *[KEY, value] * 10],
            "GETRANGE": ["GETRANGE", KEY, "3", "12"],
            "EXPIRE": ["EXPIRE", KEY, "100000"],
        }[self.command]


def short(number: int, unit: int = 1000) -> str:
    """1500000 -> 1.5M; with unit 1024, 65536 -> 64K."""
    for power, letter in ((2, "M"), (1, "K")):
        if number >= unit**power:
            return f"{number / unit**power:g}{letter}"
    return str(number)


MILLION = 1_000_000
SMALL = Group(1000, 16)
USUAL = Group(MILLION, 16)
LARGE = Group(10 * MILLION, 16)
KILO = Group(100_000, 1024)
WIDE = Group(1000, 65536)

QUICK = [Workload(command, pipeline, 50, USUAL)
         for command in ("PING", "GET", "SET") for pipeline in (1, 16, 100)]

FULL = [
    *(Workload(command, pipeline, 50, USUAL)
      for command in ("PING", "GET", "SET", "MSET10", "GETRANGE", "INCR") for pipeline in (1, 16, 100)),
    *(Workload(command, pipeline, 500, USUAL) for command in ("PING", "GET", "SET") for pipeline in (1, 16)),
    *(Workload("EXPIRE", pipeline, 50, USUAL) for pipeline in (1, 16, 100)),
    *(Workload(command, pipeline, 50, SMALL) for command in ("GET", "SET") for pipeline in (1, 16)),
    *(Workload(command, pipeline, 50, KILO) for command in ("GET", "SET") for pipeline in (1, 16)),
    *(Workload(command, 1, 50, WIDE) for command in ("GET", "SET")),
    *(Workload(command, pipeline, 50, LARGE) for command in ("GET", "SET") for pipeline in (1, 16, 100)),
]

# numbers of keys at which memory is read: between two powers of two as well as near them
MEMORY_QUICK = [MILLION, MILLION * 3 // 2, 2 * MILLION, 3 * MILLION]
MEMORY_FULL = [*MEMORY_QUICK, 4 * MILLION, 6 * MILLION, 8 * MILLION]
STALL_KEYS = {"quick": 2 * MILLION, "full": 10 * MILLION}
