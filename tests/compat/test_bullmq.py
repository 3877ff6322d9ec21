"""BullMQ under Node.js: 200 jobs with retries and delays, a flow, a paused queue, a scheduler.

All its moves are Lua scripts over lists, sorted sets, hashes and streams; workers wait in BZPOPMIN, listeners in
XREAD. bullmq_jobs.js is the program; here is what it must have seen.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench import peers
from tests.demand import node

COUNT = 200
HOPELESS = {number for number in range(COUNT) if number % 50 == 49}


@pytest.fixture(scope="module")
def seen(shared_server: peers.Server) -> dict[str, Any]:
    """What the program printed."""
    program, environment = node("bullmq", "ioredis")
    shared_server.call("FLUSHALL")
    done = subprocess.run([program, str(Path(__file__).with_name("bullmq_jobs.js")), str(shared_server.port)],
                          capture_output=True, text=True, timeout=30, check=False, env=environment)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)


def test_every_job_has_its_result_and_those_that_never_succeed_their_reason(seen: dict[str, Any]) -> None:
    heard = seen["many"]["heard"]
    assert heard["completed"] == {f"n{n}": n * n for n in range(COUNT) if n not in HOPELESS}
    assert heard["failed"] == {f"n{n}": f"never {n}" for n in HOPELESS}


def test_jobs_wait_in_the_set_they_belong_to_and_none_is_left_there(seen: dict[str, Any]) -> None:
    assert seen["many"]["before"] == {"wait": 20, "prioritized": 130, "delayed": 50, "active": 0}
    assert seen["many"]["after"] == {"wait": 0, "prioritized": 0, "delayed": 0, "active": 0,
                                     "completed": COUNT - len(HOPELESS), "failed": len(HOPELESS)}


def test_a_job_that_was_tried_again_says_how_often_and_what_it_logged(seen: dict[str, Any]) -> None:
    assert seen["many"]["again"] == {"value": 9, "tries": 2}
    assert seen["many"]["logs"] == ["squared 3"]
    assert seen["many"]["heard"]["progress"] == COUNT - len(HOPELESS)
    assert seen["many"]["heard"]["delayed"] >= 50


def test_failed_jobs_go_back_and_finished_ones_and_queues_go_away(seen: dict[str, Any],
                                                                  shared_server: peers.Server) -> None:
    assert seen["many"]["retried"] == "prioritized"
    assert seen["many"]["cleaned"] == COUNT - len(HOPELESS)
    assert shared_server.call("KEYS", "bull:many:*") == []
    assert shared_server.call("EXISTS", "bull:control:meta") == 1


def test_a_parent_runs_after_its_children_with_their_results(seen: dict[str, Any]) -> None:
    assert seen["sum"] == 100


def test_a_pause_a_limit_a_schedule_and_a_job_given_twice_are_kept_to(seen: dict[str, Any]) -> None:
    assert seen["control"] == {"whilePaused": 0, "ran": ["one", "same", "tick", "tick", "tick"]}
