"""Publish and subscribe, in this process: who gets what, in which order, in which protocol."""

import _pyredis.figures as figures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.session import R, ReplyError, encode, raises_reply

ALLOWED = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"


def another(r, proto=2):
    """One more client of the same server."""
    client = R(r.server)
    if proto == 3:
        client("HELLO", 3)
    return client


def message(channel, text):
    return [b"message", channel, text]


@pytest.fixture(params=[2, 3])
def sub(r, request):
    """A client of the same server, in either protocol."""
    return another(r, request.param)


# ---------------------------------------------------------------- subscribing

def test_subscribing_answers_each_name_with_the_number_of_subscriptions(sub):
    assert sub.feed(encode("SUBSCRIBE", "a", "b", "a")) == [
        [b"subscribe", b"a", 1], [b"subscribe", b"b", 2], [b"subscribe", b"a", 2]]
    assert sub.feed(encode("PSUBSCRIBE", "x*")) == [[b"psubscribe", b"x*", 3]]
    assert sub.feed(encode("SSUBSCRIBE", "a")) == [[b"ssubscribe", b"a", 1]]
    assert sub.feed(encode("UNSUBSCRIBE", "b", "nobody")) == [
        [b"unsubscribe", b"b", 2], [b"unsubscribe", b"nobody", 2]]


@pytest.mark.parametrize("word, kind", [("SUBSCRIBE", b""), ("PSUBSCRIBE", b"p"), ("SSUBSCRIBE", b"s")])
def test_unsubscribing_from_all_tells_each_and_from_nothing_a_null(sub, word, kind):
    leave = word.replace("SUB", "UNSUB", 1)
    assert sub.feed(encode(leave)) == [[kind + b"unsubscribe", None, 0]]
    sub.feed(encode(word, *range(50)))
    told = sub.feed(encode(leave))
    assert {name for _, name, _ in told} == {b"%d" % i for i in range(50)}
    assert [left for _, _, left in told] == list(range(49, -1, -1))
    assert sub("PING") == "PONG"                # an ordinary client again


def test_subscriptions_are_arrays_in_resp2_and_pushes_in_resp3(r):
    assert r.raw("SUBSCRIBE", "a") == b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    assert another(r, 3).raw("SUBSCRIBE", "a") == b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    assert another(r, 3).raw("UNSUBSCRIBE") == b">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n"


# ---------------------------------------------------------------- what a subscriber may do

@pytest.mark.parametrize("command, name", [
    (("GET", "k"), "get"), (("CLIENT", "ID"), "client|id"), (("PUBLISH", "a", "b"), "publish"),
    (("PUBSUB", "NUMPAT"), "pubsub|numpat"), (("HELLO", "3"), "hello")])
def test_a_subscriber_in_resp2_may_do_little(r, command, name):
    r.feed(encode("SUBSCRIBE", "a"))
    with raises_reply(f"ERR Can't execute '{name}': {ALLOWED}"):
        r(*command)
    r.feed(encode("UNSUBSCRIBE"))
    r(*command)


def test_ping_is_like_a_message_to_a_subscriber_in_resp2(r):
    r.feed(encode("SSUBSCRIBE", "a"))
    assert r("PING") == [b"pong", b""]
    assert r("PING", "x") == [b"pong", b"x"]


def test_a_subscriber_in_resp3_may_do_everything_until_it_chooses_resp2(r):
    r("HELLO", 3)
    r.feed(encode("SUBSCRIBE", "a"))
    assert r("SET", "k", "v") == "OK"
    assert r("PING") == "PONG"
    r("HELLO", 2)
    with raises_reply("ERR Can't execute 'get'"):
        r("GET", "k")


def test_reset_ends_all_subscriptions_silently(r, sub):
    sub.feed(encode("SUBSCRIBE", "a") + encode("PSUBSCRIBE", "*") + encode("SSUBSCRIBE", "a"))
    assert sub.feed(encode("RESET")) == ["RESET"]
    assert r("PUBLISH", "a", "m") == 0
    assert sub("PING") == "PONG"
    assert sub.taken() == []


def test_a_subscriber_that_goes_is_forgotten(r):
    sub = another(r)
    sub.feed(encode("SUBSCRIBE", "a", "b") + encode("PSUBSCRIBE", "*"))
    assert figures.subscribed(r.server.core) == {"channels": 2, "patterns": 1, "shard_channels": 0, "clients": 1}
    del sub
    assert r("PUBLISH", "a", "m") == 0
    assert figures.subscribed(r.server.core) == {"channels": 0, "patterns": 0, "shard_channels": 0, "clients": 0}


# ---------------------------------------------------------------- messages

def test_a_message_comes_in_the_subscribers_protocol(r):
    two, three = another(r), another(r, 3)
    for client in (two, three):
        client.feed(encode("SUBSCRIBE", "a") + encode("PSUBSCRIBE", "?"))
    assert r("PUBLISH", "a", "m\r\n") == 4
    text = b"3\r\n$7\r\nmessage\r\n$1\r\na\r\n$3\r\nm\r\n\r\n"
    by_pattern = b"4\r\n$8\r\npmessage\r\n$1\r\n?\r\n$1\r\na\r\n$3\r\nm\r\n\r\n"
    assert two.session.take() == b"*" + text + b"*" + by_pattern
    assert three.session.take() == b">" + text + b">" + by_pattern


def test_shard_channels_are_another_world(r, sub):
    sub.feed(encode("SSUBSCRIBE", "a"))
    other = another(r)
    other.feed(encode("SUBSCRIBE", "a") + encode("PSUBSCRIBE", "*"))
    assert r("SPUBLISH", "a", "m") == 1
    assert sub.taken() == [[b"smessage", b"a", b"m"]]
    assert r("PUBLISH", "a", "m") == 2
    assert sub.taken() == []


@pytest.mark.parametrize("length", [0, 1, 100, 2047, 2048, 20_000, 100_000])
def test_messages_of_any_length_arrive_whole_and_in_order(r, sub, length):
    sub.feed(encode("SUBSCRIBE", "a"))
    texts = [b"%d" % i * length for i in range(9)]
    for text in [*texts, *reversed(texts)]:
        assert r("PUBLISH", "a", text) == 1
    assert sub.taken() == [message(b"a", text) for text in [*texts, *reversed(texts)]]
    assert r.session.check() == 0


@pytest.mark.parametrize("pattern, names, others", [
    ("news", ["news"], ["new", "news.", ""]),
    ("news.*", ["news.", "news.a"], ["news", "new.s"]),
    ("a-very-long-beginning.*", ["a-very-long-beginning.x"], ["a-very-long-beginninG.x", "a-very-l"]),
    ("a-very-long-beginning", ["a-very-long-beginning"], ["a-very-long-beginning.", "a-very-long-beginninG"]),
    ("*", ["x"], [""]),
    ("", [""], ["x"]),
    ("h?llo", ["hello"], ["hllo", "heello"]),
    ("h[ae]llo", ["hello", "hallo"], ["hillo"]),
    ("a\\*", ["a*"], ["ab", "a\\*"]),
    ("n\0*", ["n\0", "n\0x"], ["n", "nx"]),
    ("a**", ["a", "ab"], ["b"])])
def test_a_pattern_gets_what_it_matches(r, sub, pattern, names, others):
    sub.feed(encode("PSUBSCRIBE", pattern))
    for name in names:
        assert r("PUBLISH", name, "m") == 1
    for name in others:
        assert r("PUBLISH", name, "m") == 0
    assert sub.taken() == [[b"pmessage", pattern.encode(), name.encode(), b"m"] for name in names]


def test_who_publishes_to_itself_gets_the_reply_first(r):
    r("HELLO", 3)
    r.feed(encode("SUBSCRIBE", "a") + encode("PSUBSCRIBE", "a"))
    assert r.feed(encode("PUBLISH", "a", "m") + encode("PING")) == [
        2, message(b"a", b"m"), [b"pmessage", b"a", b"a", b"m"], "PONG"]


def test_pushes_come_although_replies_are_off(r):
    r("HELLO", 3)
    assert r.feed(encode("CLIENT", "REPLY", "OFF") + encode("SUBSCRIBE", "a") + encode("PING")) == [
        [b"subscribe", b"a", 1]]
    assert r.feed(encode("PUBLISH", "a", "m") + encode("PING")) == [message(b"a", b"m")]
    another(r)("PUBLISH", "a", "n")
    assert r.taken() == [message(b"a", b"n")]
    assert r.feed(encode("CLIENT", "REPLY", "ON")) == ["OK"]


def test_a_blocked_subscriber_gets_messages_while_it_waits(r):
    waiter = another(r, 3)
    waiter.feed(encode("SUBSCRIBE", "a"))
    assert waiter.feed(encode("BLPOP", "l", 0)) == []
    r("PUBLISH", "a", "m")
    r("RPUSH", "l", "v")
    assert waiter.taken() == [message(b"a", b"m"), [b"l", b"v"]]


def test_publishing_is_repeated_by_replicas_and_changes_nothing(r):
    r("PUBLISH", "a", "m")
    assert r.propagated == [[b"PUBLISH", b"a", b"m"]]
    r("SPUBLISH", "a", "m")
    assert r.propagated == [[b"SPUBLISH", b"a", b"m"]]
    assert r.effects == []
    assert figures.stats(r.server.core)["dirty"] == 0


# ---------------------------------------------------------------- PUBSUB, INFO, CLIENT LIST

def test_pubsub_tells_what_there_is(r, sub):
    sub.feed(encode("SUBSCRIBE", "a", "ab") + encode("PSUBSCRIBE", "x*", "y") + encode("SSUBSCRIBE", "s"))
    another_one = another(r)
    another_one.feed(encode("SUBSCRIBE", "a") + encode("PSUBSCRIBE", "y"))
    assert sorted(r("PUBSUB", "CHANNELS")) == [b"a", b"ab"]
    assert r("PUBSUB", "CHANNELS", "?") == [b"a"]
    assert r("PUBSUB", "NUMSUB") == []
    assert r("PUBSUB", "NUMSUB", "a", "none", "ab") == [b"a", 2, b"none", 0, b"ab", 1]
    assert r("PUBSUB", "NUMPAT") == 2
    assert r("PUBSUB", "SHARDCHANNELS") == [b"s"]
    assert r("PUBSUB", "SHARDNUMSUB", "s", "a") == [b"s", 1, b"a", 0]
    info = r("INFO", "everything")
    for line in (b"pubsub_channels:2", b"pubsub_patterns:2", b"pubsubshard_channels:1", b"pubsub_clients:2"):
        assert line in info


def test_client_list_shows_subscriptions_and_finds_subscribers(r, sub):
    sub.feed(encode("SUBSCRIBE", "a", "b") + encode("PSUBSCRIBE", "x") + encode("SSUBSCRIBE", "s", "t", "u"))
    lines = r("CLIENT", "LIST", "TYPE", "pubsub").splitlines()
    assert len(lines) == 1
    assert b" flags=P " in lines[0]
    assert b" sub=2 psub=1 ssub=3 " in lines[0]
    assert r("CLIENT", "LIST", "TYPE", "normal").count(b"\n") == 1
    assert r("CLIENT", "KILL", "TYPE", "pubsub") == 1
    assert sub.session.closed


# ---------------------------------------------------------------- memory, and the whole against a model

def test_all_memory_is_given_back(r):
    r("PUBLISH", "warm", "up")
    before = r.session.memory_used
    subs = [another(r) for _ in range(20)]
    for i in range(len(subs)):
        subs[i].feed(encode("SUBSCRIBE", *range(500)) + encode("PSUBSCRIBE", *(f"{i}*" for i in range(500))))
    for i in range(500):
        r("PUBLISH", i, "x" * 5000)
    while subs:
        subs.pop()
    assert figures.subscribed(r.server.core)["channels"] == 0
    assert abs(r.session.memory_used - before) < 20 * 16384      # blocks that the pool keeps


NAMES = st.sampled_from([b"a", b"b", b"ab", b"news.1", b"news.2", b"a-long-name"])
PATTERNS = st.sampled_from([b"*", b"a*", b"a", b"?", b"news.*", b"a-long-n*", b"a-long-name", b"[ab]"])
WHO = st.integers(0, 3)
STEPS = st.lists(st.one_of(
    st.tuples(st.just("SUBSCRIBE"), WHO, NAMES), st.tuples(st.just("UNSUBSCRIBE"), WHO, NAMES),
    st.tuples(st.just("PSUBSCRIBE"), WHO, PATTERNS), st.tuples(st.just("PUNSUBSCRIBE"), WHO, PATTERNS),
    st.tuples(st.just("SSUBSCRIBE"), WHO, NAMES), st.tuples(st.just("SUNSUBSCRIBE"), WHO, NAMES),
    st.tuples(st.just("RESET"), WHO, st.just(b"")), st.tuples(st.just("PUBLISH"), WHO, NAMES),
    st.tuples(st.just("SPUBLISH"), WHO, NAMES)), max_size=60)


def matches(pattern, name):
    import fnmatch
    return fnmatch.fnmatchcase(name.decode(), pattern.decode())


@settings(max_examples=150)
@given(STEPS)
def test_any_sequence_delivers_what_a_plain_model_delivers(steps):
    r = R()
    clients = [another(r, 2 + i % 2) for i in range(4)]
    held = [{"": set(), "P": set(), "S": set()} for _ in clients]
    for word, who, name in steps:
        if word in ("PUBLISH", "SPUBLISH"):
            publish(r, clients, held, word, name)
        elif word == "RESET":
            clients[who].feed(encode("RESET") + (encode("HELLO", 3) if who % 2 else b""))
            held[who] = {"": set(), "P": set(), "S": set()}
        else:
            clients[who].feed(encode(word, name))
            kind = word[0] if word[0] in "PS" and not word.startswith("SUB") else ""
            (set.discard if "UNSUB" in word else set.add)(held[who][kind], name)
        assert r.session.check() == 0


def publish(r, clients, held, word, name):
    """Publishes, and compares what everybody gets with the model."""
    wanted = []
    for mine in held:
        if word == "SPUBLISH":
            wanted.append([[b"smessage", name, b"m"]] if name in mine["S"] else [])
            continue
        wanted.append([message(name, b"m")] if name in mine[""] else [])
        wanted[-1] += sorted([b"pmessage", pattern, name, b"m"] for pattern in mine["P"] if matches(pattern, name))
    assert r(word, name, "m") == sum(map(len, wanted))
    for client, expected in zip(clients, wanted, strict=True):
        assert sorted(client.taken()) == sorted(expected)


def test_too_many_words_are_a_usage_error(r):
    with pytest.raises(ReplyError, match="unknown subcommand or wrong number of arguments for 'CHANNELS'"):
        r("PUBSUB", "CHANNELS", "a", "b")
