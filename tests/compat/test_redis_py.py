"""redis-py against the server: both protocols, both parsers, sync and asyncio, pipelines and pools."""

import asyncio
import threading

import pytest
import redis
import redis.asyncio
from redis._parsers import _AsyncHiredisParser, _AsyncRESP2Parser, _HiredisParser, _RESP2Parser, _RESP3Parser

from bench import peers

PARSERS = {"resp2": (2, _RESP2Parser), "resp3": (3, _RESP3Parser), "hiredis2": (2, _HiredisParser),
           "hiredis3": (3, _HiredisParser)}


@pytest.fixture(params=PARSERS)
def r(request: pytest.FixtureRequest, server: peers.Server):
    protocol, parser = PARSERS[request.param]
    pool = redis.ConnectionPool(port=server.port, protocol=protocol, parser_class=parser)
    with redis.Redis(connection_pool=pool) as client:
        yield client
    pool.disconnect()


def test_strings_numbers_and_missing_keys(r: redis.Redis) -> None:
    assert r.set("a", "1") is True
    assert r.get("a") == b"1"
    assert r.get("missing") is None
    assert r.incrby("a", 41) == 42
    assert r.mset({"b": 2, "c": b"\x00\xff\r\n"}) is True
    assert r.mget("a", "b", "c", "missing") == [b"42", b"2", b"\x00\xff\r\n", None]
    assert r.set("a", "x", nx=True) is None
    assert r.set("a", "x", get=True) == b"42"
    assert r.delete("a", "b", "missing") == 2


def test_a_value_of_several_megabytes_comes_back_whole(r: redis.Redis) -> None:
    blob = bytes(range(256)) * 16_384
    r.set("blob", blob)
    assert r.get("blob") == blob
    assert r.getrange("blob", 255, 257) == b"\xff\x00\x01"


def test_expiry_is_set_read_and_removed(r: redis.Redis) -> None:
    r.set("a", 1, ex=100)
    assert 0 < r.ttl("a") <= 100
    assert r.persist("a") is True
    assert r.ttl("a") == -1
    assert r.expire("a", 0) is True
    assert r.exists("a") == 0


def test_error_replies_become_exceptions_and_the_connection_goes_on(r: redis.Redis) -> None:
    r.set("text", "abc")
    with pytest.raises(redis.ResponseError, match="not an integer or out of range"):
        r.incr("text")
    with pytest.raises(redis.ResponseError, match="unknown command"):
        r.execute_command("NOSUCH")
    assert r.ping() is True


def test_pipeline_returns_replies_in_order_with_errors_in_place(r: redis.Redis) -> None:
    with r.pipeline(transaction=False) as pipe:
        for n in range(1000):
            pipe.set(f"k{n}", n)
        pipe.incr("k7").get("k7")
        assert pipe.execute()[-2:] == [8, b"8"]
    r.set("text", "abc")
    replies = r.pipeline(transaction=False).incr("text").get("text").execute(raise_on_error=False)
    assert isinstance(replies[0], redis.ResponseError) and replies[1] == b"abc"


def test_transactions_run_whole_or_not_at_all(r: redis.Redis) -> None:
    assert r.pipeline(transaction=True).set("a", 1).incr("a").get("a").execute() == [True, 2, b"2"]
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        r.pipeline(transaction=True).set("a", "x").lpush("a", 1).set("b", 1).execute()
    assert r.mget("a", "b") == [b"x", b"1"]
    with pytest.raises(redis.ResponseError, match="wrong number of arguments"):
        r.pipeline(transaction=True).set("a", "y").execute_command("GET").execute()
    assert r.get("a") == b"x"


def test_a_watched_key_that_changes_is_noticed_and_tried_again(r: redis.Redis) -> None:
    r.set("n", 1)
    with r.pipeline() as pipe:
        pipe.watch("n")
        r.incr("n")
        pipe.multi()
        pipe.set("n", 100)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    turns = []

    def double(pipe: redis.client.Pipeline) -> None:
        value = int(pipe.get("n"))
        if not turns:
            r.incr("n")
        turns.append(value)
        pipe.multi()
        pipe.set("n", value * 2)

    assert r.transaction(double, "n") == [True]
    assert (turns, r.get("n")) == ([2, 3], b"6")


def test_scan_iter_finds_every_key_once(r: redis.Redis) -> None:
    r.mset({f"k{n}": n for n in range(3000)})
    assert sorted(r.scan_iter(match="k*", count=100)) == sorted(f"k{n}".encode() for n in range(3000))


def test_info_and_config_are_read_as_dictionaries(r: redis.Redis, server: peers.Server) -> None:
    info = r.info("server")
    assert info["tcp_port"] == server.port
    assert info["process_id"] == server.pid
    assert r.config_get("port") == {"port": str(server.port)}
    assert r.client_id() > 0
    assert r.client_setname("me")
    assert r.client_getname() in ("me", b"me")          # redis-py decodes it with RESP2 only


def test_pool_of_connections_serves_threads_at_once(server: peers.Server) -> None:
    pool = redis.BlockingConnectionPool(port=server.port, max_connections=8, timeout=30)
    client = redis.Redis(connection_pool=pool)

    def work() -> None:
        for _ in range(100):
            client.incr("n")

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("n") == b"1600"
    pool.disconnect()


@pytest.mark.parametrize("protocol", [2, 3])
def test_decode_responses_gives_text(server: peers.Server, protocol: int) -> None:
    with redis.Redis(port=server.port, decode_responses=True, protocol=protocol) as client:
        client.set("naïve", "日本")
        assert client.get("naïve") == "日本"
        assert client.keys() == ["naïve"]


def test_unix_socket_connection(server: peers.Server) -> None:
    with redis.Redis(unix_socket_path=str(server.socket)) as client:
        assert client.ping() is True


@pytest.mark.parametrize(("protocol", "parser"), [(2, _AsyncRESP2Parser), (2, _AsyncHiredisParser),
                                                  (3, _AsyncHiredisParser)])
def test_asyncio_client_runs_many_requests_at_once(server: peers.Server, protocol: int, parser: type) -> None:
    async def session() -> None:
        pool = redis.asyncio.ConnectionPool(port=server.port, protocol=protocol, parser_class=parser)
        client = redis.asyncio.Redis(connection_pool=pool)
        assert sorted(await asyncio.gather(*(client.incr("n") for _ in range(50)))) == list(range(1, 51))
        async with client.pipeline(transaction=False) as pipe:
            assert await pipe.set("a", 1).incr("a").execute() == [True, 2]
        with pytest.raises(redis.ResponseError):
            await client.execute_command("NOSUCH")
        await client.aclose()
        await pool.disconnect()

    asyncio.run(session())


def messages(channel: redis.client.PubSub, count: int) -> list[tuple[str, bytes | None, bytes, bytes]]:
    """The next messages, as (type, pattern, channel, data)."""
    found = []
    while len(found) < count:
        message = channel.get_message(ignore_subscribe_messages=True, timeout=5)
        if message is not None:
            found.append((message["type"], message["pattern"], message["channel"], message["data"]))
    return found


def test_messages_reach_channels_patterns_and_shard_channels(r: redis.Redis) -> None:
    with r.pubsub() as listener:
        listener.subscribe("a", "b")
        listener.psubscribe("a*")
        listener.ssubscribe("s")
        for _ in range(4):
            assert listener.get_message(timeout=5)["type"].endswith("subscribe")
        assert r.pubsub_numsub("a", "b", "c") == [(b"a", 1), (b"b", 1), (b"c", 0)]
        assert r.publish("a", "m") == 2
        assert r.spublish("s", "n") == 1
        assert messages(listener, 3) == [("message", None, b"a", b"m"), ("pmessage", b"a*", b"a", b"m"),
                                         ("smessage", None, b"s", b"n")]
        listener.unsubscribe()
        listener.punsubscribe()
        listener.sunsubscribe()
        while listener.subscribed:
            listener.get_message(timeout=5)


def test_a_listening_thread_hears_what_others_publish(r: redis.Redis) -> None:
    heard: list[bytes] = []
    all_heard = threading.Event()

    def note(message: dict[str, bytes]) -> None:
        heard.append(message["data"])
        if len(heard) == 100:
            all_heard.set()

    with r.pubsub() as listener:
        listener.subscribe(c=note)
        thread = listener.run_in_thread(sleep_time=0.01)
        while r.pubsub_numsub("c") != [(b"c", 1)]:
            pass
        for number in range(100):
            assert r.publish("c", number) == 1
        assert all_heard.wait(10)
        thread.stop()
        thread.join()
    assert heard == [b"%d" % number for number in range(100)]


@pytest.mark.parametrize("protocol", [2, 3])
def test_asyncio_clients_hear_keyspace_notifications(start_server, protocol: int) -> None:
    server = start_server("--notify-keyspace-events", "KEA")

    async def listen() -> list[bytes]:
        client = redis.asyncio.Redis(port=server.port, protocol=protocol)
        async with client.pubsub() as listener:
            await listener.subscribe("__keyevent@0__:set")
            await listener.get_message(timeout=5)
            for number in range(5):
                await client.set(f"k{number}", "v")
            heard = []
            while len(heard) < 5:
                message = await listener.get_message(ignore_subscribe_messages=True, timeout=5)
                if message is not None:
                    heard.append(message["data"])
        await client.aclose()
        return heard

    assert asyncio.run(listen()) == [b"k%d" % number for number in range(5)]


def test_a_monitor_shows_what_others_run(r: redis.Redis, server: peers.Server) -> None:
    with r.monitor() as monitor:
        redis.Redis(port=server.port).set("k", "a value")
        commands = monitor.listen()
        while (shown := next(commands))["command"] != 'SET k a value':
            pass
    assert shown["db"] == 0
    assert shown["client_type"] == "tcp"


def test_scripts_are_registered_and_called(r: redis.Redis) -> None:
    add = r.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert add(keys=["n"], args=[5]) == 5
    r.script_flush()
    assert add(keys=["n"], args=[5]) == 10              # sent again when the server has it no more
    assert r.script_exists(add.sha, "0" * 40) == [True, False]
    with r.pipeline(transaction=False) as pipeline:
        add(keys=["n"], args=[1], client=pipeline)
        add(keys=["n"], args=[1], client=pipeline)
        assert pipeline.execute() == [11, 12]
    with pytest.raises(redis.ResponseError, match="user_script:1: broken"):
        r.eval("error('broken')", 0)
    with pytest.raises(redis.exceptions.NoScriptError):
        r.evalsha("0" * 40, 0)


def test_a_script_that_was_flushed_is_sent_again_to_a_pipeline_too(r: redis.Redis) -> None:
    both = r.register_script("return {KEYS[1], redis.call('APPEND', KEYS[1], ARGV[1])}")
    with r.pipeline() as pipeline:
        for _ in range(2):
            r.script_flush()
            both(keys=["k"], args=["ab"], client=pipeline)
            pipeline.get("k")
            assert pipeline.execute()[0][0] == b"k"
    assert r.get("k") == b"abab"
    assert r.script_exists(both.sha) == [True]


def test_locks_are_taken_extended_and_given_back(r: redis.Redis) -> None:
    lock = r.lock("lock", timeout=10)
    assert lock.acquire(blocking=False)
    assert not r.lock("lock", timeout=10).acquire(blocking=False)
    assert lock.owned()
    assert lock.extend(5)
    assert 10_000 < r.pttl("lock") <= 15_000
    assert lock.extend(7, replace_ttl=True)
    assert 5_000 < r.pttl("lock") <= 7_000
    assert lock.reacquire()
    assert 7_000 < r.pttl("lock") <= 10_000
    lock.release()
    assert not r.exists("lock")
    with pytest.raises(redis.exceptions.LockError):
        lock.release()


def test_only_its_owner_gives_a_lock_back(r: redis.Redis) -> None:
    mine, theirs = (r.lock("lock", timeout=10) for _ in range(2))
    assert mine.acquire()
    r.delete("lock")                                    # as if it had expired
    assert theirs.acquire(blocking=False)
    assert not mine.owned() and theirs.owned()
    for step in (mine.reacquire, lambda: mine.extend(1), mine.release):
        r.script_flush()                                # Lock's scripts are sent again
        with pytest.raises(redis.exceptions.LockNotOwnedError):
            step()
    assert theirs.owned()
    theirs.release()
    assert not r.exists("lock")


def test_a_lock_is_waited_for_until_it_expires_or_patience_ends(r: redis.Redis) -> None:
    assert r.lock("lock", timeout=0.3).acquire()
    second = r.lock("lock", timeout=10, sleep=0.02, blocking_timeout=0.05)
    assert not second.acquire()
    assert second.acquire(blocking_timeout=10)          # the first one's time is over by then
    with pytest.raises(redis.exceptions.LockError), r.lock("lock", blocking_timeout=0.05):
        pass
    second.release()


def test_a_lock_lets_one_thread_in_at_a_time(r: redis.Redis) -> None:
    def add() -> None:
        for _ in range(10):
            with r.lock("lock", timeout=30, sleep=0.001):
                r.set("n", int(r.get("n")) + 1)

    r.set("n", 0)
    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert r.get("n") == b"40"


def test_functions_are_loaded_and_called(r: redis.Redis) -> None:
    r.function_flush()
    assert r.function_load("#!lua name=lib\nredis.register_function('f', function(k, a) return {k[1], a[1]} end)") in (
        b"lib", "lib")
    assert r.fcall("f", 1, "k", "a") == [b"k", b"a"]
    payload = r.function_dump()
    assert r.function_delete("lib")
    assert r.function_restore(payload)
    assert r.fcall("f", 1, "k", "b") == [b"k", b"b"]
    r.function_flush()
