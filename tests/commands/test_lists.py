"""The list commands: replies, effects, propagation, and that a refused command changes nothing. Each works on a list
in every form; where the forms change is the subject of tests/db/test_list_type.py."""

import pytest

from tests.session import Effect, R, encode, raises_reply

WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX = "ERR syntax error"
NOT_INTEGER = "ERR value is not an integer or out of range"
NOT_POSITIVE = "ERR value is out of range, must be positive"
SYMMETRIC = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
ZERO_RANK = ("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to "
             "start from the end of the list")
TEXT = b"same again " * 8
FORMS = {
    "listpack": {},
    "quicklist": {"list-max-listpack-size": 3},
    "compressed": {"list-max-listpack-size": 2, "list-compress-depth": 1},
}
ABC = [b"a", b"b", b"1", TEXT, b"-70000", b"b", b"c"]


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def r(form):
    return R(**FORMS[form])


def given_list(r, form, elements=ABC, key="k"):
    r("DEL", key)
    r("RPUSH", key, *elements)
    if len(elements) > 3:
        assert r("OBJECT", "ENCODING", key) == (b"listpack" if form == "listpack" else b"quicklist")
    return list(elements)


def whole(r, key="k"):
    return r("LRANGE", key, 0, -1)


def refused(r, error, *command, key="k"):
    """The command fails so, and nothing shows that it was tried."""
    def state():
        return r("TYPE", key), whole(r, key) if r("TYPE", key) == "list" else None, r("DBSIZE")
    before = state()
    with raises_reply(error):
        r(*command)
    assert r.effects == []
    assert r.propagated == []
    assert state() == before


# ---------------------------------------------------------------- pushing

def test_pushing_adds_at_the_head_or_the_tail_and_answers_the_length(r):
    assert r("RPUSH", "k", "a") == 1
    assert r.effects == [Effect("rpush", b"k", 1)]
    assert r("RPUSH", "k", "b", 3, TEXT) == 4
    assert r.effects == [Effect("rpush", b"k", 3)]
    assert r.propagated == [[b"RPUSH", b"k", b"b", b"3", TEXT]]
    assert r("LPUSH", "k", "x", "y") == 6
    assert r.effects == [Effect("lpush", b"k", 2)]
    assert r("LPUSH", "k", 0) == 7
    assert whole(r) == [b"0", b"y", b"x", b"a", b"b", b"3", TEXT]


def test_pushing_if_there_is_a_list_makes_none(r):
    for command in ("LPUSHX", "RPUSHX"):
        assert r(command, "k", "a", "b") == 0
        assert r.effects == [] and r.propagated == []
    assert r("EXISTS", "k") == 0
    r("RPUSH", "k", "m")
    assert r("LPUSHX", "k", "a", "b") == 3
    assert r.effects == [Effect("lpush", b"k", 2)]
    assert r("RPUSHX", "k", "z") == 4
    assert r.effects == [Effect("rpush", b"k", 1)]
    assert whole(r) == [b"b", b"a", b"m", b"z"]


def test_elements_are_what_they_were_whatever_they_look_like(r):
    elements = [b"", b"0", b"-0", b"007", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
                b"1.0", b"\xff\0\r\n", b"x" * 63, b"x" * 64, b"y" * 4095, b"y" * 4096, b"z" * 70_000]
    r("RPUSH", "k", *elements)
    assert whole(r) == elements
    assert [r("LINDEX", "k", i) for i in range(len(elements))] == elements
    assert r("RPOP", "k", 100) == elements[::-1]


# ---------------------------------------------------------------- reading

def test_a_key_that_is_not_there_reads_as_an_empty_list(r):
    assert r("LLEN", "k") == 0
    assert r("LRANGE", "k", 0, -1) == []
    assert r("LINDEX", "k", 0) is None
    assert r("LINDEX", "k", "x") is None
    assert r("LPOS", "k", "a") is None
    assert r("LPOS", "k", "a", "COUNT", 0) == []
    assert r("LREM", "k", 0, "a") == 0
    assert r("LTRIM", "k", 5, 1) == "OK"
    assert r("LINSERT", "k", "BEFORE", "a", "b") == 0
    assert r("DBSIZE") == 0


@pytest.mark.parametrize("start", [0, 1, 3, 6, 7, 100, -1, -3, -7, -8, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("stop", [0, 2, 6, 7, 2**63 - 1, -1, -2, -7, -8, -(2**63)])
def test_a_range_counts_from_either_end_and_includes_both(r, form, start, stop):
    elements = given_list(r, form)
    first = max(0, start + 7) if start < 0 else start
    last = stop + 7 if stop < 0 else stop
    expected = elements[first:last + 1] if last >= 0 else []
    assert r("LRANGE", "k", start, stop) == expected
    assert r.effects == []
    r("LTRIM", "k", start, stop)
    assert whole(r) == expected


def test_an_index_counts_from_either_end(r, form):
    elements = given_list(r, form)
    for i in range(-7, 7):
        assert r("LINDEX", "k", i) == elements[i]
    assert r("LINDEX", "k", 7) is None
    assert r("LINDEX", "k", -8) is None
    assert r("LLEN", "k") == 7


def test_a_long_range_is_sent_whole(r):
    elements = [b"%d" % i if i % 3 else b"e" * (i % 130) for i in range(3000)]
    for at in range(0, 3000, 100):
        r("RPUSH", "k", *elements[at:at + 100])
    assert whole(r) == elements
    assert r("LRANGE", "k", 1234, 2345) == elements[1234:2346]


@pytest.mark.parametrize(("options", "expected"), [
    ([], 1), (["RANK", 1], 1), (["RANK", 2], 5), (["RANK", 3], None), (["RANK", -1], 5), (["RANK", -2], 1),
    (["RANK", -3], None), (["COUNT", 0], [1, 5]), (["COUNT", 1], [1]), (["COUNT", 9], [1, 5]),
    (["RANK", -1, "COUNT", 0], [5, 1]), (["rank", 2, "count", 0], [5]), (["MAXLEN", 1], None), (["MAXLEN", 2], 1),
    (["MAXLEN", 0], 1), (["COUNT", 0, "MAXLEN", 5], [1]), (["RANK", -1, "MAXLEN", 1], None),
    (["RANK", -1, "MAXLEN", 2, "COUNT", 0], [5]), (["RANK", 2**63 - 1], None), (["RANK", -(2**63) + 1], None),
    (["RANK", 2, "RANK", 1], 1),
])
def test_lpos_tells_where_a_value_stands(r, form, options, expected):
    given_list(r, form)
    assert r("LPOS", "k", "b", *options) == expected
    assert r("LPOS", "k", "-70000") == 4
    assert r("LPOS", "k", TEXT) == 3
    assert r("LPOS", "k", "absent", "COUNT", 0) == []


# ---------------------------------------------------------------- popping

def test_popping_takes_from_the_head_or_the_tail(r, form):
    elements = given_list(r, form)
    assert r("LPOP", "k") == elements.pop(0)
    assert r.effects == [Effect("lpop", b"k", 1)]
    assert r.propagated == [[b"LPOP", b"k"]]
    assert r("RPOP", "k") == elements.pop()
    assert r.effects == [Effect("rpop", b"k", 1)]
    assert r("LPOP", "k", 2) == elements[:2]
    assert r.effects == [Effect("lpop", b"k", 2)]
    assert r.propagated == [[b"LPOP", b"k", b"2"]]
    assert r("RPOP", "k", 2) == elements[:2:-1]
    assert r("RPOP", "k", 0) == []
    assert r.effects == [] and r.propagated == []
    assert whole(r) == elements[2:-2]


@pytest.mark.parametrize("command", ["LPOP", "RPOP"])
def test_a_list_without_elements_is_no_key(r, form, command):
    elements = given_list(r, form)
    assert r(command, "k", 100) == (elements if command == "LPOP" else elements[::-1])
    assert r.effects == [Effect(command.lower(), b"k", 7), Effect("del", b"k", 0)]
    assert r("EXISTS", "k") == 0
    assert r(command, "k") is None
    assert r.raw(command, "k") == b"$-1\r\n"
    assert r.raw(command, "k", 1) == r.raw(command, "k", 0) == b"*-1\r\n"
    r("HELLO", 3)
    assert r.raw(command, "k") == r.raw(command, "k", 1) == b"_\r\n"


@pytest.mark.parametrize("count", ["-1", "x", "", "9223372036854775808", "1.0"])
def test_a_count_of_elements_to_pop_is_a_number_from_0(r, form, count):
    given_list(r, form)
    refused(r, NOT_POSITIVE, "LPOP", "k", count)
    refused(r, NOT_POSITIVE, "RPOP", "none", count)
    refused(r, "ERR wrong number of arguments for 'lpop' command", "LPOP", "k", 1, 2)


def test_lmpop_pops_from_the_first_list_that_there_is(r, form):
    elements = given_list(r, form)
    assert r("LMPOP", 2, "none", "k", "LEFT") == [b"k", elements[:1]]
    assert r.effects == [Effect("lpop", b"k", 1)]
    assert r.propagated == [[b"LPOP", b"k", b"1"]]
    assert r("LMPOP", 3, "k", "k", "none", "right", "count", 2) == [b"k", [b"c", b"b"]]
    assert r.propagated == [[b"RPOP", b"k", b"2"]]
    assert r("LMPOP", 1, "k", "RIGHT", "COUNT", 10) == [b"k", elements[4:0:-1]]
    assert r.effects == [Effect("rpop", b"k", 4), Effect("del", b"k", 0)]
    assert r.propagated == [[b"RPOP", b"k", b"4"]]
    assert r("LMPOP", 1, "k", "LEFT") is None
    assert r.raw("LMPOP", 1, "k", "LEFT") == b"*-1\r\n"


@pytest.mark.parametrize(("words", "error"), [
    ([0, "k", "LEFT"], "ERR numkeys should be greater than 0"),
    (["x", "k", "LEFT"], "ERR numkeys should be greater than 0"),
    ([2, "k", "LEFT"], SYNTAX), ([2**63 - 1, "k", "LEFT"], SYNTAX), ([1, "k", "MIDDLE"], SYNTAX),
    ([1, "k", "LEFT", "COUNT", 0], "ERR count should be greater than 0"),
    ([1, "k", "LEFT", "COUNT", "x"], "ERR count should be greater than 0"),
    ([1, "k", "LEFT", "COUNT"], SYNTAX), ([1, "k", "LEFT", "COUNT", 1, "COUNT", 1], SYNTAX),
    ([1, "k", "LEFT", "LIMIT", 1], SYNTAX),
])
def test_lmpop_refuses_what_it_cannot_read(r, form, words, error):
    given_list(r, form)
    refused(r, error, "LMPOP", *words)


# ---------------------------------------------------------------- moving

@pytest.mark.parametrize("source", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("target", ["LEFT", "RIGHT"])
def test_lmove_moves_an_element_between_any_two_ends(r, form, source, target):
    elements = given_list(r, form)
    others = given_list(r, form, [b"x", b"y", b"z", b"5"], "other")
    for _ in range(3):
        moved = elements.pop(0 if source == "LEFT" else -1)
        others.insert(0 if target == "LEFT" else len(others), moved)
        assert r("LMOVE", "k", "other", source, target.lower()) == moved
        assert r.effects == [Effect("lpush" if target == "LEFT" else "rpush", b"other", 0),
                             Effect("lpop" if source == "LEFT" else "rpop", b"k", 1)]
        assert r.propagated == [[b"LMOVE", b"k", b"other", source.encode(), target.lower().encode()]]
    assert (whole(r), whole(r, "other")) == (elements, others)


@pytest.mark.parametrize("source", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("target", ["LEFT", "RIGHT"])
def test_lmove_within_a_list_turns_it(r, form, source, target):
    for elements in (ABC, [TEXT], [b"12"]):
        elements = given_list(r, form, elements)
        for _ in range(3):
            moved = elements.pop(0 if source == "LEFT" else -1)
            elements.insert(0 if target == "LEFT" else len(elements), moved)
            assert r("LMOVE", "k", "k", source, target) == moved
            assert whole(r) == elements


def test_rpoplpush_moves_from_the_tail_to_the_head(r, form):
    given_list(r, form)
    assert r("RPOPLPUSH", "k", "new") == b"c"
    assert r.effects == [Effect("lpush", b"new", 0), Effect("rpop", b"k", 1)]
    assert r.propagated == [[b"RPOPLPUSH", b"k", b"new"]]
    for _ in range(6):
        r("RPOPLPUSH", "k", "new")
    assert r.effects == [Effect("lpush", b"new", 0), Effect("rpop", b"k", 1), Effect("del", b"k", 0)]
    assert whole(r, "new") == ABC
    assert r("RPOPLPUSH", "k", "new") is None
    assert r("LMOVE", "k", "new", "LEFT", "LEFT") is None
    assert r.effects == []


def test_a_move_is_refused_before_anything_is_moved(r, form):
    given_list(r, form)
    r("SET", "s", "v")
    refused(r, WRONG, "LMOVE", "k", "s", "LEFT", "LEFT")
    refused(r, WRONG, "RPOPLPUSH", "s", "k")
    refused(r, SYNTAX, "LMOVE", "k", "new", "LEFT", "UP")
    refused(r, SYNTAX, "LMOVE", "s", "new", "x", "LEFT")
    assert r("LMOVE", "none", "s", "LEFT", "LEFT") is None


# ---------------------------------------------------------------- changing in between

def test_lset_replaces_the_element_at_an_index(r, form):
    elements = given_list(r, form)
    for index, value in [(0, b"first"), (-1, b"9"), (3, TEXT * 2), (3, b"3"), (-7, b""), (2, b"b" * 9000), (2, b"c")]:
        assert r("LSET", "k", index, value) == "OK"
        assert r.effects == [Effect("lset", b"k", 1)]
        elements[index] = value
        assert whole(r) == elements
    refused(r, "ERR index out of range", "LSET", "k", 7, "v")
    refused(r, "ERR index out of range", "LSET", "k", -8, "v")
    refused(r, NOT_INTEGER, "LSET", "k", "x", "v")
    refused(r, "ERR no such key", "LSET", "none", "x", "v")


def test_linsert_puts_a_value_beside_the_first_that_is_the_pivot(r, form):
    elements = given_list(r, form)
    large = b"l" * 9000
    for where, pivot, value in [("BEFORE", b"b", b"x"), ("after", b"b", b"y"), ("BEFORE", b"a", b"0"),
                                ("AFTER", b"c", b"z"), ("AFTER", TEXT, TEXT), ("BEFORE", b"-70000", large),
                                ("AFTER", large, b"m")]:
        elements.insert(elements.index(pivot) + (where.upper() == "AFTER"), value)
        assert r("LINSERT", "k", where, pivot, value) == len(elements)
        assert r.effects == [Effect("linsert", b"k", 1)]
        assert whole(r) == elements
    assert r("LINSERT", "k", "BEFORE", "absent", "v") == -1
    assert r.effects == [] and r.propagated == []
    refused(r, SYNTAX, "LINSERT", "k", "BESIDE", "a", "b")
    refused(r, SYNTAX, "LINSERT", "none", "BESIDE", "a", "b")


@pytest.mark.parametrize(("count", "left"), [
    (0, "xyz"), (1, "xbybzb"), (2, "xybzb"), (-1, "bxbybz"), (-2, "bxbyz"), (9, "xyz"), (-9, "xyz"),
    (2**63 - 1, "xyz"), (-(2**63) + 1, "xyz"),
])
def test_lrem_removes_as_many_as_asked_from_either_end(r, form, count, left):
    for pivot in (b"b", b"17", TEXT):
        given_list(r, form, [pivot if c == "b" else c.encode() for c in "bxbybzb"])
        assert r("LREM", "k", count, pivot) == 7 - len(left)
        assert r.effects == [Effect("lrem", b"k", 7 - len(left))]
        assert whole(r) == [pivot if c == "b" else c.encode() for c in left]
    assert r("LREM", "k", count, "absent") == 0
    assert r.effects == [] and r.propagated == []


def test_lrem_of_all_elements_deletes_the_key(r, form):
    given_list(r, form, [b"a"] * 20)
    assert r("LREM", "k", -20, "a") == 20
    assert r.effects == [Effect("lrem", b"k", 20), Effect("del", b"k", 0)]
    assert r("EXISTS", "k") == 0


def test_lrem_refuses_a_count_without_a_negative(r, form):
    given_list(r, form)
    refused(r, SYMMETRIC, "LREM", "k", -(2**63), "a")
    refused(r, NOT_INTEGER, "LREM", "none", "x", "a")


def test_ltrim_tells_how_much_it_removed_and_deletes_an_empty_list(r, form):
    given_list(r, form)
    assert r("LTRIM", "k", 0, -1) == "OK"
    assert r.effects == [Effect("ltrim", b"k", 0)]
    assert r("LTRIM", "k", 1, -3) == "OK"
    assert r.effects == [Effect("ltrim", b"k", 3)]
    assert r.propagated == [[b"LTRIM", b"k", b"1", b"-3"]]
    assert r("LTRIM", "k", 3, 1) == "OK"
    assert r.effects == [Effect("ltrim", b"k", 4), Effect("del", b"k", 0)]
    assert r("EXISTS", "k") == 0
    for words in (["x", 0], [0, "x"]):
        refused(r, NOT_INTEGER, "LTRIM", "none", *words)


@pytest.mark.parametrize(("words", "error"), [
    (["RANK"], SYNTAX), (["RANK", 0], ZERO_RANK), (["RANK", "x"], NOT_INTEGER), (["RANK", -(2**63)], SYMMETRIC),
    (["COUNT", -1], "ERR COUNT can't be negative"), (["COUNT", "x"], "ERR COUNT can't be negative"),
    (["MAXLEN", -1], "ERR MAXLEN can't be negative"), (["LIMIT", 1], SYNTAX), (["COUNT", 1, "RANK"], SYNTAX),
])
def test_lpos_refuses_what_it_cannot_read(r, words, error):
    refused(r, error, "LPOS", "k", "a", *words)


# ---------------------------------------------------------------- other types, other commands

@pytest.mark.parametrize("command", [
    ["LPUSH", "k", "a"], ["RPUSH", "k", "a"], ["LPUSHX", "k", "a"], ["RPUSHX", "k", "a"], ["LPOP", "k"],
    ["RPOP", "k", 0], ["LLEN", "k"], ["LRANGE", "k", 0, 1], ["LINDEX", "k", "x"], ["LSET", "k", "x", "v"],
    ["LINSERT", "k", "AFTER", "a", "b"],
    ["LREM", "k", 0, "a"], ["LTRIM", "k", 0, 1], ["LPOS", "k", "a"], ["LMOVE", "k", "o", "LEFT", "LEFT"],
    ["RPOPLPUSH", "k", "o"], ["LMPOP", 2, "none", "k", "LEFT"], ["BLPOP", "none", "k", 1], ["BRPOP", "k", 1],
    ["BLMOVE", "k", "o", "LEFT", "LEFT", 1], ["BRPOPLPUSH", "k", "o", 1], ["BLMPOP", 1, 2, "none", "k", "LEFT"],
])
def test_list_commands_refuse_another_type(r, command):
    r("SET", "k", "string")
    refused(r, WRONG, *command)


def test_the_bytes_of_a_range_are_the_same_in_both_protocols(r, form):
    given_list(r, form, [b"a", b"12", b"-3", b"x" * 70])
    expected = b"*4\r\n$1\r\na\r\n$2\r\n12\r\n$2\r\n-3\r\n$70\r\n" + b"x" * 70 + b"\r\n"
    assert r.raw("LRANGE", "k", 0, -1) == expected
    r("HELLO", 3)
    assert r.raw("LRANGE", "k", 0, -1) == expected
    assert r.raw("LINDEX", "k", 9) == b"_\r\n"


def test_copy_rename_and_expiry_keep_a_list_whole(r, form):
    elements = given_list(r, form)
    encoding = r("OBJECT", "ENCODING", "k")
    r("COPY", "k", "copy")
    r("RENAME", "k", "other")
    r("EXPIRE", "other", 100)
    for key in ("copy", "other"):
        assert whole(r, key) == elements
        assert r("OBJECT", "ENCODING", key) == encoding
    r("RPUSH", "copy", "more")
    assert whole(r, "other") == elements
    assert r("TTL", "other") == 100
    assert r("MEMORY", "USAGE", "other") > 50
    r("SET", "other", "a string again")
    assert r("TYPE", "other") == "string"


def test_a_pipeline_of_pushes_and_pops_keeps_its_order(r):
    requests = [("RPUSH", "k", i) for i in range(50)] + [("LPOP", "k")] * 50
    replies = r.feed(b"".join(encode(*words) for words in requests))
    assert replies == [*range(1, 51), *(b"%d" % i for i in range(50))]


def test_the_limits_can_be_changed_while_there_are_lists(r):
    r("RPUSH", "k", *range(20))
    r("CONFIG", "SET", "list-max-listpack-size", 5, "list-compress-depth", 0)
    assert r("RPUSH", "k", 20) == 21
    assert r("OBJECT", "ENCODING", "k") == b"quicklist"
    r("LTRIM", "k", -1, -1)
    assert whole(r) == [b"20"]
    assert r("OBJECT", "ENCODING", "k") == b"listpack"


def test_debug_gives_elements_from_a_size_on_nodes_of_their_own():
    r = R(**{"enable-debug-command": "yes"})
    assert r("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "10b") == "OK"
    r("RPUSH", "k", "x" * 5000, "y" * 5000)
    r("LTRIM", "k", 0, 0)
    assert r("OBJECT", "ENCODING", "k") == b"quicklist"         # of one plain node, which is no listpack
    for size in ("4gb", "x", "-1", "4293918721"):
        with raises_reply("ERR argument must be a memory value bigger than 1 and smaller than 4gb"):
            r("DEBUG", "QUICKLIST-PACKED-THRESHOLD", size)
