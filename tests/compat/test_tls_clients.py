"""redis-py and redis-cli over TLS, as people use them: `rediss://` and --tls."""

import asyncio
import subprocess
import threading

import pytest
import redis
import redis.asyncio

from bench import peers
from tests.certificates import Papers
from tests.demand import tool, without_preload


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def port(papers: Papers):
    port = peers.free_port()
    with peers.start("pyredis", *papers.options(port, tls_auth_clients="yes")):
        yield port


@pytest.fixture(params=[2, 3])
def r(request: pytest.FixtureRequest, port: int, papers: Papers):
    with redis.Redis(port=port, protocol=request.param, ssl=True, ssl_ca_certs=str(papers.ca),
                     ssl_certfile=str(papers.client[0]), ssl_keyfile=str(papers.client[1])) as client:
        client.flushall()
        yield client


def test_values_pipelines_and_transactions(r: redis.Redis) -> None:
    blob = bytes(range(256)) * 65_536
    assert r.set("blob", blob) and r.get("blob") == blob
    with r.pipeline(transaction=False) as pipe:
        for n in range(20_000):
            pipe.set(f"k{n}", "v" * 50).get(f"k{n}")
        assert pipe.execute() == [True, b"v" * 50] * 20_000
    with r.pipeline() as pipe:
        assert pipe.incr("n").incr("n").execute() == [1, 2]


def test_messages_blocking_reads_and_scripts(r: redis.Redis) -> None:
    heard = []
    with r.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(c=lambda message: heard.append(message["data"]))
        listener.get_message(timeout=5)
        assert r.publish("c", "m") == 1
        while not heard:
            listener.get_message(timeout=5)
    assert heard == [b"m"]
    waiter = threading.Thread(target=lambda: heard.append(r.blpop("l", timeout=20)))
    waiter.start()
    r.rpush("l", "x")
    waiter.join()
    assert list(heard[1]) == [b"l", b"x"]
    assert r.eval("return redis.call('get', KEYS[1])", 1, "no") is None


def test_many_connections_of_asyncio(port: int, papers: Papers) -> None:
    async def run() -> None:
        url = (f"rediss://127.0.0.1:{port}?ssl_ca_certs={papers.ca}"
               f"&socket_connect_timeout=60&ssl_certfile={papers.client[0]}&ssl_keyfile={papers.client[1]}")
        async with redis.asyncio.Redis.from_url(url) as client:
            await asyncio.gather(*(client.set(f"a{n}", n) for n in range(30)))
            assert await client.mget(*(f"a{n}" for n in range(30))) == [b"%d" % n for n in range(30)]
    asyncio.run(run())


def cli(port: int, *words: str, stdin: bytes = b"") -> str:
    done = subprocess.run([tool(("redis7", "redis8", "valkey9"), "cli"), "-p", str(port), "--tls", *words],
                          input=stdin, capture_output=True, timeout=60, check=False, env=without_preload())
    return done.stdout.decode() + done.stderr.decode()


def test_redis_cli(port: int, papers: Papers) -> None:
    own = ("--cacert", str(papers.ca), "--cert", str(papers.client[0]), "--key", str(papers.client[1]))
    assert cli(port, *own, "PING") == "PONG\n"
    assert cli(port, *own, stdin=b"set a b\nget a\n") == "OK\nb\n"
    mass = b"".join(b"*3\r\n$3\r\nSET\r\n$6\r\n%06d\r\n$1\r\nv\r\n" % n for n in range(20_000))
    assert "errors: 0, replies: 20000" in cli(port, *own, "--pipe", stdin=mass)
    assert "failed" in cli(port, "PING")
    assert "error" in cli(port, *own[:2], "PING").lower() or "alert" in cli(port, *own[:2], "PING").lower()
