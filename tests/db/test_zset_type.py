"""A sorted set in each form against a SortedList, every rule checked after each step."""

import math
import random

import pytest
from _pyredis.db.zset_testing import BareZSet
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sortedcontainers import SortedList

NX, XX, GT, LT, INCR = 1, 2, 4, 8, 16
MIN_OPEN, MAX_OPEN, MIN_LOWEST, MIN_HIGHEST, MAX_LOWEST, MAX_HIGHEST = 1, 2, 4, 8, 16, 32
LIMITS = {"listpack": (10**6, 10**6), "skiplist": (0, 0), "one that changes": (20, 8)}
MEMBERS = st.sampled_from([b"", b"0", b"7", b"-1", b"007", b"12345678901", b"a", b"b", b"a longer member", b"\xff\0"])
SCORES = st.sampled_from([-math.inf, -1.5, -1.0, 0.0, 0.1, 1.0, 2.0, 1e17, 1e300, math.inf]) | st.floats(-9, 9)


@pytest.fixture(params=["listpack", "skiplist"])
def form(request):
    return request.param


def given_zset(form, pairs):
    z = BareZSet(LIMITS[form])
    for score, member in pairs:
        z.add(member, score)
    return z


def judged(present, score, flags):
    """What ZADD makes of a member with the score `present`, or None."""
    if present is None:
        return ("refused", score) if flags & XX else ("added", score)
    if flags & NX:
        return "refused", score
    score = present + score if flags & INCR else score
    if math.isnan(score):
        return "nan", score
    if (flags & GT and score <= present) or (flags & LT and score >= present):
        return "refused", score
    return "same" if score == present else "changed", score


class ZSetMachine(RuleBasedStateMachine):
    form = ""

    def __init__(self):
        super().__init__()
        self.z, self.scores, self.order = BareZSet(LIMITS[self.form]), {}, SortedList()

    def set_score(self, member, score):
        if member in self.scores:
            self.order.remove((self.scores[member], member))
        self.scores[member] = score
        self.order.add((score, member))

    @rule(member=MEMBERS, score=SCORES, flags=st.sampled_from([0, NX, XX, GT, LT, INCR, XX | GT, INCR | LT]))
    def add(self, member, score, flags):
        outcome, result = self.z.add(member, score, flags)
        expected, after = judged(self.scores.get(member), score, flags)
        assert outcome == expected
        if outcome in ("added", "changed"):
            assert result == after
            self.set_score(member, after)

    @rule(seed=st.integers(0, 2**32), n=st.integers(1, 60))
    def add_many(self, seed, n):
        rng = random.Random(seed)
        for _ in range(n):
            member, score = b"%d" % rng.randrange(200), rng.randrange(-30, 30) / 4
            self.z.add(member, score)
            self.set_score(member, score)

    @rule(member=MEMBERS)
    def remove(self, member):
        assert self.z.remove(member) == (member in self.scores)
        if member in self.scores:
            self.order.remove((self.scores.pop(member), member))

    @precondition(lambda self: self.scores)
    @rule(data=st.data())
    def remove_ranks(self, data):
        start = data.draw(st.integers(0, len(self.order) - 1))
        count = data.draw(st.integers(1, len(self.order) - start))
        self.z.remove_ranks(start, count)
        for _, member in self.order[start:start + count]:
            del self.scores[member]
        del self.order[start:start + count]

    @rule(member=MEMBERS)
    def ask(self, member):
        assert self.z.score(member) == self.scores.get(member)
        there = member in self.scores
        assert self.z.rank(member) == (self.order.index((self.scores[member], member)) if there else None)

    @rule(low=SCORES, high=SCORES, flags=st.integers(0, 3))
    def range(self, low, high, flags):
        start = self.order.bisect_left((low, b"\xff" * 20 if flags & MIN_OPEN else b""))
        end = self.order.bisect_left((high, b"" if flags & MAX_OPEN else b"\xff" * 20))
        found, count = self.z.ranks_of_scores(low, high, flags)
        assert count == max(0, end - start)
        assert not count or found == start

    @rule(data=st.data())
    def walk(self, data):
        start = data.draw(st.integers(0, len(self.order)))
        count = data.draw(st.integers(0, len(self.order) - start))
        part = list(self.order[start:start + count])
        assert self.z.walk(start, count) == part
        assert self.z.walk(start, count, reverse=True) == part[::-1]

    @invariant()
    def holds(self):
        assert self.z.check() == 0
        assert len(self.z) == len(self.order)
        assert self.z.walk() == list(self.order)
        if self.form != "one that changes" and self.scores:
            assert self.z.form == self.form


def machine(form):
    case = type(f"ZSet as {form}", (ZSetMachine,), {"form": form}).TestCase
    case.settings = settings(max_examples=30, stateful_step_count=25, derandomize=True, deadline=None)
    return case


TestListpack, TestSkiplist, TestOneThatChanges = (machine(form) for form in LIMITS)


TEXTS = sorted({b"", b"0", b"1", b"12", b"a", b"aa", b"ab", b"b", b"\xff"} | {b"%d" % i for i in range(100)})


@settings(max_examples=200)
@given(low=st.sampled_from(TEXTS), high=st.sampled_from(TEXTS), flags=st.integers(0, 63), reverse=st.booleans())
def test_ranges_of_texts_are_those_of_a_list_in_both_forms(low, high, flags, reverse):
    def inside(text):
        above = (bool(flags & MIN_LOWEST) if flags & (MIN_LOWEST | MIN_HIGHEST)
                 else text > low or (text == low and not flags & MIN_OPEN))
        below = (bool(flags & MAX_HIGHEST) if flags & (MAX_LOWEST | MAX_HIGHEST)
                 else text < high or (text == high and not flags & MAX_OPEN))
        return above and below
    expected = [text for text in TEXTS if inside(text)]
    for form in ("listpack", "skiplist"):
        z = given_zset(form, [(1.0, text) for text in TEXTS])
        start, count = z.ranks_of_texts(low, high, flags, reverse)
        assert [text for _, text in z.walk(start, count)] == expected


@settings(max_examples=60)
@given(pairs=st.lists(st.tuples(st.floats(-5, 5), st.binary(max_size=3)), min_size=1, max_size=200),
       limits=st.sampled_from(list(LIMITS.values())))
def test_a_set_built_at_once_is_one_that_was_added_to(pairs, limits):
    sums = {}
    for score, member in pairs:
        sums[member] = sums[member] + score if member in sums else score
    z = BareZSet(limits)
    z.build(pairs, indexed=True)
    assert z.check() == 0
    ordered = sorted((score, member) for member, score in sums.items())
    assert z.walk() == ordered
    assert z.sorted([(score, member) for member, score in sums.items()]) == ordered
    z.build(ordered[::-1], indexed=False)
    assert z.check() == 0
    assert z.walk() == ordered


@pytest.mark.parametrize(("count", "longest", "form"), [
    (20, 8, "listpack"), (21, 8, "skiplist"), (20, 9, "skiplist"), (1, 1, "listpack"),
])
def test_what_is_built_takes_the_form_that_its_size_asks_for(count, longest, form):
    z = BareZSet(LIMITS["one that changes"])
    z.build([(1.0, b"%0*d" % (longest, i)) for i in range(count)], indexed=False)
    assert (z.form, len(z)) == (form, count)


@pytest.mark.parametrize("n", [1, 5, 42, 43, 2000])
def test_a_copy_has_all_members_and_nothing_remains_of_what_is_deleted(form, n):
    pairs = sorted((i * 7 % 50 / 2, b"member:%d" % i) for i in range(n))
    z = given_zset(form, pairs)
    used = z.memory_used
    assert z.copied() == pairs
    assert z.memory_used - used < 400               # the graves' own list
    steps = z.delete()
    assert z.memory_used < 1000
    assert steps == 0 or form == "skiplist"
    assert steps > 10 or n < 2000 or form == "listpack"


@pytest.mark.parametrize("n", [100, 2000])
def test_the_memory_that_is_told_is_the_memory_that_is_taken(form, n):
    z = BareZSet(LIMITS[form])
    before = z.memory_used
    for i in range(n):
        z.add(b"member:%04d" % i, i / 3)
    assert z.memory() == pytest.approx(z.memory_used - before, rel=0.1)
    assert z.memory(samples=5) == z.memory()


def test_members_and_scores_of_every_kind_come_back_from_a_listpack():
    scores = [-math.inf, -1e300, -(2.0**63), -1.5, -0.1, 0.0, 5e-324, 1e-7, 1 / 3, 1.0, 127.0, 128.0, 4096.0, 65536.0,
              2.0**31, 2.0**53, 2.0**62, 4611686018427389000.0, 2.0**63, 1e22, 1.7976931348623157e308, math.inf]
    pairs = [(score, b"%d" % (i * 37)) for i, score in enumerate(scores)]
    z = given_zset("listpack", random.Random(1).sample(pairs, len(pairs)))
    assert z.walk() == pairs
    assert z.check() == 0
