"""What commands did stands in the append-only file as commands, and running these gives the same data."""

import random

import pytest

from tests.grammar import Grammar, commands
from tests.persistence.aof_files import Writing, digest_of, replay
from tests.session import R, encode


@pytest.fixture
def writing(r, tmp_path):
    return Writing(r, tmp_path / "a.aof")


def lines(*commands):
    return b"".join(encode(*command) for command in commands)


def test_a_command_is_repeated_as_it_came_after_a_select(r, writing):
    r.feed(b"set  k 'a b'\r\n")
    assert writing.data() == lines(("SELECT", 0), ("set", "k", "a b"))


def test_the_database_is_selected_only_when_it_changes(r, writing):
    r("SET", "a", 1)
    r("SET", "b", 1)
    r("SELECT", 5)
    r("GET", "a")
    r("SET", "c", 1)
    assert writing.data() == lines(("SELECT", 0), ("SET", "a", 1), ("SET", "b", 1), ("SELECT", 5), ("SET", "c", 1))


def test_what_changes_nothing_is_not_there(r, writing):
    r("GET", "a")
    r("DEL", "a")
    r("PUBLISH", "c", "m")
    r("EXPIRE", "a", 10)
    assert writing.data() == b""


def test_a_transaction_stands_between_multi_and_exec_unless_it_is_one_command(r, writing):
    for words in (("MULTI",), ("SET", "a", 1), ("GET", "a"), ("INCR", "a"), ("EXEC",),
                  ("MULTI",), ("SET", "a", 2), ("EXEC",)):
        r(*words)
    assert writing.data() == lines(("MULTI",), ("SELECT", 0), ("SET", "a", 1), ("INCR", "a"), ("EXEC",),
                                   ("SET", "a", 2))


def test_relative_times_and_chance_are_told_as_what_they_came_to(r, writing):
    r("SET", "a", 1, "EX", 10)
    r("SADD", "s", "only")
    r("SPOP", "s")
    r("SET", "f", "1")
    r("INCRBYFLOAT", "f", "0.5")
    at = r.now_ms + 10_000
    data = writing.data()
    assert lines(("SET", "a", 1, "PXAT", at), ("SADD", "s", "only")) in data
    assert data.endswith(lines(("SET", "f", 1), ("SET", "f", "1.5", "KEEPTTL")))
    assert b"SPOP" not in data


def test_an_expired_key_is_told_as_del_by_whoever_meets_it(r, writing):
    r("SET", "a", 1, "PX", 5)
    r("SET", "b", 1, "PX", 5)
    r.advance(ms=100)
    r("GET", "a")
    r.cycle()
    assert writing.data().endswith(lines(("DEL", "a"), ("DEL", "b")))


def test_a_script_is_told_as_what_it_did(r, writing):
    r("EVAL", "redis.call('SET', 'a', 1) redis.call('GET', 'a') redis.call('INCR', 'a')", 0)
    assert writing.data() == lines(("MULTI",), ("SELECT", 0), ("SET", "a", 1), ("INCR", "a"), ("EXEC",))


def test_annotations_tell_the_time_once_a_second(tmp_path):
    from _pyredis import aof
    r = R()
    writing = Writing(r, tmp_path / "a.aof")
    aof.set_timestamps(r.server.core, True)
    r("SET", "a", 1)
    r("SET", "a", 2)
    r.advance(ms=1500)
    r("SET", "a", 3)
    second = b"#TS:1700000000\r\n"
    assert writing.data() == (second + lines(("SELECT", 0), ("SET", "a", 1), ("SET", "a", 2)) + b"#TS:1700000001\r\n"
                              + lines(("SET", "a", 3)))
    assert replay(writing.path)[1][0] == "done"


@pytest.mark.parametrize("seed", range(12))
def test_running_the_file_gives_the_same_data(tmp_path, seed):
    rng = random.Random(seed)
    grammar = Grammar(rng, commands())
    r = R()
    writing = Writing(r, tmp_path / "a.aof")
    inside = False
    for _ in range(1200):
        if rng.random() < 0.03:
            r.feed(encode("EXEC" if inside else "MULTI"))
            inside = not inside
        leaf, words = grammar.request()
        if not r.session.feed(encode(*words)) and leaf.blocks:
            r.advance(1000)
            r.cycle()
            r.session.take()
        if rng.random() < 0.02:
            r.advance(rng.choice([1, 1000, 10**6]))
            r.cycle()
    r.feed(encode("EXEC"))
    writing.data()
    again, ended = replay(writing.path, r.now_us)
    assert ended[0] == "done"
    assert digest_of(again) == digest_of(r)
    assert again.session.check() == 0
