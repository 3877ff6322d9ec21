"""The reply buffer: what is appended comes out, in both protocols, whatever the blocks."""

import math

import pytest
from _pyredis.wire.testing import BLOCK_SIZE, Reply
from hypothesis import given
from hypothesis import strategies as st

from tests.session import Replies, ReplyError, Status

FORMS = [
    ("ok", [], b"+OK\r\n", b"+OK\r\n"),
    ("simple", [b"PONG"], b"+PONG\r\n", b"+PONG\r\n"),
    ("error", [b"ERR a\r\nb"], b"-ERR a  b\r\n", b"-ERR a  b\r\n"),
    ("integer", [-5], b":-5\r\n", b":-5\r\n"),
    ("integer", [-1 << 63], b":-9223372036854775808\r\n", b":-9223372036854775808\r\n"),
    ("bulk", [b"a\0b"], b"$3\r\na\0b\r\n", b"$3\r\na\0b\r\n"),
    ("bulk", [b""], b"$0\r\n\r\n", b"$0\r\n\r\n"),
    ("text", [b"abc"], b"$3\r\nabc\r\n", b"$3\r\nabc\r\n"),
    ("bulk_int", [-12], b"$3\r\n-12\r\n", b"$3\r\n-12\r\n"),
    ("null", [], b"$-1\r\n", b"_\r\n"),
    ("null_array", [], b"*-1\r\n", b"_\r\n"),
    ("array", [12], b"*12\r\n", b"*12\r\n"),
    ("map", [7], b"*14\r\n", b"%7\r\n"),
    ("set", [3], b"*3\r\n", b"~3\r\n"),
    ("push", [2], b"*2\r\n", b">2\r\n"),
    ("boolean", [True], b":1\r\n", b"#t\r\n"),
    ("boolean", [False], b":0\r\n", b"#f\r\n"),
    ("double", [1.5], b"$3\r\n1.5\r\n", b",1.5\r\n"),
    ("double", [math.inf], b"$3\r\ninf\r\n", b",inf\r\n"),
    ("double", [-math.inf], b"$4\r\n-inf\r\n", b",-inf\r\n"),
    ("big_number", [b"1234567890123456789"], b"$19\r\n1234567890123456789\r\n", b"(1234567890123456789\r\n"),
    ("verbatim", [b"txt", b"hello"], b"$5\r\nhello\r\n", b"=9\r\ntxt:hello\r\n"),
]


@pytest.mark.parametrize(("method", "args", "two", "three"), FORMS)
def test_each_form_in_both_protocols(method, args, two, three):
    for proto, expected in ((2, two), (3, three)):
        reply = Reply(proto)
        getattr(reply, method)(*args)
        assert reply.pending == len(expected)
        assert reply.take_all() == expected
        assert (reply.pending, reply.memory) == (0, 0)


VALUES = st.recursive(
    st.none() | st.integers(-1 << 63, (1 << 63) - 1) | st.binary(max_size=60) | st.booleans()
    | st.floats(allow_nan=False) | st.integers(0, 40_000).map(lambda n: b"x" * n),
    lambda inner: st.lists(inner, max_size=6), max_leaves=40)


def write(reply, value, deferred):
    if value is None:
        reply.null()
    elif isinstance(value, bool):
        reply.boolean(value)
    elif isinstance(value, int):
        reply.integer(value)
    elif isinstance(value, float):
        reply.double(value)
    elif isinstance(value, bytes):
        reply.bulk(value)
    else:
        mark = reply.begin(b"*") if deferred else reply.array(len(value))
        for item in value:
            write(reply, item, deferred)
        if deferred:
            reply.end(mark, len(value))


@given(st.lists(VALUES, max_size=4), st.booleans())
def test_any_value_comes_out_as_it_went_in(values, deferred):
    reply = Reply(3)
    for value in values:
        write(reply, value, deferred)
    pending = reply.pending
    data = reply.take_all()
    assert len(data) == pending
    assert Replies(data).all() == values


@pytest.mark.parametrize("before", [0, 1, BLOCK_SIZE - 100, BLOCK_SIZE - 48, BLOCK_SIZE - 25, BLOCK_SIZE - 1])
@pytest.mark.parametrize("items", [0, 1, 9, 10, 5000])
@pytest.mark.parametrize(("kind", "proto", "header"), [
    (b"*", 2, b"*%d\r\n"), (b"%", 3, b"%%%d\r\n"), (b"~", 3, b"~%d\r\n"), (b"~", 2, b"*%d\r\n")])
def test_a_header_written_later_fits_across_blocks(before, items, kind, proto, header):
    reply = Reply(proto)
    reply.append(b"x" * before)
    mark = reply.begin(kind)
    for i in range(items):
        reply.bulk(b"item%d" % i)
    reply.end(mark, items)
    reply.ok()
    body = b"".join(b"$%d\r\nitem%d\r\n" % (len(b"item%d" % i), i) for i in range(items))
    assert reply.take_all() == b"x" * before + header % items + body + b"+OK\r\n"


def test_deferred_headers_nest():
    reply = Reply()
    outer = reply.begin(b"*")
    for size in (3, 4000, 0):
        inner = reply.begin(b"%")
        for i in range(size):
            reply.bulk_int(i)
            reply.null()
        reply.end(inner, size)
    reply.end(outer, 3)
    value = Replies(reply.take_all()).next()
    assert [len(part) for part in value] == [6, 8000, 0]


@given(st.lists(st.integers(0, 60_000), max_size=8), st.lists(st.integers(1, 50_000), max_size=30),
       st.integers(1, 8))
def test_pieces_of_any_size_may_be_sent_while_more_is_appended(sizes, steps, views):
    reply, expected, got = Reply(), b"", b""
    for i, size in enumerate(sizes):
        data = bytes([65 + i]) * size
        reply.bulk(data)
        expected += b"$%d\r\n%b\r\n" % (size, data)
        if i < len(steps):
            got += reply.take(steps[i], views)
    for step in steps[len(sizes):]:
        got += reply.take(step, views)
    assert got + reply.take_all() == expected
    assert reply.memory == 0


@given(st.lists(st.integers(0, 40_000), max_size=5), st.integers(0, 30_000), st.lists(st.integers(0, 40_000)))
def test_what_was_appended_since_a_mark_can_be_dropped(kept, sent, dropped):
    reply = Reply()
    for size in kept:
        reply.bulk(b"k" * size)
    got = reply.take(sent, 64)
    mark, pending = reply.mark(), reply.pending
    for size in dropped:
        reply.bulk(b"d" * size)
    reply.truncate(mark)
    assert reply.pending == pending
    reply.ok()
    assert got + reply.take_all() == b"".join(b"$%d\r\n%b\r\n" % (n, b"k" * n) for n in kept) + b"+OK\r\n"
    assert reply.memory == 0


def test_blocks_grow_with_what_is_pending_so_a_slow_reader_has_few():
    reply = Reply()
    for _ in range(100_000):
        reply.bulk(b"x" * 100)
    assert reply.blocks < 200               # 64 KiB each; of the pool it would take 660
    assert reply.memory < 2 * reply.pending


def test_all_memory_goes_back_but_for_the_idle_blocks():
    reply = Reply(keep=2)
    for _ in range(3):
        for _ in range(1000):
            reply.bulk(b"x" * 1000)
        reply.take_all()
    assert reply.idle_blocks <= 2
    assert reply.arena <= 2 * (BLOCK_SIZE + 64) + 64


def test_replies_read_back_as_what_they_mean():
    reply = Reply(3)
    reply.simple(b"PONG")
    reply.error(b"ERR x")
    reply.map(1)
    reply.bulk(b"k")
    reply.double(2.0)
    found = Replies(reply.take_all()).all()
    assert found[0] == Status("PONG")
    assert isinstance(found[1], ReplyError)
    assert found[2] == {b"k": 2.0}
