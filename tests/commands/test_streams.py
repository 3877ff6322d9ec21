"""XADD, XLEN, XRANGE, XREVRANGE, XDEL, XTRIM, XSETID. Texts and counts are those of Redis 8, asked for them."""

import pytest

from tests.session import Effect, R, raises_reply

MAX = 2 ** 64 - 1
TOP = f"{MAX}-{MAX}"


def given(r, key, *ids):
    """A stream with these IDs, and in each entry its own number."""
    for n, name in enumerate(ids):
        r("XADD", key, name, "n", n)
    return key


def ids(r, key, first="-", last="+", *words):
    return [entry[0].decode() for entry in r("XRANGE", key, first, last, *words)]


def test_an_entry_gets_the_time_as_its_id(r):
    assert r("XADD", "s", "*", "field", "value") == b"%d-0" % r.now_ms
    assert r.effects == [Effect("xadd", b"s", 1)]
    assert r.propagated == [[b"XADD", b"s", b"%d-0" % r.now_ms, b"field", b"value"]]
    assert r("XADD", "s", "*", "field", "value") == b"%d-1" % r.now_ms
    r.advance(ms=5)
    assert r("XADD", "s", "*", "field", "value") == b"%d-0" % r.now_ms
    assert r("XLEN", "s") == 3
    assert r("TYPE", "s") == "stream"
    assert r("OBJECT", "ENCODING", "s") == b"stream"


def test_the_time_never_goes_back(r):
    far = r.now_ms + 10 ** 9
    r("XADD", "s", f"{far}-{MAX}", "a", "b")
    assert r("XADD", "s", "*", "a", "b") == b"%d-0" % (far + 1)


@pytest.mark.parametrize(("before", "asked", "given_id"), [
    ([], "0-*", "0-1"), ([], "5-*", "5-0"), (["5-7"], "5-*", "5-8"), (["5-7"], "6-*", "6-0"), ([], "7", "7-0"),
    ([], "+7", "7-0"), ([], "007-09", "7-9"), ([], TOP, TOP)])
def test_an_id_may_be_given_whole_or_in_part(r, before, asked, given_id):
    given(r, "s", *before)
    assert r("XADD", "s", asked, "a", "b").decode() == given_id
    assert ids(r, "s")[-1] == given_id
    assert r.propagated == []
    expected = asked if "*" not in asked else given_id
    r("DEL", "s")
    given(r, "s", *before)
    r("XADD", "s", asked, "a", "b")
    assert r.propagated == [[b"XADD", b"s", expected.encode(), b"a", b"b"]]


SMALLER = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
INVALID = "ERR Invalid stream ID specified as stream command argument"


@pytest.mark.parametrize(("words", "error"), [
    (["5-6", "a", "b"], SMALLER), (["5-7", "a", "b"], SMALLER), (["4-*", "a", "b"], SMALLER),
    (["0-0", "a", "b"], "ERR The ID specified in XADD must be greater than 0-0"),
    (["x", "a", "b"], INVALID), (["1-x", "a", "b"], INVALID), (["-", "a", "b"], INVALID), (["", "a", "b"], INVALID),
    (["1-1-1", "a", "b"], INVALID), ([f"{MAX + 1}", "a", "b"], INVALID), (["*-1", "a", "b"], INVALID),
    (["MAXLEN", "x", "*", "a", "b"], "ERR value is not an integer or out of range"),
    (["MAXLEN", "-1", "*", "a", "b"], "ERR The MAXLEN argument must be >= 0."),
    (["MAXLEN", "~", "5", "LIMIT", "-1", "*", "a", "b"], "ERR The LIMIT argument must be >= 0."),
    (["MAXLEN", "5", "LIMIT", "1", "*", "a", "b"],
     "ERR syntax error, LIMIT cannot be used without the special ~ option"),
    (["LIMIT", "1", "*", "a", "b"],
     "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"),
    (["MAXLEN", "1", "MINID", "1", "*", "a", "b"],
     "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"),
    (["*", "a", "b", "c"], "ERR wrong number of arguments for 'xadd' command"),
    (["NOMKSTREAM", "*", "a"], "ERR wrong number of arguments for 'xadd' command")])
def test_what_cannot_be_added_changes_nothing(r, words, error):
    given(r, "s", "5-7")
    with raises_reply(error):
        r("XADD", "s", *words)
    assert r.effects == []
    assert ids(r, "s") == ["5-7"]
    with raises_reply("ERR"):
        r("XADD", "new", "0-0", "a", "b")
    assert r("EXISTS", "new") == 0


def test_behind_the_last_id_there_is_no_other(r):
    given(r, "s", TOP)
    for asked in ["*", f"{MAX}-*", TOP]:
        with raises_reply("ERR The stream has exhausted the last possible ID, unable to add more items"):
            r("XADD", "s", asked, "a", "b")


def test_nomkstream_makes_no_key(r):
    assert r("XADD", "s", "NOMKSTREAM", "*", "a", "b") is None
    assert r("EXISTS", "s") == 0
    given(r, "s", "1-1")
    assert r("XADD", "s", "nomkstream", "2-1", "a", "b") == b"2-1"


def test_another_type_is_refused(r):
    r("SET", "k", "v")
    for words in (["XADD", "k", "*", "a", "b"], ["XLEN", "k"], ["XRANGE", "k", "-", "+"], ["XDEL", "k", "1-1"],
                  ["XTRIM", "k", "MAXLEN", "0"], ["XSETID", "k", "1-1"], ["XREVRANGE", "k", "+", "-"]):
        with raises_reply("WRONGTYPE"):
            r(*words)


def test_entries_keep_their_fields_in_order_and_with_all_their_bytes(r):
    first = ["a", "1", "b", b"\0\r\n", "a", "", "long", "x" * 5000]
    r("XADD", "s", "1-1", *first)
    r("XADD", "s", "1-2", *["a", "-5", "b", "99999999999", "a", "007", "long", "y"])      # the same names
    r("XADD", "s", "1-3", *["A", "1"])                                                    # others
    entries = r("XRANGE", "s", "-", "+")
    assert entries[0] == [b"1-1", [w if isinstance(w, bytes) else w.encode() for w in first]]
    assert entries[1] == [b"1-2", [b"a", b"-5", b"b", b"99999999999", b"a", b"007", b"long", b"y"]]
    assert entries[2] == [b"1-3", [b"A", b"1"]]
    assert r("XREVRANGE", "s", "+", "-") == entries[::-1]


@pytest.mark.parametrize(("first", "last", "expected"), [
    ("-", "+", ["1-1", "1-2", "2-0", "3-5"]), ("1", "1", ["1-1", "1-2"]), ("(1-1", "+", ["1-2", "2-0", "3-5"]),
    ("1-2", "(3-5", ["1-2", "2-0"]), ("(1", "2", ["1-1", "1-2", "2-0"]), ("4", "+", []), ("+", "-", []),
    ("2-0", "2-0", ["2-0"]), ("0", "0-99", []), ("2", "(2-0", [])])
def test_a_range_has_both_its_ends_or_leaves_them_out(r, first, last, expected):
    given(r, "s", "1-1", "1-2", "2-0", "3-5")
    assert ids(r, "s", first, last) == expected
    assert [entry[0].decode() for entry in r("XREVRANGE", "s", last, first)] == expected[::-1]


def test_count_limits_a_range(r):
    given(r, "s", "1-1", "1-2", "2-0", "3-5")
    assert ids(r, "s", "-", "+", "COUNT", 2) == ["1-1", "1-2"]
    assert ids(r, "s", "-", "+", "count", 2, "COUNT", 1) == ["1-1"]
    assert r("XRANGE", "s", "-", "+", "COUNT", 0) is None
    assert r("XRANGE", "s", "-", "+", "COUNT", -5) is None
    assert r("XRANGE", "none", "-", "+", "COUNT", 0) == []
    with raises_reply("ERR syntax error"):
        r("XRANGE", "s", "-", "+", "COUNT")


@pytest.mark.parametrize(("words", "error"), [
    (["(-", "+"], INVALID), (["(", "+"], INVALID), (["x", "+"], INVALID), (["-", "(+"], INVALID),
    ([f"({TOP}", "+"], "ERR invalid start ID for the interval"),
    (["-", "(0-0"], "ERR invalid end ID for the interval")])
def test_ends_of_a_range_must_be_ids(r, words, error):
    with raises_reply(error):
        r("XRANGE", "s", *words)


# ---------------------------------------------------------------- deleting

def test_xdel_deletes_by_id_and_keeps_the_empty_stream(r):
    given(r, "s", "1-1", "1-2", "2-0")
    assert r("XDEL", "s", "1-1", "1-1", "9-9", "2") == 2
    assert r.effects == [Effect("xdel", b"s", 2)]
    assert ids(r, "s") == ["1-2"]
    assert r("XDEL", "s", "1-2") == 1
    assert r("XLEN", "s") == 0
    assert r("XRANGE", "s", "-", "+") == []
    assert r("EXISTS", "s") == 1
    with raises_reply(SMALLER):
        r("XADD", "s", "2-0", "a", "b")
    assert r("XDEL", "s", "1-2") == 0
    assert r.effects == []
    assert r("XDEL", "none", "x") == 0


def test_xdel_reads_all_ids_before_it_deletes_one(r):
    given(r, "s", "1-1", "1-2")
    with raises_reply(INVALID):
        r("XDEL", "s", "1-1", "x")
    assert r("XLEN", "s") == 2


def test_an_exact_trim_keeps_the_newest(r):
    given(r, "s", *(f"{n}-0" for n in range(1, 11)))
    assert r("XTRIM", "s", "MAXLEN", 7) == 3
    assert r.effects == [Effect("xtrim", b"s", 3)]
    assert r.propagated == [[b"XTRIM", b"s", b"MAXLEN", b"7"]]
    assert ids(r, "s")[0] == "4-0"
    assert r("XTRIM", "s", "MINID", "=", "6") == 2
    assert ids(r, "s")[0] == "6-0"
    assert r("XTRIM", "s", "MINID", "6") == 0
    assert r.effects == []
    assert r("XTRIM", "s", "MAXLEN", 0) == 5
    assert r("EXISTS", "s") == 1
    assert r("XTRIM", "none", "MAXLEN", 0) == 0


def trimmable(**config):
    r = R(**{"stream-node-max-entries": 10, **config})
    given(r, "s", *(f"{n}-0" for n in range(1, 96)))
    return r


def test_a_rough_trim_takes_whole_nodes_and_is_told_exactly():
    r = trimmable()
    assert r("XTRIM", "s", "MAXLEN", "~", 72) == 20
    assert r.propagated == [[b"XTRIM", b"s", b"MAXLEN", b"=", b"75"]]
    assert r("XTRIM", "s", "MINID", "~", "45-0") == 20
    assert r.propagated == [[b"XTRIM", b"s", b"MINID", b"=", b"41-0"]]
    assert r("XTRIM", "s", "MINID", "~", "45-0") == 0
    assert ids(r, "s")[0] == "41-0"


def test_limit_bounds_what_a_rough_trim_deletes():
    r = trimmable()
    assert r("XTRIM", "s", "MAXLEN", "~", 0, "LIMIT", 25) == 20
    assert r("XTRIM", "s", "MAXLEN", "~", 0, "LIMIT", 0) == 75
    r = trimmable()
    assert r("XTRIM", "s", "MAXLEN", "~", 0, "LIMIT", 5) == 0


def test_adding_may_trim():
    r = trimmable()
    assert r("XADD", "s", "MAXLEN", "~", 72, "200-*", "a", "b") == b"200-0"
    assert r.effects == [Effect("xadd", b"s", 1), Effect("xtrim", b"s", 0)]
    assert r.propagated == [[b"XADD", b"s", b"MAXLEN", b"=", b"76", b"200-0", b"a", b"b"]]
    assert r("XADD", "s", "MINID", "190", "201-0", "a", "b") == b"201-0"
    assert ids(r, "s") == ["200-0", "201-0"]
    assert r("XADD", "s", "MAXLEN", "0", "202-0", "a", "b") == b"202-0"
    assert r("XLEN", "s") == 0


@pytest.mark.parametrize(("words", "error"), [
    (["FOO", "5"], "ERR syntax error"), (["MAXLEN", "~"], "ERR value is not"),
    (["LIMIT", "5"], "ERR syntax error, LIMIT cannot be used without specifying"),
    (["LIMIT", "0"], "ERR syntax error, XTRIM must be called with a trimming strategy"),
    (["MINID", "x"], INVALID), (["MAXLEN", "5", "*"], "ERR syntax error")])
def test_trimming_needs_a_strategy(r, words, error):
    with raises_reply(error):
        r("XTRIM", "s", *words)


@pytest.mark.parametrize("config", [{"stream-node-max-entries": 3}, {"stream-node-max-entries": 0},
                                    {"stream-node-max-bytes": 40}, {"stream-node-max-bytes": 0}])
def test_entries_are_the_same_whatever_the_nodes_hold(config):
    r = R(**config)
    for n in range(300):
        r("XADD", "s", f"{n // 7}-{n % 7 + 1}", "n", n, *(["m", "x" * (n % 90)] if n % 5 else []))
    assert [entry[1][1] for entry in r("XRANGE", "s", "-", "+")] == [b"%d" % n for n in range(300)]
    for n in range(0, 300, 3):
        assert r("XDEL", "s", f"{n // 7}-{n % 7 + 1}") == 1
    left = [n for n in range(300) if n % 3]
    assert [entry[1][1] for entry in r("XREVRANGE", "s", "+", "-")] == [b"%d" % n for n in left[::-1]]
    assert r("XTRIM", "s", "MAXLEN", 57) == len(left) - 57
    assert [entry[1][1] for entry in r("XRANGE", "s", "-", "+")] == [b"%d" % n for n in left[-57:]]


# ---------------------------------------------------------------- the last ID

def test_xsetid_moves_the_last_id(r):
    given(r, "s", "5-0")
    assert r("XSETID", "s", "100-5") == "OK"
    assert r.effects == [Effect("xsetid", b"s", 1)]
    assert r("XADD", "s", "100-*", "a", "b") == b"100-6"


@pytest.mark.parametrize(("words", "error"), [
    (["1-1"], "ERR The ID specified in XSETID is smaller than the target stream top item"),
    (["x"], INVALID), (["9-9", "FOO"], "ERR syntax error"), (["9-9", "ENTRIESADDED"], "ERR syntax error"),
    (["9-9", "ENTRIESADDED", "-1"], "ERR entries_added must be positive"),
    (["9-9", "ENTRIESADDED", "0"],
     "ERR The entries_added specified in XSETID is smaller than the target stream length"),
    (["9-9", "MAXDELETEDID", "9-10"],
     "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")])
def test_xsetid_refuses_what_would_break_the_order(r, words, error):
    given(r, "s", "5-0")
    with raises_reply(error):
        r("XSETID", "s", *words)
    assert r.effects == []
    with raises_reply("ERR no such key"):
        r("XSETID", "none", "1-1")


def test_a_deleted_id_stays_below_the_last_one(r):
    given(r, "s", "5-0", "6-0")
    r("XDEL", "s", "6-0")
    with raises_reply("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"):
        r("XSETID", "s", "5-5")


# ---------------------------------------------------------------- as a value

def test_a_copy_is_independent(r):
    given(r, "s", *(f"{n}-0" for n in range(1, 250)))
    r("XDEL", "s", "3-0")
    assert r("COPY", "s", "t") == 1
    assert r("XRANGE", "s", "-", "+") == r("XRANGE", "t", "-", "+")
    r("XADD", "t", "999-0", "a", "b")
    r("XTRIM", "s", "MAXLEN", 0)
    assert (r("XLEN", "s"), r("XLEN", "t")) == (0, 249)


def test_a_large_stream_is_freed_in_steps():
    r = R(**{"stream-node-max-entries": 1})
    for _ in range(2):                              # the second time all that is made only once is there
        before = r.session.memory_used
        given(r, "s", *(f"{n}-0" for n in range(1, 3000)))
        assert r("MEMORY", "USAGE", "s") > 3000 * 20
        assert r("UNLINK", "s") == 1
        assert r.session.memory_used > before + 50_000
        for _ in range(100):
            r.cycle()
    assert r.session.memory_used < before + 1000


def test_streams_are_found_by_their_type(r):
    given(r, "s", "1-1")
    r("SET", "k", "v")
    assert r("SCAN", 0, "TYPE", "stream") == [b"0", [b"s"]]
