"""The Celery application of test_celery.py. The worker imports it by name and finds the server in REDIS_URL."""

import os

from celery import Celery, Task

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:1")

app = Celery("tasks", broker=URL, backend=URL)
app.conf.update(broker_connection_retry_on_startup=True, result_expires=600, task_default_retry_delay=0,
                worker_hijack_root_logger=False, broker_transport_options={"visibility_timeout": 60})


@app.task
def add(a: int, b: int) -> int:
    return a + b


@app.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task(bind=True, max_retries=3)
def third_time(self: Task, word: str) -> str:
    """Succeeds at its third try."""
    if self.request.retries < 2:
        raise self.retry(countdown=0.01)
    return f"{word} at {self.request.retries}"


@app.task
def broken(text: str) -> None:
    raise ValueError(text)
