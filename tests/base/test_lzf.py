"""LZF: what is compressed comes back, the format is the one that others read, and spoilt bytes harm nobody."""

import random

import pytest
from _pyredis.base.testing import lzf_expand, lzf_squeeze
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = [b"", b"a", b"ab", b"abc", b"aaa", b"aaaa", b"a" * 9, b"a" * 264, b"a" * 265, b"a" * 10_000, b"abc" * 3,
         bytes(range(256)) * 40, b"x" * 31 + b"y" * 32 + b"z" * 33, b"element:000000000001" * 100,
         bytes(range(256)) + b"." * 7900 + bytes(range(256)), b"0123456789" + b"-" * 8182 + b"0123456789"]


def reference(data):
    """The format, decoded step by step."""
    out, at = bytearray(), 0
    while at < len(data):
        control = data[at]
        at += 1
        if control < 32:
            out += data[at:at + control + 1]
            at += control + 1
            continue
        length, high = control >> 5, control & 31
        if length == 7:
            length += data[at]
            at += 1
        start = len(out) - (high << 8 | data[at]) - 1
        at += 1
        for i in range(length + 2):
            out.append(out[start + i])
    return bytes(out)


@pytest.mark.parametrize("text", TEXTS, ids=len)
def test_what_is_compressed_comes_back(text):
    packed = lzf_squeeze(text, 2 * len(text) + 16)
    if text:
        assert reference(packed) == text
        assert lzf_expand(packed, len(text)) == text
        assert len(packed) <= len(text) + len(text) // 32 + 1
        for wrong in (len(text) - 1, len(text) + 1):
            assert lzf_expand(packed, wrong) is None


def test_repetitions_are_told_in_a_few_bytes():
    assert len(lzf_squeeze(b"a" * 10_000, 10_000)) < 160
    assert len(lzf_squeeze(b"element:000000000001" * 100, 2000)) < 80


@pytest.mark.parametrize("text", [t for t in TEXTS if t], ids=len)
def test_it_never_writes_more_than_it_may(text):
    whole = len(lzf_squeeze(text, 2 * len(text) + 16))
    for room in {0, 1, 2, whole // 2, whole - 1}:
        assert room >= whole or lzf_squeeze(text, room) is None
    assert len(lzf_squeeze(text, whole)) == whole


@given(st.lists(st.sampled_from([b"a", b"bc", b"def", b"0123456789abcdef", b"\0" * 40]) | st.binary(max_size=40)))
def test_any_mixture_comes_back(parts):
    text = b"".join(parts)
    if text:
        packed = lzf_squeeze(text, 2 * len(text) + 16)
        assert reference(packed) == text
        assert lzf_expand(packed, len(text)) == text


@pytest.mark.parametrize("packed", [
    b"\x00", b"\x05abc", b"\x20", b"\x20\x00", b"\xe0", b"\xe0\x00", b"\xe0\x00\x00", b"\x00a\x20\x01",
    b"\x00a\x3f\xff", b"\x00a\xe0\xff", b"\x00a\xe0\xff\x01",
])
def test_a_piece_that_is_cut_or_reaches_before_the_start_is_refused(packed):
    for length in range(300):
        assert lzf_expand(packed, length) is None


@settings(max_examples=300)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_whatever_the_bytes_the_result_is_that_of_the_format_or_none(data, length):
    found = lzf_expand(data, length)
    if found is not None:
        assert found == reference(data)


def test_spoilt_bytes_are_refused_or_give_as_many():
    rng = random.Random(7)
    text = b"".join(rng.choice([b"one", b"two", b"three", b"4"]) for _ in range(400))
    packed = lzf_squeeze(text, len(text))
    for _ in range(2000):
        spoilt = bytearray(packed)
        spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        found = lzf_expand(bytes(spoilt), len(text))
        assert found is None or len(found) == len(text)
