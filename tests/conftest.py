"""What tests may ask for: `r` is a client of a fresh server in this process, `server` a pyredis process on a
free port and a unix socket, `peer(name)` a real one.

    pytest --server redis8      runs what uses `server` against a real server instead: the tests' own proof

Where a peer is not installed its tests are skipped, and say so; with PYREDIS_REQUIRE_PEERS=1 they fail.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from bench import peers
from tests.demand import demand
from tests.session import R

settings.register_profile("default", derandomize=True, deadline=None)
settings.register_profile("fuzz", max_examples=20_000, deadline=None,
                          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
settings.load_profile("default")

StartServer = Callable[..., peers.Server]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--server", choices=peers.NAMES,
                     default=os.environ.get("PYREDIS_TEST_SERVER", "pyredis"),
                     help="the program behind the `server` fixture (default: pyredis)")


@pytest.fixture
def r() -> R:
    return R()


def one_each() -> Iterator[StartServer]:
    """Starts a real server for each combination of name and options, when it is first asked for."""
    running: dict[tuple[str, ...], peers.Server] = {}
    with ExitStack() as stack:
        def get(name: str, *options: str) -> peers.Server:
            demand(name)
            if (name, *options) not in running:
                running[name, *options] = stack.enter_context(peers.start(name, *options))
            return running[name, *options]
        yield get


@pytest.fixture(scope="session")
def peer() -> Iterator[StartServer]:
    """peer("redis8", *options) -> Server; shared by the tests of a worker, so none may change its settings."""
    yield from one_each()


@pytest.fixture(scope="module")
def own_peer() -> Iterator[StartServer]:
    """As `peer`, but the module's own: for tests that change settings."""
    yield from one_each()


@pytest.fixture
def start_server(request: pytest.FixtureRequest) -> Iterator[StartServer]:
    """start_server(*options) -> Server; a fresh process that ends with the test."""
    name = request.config.getoption("--server")
    with ExitStack() as stack:
        def start(*options: str, env: dict[str, str] | None = None) -> peers.Server:
            demand(name)
            return stack.enter_context(peers.start(name, *options, env=env))
        yield start


@pytest.fixture(scope="session")
def shared_server(request: pytest.FixtureRequest) -> Iterator[peers.Server]:
    name = request.config.getoption("--server")
    demand(name)
    with peers.start(name) as running:
        yield running


@pytest.fixture
def server(shared_server: peers.Server) -> peers.Server:
    """The worker's one server with default settings, empty at the start of each test."""
    shared_server.call("FLUSHALL")
    return shared_server
