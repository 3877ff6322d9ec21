"""The skiplist of members against a SortedList, every rule checked after each step."""

import math
import random

import pytest
from _pyredis.ds.skiplist_testing import BareSkiplist
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sortedcontainers import SortedList

SIZES = [1, 2, 41, 42, 43, 84, 1000, 5000, 60_000]
SHAPES = {
    "random": lambda rng, n: rng.sample([(float(i), b"%d" % i) for i in range(n)], n),
    "ascending": lambda rng, n: [(float(i), b"%d" % i) for i in range(n)],
    "descending": lambda rng, n: [(float(n - i), b"%d" % i) for i in range(n)],
    "all scores equal": lambda rng, n: [(0.0, b"%d" % i) for i in rng.sample(range(n), n)],
    "few scores": lambda rng, n: [(float(rng.randrange(5)), b"%d" % i) for i in range(n)],
}


def filled(pairs):
    found = BareSkiplist()
    for score, text in pairs:
        found.insert(text, score)
    return found


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_members_stand_in_order_however_they_came(shape, n):
    pairs = SHAPES[shape](random.Random(n), n)
    s = filled(pairs)
    assert s.check() == 0
    assert len(s) == n
    assert s.walk() == sorted(pairs)
    assert s.walk(n - 1, reverse=True) == sorted(pairs, reverse=True)
    for rank in {0, n // 3, n // 2, n - 1}:
        assert s.walk(rank)[:3] == sorted(pairs)[rank:rank + 3]
        assert s.rank(sorted(pairs)[rank][1]) == rank


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_removing_everything_in_any_order_gives_the_memory_back(shape, n):
    rng = random.Random(n)
    pairs = SHAPES[shape](rng, n)
    for order in (sorted(pairs), sorted(pairs, reverse=True), rng.sample(pairs, n)):
        s = filled(pairs)
        for i, (_, text) in enumerate(order):
            s.remove(text)
            if i % 997 == 0 or i > n - 50:
                assert s.check() == 0
        assert (len(s), s.height, s.bytes, s.memory_used) == (0, 0, 0, 0)


@pytest.mark.parametrize("n", SIZES)
def test_a_list_built_at_once_is_one_like_any_other(n):
    pairs = [(float(i // 3), b"%06d" % i) for i in range(n)]
    s = BareSkiplist()
    s.build(pairs)
    assert s.check() == 0
    assert s.walk() == pairs
    for i in range(0, n, 7):
        s.insert(b"new%d" % i, i / 5)
        s.remove(b"%06d" % i)
    assert s.check() == 0


@pytest.mark.parametrize("most", [1, 3, 42, 10_000])
def test_a_list_that_is_given_up_is_freed_in_steps(most):
    s = filled(SHAPES["random"](random.Random(1), 5000))
    steps = 0
    while not s.drain(most):
        steps += 1
    assert steps == (0 if most == 10_000 else pytest.approx(5000 / 33 / most, rel=0.3))
    s.free_members()
    assert (len(s), s.bytes, s.memory_used) == (0, 0, 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_ranges_are_removed_by_rank(shape):
    pairs = SHAPES[shape](random.Random(2), 3000)
    s, model, rng = filled(pairs), sorted(pairs), random.Random(3)
    while model:
        start = rng.randrange(len(model))
        want = min(rng.randrange(1, 200), len(model) - start)
        while want:
            gone = s.remove_at(start, want)
            assert 0 < len(gone) <= want
            assert gone == [text for _, text in model[start:start + len(gone)]]
            del model[start:start + len(gone)]
            want -= len(gone)
        assert s.check() == 0
    assert s.memory_used == 0


@pytest.mark.parametrize("shape", ["random", "ascending", "descending"])
def test_leaves_stay_well_filled(shape):
    s = filled(SHAPES[shape](random.Random(1), 20_000))
    assert s.bytes / 20_000 < (22.5 if shape == "random" else 19)


def test_long_and_empty_texts_are_members_too():
    texts = [b"", b"\0", b"\0\0", b"\xff", b"x" * 254, b"x" * 255, b"x" * 256, b"x" * 70_000]
    s = filled([(1.0, text) for text in texts])
    assert [text for _, text in s.walk()] == sorted(texts)
    for text in texts:
        assert s.rank(text) == sorted(texts).index(text)
    for text in texts:
        s.remove(text)
    assert s.memory_used == 0


def test_infinities_are_scores_and_zeros_are_equal_whatever_their_sign():
    s = filled([(math.inf, b"d"), (-math.inf, b"a"), (0.0, b"c"), (-0.0, b"b"), (1e308, b"cc")])
    assert [text for _, text in s.walk()] == [b"a", b"b", b"c", b"cc", b"d"]
    assert [s.before_score(x) for x in (-math.inf, 0.0, -0.0, math.inf)] == [0, 1, 1, 4]
    assert [s.before_score(x, True) for x in (-math.inf, 0.0, -0.0, math.inf)] == [1, 3, 3, 5]


@pytest.mark.parametrize("shape", SHAPES)
def test_counts_before_a_score_agree_with_a_sorted_list(shape):
    pairs = SHAPES[shape](random.Random(4), 2000)
    s, scores = filled(pairs), SortedList(score for score, _ in pairs)
    for x in [-1, 0, 0.5, 1, 2, 3, 4, 5, 999, 1000, 1999.5, 2000, 1e9]:
        assert s.before_score(x) == scores.bisect_left(x)
        assert s.before_score(x, True) == scores.bisect_right(x)


def test_counts_before_a_text_agree_with_a_sorted_list_where_scores_are_equal():
    pairs = SHAPES["all scores equal"](random.Random(4), 2000)
    s, texts = filled(pairs), SortedList(text for _, text in pairs)
    for x in [b"", b"0", b"00", b"1", b"1234", b"1234x", b"999", b"x"]:
        assert s.before_text(x) == texts.bisect_left(x)
        assert s.before_text(x, True) == texts.bisect_right(x)


SCORES = st.sampled_from([-math.inf, -1.0, 0.0, 1.0, 1.5, math.inf]) | st.floats(-10, 10)
TEXTS = st.binary(max_size=2)


class SkiplistMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.s, self.model, self.scores = BareSkiplist(), SortedList(), {}

    def put(self, text, score):
        if text in self.scores:
            self.s.rescore(text, score)
            self.model.remove((self.scores[text], text))
        else:
            self.s.insert(text, score)
        self.scores[text] = score
        self.model.add((score, text))

    @rule(text=TEXTS, score=SCORES)
    def put_one(self, text, score):
        self.put(text, score)

    @rule(seed=st.integers(0, 2**32), n=st.integers(1, 300))
    def put_many(self, seed, n):
        rng = random.Random(seed)
        for _ in range(n):
            self.put(b"%d" % rng.randrange(500), float(rng.randrange(-20, 20)))

    @precondition(lambda self: self.scores)
    @rule(data=st.data())
    def remove(self, data):
        text = data.draw(st.sampled_from(sorted(self.scores)))
        self.s.remove(text)
        self.model.remove((self.scores.pop(text), text))

    @precondition(lambda self: self.scores)
    @rule(data=st.data())
    def remove_range(self, data):
        start = data.draw(st.integers(0, len(self.model) - 1))
        gone = self.s.remove_at(start, data.draw(st.integers(1, 50)))
        assert gone == [text for _, text in self.model[start:start + len(gone)]]
        del self.model[start:start + len(gone)]
        for text in gone:
            del self.scores[text]

    @precondition(lambda self: self.scores)
    @rule(data=st.data())
    def ask(self, data):
        text = data.draw(st.sampled_from(sorted(self.scores)))
        assert self.s.rank(text) == self.model.index((self.scores[text], text))

    @rule(score=SCORES)
    def count(self, score):
        assert self.s.before_score(score) == self.model.bisect_left((score, b""))
        assert self.s.before_score(score, True) == self.model.bisect_left((score, b"\xff" * 9))

    @invariant()
    def holds(self):
        assert self.s.check() == 0
        assert self.s.walk() == list(self.model)


TestSkiplist = SkiplistMachine.TestCase
TestSkiplist.settings = settings(max_examples=40, stateful_step_count=30, derandomize=True, deadline=None)


@settings(max_examples=30)
@given(st.lists(st.tuples(SCORES, TEXTS), unique_by=lambda p: p[1], max_size=300), st.randoms())
def test_scores_may_change_in_any_way(pairs, rng):
    s = filled(pairs)
    scores = {text: score for score, text in pairs}
    for _, text in pairs:
        scores[text] = rng.choice([score for score, _ in pairs])
        s.rescore(text, scores[text])
        assert s.check() == 0
    assert s.walk() == sorted((score, text) for text, score in scores.items())
