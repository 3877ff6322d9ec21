"""The listpack against a Python list, its bytes against the format, and its validation against spoilt bytes."""

import random

import pytest
from _pyredis.ds.listpack_testing import BareListpack, encode_element, import_listpack, validate_listpack
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

BOUNDARIES = sorted({sign * (1 << bits) + off for bits in (0, 7, 12, 13, 15, 16, 23, 24, 31, 32, 62) for off in
                     (-1, 0, 1) for sign in (1, -1)} | {(1 << 63) - 1, -(1 << 63)})
LENGTHS = [0, 1, 5, 6, 7, 8, 9, 62, 63, 64, 65, 125, 126, 127, 4094, 4095, 4096, 4097, 16377, 16378, 16381, 70_000]
NOT_INTEGERS = [b"", b"-", b"-0", b"+1", b"01", b"00", b" 1", b"1 ", b"1.0", b"9223372036854775808",
                b"-9223372036854775809", b"18446744073709551615", b"1\0"]


def listpack(*elements):
    lp = BareListpack()
    for e in elements:
        lp.append(e)
    return lp


def text(n):
    """n bytes, told from every other length by their first one."""
    return bytes([97 + n % 23]) * n


def back(n):
    size = 1 + sum(n >= limit for limit in (128, 16383, 2097151, 268435455))
    groups = [(n >> 7 * i) & 0x7F for i in range(size)]
    return bytes([groups[-1], *(g | 0x80 for g in reversed(groups[:-1]))])


def packed_int(v):
    if 0 <= v <= 127:
        return bytes([v])
    if -4096 <= v <= 4095:
        return (0xC000 | v & 0x1FFF).to_bytes(2, "big")
    for form, size in ((0xF1, 2), (0xF2, 3), (0xF3, 4)):
        if -(1 << 8 * size - 1) <= v < 1 << 8 * size - 1:
            return bytes([form]) + v.to_bytes(size, "little", signed=True)
    return b"\xf4" + v.to_bytes(8, "little", signed=True)


def packed_text(s):
    if len(s) < 64:
        return bytes([0x80 | len(s)]) + s
    if len(s) < 4096:
        return (0xE000 | len(s)).to_bytes(2, "big") + s
    return b"\xf0" + len(s).to_bytes(4, "little") + s


def element(content):
    return content + back(len(content))


def image_of(contents, count=None):
    body = b"".join(map(element, contents))
    count = len(contents) if count is None else count
    return (7 + len(body)).to_bytes(4, "little") + count.to_bytes(2, "little") + body + b"\xff"


def test_an_empty_one_is_seven_bytes():
    lp = listpack()
    assert lp.image == b"\x07\0\0\0\0\0\xff"
    assert (len(lp), lp.forward(), lp.backward(), lp.at(0), lp.at(-1), lp.find(b"x")) == (0, [], [], None, None, None)
    assert lp.check() == 0


@pytest.mark.parametrize("before", [[], [b"m"], [text(100), b"7"]])
def test_many_values_are_added_at_once_as_if_one_by_one(before):
    values = [text(n) for n in LENGTHS] + [b"%d" % v for v in BOUNDARIES[::4]]
    for count in (0, 1, 2, len(values)):
        behind, in_front = listpack(*before), listpack(*before)
        behind.add(values[:count])
        in_front.add(values[:count], True)
        assert behind.image == listpack(*before, *values[:count]).image
        assert in_front.image == listpack(*values[:count][::-1], *before).image
        assert (behind.check(), in_front.check()) == (0, 0)


@pytest.mark.parametrize("v", BOUNDARIES)
def test_integers_take_the_smallest_form(v):
    s = b"%d" % v
    lp = listpack(s)
    assert lp.image == image_of([packed_int(v)])
    assert encode_element(s) == element(packed_int(v))
    assert (lp.forward(), lp.numbers(), lp.check()) == ([s], [v], 0)
    lp.append_i64(v)
    assert lp.image == image_of([packed_int(v)] * 2)


@pytest.mark.parametrize("n", LENGTHS)
def test_strings_take_the_smallest_form(n):
    s = text(n)
    lp = listpack(s)
    assert lp.image == image_of([packed_text(s)])
    assert encode_element(s) == element(packed_text(s))
    assert (lp.forward(), lp.backward(), lp.numbers(), lp.check()) == ([s], [s], [None], 0)


@pytest.mark.parametrize("n", [2097151 - 5 - 1, 2097151 - 5, 2097151 - 5 + 1])
def test_the_longest_lengths_are_read_from_both_ends(n):
    lp = listpack(b"a", text(n), b"b")
    assert lp.check() == 0
    assert [s[0] for s in lp.sizes()] == [s[1] for s in lp.sizes()] == [s[2] for s in lp.sizes()]
    assert lp.image == image_of([packed_text(b"a"), packed_text(text(n)), packed_text(b"b")])


@pytest.mark.parametrize("s", NOT_INTEGERS)
def test_text_that_is_no_canonical_integer_stays_text(s):
    lp = listpack(s)
    assert lp.image == image_of([packed_text(s)])
    assert (lp.forward(), lp.numbers()) == ([s], [None])


def every_form():
    return [b"%d" % v for v in BOUNDARIES] + [text(n) for n in LENGTHS[:-1]] + NOT_INTEGERS


def test_every_form_is_found_by_its_bytes_among_all_others():
    everything = list(dict.fromkeys(every_form()))
    for _ in range(3):
        random.Random(1).shuffle(everything)
        lp = listpack(*everything)
        assert lp.check() == 0
        assert [lp.find(s) for s in everything] == list(range(len(everything)))
    for n in (0, 1, 2, 7, 8, 64, 5000):
        assert lp.find(b"!" * n + b"?") is None


@pytest.mark.parametrize("s", every_form())
def test_the_only_and_the_last_element_is_found(s):
    assert listpack(s).find(s) == 0
    assert listpack(b"a", s).find(s) == 1
    assert listpack(s, b"a").find(s) == 0
    assert listpack(s).find(s + b"x") is None
    assert listpack(s).find(s[:-1] + b"\xff") is None


def test_find_starts_where_it_is_told_and_passes_over_values():
    lp = listpack(b"f", b"g", b"g", b"f", b"h")
    assert lp.find(b"g") == 1
    assert lp.find(b"g", skip=1) == 2
    assert lp.find(b"f", start=1, skip=1) == 3
    assert lp.find(b"f", start=2, skip=1) is None
    assert lp.find(b"h", skip=1) == 4
    assert lp.find(b"h", skip=2) is None
    assert lp.find(b"f", start=9) is None


def test_find_tells_strings_by_every_byte():
    for n in (1, 6, 7, 8, 9, 20, 63, 64, 70, 5000):
        base = text(n)
        for i in {0, n // 2, n - 1, min(6, n - 1), min(7, n - 1), min(8, n - 1)}:
            other = base[:i] + b"#" + base[i + 1:]
            assert listpack(other, base).find(base) == 1
            assert listpack(base).find(other) is None


def test_index_from_either_end():
    elements = every_form()
    lp = listpack(*elements)
    n = len(elements)
    assert [lp.at(i) for i in range(n)] == elements
    assert [lp.at(i - n) for i in range(n)] == elements
    assert (lp.at(n), lp.at(-n - 1), lp.at(1 << 62), lp.at(-(1 << 63))) == (None, None, None, None)


def test_deleting_a_range_tells_what_is_behind_it():
    lp = listpack(b"a", b"b", b"c", b"d")
    assert lp.delete(1, 2) == b"d"
    assert lp.delete(1, 100) is None
    assert lp.delete(0, 0) == b"a"
    assert lp.forward() == [b"a"]
    lp.delete_at(5)
    lp.delete_at(-1)
    assert (lp.forward(), lp.check()) == ([], 0)


def test_more_elements_than_the_count_can_say_are_counted():
    lp = BareListpack()
    for _ in range(65_534):
        lp.append(b"7")
    assert (lp.image[4:6], len(lp)) == (b"\xfe\xff", 65_534)
    lp.append(b"8")
    lp.append(b"9")
    assert (lp.image[4:6], len(lp), lp.at(-1), lp.at(65_535), lp.at(65_536)) == (b"\xff\xff", 65_536, b"9", b"9", None)
    assert (lp.at(-65_536), lp.at(-65_537)) == (b"7", None)
    lp.delete(0, 10)
    assert (lp.image[4:6], len(lp), lp.check()) == (b"\xff\xff", 65_526, 0)


def test_a_copy_has_the_same_bytes_and_nothing_leaks():
    lp = listpack(*every_form())
    before = lp.memory_used
    assert lp.copy() == lp.image
    assert lp.memory_used == before


ELEMENTS = st.one_of(
    st.integers(-200, 200).map(lambda v: b"%d" % v), st.sampled_from(BOUNDARIES).map(lambda v: b"%d" % v),
    st.sampled_from(LENGTHS).map(text), st.sampled_from(NOT_INTEGERS), st.binary(max_size=12))


class Model(RuleBasedStateMachine):
    @initialize(elements=st.lists(ELEMENTS, max_size=10))
    def start(self, elements):
        self.lp, self.model = listpack(*elements), list(elements)

    def place(self, data):
        return data.draw(st.integers(-len(self.model), len(self.model) - 1))

    @rule(s=ELEMENTS)
    def append(self, s):
        self.lp.append(s)
        self.model.append(s)

    @rule(s=ELEMENTS)
    def prepend(self, s):
        self.lp.prepend(s)
        self.model.insert(0, s)

    @rule(s=ELEMENTS, data=st.data())
    def insert(self, s, data):
        i = data.draw(st.integers(0, len(self.model)))
        assert self.lp.insert(i if i < len(self.model) else None, s) == i
        self.model.insert(i, s)

    @rule(s=ELEMENTS, data=st.data())
    def replace(self, s, data):
        if self.model:
            i = self.place(data)
            assert self.lp.replace(i, s) == i % len(self.model)
            self.model[i] = s

    @rule(count=st.integers(0, 5), data=st.data())
    def delete(self, count, data):
        if self.model:
            i = self.place(data) % len(self.model)
            assert self.lp.delete(i, count) == (self.model[i + count] if i + count < len(self.model) else None)
            del self.model[i:i + count]

    @rule(count=st.integers(0, 5), i=st.integers(-8, 8))
    def delete_at(self, count, i):
        self.lp.delete_at(i, count)
        if -len(self.model) <= i < len(self.model):
            i %= len(self.model)
            del self.model[i:i + count]

    @rule(s=ELEMENTS, start=st.integers(0, 5), skip=st.integers(0, 2))
    def find(self, s, start, skip):
        expected = next((i for i in range(start, len(self.model), skip + 1) if self.model[i] == s), None)
        assert self.lp.find(s, start, skip) == expected

    @invariant()
    def agrees(self):
        assert self.lp.check() == 0
        assert self.lp.forward() == self.model
        assert self.lp.backward() == self.model[::-1]
        assert len(self.lp) == len(self.model)
        assert [self.lp.at(i) for i in range(len(self.model))] == self.model
        assert all(a == b == c for a, b, c in self.lp.sizes())


def test_it_is_a_list_of_bytes():
    run_state_machine_as_test(Model, settings=settings(
        max_examples=60, stateful_step_count=30, deadline=None, derandomize=True))


# ---------------------------------------------------------------- bytes from outside

@pytest.mark.parametrize("contents", [[], [b"\x05"], [packed_text(text(n)) for n in LENGTHS],
                                      [packed_int(v) for v in BOUNDARIES]])
def test_a_right_image_is_valid_and_any_part_of_it_is_not(contents):
    image = image_of(contents)
    assert validate_listpack(image)
    assert validate_listpack(image_of(contents, 65535))
    assert not validate_listpack(image_of(contents, len(contents) + 1))
    for n in {*range(min(len(image), 300)), len(image) - 1}:
        assert not validate_listpack(image[:n])
        assert not validate_listpack(n.to_bytes(4, "little") + image[4:n])
    assert not validate_listpack(image + b"\xff")


@pytest.mark.parametrize("body", [
    b"\xf5\x01", b"\xfe\x01", b"\xff\x01", b"\x80", b"\x81\x01", b"\xc1", b"\xe0", b"\xe0\x05ab", b"\xf0", b"\xf0\xff",
    b"\xf0\xff\xff\xff\xff", b"\xf0\xff\xff\xff\xff\x05", b"\xf4\x01\x02", b"\xf1\x01", b"\x05\x02", b"\x05\x00",
    b"\x81a\x03", b"\x05\x81", b"\x05\x00\x81",
])
def test_a_wrong_element_is_found(body):
    image = (7 + len(body)).to_bytes(4, "little") + b"\x01\0" + body + b"\xff"
    assert not validate_listpack(image)
    assert validate_listpack(image, deep=False)


@pytest.mark.parametrize("content", [b"\xc0\x05", b"\xf1\x05\x00", b"\x815", b"\xe0\x01a", b"\xf0\x01\0\0\0a"])
def test_a_form_that_is_not_the_smallest_is_valid_and_imported_as_the_smallest(content):
    image = image_of([content])
    assert validate_listpack(image)
    lp = import_listpack(image)
    assert (lp.check(), lp.forward()) == (0, [b"a" if content.endswith(b"a") else b"5"])


@pytest.mark.parametrize("n", [16383, 2097151])
def test_a_length_in_a_byte_less_than_redis_takes_is_imported(n):
    head = (n - 5).to_bytes(4, "little") if n > 4097 else b""
    content = b"\xf0" + head + b"x" * (n - 5)
    right = image_of([b"\x01", content, b"\x02"])
    wide = back(n)
    narrow = bytes([wide[1] & 0x7F]) + wide[2:]
    body = element(b"\x01") + content + narrow + element(b"\x02")
    image = (7 + len(body)).to_bytes(4, "little") + b"\x03\0" + body + b"\xff"
    assert not validate_listpack(image)
    assert import_listpack(image).image == import_listpack(right).image == right


def walk(image):
    """The contents of a valid image, by the rules of the format; None if it is not valid."""
    if len(image) < 7 or int.from_bytes(image[:4], "little") != len(image) or image[-1] != 0xFF:
        return None
    at, count, end = 6, 0, len(image) - 1
    while at < end:
        form, rest = image[at], image[at:end]
        sizes = [(form < 0x80, 1), (form < 0xC0, 1 + (form & 63)), (form < 0xE0, 2),
                 (form < 0xF0, 2 + (int.from_bytes(rest[:2], "big") & 0xFFF)),
                 (form == 0xF0, 5 + int.from_bytes(rest[1:5], "little")),
                 (form < 0xF4, form - 0xF1 + 3), (form == 0xF4, 9), (True, 0)]
        n = next(size for fits, size in sizes if fits)
        if n == 0 or n > len(rest) or not rest[n:].startswith(back(n)):
            return None
        at += n + len(back(n))
        count += 1
    return count if int.from_bytes(image[4:6], "little") in (count, 65535) else None


@settings(max_examples=600, deadline=None, derandomize=True)
@given(elements=st.lists(ELEMENTS, min_size=1, max_size=6), seed=st.integers(0, 1 << 32))
def test_validation_of_spoilt_bytes_agrees_with_the_format(elements, seed):
    image = bytearray(listpack(*(e[:200] for e in elements)).image)
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(image))
        kind = chance.randrange(3)
        if kind == 0:
            image[at] = chance.choice([*b"\x00\x01\x7f\x80\xc0\xe0\xf0\xf1\xf4\xf5\xff", chance.randrange(256)])
        elif kind == 1:
            del image[at]
        else:
            image.insert(at, chance.randrange(256))
    if chance.random() < 0.7:
        image[:4] = len(image).to_bytes(4, "little")
    valid = walk(bytes(image)) is not None
    assert validate_listpack(bytes(image)) == valid
    imported = import_listpack(bytes(image))
    assert (imported is not None) == valid
    assert not valid or imported.check() == 0
