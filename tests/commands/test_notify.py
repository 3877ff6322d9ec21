"""Keyspace notifications: which events are published, to which channels, and that they cost nothing unasked."""

import pytest

from tests.session import R, encode


def listener(r, *patterns):
    """A client that subscribed to notifications."""
    client = R(r.server)
    client.feed(encode("PSUBSCRIBE", *(patterns or ["__key*"])))
    return client


def events(client):
    """[(channel, message)] since the last call."""
    return [(channel.decode(), text.decode()) for _, _, channel, text in client.taken()]


def configure(r, classes):
    r("CONFIG", "SET", "notify-keyspace-events", classes)


def test_nothing_is_published_by_default(r):
    heard = listener(r)
    r("SET", "k", "v")
    assert events(heard) == []


def test_k_names_the_key_and_e_the_event_in_the_channel(r):
    heard = listener(r)
    configure(r, "KEA")
    r("SET", "k", "v")
    assert events(heard) == [("__keyspace@0__:k", "set"), ("__keyevent@0__:set", "k")]
    configure(r, "K$")
    r("SET", "k", "v")
    assert events(heard) == [("__keyspace@0__:k", "set")]
    configure(r, "E$")
    r("SET", "k", "v")
    assert events(heard) == [("__keyevent@0__:set", "k")]


@pytest.mark.parametrize("classes", ["A", "K", "E", "KE", "$g"])
def test_it_takes_a_channel_and_a_class(r, classes):
    heard = listener(r)
    configure(r, classes)
    r("SET", "k", "v")
    assert events(heard) == []


@pytest.mark.parametrize("letter, commands, event", [
    ("g", ["SET k v", "DEL k"], "del"), ("$", ["APPEND k v"], "append"), ("l", ["RPUSH k v"], "rpush"),
    ("s", ["SADD k v"], "sadd"), ("h", ["HSET k f v"], "hset"), ("z", ["ZADD k 1 v"], "zadd"),
    ("t", ["XADD k 1-1 f v"], "xadd"), ("n", ["SET k v"], "new"), ("m", ["GET k"], "keymiss")])
def test_each_class_is_chosen_by_its_letter(r, letter, commands, event):
    heard = listener(r)
    configure(r, f"E{letter}")
    for command in commands:
        r(*command.split())
    assert events(heard) == [(f"__keyevent@0__:{event}", "k")]
    configure(r, "EAnm".replace(letter, ""))
    assert r("FLUSHALL") == "OK"
    configure(r, "E" + "".join(other for other in "g$lshzxetnm" if other != letter))
    for command in commands:
        r(*command.split())
    assert (f"__keyevent@0__:{event}", "k") not in events(heard)


def test_a_new_key_is_told_before_what_made_it(r):
    heard = listener(r, "__keyevent*")
    configure(r, "EAn")
    r("SADD", "k", "m")
    r("SADD", "k", "n")
    assert events(heard) == [("__keyevent@0__:new", "k"), ("__keyevent@0__:sadd", "k"), ("__keyevent@0__:sadd", "k")]


def test_an_expired_key_is_told_whoever_finds_it(r):
    heard = listener(r, "__keyevent*")
    configure(r, "Ex")
    r("SET", "a", "v", "PX", 5)
    r("SET", "b", "v", "PX", 5)
    r.advance(ms=10)
    r("GET", "a")
    assert events(heard) == [("__keyevent@0__:expired", "a")]
    r.advance(ms=1000)
    r.cycle()
    assert events(heard) == [("__keyevent@0__:expired", "b")]


def test_channels_name_the_database(r):
    heard = listener(r, "__keyspace*")
    configure(r, "KA")
    r("SELECT", 5)
    r("SET", "k", "v")
    r("MOVE", "k", 7)
    assert events(heard) == [("__keyspace@5__:k", "set"), ("__keyspace@5__:k", "move_from"),
                             ("__keyspace@7__:k", "move_to")]


@pytest.mark.parametrize("key", [b"", b"\0", b"x" * 300, b"a b\r\n"])
def test_any_key_can_be_told_of(r, key):
    heard = listener(r)
    configure(r, "KE$")
    r("SET", key, "v")
    assert heard.taken() == [[b"pmessage", b"__key*", b"__keyspace@0__:" + key, b"set"],
                             [b"pmessage", b"__key*", b"__keyevent@0__:set", key]]


def test_who_made_the_change_hears_of_it_after_the_reply(r):
    r("HELLO", 3)
    configure(r, "EA")
    r.feed(encode("SUBSCRIBE", "__keyevent@0__:set"))
    assert r.feed(encode("SET", "k", "v") + encode("GET", "k")) == [
        "OK", [b"message", b"__keyevent@0__:set", b"k"], b"v"]


def test_a_miss_is_no_change_to_who_waits(r):
    configure(r, "EAm")
    heard, waiter = listener(r), R(r.server)
    assert waiter.feed(encode("BLPOP", "k", 0)) == []
    r("GET", "k")
    assert ("__keyevent@0__:keymiss", "k") in events(heard)
    assert waiter.taken() == []
    r("RPUSH", "k", "v")
    assert waiter.taken() == [[b"k", b"v"]]


def test_new_keys_are_noted_only_while_somebody_could_hear(r):
    configure(r, "KEAnm")
    r("SET", "k", "v")
    assert [event for event, *_ in r.effects] == ["set"]
    heard = listener(r)
    r("SET", "l", "v")
    assert [event for event, *_ in r.effects] == ["new", "set"]
    heard.feed(encode("PUNSUBSCRIBE"))
    r("SET", "m", "v")
    assert [event for event, *_ in r.effects] == ["set"]
