"""RQ: jobs go through a queue in the server to a worker, a program of its own, and results come back."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
import redis
from rq import Queue, Retry
from rq.job import Dependency, Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry
from rq.results import Result

from bench import peers
from tests.compat import rq_jobs
from tests.demand import without_preload


@pytest.fixture(params=[2, 3])
def queue(request: pytest.FixtureRequest, server: peers.Server):
    with redis.Redis(port=server.port, protocol=request.param) as client:
        yield Queue("jobs", connection=client)


def work(queue: Queue, *options: str) -> str:
    """Runs a worker until nothing waits any more; what it wrote."""
    port = queue.connection.connection_pool.connection_kwargs["port"]
    done = subprocess.run([sys.executable, "-m", "rq.cli", "worker", "--burst", *options, queue.name,
                           "--url", f"redis://127.0.0.1:{port}"], cwd=peers.ROOT, capture_output=True, text=True,
                          timeout=60, check=False, env={**without_preload(), "PYTHONPATH": str(peers.ROOT)})
    assert done.returncode == 0, done.stderr
    return done.stderr


def results(jobs: list[Job]) -> list[Any]:
    return [job.return_value(refresh=True) for job in jobs]


def test_a_worker_runs_what_was_queued_and_results_come_back(queue: Queue) -> None:
    jobs = [queue.enqueue(rq_jobs.square, number) for number in range(20)]
    assert queue.count == 20
    work(queue)
    assert results(jobs) == [number * number for number in range(20)]
    assert all(job.get_status() == JobStatus.FINISHED for job in jobs)
    assert queue.count == 0
    assert FinishedJobRegistry(queue=queue).count == 20
    assert 0 < queue.connection.ttl(jobs[0].key) <= 500          # results are kept for a time


def test_jobs_that_fail_are_tried_again_or_kept_with_their_error(queue: Queue) -> None:
    flaky = queue.enqueue(rq_jobs.fail_twice, "flaky", retry=Retry(max=3))
    unlucky = queue.enqueue(rq_jobs.fail_twice, "unlucky", retry=Retry(max=1))
    hopeless = queue.enqueue(rq_jobs.fail_always)
    said = queue.enqueue(rq_jobs.report, "done")
    work(queue)
    assert results([flaky, unlucky, hopeless, said]) == ["flaky after 3", None, None, "DONE"]
    assert said.get_meta(refresh=True) == {"said": "done"}
    assert (unlucky.is_failed, hopeless.is_failed, flaky.is_failed) == (True, True, False)
    failure = hopeless.latest_result()
    assert failure.type is Result.Type.FAILED and "KeyError: 'never'" in failure.exc_string
    failed = FailedJobRegistry(queue=queue)
    assert set(failed.get_job_ids()) == {unlucky.id, hopeless.id}
    failed.requeue(unlucky)
    work(queue)
    assert unlucky.return_value(refresh=True) == "unlucky after 3"


def test_a_job_waits_for_those_it_depends_on(queue: Queue) -> None:
    parts = [queue.enqueue(rq_jobs.square, number) for number in range(3)]
    last = queue.enqueue(rq_jobs.total, [1, 2, 3], depends_on=Dependency(jobs=parts))
    after_failure = queue.enqueue(rq_jobs.square, 5, depends_on=Dependency(jobs=[queue.enqueue(rq_jobs.fail_always)]))
    assert last.get_status() == JobStatus.DEFERRED
    work(queue)
    assert results([*parts, last]) == [0, 1, 4, 6]
    assert after_failure.get_status() == JobStatus.DEFERRED


def test_a_job_may_be_put_first_cancelled_or_scheduled(queue: Queue) -> None:
    second = queue.enqueue(rq_jobs.square, 2)
    first = queue.enqueue(rq_jobs.square, 1, at_front=True)
    cancelled = queue.enqueue(rq_jobs.square, 3)
    later = queue.enqueue_in(timedelta(seconds=3600), rq_jobs.square, 4)
    cancelled.cancel()
    assert queue.job_ids == [first.id, second.id]
    assert ScheduledJobRegistry(queue=queue).get_job_ids() == [later.id]
    work(queue)
    assert results([first, second, cancelled, later]) == [1, 4, None, None]
    assert (cancelled.get_status(), later.get_status()) == (JobStatus.CANCELED, JobStatus.SCHEDULED)
    queue.empty()
    queue.delete()
