"""Two ways to run Lua: `here`, the libraries in a bare state, and `there`, a Redis 8."""

from collections.abc import Iterator

import pytest

from bench import peers
from tests.demand import demand
from tests.lua.sandbox import Run, state


@pytest.fixture(scope="session")
def here() -> Run:
    return state().run


@pytest.fixture(scope="session")
def there() -> Iterator[Run]:
    demand("redis8")
    with peers.start("redis8") as server:
        yield lambda chunk: server.call("EVAL", chunk, 0)
