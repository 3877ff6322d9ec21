"""Hashes in each encoding against a dict, with expiries, and where the encoding changes."""

import random

import pytest
from _pyredis.db.hash_testing import BareHash
from hypothesis import given
from hypothesis import strategies as st

FIELDS = [b"a", b"b", b"7", b"-123456789", b"", b"07", b"x" * 63, b"f" * 64]
VALUES = [b"", b"1", b"9223372036854775807", b"v" * 10, b"v" * 11, b"w" * 64]
LONG = [b"n" * 255, b"n" * 256, b"n" * 5000]
LONG_VALUES = [b"l" * 200, b"l" * 255, b"l" * 256, b"l" * 300, b"l" * 20_000]
FORMS = ["listpack", "listpackex", "hashtable"]


def new(form, **options):
    """An empty hash in this form."""
    if form == "hashtable":
        h = BareHash(entries=0, **options)
        h.reserve(b"", b"")
    else:
        h = BareHash(entries=1000, **options)
    if form == "listpackex":
        h.allow_expiry()
    assert h.encoding == form
    return h


def steps(form):
    fields = FIELDS + LONG * (form == "hashtable")
    values = VALUES + LONG_VALUES * (form == "hashtable")
    expiries = [0, -1, 900, 1000, 1001, 2000, 3000] if form != "listpack" else [0, -1]
    return st.lists(st.tuples(
        st.sampled_from(["set"] * 6 + ["remove", "expiry", "expiry", "copy", "time", "expire"]),
        st.sampled_from(fields), st.sampled_from(values), st.sampled_from(expiries)), max_size=60)


class Model:
    """What a hash should hold: field -> (value, expiry)."""

    def __init__(self):
        self.fields = {}

    def over(self, now):
        return {f for f, (_, at) in self.fields.items() if 0 < at < now}

    def set(self, field, value, expiry):
        present = self.fields.get(field, (b"", 0))[1]
        self.fields[field] = value, present if expiry == -1 else expiry


def agree(h, model, probes):
    over = model.over(h.now_ms)
    assert len(h) == len(model.fields)
    assert h.live == len(model.fields) - len(over)
    assert h.next_expiry == min((at for _, at in model.fields.values() if at), default=0)
    assert sorted(h.items(all=True)) == sorted((f, *rest) for f, rest in model.fields.items())
    assert sorted(f for f, _, _ in h.items()) == sorted(set(model.fields) - over)
    for field in probes:
        found = model.fields.get(field)
        assert h.find(field) == (None if found is None else (*found, field in over))
        assert h.get(field) == (None if found is None or field in over else found[0])


def run(form, script):
    h, model = new(form), Model()
    for step, field, value, expiry in script:
        if step == "set":
            assert h.set(field, value, expiry) == (field not in model.fields)
            model.set(field, value, expiry)
        elif step == "remove":
            assert h.remove(field) == (model.fields.pop(field, None) is not None)
        elif step == "expiry" and form != "listpack":
            assert h.set_expiry(field, max(expiry, 0)) == (field in model.fields)
            if field in model.fields:
                model.set(field, model.fields[field][0], max(expiry, 0))
        elif step == "copy":
            h.become_copy()
        elif step == "time":
            h.now_ms = max(expiry, 1)
        elif step == "expire":
            over = model.over(h.now_ms)
            assert h.expire() == len(over)
            for gone in over:
                del model.fields[gone]
        assert h.check() == 0, (step, field)
        assert h.encoding == form
        agree(h, model, [field])
    agree(h, model, FIELDS + LONG)
    h.start_anew()
    assert h.check() == 0


@given(steps("listpack"))
def test_a_listpack_does_what_a_dict_does(script):
    run("listpack", script)


@given(steps("listpackex"))
def test_a_listpackex_does_what_a_dict_with_expiries_does(script):
    run("listpackex", script)


@given(steps("hashtable"))
def test_a_table_does_what_a_dict_with_expiries_does(script):
    run("hashtable", script)


# ---------------------------------------------------------------- encodings

def test_one_field_more_than_the_limit_makes_a_table():
    h = BareHash(entries=3)
    for field in (b"a", b"b", b"c", b"c"):
        h.set(field, b"1")
        assert h.encoding == "listpack"
    h.set(b"d", b"1")
    assert h.encoding == "hashtable"
    assert h.check() == 0
    h.remove(b"d")
    h.remove(b"c")
    assert h.encoding == "hashtable"            # for good
    assert sorted(h.items()) == [(b"a", b"1", 0), (b"b", b"1", 0)]


@pytest.mark.parametrize("timed", [False, True])
def test_a_word_longer_than_the_limit_makes_a_table(timed):
    for field, value in ((b"field", b"v"), (b"f", b"value")):
        h = BareHash(value=4)
        if timed:
            h.allow_expiry()
        h.set(b"four", b"four", 5000 if timed else 0)
        assert h.encoding == ("listpackex" if timed else "listpack")
        h.set(field, value)
        assert h.encoding == "hashtable"
        assert h.check() == 0
        assert h.find(b"four") == (b"four", 5000 if timed else 0, False)
        assert h.find(field) == (value, 0, False)


def test_a_longer_value_of_a_field_that_is_there_keeps_its_expiry_in_the_table():
    h = BareHash(value=4)
    h.allow_expiry()
    h.set(b"f", b"four", 5000)
    h.set(b"f", b"value", -1)
    assert h.encoding == "hashtable"
    assert h.items() == [(b"f", b"value", 5000)]


def test_words_to_come_choose_the_form_even_if_some_name_one_field():
    h = BareHash(entries=2, value=4)
    h.reserve(b"a", b"1", b"b", b"1")
    assert h.encoding == "listpack"
    h.reserve(b"a", b"1", b"a", b"1", b"a", b"1")
    assert h.encoding == "hashtable"
    h = BareHash(entries=2, value=4)
    h.reserve(b"a", b"12345")
    assert h.encoding == "hashtable"


def test_triples_stand_in_the_order_of_their_expiries_the_latest_come_before_their_equals():
    h = new("listpackex")
    for field in (b"a", b"b", b"c", b"d", b"e"):
        h.set(field, field)
    for field, at in ((b"b", 4000), (b"d", 4000), (b"a", 4000), (b"e", 3000), (b"d", 5000), (b"b", 4000)):
        h.set_expiry(field, at)
    assert [(f, at) for f, _, at in h.items()] == [(b"e", 3000), (b"b", 4000), (b"a", 4000), (b"d", 5000), (b"c", 0)]
    h.set_expiry(b"b", 0)
    h.set(b"n", b"1")
    h.set(b"a", b"1")                            # loses its expiry, and so its place
    h.set(b"c", b"9")                            # had none: stays
    assert [f for f, _, _ in h.items()] == [b"e", b"d", b"c", b"b", b"n", b"a"]
    h.set(b"e", b"7", -1)
    assert h.items()[0] == (b"e", b"7", 3000)


# ---------------------------------------------------------------- large ones

def test_a_large_table_with_expiries_stays_whole_through_all_changes():
    h, model, rng = new("hashtable"), Model(), random.Random(2)
    for step in range(6000):
        field, expiry = b"%d" % rng.randrange(1500), rng.choice([0, 0, rng.randrange(500, 3000)])
        if rng.random() < 0.2:
            h.remove(field)
            model.fields.pop(field, None)
        else:
            h.set(field, b"v" * rng.randrange(300), expiry)
            model.set(field, h.find(field)[0], expiry)
        if step % 1000 == 999:
            assert h.check() == 0
            agree(h, model, [])
    h.become_copy()
    agree(h, model, [])
    over = len(model.over(h.now_ms))
    assert over > 50
    assert h.expire(most=10) == 10
    assert h.expire() == over - 10
    assert h.live == len(h)
    assert h.check() == 0


def test_the_fields_that_ended_first_are_removed_first():
    h = new("hashtable")
    for i in range(100):
        h.set(b"%d" % (i * 37 % 100), b"v", 100 + i * 37 % 100)
    h.now_ms = 1000
    assert h.expire(most=40) == 40
    assert sorted(int(f) for f, _, _ in h.items(all=True)) == list(range(40, 100))


@pytest.mark.parametrize("form", FORMS)
def test_random_draws_every_field_with_its_value(form):
    h = new(form)
    for i in range(20):
        h.set(b"f%d" % i, b"v%d" % i)
    drawn = {h.random() for _ in range(400)}
    assert drawn == {(b"f%d" % i, b"v%d" % i) for i in range(20)}


@pytest.mark.parametrize("form", FORMS)
def test_all_memory_comes_back(form):
    h = new(form)
    h.set(b"f", b"v", 0 if form == "listpack" else 2000)     # the database's table of timed hashes stays
    h.start_anew()
    before = h.memory_used
    for i in range(300):
        h.set(b"field%d" % i, b"value" * (20 if form == "hashtable" else 5), 0 if form == "listpack" else 2000 + i)
    assert h.memory_used > before
    h.start_anew()
    assert h.memory_used == before
    assert h.check() == 0


def test_the_memory_told_is_that_taken():
    h = new("hashtable")
    h.start_anew()
    before = h.memory_used
    h = new("hashtable")
    for i in range(3000):
        h.set(b"field:%06d" % i, b"v" * (i % 300), 5000 + i if i % 3 == 0 else 0)
    assert h.memory() == pytest.approx(h.memory_used - before, rel=0.01)
    assert h.memory(samples=500) == pytest.approx(h.memory(), rel=0.1)


def test_a_small_field_with_its_value_takes_few_bytes():
    h = new("hashtable")
    for i in range(100_000):
        h.set(b"field:%010d" % i, b"value:%010d" % i)
    assert h.memory_used / 100_000 < 57          # 16 and 16 bytes: 40, and the table
