"""The quicklist against a Python list: every operation, small and large nodes, compressed ones, large elements."""

import random

import pytest
from _pyredis.ds.quicklist_testing import BareQuicklist
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

KIB = 1024
LIMITS = {-1: 4 * KIB, -2: 8 * KIB, -3: 16 * KIB, -4: 32 * KIB, -5: 64 * KIB}


def quicklist(elements, fill=-2, depth=0, large=0):
    q = BareQuicklist(fill, depth, large)
    for e in elements:
        q.push(e)
    return q


def numbered(n, width=20):
    return [b"%0*d" % (width, i) + b"." for i in range(n)]


def kinds(q):
    return [kind for kind, *_ in q.nodes]


def test_an_empty_one_has_nothing():
    q = BareQuicklist()
    assert (len(q), q.nodes, q.walk(), q.walk(-1, True), q.check()) == (0, [], [], [], 0)
    assert not q.set(0, b"x") and not q.insert(b"p", b"x") and q.remove(b"x") == 0


@pytest.mark.parametrize("tail", [True, False])
@pytest.mark.parametrize("fill", [1, 2, 100, -1, -2, -5])
def test_pushing_and_dropping_at_either_end_keeps_the_order(fill, tail):
    q, model = BareQuicklist(fill), []
    for i in range(2000):
        e = b"%d" % (i * 7919) if i % 3 else b"x" * (i % 90)
        q.push(e, tail)
        model.insert(len(model) if tail else 0, e)
    assert q.check() == 0
    assert q.walk() == model
    assert q.walk(-1, True) == model[::-1]
    for n, end in [(1, tail), (1, not tail), (0, tail), (5, tail), (700, not tail), (900, tail)]:
        assert q.end(tail) == (model[-1] if tail else model[0])
        q.drop(n, end)
        model = model[:len(model) - n] if end else model[n:]
        assert q.check() == 0
        assert q.walk() == model
    q.drop(len(model))
    assert (len(q), q.nodes) == (0, [])


@pytest.mark.parametrize("fill", LIMITS)
def test_a_node_holds_as_many_bytes_as_a_listpack_may_have(fill):
    q = quicklist(numbered(20_000), fill)
    used = [used for _, _, used, _ in q.nodes[:-1]]
    assert min(used) > LIMITS[fill] - 64
    assert max(used) <= LIMITS[fill] - 7
    assert q.check() == 0


@pytest.mark.parametrize("fill", [0, 1, 2, 5, 128])
def test_a_node_holds_as_many_elements_as_are_allowed(fill):
    counts = [count for _, count, *_ in quicklist(numbered(1000), fill).nodes]
    assert counts[:-1] == [max(fill, 1)] * (len(counts) - 1)


def test_a_node_of_many_elements_is_still_limited_to_eight_kib():
    assert all(used <= 8 * KIB for _, _, used, _ in quicklist(numbered(3000), 30_000).nodes)


@pytest.mark.parametrize("tail", [True, False])
def test_full_nodes_carry_no_slack(tail):
    q = BareQuicklist(50)
    for e in numbered(5000, 10):
        q.push(e, tail)
    inner = q.nodes[1:-1]
    assert sum(room for *_, room in inner) < 1.2 * sum(used for _, _, used, _ in inner)


@pytest.mark.parametrize("forward", [True, False])
def test_a_queue_stays_in_one_block_however_long_it_runs(forward):
    q = BareQuicklist()
    model = []
    for i in range(20_000):
        e = b"job:%d" % i
        q.push(e, forward)
        model.append(e)
        if len(model) > 10:
            assert q.end(not forward) == model.pop(0)
            q.drop(1, not forward)
    assert q.check() == 0
    assert len(q.nodes) == 1
    assert q.nodes[0][3] < 1000


@pytest.mark.parametrize(("fill", "large", "limit"), [(-1, 0, 4097), (-2, 0, 8193), (-5, 0, 65537), (5, 0, 8193),
                                                     (-2, 10, 10)])
def test_an_element_that_no_node_may_hold_gets_one_of_its_own(fill, large, limit):
    q = quicklist([b"a", b"x" * (limit - 1), b"y" * limit, b"b"], fill, large=large)
    assert kinds(q)[-2:] == ["plain", "packed"]
    assert kinds(q).count("plain") == 1
    q.push(b"z" * limit, False)
    assert kinds(q)[0] == "plain"
    assert q.walk() == [b"z" * limit, b"a", b"x" * (limit - 1), b"y" * limit, b"b"]
    assert q.end(False) == b"z" * limit
    assert q.remove(b"y" * limit) == 1
    assert q.check() == 0


def test_an_insertion_into_a_full_node_divides_it_and_joins_what_fits():
    q = quicklist(numbered(30), 10)
    e = numbered(30)
    assert q.insert(e[14], b"new", after=True)
    assert [count for _, count, *_ in q.nodes] == [10, 5, 6, 10]
    assert q.insert(e[0], b"first")
    assert [count for _, count, *_ in q.nodes][:2] == [1, 10]
    assert q.walk() == [b"first", *e[:15], b"new", *e[15:]]
    assert q.check() == 0


def test_a_list_fits_a_listpack_when_one_node_at_most_half_full_is_left():
    q = quicklist([b"x" * 90] * 100)
    assert not q.fits(-2) and not q.fits(-2, False)
    q.drop(100 - 43)                # of 93 bytes each
    assert (len(q.nodes), q.fits(-2), q.fits(-2, False), q.fits(-1)) == (1, True, True, False)
    q.push(b"x" * 90)
    assert (q.fits(-2), q.fits(-2, False), q.fits(-3)) == (False, True, True)
    assert (q.fits(88), q.fits(87), q.fits(44, False), q.fits(43, False)) == (True, False, True, False)


@pytest.mark.parametrize("index", [0, 1, 500, 501, 999, -1, -2, -500, -1000])
def test_a_walk_begins_anywhere_and_goes_both_ways(index):
    e = numbered(1000)
    for q in (quicklist(e, 7), quicklist(e, 7, 1), quicklist(e), quicklist(e, large=3)):
        at = index % 1000
        assert q.walk(index) == e[at:]
        assert q.walk(index, True) == e[at::-1] if at else e[:1]
        assert q.walk(1000) == q.walk(-1001, True) == []


@pytest.mark.parametrize("depth", [0, 2])
def test_runs_are_whole_nodes(depth):
    q = quicklist(numbered(100), 10, depth)
    assert q.runs(0, 100) == [10] * 10
    assert q.runs(5, 23) == [5, 10, 8]
    assert q.runs(99, 5) == [1]
    assert q.runs(100, 5) == q.runs(0, 0) == []
    assert quicklist([b"a", b"b" * 9000, b"c"]).runs(0, 3) == [1, 1, 1]


@pytest.mark.parametrize("depth", [1, 2, 5, 100, 70_000])
def test_inner_nodes_are_compressed_but_for_some_at_either_end(depth):
    q = quicklist([b"the same text again and again " * 3] * 500, 10, depth)
    assert len(q.nodes) == 50
    inner = max(0, 50 - 2 * depth)
    outer = ["packed"] * min(25, depth)
    assert kinds(q) == [*outer, *["lzf"] * inner, *outer]
    for n in (40, 100, 100, 160, 60):
        q.drop(n, tail=n != 100)
        assert q.check() == 0
        left = len(q.nodes)
        assert kinds(q).count("lzf") == max(0, left - 2 * depth)


def test_what_gains_nothing_is_not_compressed():
    rng = random.Random(1)
    q = quicklist([rng.randbytes(60) for _ in range(200)], 10, 1)
    assert kinds(q) == ["packed"] * 20
    assert kinds(quicklist([b"ab"] * 50, 1, 1)) == ["packed"] * 50


def test_compression_saves_memory():
    plain, packed = (quicklist(numbered(20_000), -2, depth) for depth in (0, 1))
    assert packed.memory() < plain.memory() / 3
    assert packed.walk() == plain.walk()


def test_a_search_leaves_compressed_nodes_compressed():
    q = quicklist(numbered(1000), 10, 1)
    before = kinds(q)
    assert q.has(numbered(1000)[555]) and not q.has(b"absent")
    assert q.remove(b"absent") == 0
    assert kinds(q) == before


@pytest.mark.parametrize("depth", [0, 1])
def test_a_copy_is_equal_and_its_own(depth):
    q = quicklist([b"a", *numbered(500), b"x" * 9000, b"z"], 10, depth)
    before = q.walk()
    q.copied()
    assert q.walk() == before
    assert q.check() == 0


def test_it_is_freed_in_steps():
    q = quicklist(numbered(100), 10)
    assert [q.free_some(8) for _ in range(3)] == [False, False, True]
    assert len(q) == 0


def test_memory_is_what_the_arena_counts():
    empty = BareQuicklist().memory_used
    q = BareQuicklist()
    base = q.memory()
    for e in numbered(5000):
        q.push(e)
    assert q.memory() - base == q.memory_used - empty
    assert abs(q.memory(5) - q.memory()) < q.memory() * 0.1


ELEMENTS = st.sampled_from([b"", b"a", b"b", b"7", b"-5", b"4096", b"99999999999", b"x" * 30, b"y" * 63, b"z" * 64,
                            b"same again " * 12, b"w" * 130, b"L" * 5000, b"M" * 9000]) | st.binary(max_size=40)
SETTINGS = [(1, 0, 0), (2, 0, 0), (3, 1, 0), (8, 0, 0), (8, 1, 0), (8, 2, 30), (0, 0, 20), (-1, 0, 0), (-1, 1, 0),
            (-2, 0, 100)]


class Machine(RuleBasedStateMachine):
    @initialize(setting=st.sampled_from(SETTINGS), elements=st.lists(ELEMENTS, max_size=60))
    def start(self, setting, elements):
        fill, depth, large = setting
        self.q = BareQuicklist(fill, depth, large)
        self.model = []
        for e in elements:
            self.push(e, True)

    @rule(e=ELEMENTS, tail=st.booleans())
    def push(self, e, tail):
        self.q.push(e, tail)
        self.model.insert(len(self.model) if tail else 0, e)

    @rule(n=st.integers(0, 12), tail=st.booleans())
    def drop(self, n, tail):
        n = min(n, len(self.model))
        self.q.drop(n, tail)
        self.model = self.model[:len(self.model) - n] if tail else self.model[n:]

    @rule(index=st.integers(-20, 20), e=ELEMENTS)
    def set(self, index, e):
        there = -len(self.model) <= index < len(self.model)
        assert self.q.set(index, e) == there
        if there:
            self.model[index] = e

    @rule(pivot=ELEMENTS, e=ELEMENTS, after=st.booleans(), own=st.integers(0, 1000))
    def insert(self, pivot, e, after, own):
        if self.model and own:
            pivot = self.model[own % len(self.model)]
        assert self.q.insert(pivot, e, after) == (pivot in self.model)
        if pivot in self.model:
            self.model.insert(self.model.index(pivot) + after, e)

    @rule(e=ELEMENTS, most=st.integers(1, 4), backward=st.booleans(), own=st.integers(0, 1000))
    def remove(self, e, most, backward, own):
        if self.model and own:
            e = self.model[own % len(self.model)]
        at = [i for i, x in enumerate(self.model) if x == e]
        gone = set((at[::-1] if backward else at)[:most])
        assert self.q.remove(e, most, backward) == len(gone)
        self.model = [x for i, x in enumerate(self.model) if i not in gone]

    @rule()
    def copy(self):
        self.q.copied()

    @rule(index=st.integers(-30, 30), backward=st.booleans())
    def walk(self, index, backward):
        at = index + len(self.model) if index < 0 else index
        there = 0 <= at < len(self.model)
        expected = self.model[at::-1] if backward else self.model[at:]
        assert self.q.walk(index, backward) == (expected if there else [])

    @invariant()
    def is_whole(self):
        assert self.q.check() == 0
        assert len(self.q) == len(self.model)
        assert self.q.walk() == self.model
        if self.model:
            assert (self.q.end(False), self.q.end(True)) == (self.model[0], self.model[-1])


def test_it_does_what_a_python_list_does():
    run_state_machine_as_test(Machine, settings=settings(max_examples=300, stateful_step_count=40, deadline=None))
