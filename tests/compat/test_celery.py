"""Celery with the server as its broker and as its store of results, and a worker that is a program of its own.

Broker: lists and BRPOP, a hash and a sorted set of what is not acknowledged, MULTI. Results: SETEX, and PUBLISH to
who waits; a chord counts its parts in the server.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery, chain, chord, group
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult

from bench import peers
from tests.compat import celery_tasks
from tests.compat.celery_tasks import add, broken, third_time, total
from tests.demand import without_preload

PATIENCE = 30.0


def url(server: peers.Server) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


@contextlib.contextmanager
def worker(server: peers.Server, log: Path, *options: str) -> Iterator[None]:
    """A worker until the block ends; its log goes to the file."""
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "celery", "-A", "tests.compat.celery_tasks", "worker",
                                    "--without-heartbeat", "--loglevel", "INFO", *options],
                                   cwd=peers.ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   env={**without_preload(), "PYTHONPATH": str(peers.ROOT), "REDIS_URL": url(server)})
        try:
            yield
        finally:
            peers.end(process, 10)


@pytest.fixture(scope="module")
def app(shared_server: peers.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Celery]:
    """The application, with a worker of four threads at its other end."""
    shared_server.call("FLUSHALL")
    application = celery_tasks.app
    application.conf.update(broker_url=url(shared_server), result_backend=url(shared_server))
    log = tmp_path_factory.mktemp("celery") / "log"
    with worker(shared_server, log, "--pool", "threads", "--concurrency", "4"):
        yield application
    application.close()
    assert "onnection to broker lost" not in log.read_text()


def value(result: AsyncResult):
    return result.get(timeout=PATIENCE, interval=0.01)


def test_two_hundred_tasks_all_have_the_right_result(app: Celery) -> None:
    sent = [add.delay(number, 1000) for number in range(200)]
    assert [value(result) for result in sent] == [number + 1000 for number in range(200)]
    assert all(result.successful() for result in sent)


def test_a_group_answers_in_its_own_order(app: Celery) -> None:
    result = group(add.s(number, number) for number in range(50)).apply_async()
    assert value(result) == [2 * number for number in range(50)]
    result.save()
    assert value(result.restore(result.id, app=app)) == [2 * number for number in range(50)]


def test_a_chord_runs_its_body_once_all_parts_are_there(app: Celery) -> None:
    chords = [chord([add.s(number, base) for number in range(20)], total.s()).apply_async() for base in range(5)]
    assert [value(result) for result in chords] == [190 + 20 * base for base in range(5)]


def test_a_chain_hands_each_result_on(app: Celery) -> None:
    assert value(chain(add.s(1, 2), add.s(3), add.s(4)).apply_async()) == 10


def test_a_task_that_asks_for_another_try_gets_it(app: Celery) -> None:
    sent = [third_time.delay(f"w{number}") for number in range(5)]
    assert [value(result) for result in sent] == [f"w{number} at 2" for number in range(5)]


def test_an_error_comes_back_as_the_exception_it_was(app: Celery) -> None:
    result = broken.delay("as I said")
    with pytest.raises(ValueError, match="as I said"):
        value(result)
    assert result.failed() and "ValueError" in result.traceback


def test_a_task_for_later_waits_its_time_and_a_revoked_one_never_runs(app: Celery) -> None:
    revoked = add.apply_async((3, 4), countdown=1)
    revoked.revoke()
    later = add.apply_async((1, 2), countdown=0.3)
    assert not later.ready()
    assert value(later) == 3
    with pytest.raises(TaskRevokedError):
        value(revoked)
    assert revoked.state == "REVOKED"


def test_a_result_that_is_forgotten_is_gone_from_the_server(app: Celery, shared_server: peers.Server) -> None:
    result = add.delay(20, 22)
    assert value(result) == 42
    key = f"celery-task-meta-{result.id}"
    assert 0 < shared_server.call("TTL", key) <= 600
    result.forget()
    assert shared_server.call("EXISTS", key) == 0


def test_the_worker_answers_what_is_asked_of_it_by_broadcast(app: Celery) -> None:
    [answer] = app.control.ping(timeout=5, limit=1)
    assert list(answer.values()) == [{"ok": "pong"}]
