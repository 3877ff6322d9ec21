"""Ziplists and zipmaps become listpacks; whatever is wrong with one of them is found."""

import random
import struct

import pytest
from _pyredis.rdb.source_testing import import_ziplist, import_zipmap

from tests.rdb import rdbfile as rdb

NUMBERS = [0, 1, 12, 13, -1, 127, 128, -128, -129, 32767, -32768, 32768, 8388607, -8388608, 8388608, 2**31 - 1, -2**31,
           2**31, 2**63 - 1, -2**63]
TEXTS = [b"", b"a", b"x" * 63, b"x" * 64, b"y" * 250, b"y" * 252, b"z" * 16383, b"z" * 16384, b"w" * 70_000]


@pytest.mark.parametrize("values", [[], NUMBERS, TEXTS, [*NUMBERS, *TEXTS, *NUMBERS]], ids=len)
def test_every_form_of_an_entry_becomes_the_element_of_a_listpack(values):
    assert import_ziplist(rdb.ziplist(*values)) == rdb.listpack(*values)


def test_text_that_is_a_number_becomes_one():
    assert import_ziplist(rdb.ziplist(b"12", b"012", b"-9000")) == rdb.listpack(12, b"012", -9000)


def test_a_wide_backward_length_may_stand_for_a_small_one():
    entries = rdb.ziplist_entry(b"a", 0) + rdb.ziplist_entry(b"b", 3, wide=True)
    image = struct.pack("<IIH", 11 + len(entries), 13, 2) + entries + b"\xff"
    assert import_ziplist(image) == rdb.listpack(b"a", b"b")


def test_the_count_may_be_unknown():
    assert import_ziplist(rdb.ziplist(1, 2, count=65535)) == rdb.listpack(1, 2)
    many = [i % 100 for i in range(70_000)]
    assert import_ziplist(rdb.ziplist(*many, count=65535)) == rdb.listpack(*many, count=65535)


@pytest.mark.parametrize("at", range(len(rdb.ziplist(b"ab", 7, -1000, b"c"))))
def test_no_byte_of_the_structure_can_be_another(at):
    """Of the contents it can: then the listpack is another."""
    image = rdb.ziplist(b"ab", 7, -1000, b"c")
    sound = import_ziplist(image)
    contents = {12, 13, 15, 18, 19, 22}
    for bit in range(8):
        spoilt = bytearray(image)
        spoilt[at] ^= 1 << bit
        found = import_ziplist(bytes(spoilt))
        assert found != sound
        assert found is None or at in contents


def test_a_part_of_a_ziplist_is_none():
    image = rdb.ziplist(*NUMBERS[:8], b"text" * 20)
    for n in range(len(image)):
        assert import_ziplist(image[:n]) is None
        assert import_ziplist(struct.pack("<I", n) + image[4:n]) is None
        assert import_ziplist(struct.pack("<I", n) + image[4:max(n - 1, 4)] + b"\xff") is None


def test_spoilt_bytes_never_lead_outside():
    """The sanitizers watch."""
    chance = random.Random(4)
    image = rdb.ziplist(*NUMBERS, *TEXTS[:6])
    for _ in range(5000):
        spoilt = bytearray(image)
        for _ in range(chance.randrange(1, 4)):
            spoilt[chance.randrange(len(spoilt))] = chance.choice([0, 0x80, 0xc0, 0xe0, 0xf0, 0xfe, 0xff, 0x7f])
        import_ziplist(bytes(spoilt))
        import_zipmap(bytes(spoilt))


@pytest.mark.parametrize("free", [0, 3])
def test_a_zipmap_becomes_a_listpack_of_its_words(free):
    words = [b"a", b"1", b"b" * 253, b"", b"c", b"x" * 300]
    assert import_zipmap(rdb.zipmap(*words, free=free)) == (rdb.listpack(b"a", 1, *words[2:]), 300)
    assert import_zipmap(rdb.zipmap()) == (rdb.listpack(), 0)


@pytest.mark.parametrize("image", [
    b"", b"\0", b"\xff", b"\1\xff", b"\1\1a\xff", b"\1\1a\1\0\xff", b"\1\1a\2\0b\xff", b"\2\1a\1\0b\xff",
    b"\1\1a\1\5b\xff", b"\1\1a\1\0b", b"\1\xfe\xff\xff\xff\xffa\1\0b\xff", b"\1\xfe\1\0\0\xff", b"\1\1a\1\0b\xff\xff"])
def test_a_broken_zipmap_is_refused(image):
    assert import_zipmap(image) is None


def test_a_zipmap_of_many_fields_does_not_know_their_number():
    words = [word for i in range(300) for word in (b"f%d" % i, b"v%d" % i)]
    assert import_zipmap(rdb.zipmap(*words)) == (rdb.listpack(*words), 4)
