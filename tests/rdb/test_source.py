"""Sources of bytes: what they read, from memory and from streams, and how they fail."""

import random
import struct

import pytest
from _pyredis.base.testing import crc64
from _pyredis.rdb.source_testing import BareSource

from tests.rdb import rdbfile as rdb

PIECES = [0, 1, 3, 1 << 20]          # memory, and streams that give so many bytes at a time
pieces = pytest.mark.parametrize("piece", PIECES)
STEP = 1 << 20

# "ab" 20 times, as LZF: "ab" as it is, then 38 bytes again from 2 back
PACKED, UNPACKED = b"\x01ab" + bytes([0xe0, 38 - 9, 1]), b"ab" * 20


def packed(data=PACKED, n=40):
    return b"\xc3" + rdb.length(len(data)) + rdb.length(n) + data


@pieces
def test_numbers_are_little_endian_and_lengths_high_first(piece):
    s = BareSource(b"\x07" + struct.pack("<IQqd", 1, 2**63, -5, 2.5) + b"".join(
        map(rdb.length, [0, 63, 64, 16383, 16384, 2**32 - 1, 2**32, 2**64 - 1])), piece)
    assert (s.u8(), s.u32(), s.u64(), s.i64(), s.double()) == (7, 1, 2**63, -5, 2.5)
    assert [s.count() for _ in range(8)] == [0, 63, 64, 16383, 16384, 2**32 - 1, 2**32, 2**64 - 1]
    assert s.failed is None


@pieces
def test_strings_come_raw_as_integers_and_compressed(piece):
    s = BareSource(rdb.strings(b"", b"a", b"x" * 70_000) + b"\xc0\x85" + b"\xc1\x00\x80" + b"\xc2\xff\xff\xff\x7f"
                   + packed() + rdb.string(b"end"), piece)
    assert [s.string() for _ in range(8)] == [b"", b"a", b"x" * 70_000, b"-123", b"-32768", b"2147483647", UNPACKED,
                                              b"end"]
    assert s.string() is None
    assert s.failed == ("it ends too early", s.offset)


@pieces
def test_scores_of_the_old_form(piece):
    s = BareSource(b"\x031.5\x021e\x01" + b"\xff\xfe\xfd", piece)
    assert s.score() == 1.5
    assert (s.score(), s.failed[0]) == (0, "a score is no number")
    s = BareSource(b"\xff\xfe\xfd", piece)
    assert (s.score(), s.score()) == (float("-inf"), float("inf"))
    assert s.score() != s.score()


@pieces
@pytest.mark.parametrize(("data", "reason"), [
    (b"\x05abcd", "it ends too early"), (b"", "it ends too early"), (b"\x80\xff\xff\x00\x00abc", "it ends too early"),
    (b"\x81" + b"\xff" * 8, "a string is too long"), (b"\x82", "a length has an unknown form"),
    (b"\xc4", "a string has an unknown form"), (b"\xc1a", "it ends too early"),
    (packed(n=0), "a compressed string has a length that cannot be"),
    (packed(n=len(PACKED) * 88 + 1), "a compressed string has a length that cannot be"),
    (packed(n=len(UNPACKED) + 1), "a compressed string is broken"), (packed(n=39), "a compressed string is broken"),
    (packed(PACKED[:-1] + b"\x09"), "a compressed string is broken"),
    (b"\xc3\xc0\x01", "a number is written as a string"),
])
def test_a_string_that_cannot_be_fails_and_says_why(piece, data, reason):
    s = BareSource(data, piece)
    assert s.string() is None
    assert s.failed[0] == reason
    assert s.failed[1] <= len(data)


@pieces
def test_after_a_failure_everything_is_zero_and_the_first_reason_stays(piece):
    s = BareSource(b"\x01a\x82" + bytes(range(1, 100)), piece)
    assert s.string() == b"a"
    s.count()
    assert s.failed == ("a length has an unknown form", 3)
    assert (s.u8(), s.u32(), s.u64(), s.i64(), s.double(), s.count(), s.score()) == (0,) * 7
    assert s.string() is None
    assert s.bytes(1) is None
    assert s.failed == ("a length has an unknown form", 3)


@pytest.mark.parametrize("piece", PIECES[1:])
def test_a_stream_takes_no_room_for_bytes_that_are_only_claimed(piece):
    s = BareSource(b"\x80\xf0\x00\x00\x00" + b"x" * 100_000, piece)
    assert s.string() is None
    assert s.room <= STEP


@pytest.mark.parametrize("piece", [100_000, 1 << 24])
def test_a_long_string_of_a_stream_grows_with_what_has_come(piece):
    data = random.Random(1).randbytes(5 * STEP + 77)
    s = BareSource(rdb.string(data) + rdb.string(b"more"), piece)
    s.sum()
    assert s.string() == data
    assert s.room <= 2 * len(data)
    assert s.string() == b"more"
    assert s.offset == len(data) + 5 + 5
    assert s.crc == crc64(rdb.string(data) + rdb.string(b"more"))


@pieces
def test_the_sum_is_of_what_was_read_since_it_was_asked_for(piece):
    data = rdb.strings(b"head") + rdb.strings(b"x" * 200, b"y" * 70_000, b"z")
    s = BareSource(data, piece)
    s.string()
    s.sum()
    assert s.crc == 0
    for end in (207, 70_212):
        s.string()
        assert (s.offset, s.crc) == (end, crc64(data[5:end]))


def test_room_is_made_for_no_more_things_than_there_can_be():
    assert BareSource(b"x" * 10).expect(2**64 - 1) == 10
    assert BareSource(b"x" * 10).expect(3) == 3
    assert BareSource(b"x" * 10, 1).expect(2**64 - 1) == 65_536
