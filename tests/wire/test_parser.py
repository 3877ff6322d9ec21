"""The parser: every cut of the input gives the same requests, and nothing is believed before it has come."""

from itertools import pairwise

import pytest
from _pyredis.wire.testing import Parsing
from hypothesis import given
from hypothesis import strategies as st

from tests.session import encode
from tests.wire.mutate import mutated

WORDS = st.lists(st.binary(max_size=40), min_size=1, max_size=6)
REQUESTS = [encode("GET", "k"), encode("SET", "k", b"\r\n$3\r\n"), b"PING\r\n", b"\r\n",
            b'ECHO "a \\x41\\n"\n', b"*0\r\n", b"*-1\r\n", encode("ECHO", b""), encode("MSET", *range(40))]
EXPECTED = [[b"GET", b"k"], [b"SET", b"k", b"\r\n$3\r\n"], [b"PING"], [b"ECHO", b"a A\n"], [b"ECHO", b""],
            [b"MSET", *(b"%d" % i for i in range(40))]]


def parse(*pieces, **limits):
    """(requests, error) of the input in these pieces."""
    parsing = Parsing(**limits)
    requests = [request for piece in pieces for request in parsing.feed(piece)]
    assert parsing.check() == 0
    parsing.close()
    assert parsing.memory == 0
    return requests, parsing.error


def in_bytes(data):
    return [data[i:i + 1] for i in range(len(data))]


def test_requests_of_both_forms_are_read_in_order():
    assert parse(b"".join(REQUESTS)) == (EXPECTED, None)


def test_a_cut_at_any_byte_changes_nothing():
    data = b"".join(REQUESTS)
    for cut in range(len(data) + 1):
        assert parse(data[:cut], data[cut:]) == (EXPECTED, None)


def test_byte_by_byte_is_the_same():
    assert parse(*in_bytes(b"".join(REQUESTS))) == (EXPECTED, None)


@given(mutated())
def test_what_is_read_whole_is_read_alike_in_bytes(data):
    assert parse(data) == parse(*in_bytes(data))


@pytest.mark.parametrize("size", [0, 1, 9, 10, 99, 100, 999, 1000, 12345, 1_000_000])
def test_an_argument_of_any_length_is_read_whole_and_in_pieces(size):
    data, wanted = encode("SET", "k", b"x" * size) * 2, ([[b"SET", b"k", b"x" * size]] * 2, None)
    assert parse(data) == parse(data[:-1], data[-1:]) == parse(data[:size + 20], data[size + 20:]) == wanted


@pytest.mark.parametrize("header", [
    b"01", b"00", b"+1", b"-0", b"1 ", b" 1", b"1:", b"1/", b"0", b"", b"1\n", b"9999999", b"10000000", b"4294967297",
    b"18446744073709551617"])
def test_an_unusual_number_is_read_alike_whole_and_in_bytes(header):
    for data in (b"*%b\r\n$1\r\nk\r\n" % header, b"*1\r\n$%b\r\nk\r\n*1\r\n$4\r\nPING\r\n" % header):
        assert parse(data) == parse(*in_bytes(data))


@given(st.lists(WORDS, max_size=8), st.lists(st.integers(0, 500), max_size=12))
def test_any_requests_survive_any_cuts(requests, cuts):
    data = b"".join(encode(*words) for words in requests)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert parse(*(data[a:b] for a, b in pairwise(places))) == (requests, None)


ERRORS = [
    (b"*x\r\n", "invalid multibulk length"), (b"*2147483648\r\n", "invalid multibulk length"),
    (b"*+1\r\n", "invalid multibulk length"), (b"* 1\r\n", "invalid multibulk length"),
    (b"*01\r\n", "invalid multibulk length"), (b"*1\r\n:1\r\n", "expected '$', got ':'"),
    (b"*1\r\n$-1\r\n", "invalid bulk length"), (b"*1\r\n$01\r\n", "invalid bulk length"),
    (b"*1\r\n$\r\n", "invalid bulk length"), (b"*2\r\n$1\r\na\r\n$99999999999\r\n", "invalid bulk length"),
    (b'GET "a\r\n', "unbalanced quotes in request"), (b"GET 'a'b\r\n", "unbalanced quotes in request"),
]


@pytest.mark.parametrize(("data", "error"), ERRORS)
def test_what_is_not_resp_is_refused_wherever_it_is_cut(data, error):
    for cut in range(len(data) + 1):
        found = parse(encode("PING"), data[:cut], data[cut:])
        assert found == ([[b"PING"]], f"ERR Protocol error: {error}".encode())


@pytest.mark.parametrize(("start", "error"), [
    (b"x", "too big inline request"), (b"*", "too big mbulk count string"),
    (b"*1\r\n$", "too big bulk count string"), (b"*1\r\nx", "too big bulk count string")])
def test_a_line_without_end_is_refused_when_it_is_too_long(start, error):
    line = start[start.rfind(b"\n") + 1:]
    fits = start + b"1" * (100 - len(line))
    assert parse(fits, line=100) == ([], None)
    assert parse(fits, b"1", line=100) == ([], f"ERR Protocol error: {error}".encode())


def test_the_longest_argument_is_the_limit():
    assert parse(b"*1\r\n$100\r\n" + b"x" * 100 + b"\r\n", bulk=100) == ([[b"x" * 100]], None)
    assert parse(b"*1\r\n$101\r\n", bulk=100) == ([], b"ERR Protocol error: invalid bulk length")


def test_without_a_password_requests_are_small():
    ten = encode(*["x" * 100] * 10)
    assert parse(ten, unauthenticated=True)[1] is None
    refused = b"ERR Protocol error: unauthenticated "
    assert parse(b"*11\r\n", unauthenticated=True)[1] == refused + b"multibulk length"
    assert parse(b"*1\r\n$16385\r\n", unauthenticated=True)[1] == refused + b"bulk length"
    assert parse(b"*1\r\n$16384\r\n", unauthenticated=True)[1] is None


def test_announced_sizes_cost_nothing_until_the_bytes_come():
    parsing = Parsing()
    parsing.feed(b"*2147483647\r\n")
    assert parsing.memory < 1000
    parsing.feed(b"$536870912\r\n")
    assert parsing.memory < 1000
    assert parsing.wants == len(b"*2147483647\r\n$536870912\r\n") + 536870912 + 2


def test_any_two_bytes_end_an_argument_as_in_redis():
    assert parse(b"*1\r\n$1\r\nax!*1\r\n$1\r\nb\r\n") == ([[b"a"], [b"b"]], None)


def test_a_nul_in_a_header_is_refused_at_once():
    assert parse(b"*1\r\n\0\r\n") == ([], b"ERR Protocol error: expected '$'")
    assert parse(b"*\0\r\n") == ([], b"ERR Protocol error: invalid multibulk length")


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_crash_it_or_leak(data, cut):
    whole = parse(data)
    assert parse(data[:cut], data[cut:]) == whole
    assert parse(*in_bytes(data)) == whole
