"""The sink: the same bytes into memory and through a function, numbers and strings in their shortest forms."""

import random
import struct

import pytest
from _pyredis.base.testing import lzf_squeeze
from _pyredis.rdb.sink_testing import BareSink
from hypothesis import given
from hypothesis import strategies as st

from tests.rdb.reader import Reader, crc64

WAYS = [{}, {"lent": 0}, {"lent": 5}, {"buffer": 64}, {"buffer": 1000}]


@pytest.fixture(params=WAYS, ids=str)
def make(request):
    return lambda **more: BareSink(**request.param, **more)


def written(sink):
    assert sink.finish()
    return sink.written


@pytest.mark.parametrize(("n", "code"), [
    (0, "00"), (1, "01"), (63, "3f"), (64, "4040"), (16383, "7fff"), (16384, "8000004000"),
    (2**32 - 1, "80ffffffff"), (2**32, "810000000100000000"), (2**64 - 1, "81ffffffffffffffff")])
def test_a_length_takes_its_shortest_form(make, n, code):
    sink = make()
    sink.length(n)
    assert written(sink).hex() == code


def test_numbers_are_little_endian_and_ids_big(make):
    sink = make()
    sink.u8(7)
    sink.u16(0x1234)
    sink.u64(0x0102030405060708)
    sink.u64_big(0x0102030405060708)
    sink.double(2.5)
    assert written(sink) == b"\x07\x34\x12" + bytes(range(8, 0, -1)) + bytes(range(1, 9)) + struct.pack("<d", 2.5)


@pytest.mark.parametrize(("v", "code"), [
    (0, "c000"), (-1, "c0ff"), (127, "c07f"), (128, "c18000"), (-128, "c080"), (-129, "c17fff"),
    (32767, "c1ff7f"), (32768, "c200800000"), (2**31 - 1, "c2ffffff7f"), (-2**31, "c200000080")])
def test_an_integer_takes_its_shortest_form_as_number_or_as_text(make, v, code):
    number, text = make(), make()
    number.integer(v)
    text.string(b"%d" % v)
    assert written(number).hex() == written(text).hex() == code


@pytest.mark.parametrize("v", [2**31, -2**31 - 1, 99999999999, 2**63 - 1, -2**63])
def test_a_larger_integer_is_text(make, v):
    number, text = make(), make()
    number.integer(v)
    text.string(b"%d" % v)
    assert written(number) == written(text) == bytes([len(str(v))]) + b"%d" % v


@pytest.mark.parametrize("text", [b"", b"-", b"-0", b"00", b"01", b"+1", b" 1", b"1 ", b"1.0", b"12345678901x", b"\0"])
def test_what_is_no_canonical_integer_stays_text(make, text):
    sink = make()
    sink.string(text)
    assert written(sink) == bytes([len(text)]) + text


@pytest.mark.parametrize(("text", "packed"), [
    (b"a" * 20, False), (b"a" * 21, True), (bytes(range(200)), False), (b"abcdefgh" * 5000, True)])
def test_only_long_text_that_gains_by_it_is_compressed(make, text, packed):
    sink, plain = make(compress=True), make()
    sink.string(text)
    plain.string(text)
    r = Reader(written(sink))
    assert r.string() == text
    assert r.strings == ["lzf" if packed else "raw"]
    assert (len(sink.written) < len(written(plain))) == packed


@pytest.mark.parametrize("size", [0, 1, 30, 5000])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("given_packed", [False, True])
def test_a_framed_string_is_its_three_parts(make, size, compress, given_packed):
    head, body, tail = b"head", (b"body" * size)[:size], b"!"
    packed = lzf_squeeze(body, size) if given_packed and size > 20 else None
    sink = make(compress=compress)
    if packed:
        sink.framed(head, packed, tail, size)
    else:
        sink.framed(head, body, tail)
    r = Reader(written(sink))
    assert r.string() == head + body + tail
    assert r.at == len(sink.written)
    assert r.strings == ["lzf" if size > 20 and (compress or packed) else "raw"]


pieces = st.one_of(
    st.binary(max_size=300).map(lambda b: ("write", b)), st.binary(max_size=300).map(lambda b: ("string", b)),
    st.integers(0, 2**64 - 1).map(lambda n: ("length", n)),
    st.integers(-2**63, 2**63 - 1).map(lambda n: ("integer", n)),
    st.integers(0, 2**64 - 1).map(lambda n: ("u64", n)), st.integers(0, 255).map(lambda n: ("u8", n)))


@given(st.lists(pieces, max_size=60), st.booleans())
def test_every_way_gives_the_same_bytes_and_crc(script, compress):
    results = set()
    for way in WAYS:
        sink = BareSink(**way, compress=compress)
        for name, value in script:
            getattr(sink, name)(value)
        crc = sink.crc
        data = written(sink)
        assert sink.position == len(data)
        assert sink.crc == crc == crc64(data)
        assert sink.free() == 0
        assert sink.held == 0
        results.add(data)
    assert len(results) == 1


def test_small_results_take_no_memory():
    sink = BareSink(lent=64)
    sink.write(b"x" * 64)
    assert sink.held == 0
    sink.write(b"y")
    assert sink.written == b"x" * 64 + b"y"
    assert sink.held > 0


def test_what_is_larger_than_the_buffer_goes_as_it_stands():
    sink = BareSink(buffer=100)
    sink.write(b"a" * 10)
    sink.write(b"b" * 101)
    sink.write(b"c" * 10)
    assert written(sink) == b"a" * 10 + b"b" * 101 + b"c" * 10
    assert sink.pieces == [b"a" * 10, b"b" * 101, b"c" * 10]


def test_a_sink_that_has_failed_takes_what_comes_and_says_so_in_the_end():
    rng = random.Random(7)
    sink = BareSink(buffer=100, calls=2, compress=True)
    for _ in range(50):
        sink.write(rng.randbytes(rng.choice([1, 50, 99, 1000])))
        sink.string(b"text" * rng.randrange(100))
        sink.length(rng.randrange(2**20))
    assert not sink.finish()
    assert len(sink.pieces) == 2
    assert sink.free() == 0
