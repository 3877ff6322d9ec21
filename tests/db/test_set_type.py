"""Sets in each of their forms against a Python set, the limits between the forms, and chance."""

import random
from collections import Counter

import pytest
from _pyredis.db.set_testing import BareSet
from hypothesis import given
from hypothesis import strategies as st

FORMS = ["intset", "listpack", "hashtable"]
SMALL = (8, 8, 10)                      # limits that a short test passes


def text(n):
    return b"m%d" % n


def number(n):
    return b"%d" % n


def given_set(form, n, limits=(512, 128, 64)):
    """n members, numbers 0 ... n-1 as far as they are members of every form."""
    s = BareSet(limits)
    extra = {"intset": None, "listpack": b"x", "hashtable": b"y" * 100}[form]
    if extra:
        s.add(extra)
    for i in range(n):
        s.add(number(i))
    if extra:
        s.remove(extra)
    assert s.form == form
    return s


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


MEMBERS = st.one_of(st.integers(-5, 30).map(number), st.integers(0, 10).map(text), st.binary(max_size=12),
                    st.integers(-(1 << 63), (1 << 63) - 1).map(number),
                    st.sampled_from([b"", b"01", b"-0", b"a" * 254, b"a" * 255, b"a" * 256, b"b" * 70_000]))


@pytest.mark.parametrize("limits", [SMALL, (512, 128, 64), (0, 0, 0), (20, 3, 300)])
@given(st.lists(st.tuples(st.sampled_from("aaard"), MEMBERS), max_size=60))
def test_it_behaves_like_a_python_set_whatever_its_form(limits, steps):
    s, model, forms = BareSet(limits), set(), ["intset"]
    for step, m in steps:
        if step == "a":
            assert s.add(m) == (m not in model)
            model.add(m)
        elif step == "r":
            assert s.remove(m) == (m in model)
            model.discard(m)
        elif model:
            assert s.draw() in model
        assert sorted(s) == sorted(model)
        assert len(s) == len(model)
        assert (m in s) == (m in model)
        assert s.check() in ({0} if model else {40})
        forms.append(s.form)
    assert [FORMS.index(f) for f in forms] == sorted(FORMS.index(f) for f in forms)         # never back


@pytest.mark.parametrize("n", [1, 10, 1000, 20_000])
def test_a_table_finds_all_its_members_and_no_other(n):
    s = given_set("hashtable", n)
    assert all(number(i) in s for i in range(n))
    assert number(n) not in s and b"" not in s
    assert s.check() == 0


def test_the_form_changes_just_above_each_limit():
    s = BareSet(SMALL)
    for i in range(8):
        s.add(number(i))
    assert s.form == "intset"
    s.add(number(8))
    assert s.form == "hashtable"
    s = BareSet(SMALL)
    for i in range(8):
        s.add(text(i))
    assert s.form == "listpack"
    s.add(text(8))
    assert s.form == "hashtable"


@pytest.mark.parametrize(("numbers", "word", "form"), [
    ([1, 2], b"x" * 10, "listpack"), ([1, 2], b"x" * 11, "hashtable"), ([1234567890], b"x", "listpack"),
    ([12345678901], b"x", "hashtable"), ([-1234567890], b"x", "hashtable"), (range(7), b"x", "listpack"),
    (range(8), b"x", "hashtable"), ([], b"x", "listpack"),
])
def test_the_first_text_takes_numbers_to_a_form_that_holds_both(numbers, word, form):
    s = BareSet(SMALL)
    for v in numbers:
        s.add(number(v))
    s.add(word)
    assert s.form == form
    assert sorted(s) == sorted([*map(number, numbers), word])
    assert s.check() == 0


def test_compacting_gives_numbers_the_smallest_form(form):
    s = given_set(form, 50)
    s.compact()
    assert s.form == "intset"
    assert list(s) == [number(i) for i in range(50)]
    s = given_set("hashtable", 600)
    s.compact()
    assert s.form == "hashtable"


# ---------------------------------------------------------------- chance

def far_from_uniform(counts, cells, draws):
    """Chi-squared beyond what chance does once in a thousand million (normal approximation, 6 deviations)."""
    expected = draws / cells
    chi = sum((counts.get(i, 0) - expected) ** 2 / expected for i in range(cells))
    return abs(chi - (cells - 1)) > 6 * (2 * (cells - 1)) ** 0.5


@pytest.mark.parametrize("n", [2, 7, 100])
def test_every_member_is_drawn_alike(form, n):
    s = given_set(form, n)
    draws = 200 * n
    assert not far_from_uniform(Counter(int(s.draw()) for _ in range(draws)), n, draws)


@pytest.mark.parametrize("n", [1500, 5000, 6000, 7900])
def test_every_member_of_a_large_table_is_drawn_alike(n):
    s = given_set("hashtable", n)
    draws = 30 * n
    assert not far_from_uniform(Counter(int(s.draw()) for _ in range(draws)), n, draws)


@pytest.mark.parametrize(("n", "count"), [(12, 1), (12, 3), (12, 6), (12, 10), (12, 11)])
def test_every_member_is_popped_alike(form, n, count):
    rounds = 1500
    counts = Counter()
    for seed in range(rounds):
        s = BareSet((512, 128, 64), seed + 1)
        extra = {"intset": None, "listpack": b"x", "hashtable": b"y" * 100}[form]
        for m in [extra] * bool(extra) + [number(i) for i in range(n)]:
            s.add(m)
        if extra:
            s.remove(extra)
        counts.update(map(int, s.pop(count)))
    assert not far_from_uniform(counts, n, rounds * count)


@pytest.mark.parametrize(("n", "count"), [(1, 0), (100, 1), (100, 10), (100, 50), (100, 83), (100, 84), (100, 99),
                                          (3000, 1), (3000, 374), (3000, 376), (3000, 2000), (3000, 2999)])
def test_what_is_popped_is_gone_and_the_rest_is_there(form, n, count):
    if form == "listpack":
        n, count = n % 2900, min(count, n % 2900 - 1)
    s = given_set(form, n, (5000, 128, 64))
    popped = s.pop(count)
    assert len(popped) == len(set(popped)) == count
    assert sorted([*popped, *s]) == sorted(number(i) for i in range(n))
    assert s.check() == 0


@pytest.mark.parametrize(("form", "n", "count", "after"), [
    ("hashtable", 100, 83, "hashtable"), ("hashtable", 100, 84, "listpack"), ("hashtable", 5000, 4872, "listpack"),
    ("hashtable", 5000, 4871, "hashtable"), ("intset", 100, 99, "intset"), ("listpack", 100, 99, "listpack"),
])
def test_a_table_of_which_nearly_all_is_popped_becomes_small_as_in_redis(form, n, count, after):
    s = given_set(form, n)
    s.pop(count)
    assert s.form == after


def test_the_memory_comes_back(form):
    empty = BareSet().memory_used
    s = given_set(form, 100)
    names = list(s)
    random.Random(1).shuffle(names)
    for m in names:
        s.remove(m)
    s.compact()
    assert s.memory_used == empty
