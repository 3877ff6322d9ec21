"""What the workers of test_rq.py run; they import it by name."""

from rq import get_current_job


def square(number: int) -> int:
    return number * number


def total(numbers: list[int]) -> int:
    return sum(numbers)


def fail_twice(name: str) -> str:
    """Raises at the first two calls with this name, and counts them in the server."""
    job = get_current_job()
    assert job is not None
    tries = job.connection.incr(f"tries:{name}")
    if tries <= 2:
        raise ValueError(f"no luck at try {tries}")
    return f"{name} after {tries}"


def fail_always() -> None:
    raise KeyError("never")


def report(text: str) -> str:
    """Leaves its progress where the queue's user sees it."""
    job = get_current_job()
    assert job is not None
    job.meta["said"] = text
    job.save_meta()
    return text.upper()
