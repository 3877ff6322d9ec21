"""Streams and what is pending with their groups, against Python dicts."""

import pytest
from _pyredis.db.stream_testing import BareStream
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

WORDS = [[b"a", b"1"], [b"a", b"x" * 70], [b"b", b"", b"a", b"-7"], [b"b", b"long" * 400, b"a", b"70000"], [b"", b""],
         [b"7", b"7"], [b"a", b"1", b"a", b"2", b"a", b"3"]]
LIMITS = [(1, 0), (3, 0), (100, 4096), (0, 100), (0, 0), (5, 60)]


@pytest.mark.parametrize("limits", LIMITS)
def test_a_stream_keeps_what_was_added(limits):
    s = BareStream(*limits)
    for n in range(700):
        s.append((n // 3, n % 3), WORDS[n % 4 // 2])
    assert [id for id, _ in s.range()] == [(n // 3, n % 3) for n in range(700)]
    assert s.check() == 0
    for n in range(700):
        assert s.delete((n // 3, n % 3)) and not s.delete((n // 3, n % 3))
    assert (len(s), s.nodes, s.check()) == (0, 0, 0)
    assert s.facts == ((0, 0), (233, 0), (233, 0), (0, 0), 700)


def test_ids_of_a_node_may_lie_far_apart():
    s, top = BareStream(), 2 ** 64 - 1
    ids = [(0, 1), (5, top), (6, 0), (2 ** 40, 7), (2 ** 63, 0), (top, 0), (top, top)]
    for id in ids:
        s.append(id, [b"a", b"b"])
    assert [id for id, _ in s.range()] == ids
    assert s.nodes == 1
    assert all(s.has(id) for id in ids)
    assert s.check() == 0


def test_counts_of_a_node_may_change_their_size():
    """Of 10,000 entries in one node: the master entry's numbers take one byte, then two, then three."""
    s = BareStream(0, 0)
    for n in range(10_000):
        s.append((n, 0), [b"a", b"b"])
    s.copied()                                      # no room to spare
    for n in range(9_990):
        assert s.delete((n, 0))
    assert (s.nodes, len(s), s.check()) == (1, 10, 0)


@pytest.mark.parametrize("limits", LIMITS)
def test_a_small_stream_is_small_and_a_large_one_dense(limits):
    s = BareStream(*limits)
    for n in range(2000):
        s.append((n, 0), [b"field", b"value"])
    assert s.memory() <= s.memory_used
    assert s.memory(5) == pytest.approx(s.memory(), rel=0.1)


def test_what_is_freed_in_steps_is_freed_whole():
    s = BareStream(2, 0)
    before = s.memory_used
    for n in range(500):
        s.append((n, 0), [b"a", b"b"])
    for group in (b"g", b"h"):
        s.group(group)
        for n in range(500):
            s.give(group, (n, 0), b"consumer %d" % (n % 7))
    assert s.copied() > 10
    assert s.pending(b"g") == {(n, 0): b"consumer %d" % (n % 7) for n in range(500)}
    assert s.check() == 0
    grown = s.memory_used
    s.copied()
    assert s.memory_used == grown                   # a copy of a copy takes as much
    s.group(b"g", False), s.group(b"h", False)
    s.trim(length=0)
    s.copied()
    assert s.memory_used <= before + 64


class Machine(RuleBasedStateMachine):
    @initialize(limits=st.sampled_from(LIMITS))
    def begin(self, limits):
        self.limits, self.s, self.model, self.last = limits, BareStream(*limits), {}, (0, 0)
        self.deleted, self.added, self.groups = (0, 0), 0, {}

    @rule(steps=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(WORDS)), min_size=1, max_size=12))
    def append(self, steps):
        for ms, words in steps:
            self.last = (self.last[0] + ms, 0 if ms else self.last[1] + 1)
            self.s.append(self.last, words)
            self.model[self.last] = words
            self.added += 1

    def some_id(self, at):
        known = sorted(self.model)
        return known[at % len(known)] if known and at % 5 else (at % 20, at % 3)

    @rule(at=st.integers(0, 1000))
    def delete(self, at):
        id = self.some_id(at)
        assert self.s.has(id) == (id in self.model)
        assert self.s.delete(id) == (id in self.model)
        if self.model.pop(id, None) is not None:
            self.deleted = max(self.deleted, id)

    @rule(at=st.integers(0, 1000), by_id=st.booleans())
    def trim(self, at, by_id):
        if by_id:
            id = self.some_id(at)
            gone = [i for i in self.model if i < id]
            assert self.s.trim(id=id) == len(gone)
        else:
            length = at % (len(self.model) + 2)
            gone = sorted(self.model)[:max(0, len(self.model) - length)]
            assert self.s.trim(length=length) == len(gone)
        for id in gone:
            del self.model[id]

    @rule(at=st.integers(0, 1000), limit=st.sampled_from([0, 1, 4, 50]))
    def trim_roughly(self, at, limit):
        length = at % (len(self.model) + 2)
        n = self.s.trim(length=length, roughly=True, limit=limit)
        assert n <= max(0, len(self.model) - length) and (not limit or n <= limit)
        for id in sorted(self.model)[:n]:
            del self.model[id]

    @rule(a=st.integers(0, 1000), b=st.integers(0, 1000), backwards=st.booleans())
    def look(self, a, b, backwards):
        first, last = self.some_id(a), self.some_id(b)
        expected = [i for i in sorted(self.model) if first <= i <= last]
        found = self.s.range(first, last, backwards)
        assert [id for id, _ in found] == (expected[::-1] if backwards else expected)
        assert all(words in (None, self.model[id]) for id, words in found)

    @rule(group=st.sampled_from([b"g", b"h", b""]), make=st.booleans())
    def group(self, group, make):
        assert self.s.group(group, make) == ((group not in self.groups) == make)
        if make:
            self.groups.setdefault(group, {})
        else:
            self.groups.pop(group, None)

    @precondition(lambda self: getattr(self, "groups", None))
    @rule(at=st.lists(st.integers(0, 300), min_size=1, max_size=40), consumer=st.sampled_from([b"alice", b"bob", b"b"]))
    def give(self, at, consumer):
        for n in at:
            group = sorted(self.groups)[n % len(self.groups)]
            self.s.give(group, (n, 0), consumer)
            self.groups[group][n, 0] = consumer

    @precondition(lambda self: getattr(self, "groups", None))
    @rule(first=st.integers(0, 300), count=st.integers(1, 100))
    def acknowledge(self, first, count):
        for n in range(first, first + count):
            for group, pending in self.groups.items():
                assert self.s.acknowledge(group, (n, 0)) == (pending.pop((n, 0), None) is not None)

    @precondition(lambda self: getattr(self, "groups", None))
    @rule(consumer=st.sampled_from([b"alice", b"bob", b"b"]))
    def dismiss(self, consumer):
        group = min(self.groups)
        if self.s.dismiss(group, consumer):
            self.groups[group] = {id: who for id, who in self.groups[group].items() if who != consumer}

    @rule()
    def copy(self):
        self.s.copied()

    @invariant()
    def as_the_model(self):
        if not hasattr(self, "s"):
            return
        assert self.s.check() == 0
        first, top = (min(self.model), max(self.model)) if self.model else ((0, 0), (0, 0))
        assert self.s.facts == (first, self.last, self.deleted, top, self.added)
        assert len(self.s) == len(self.model)
        for group, pending in self.groups.items():
            assert self.s.pending(group) == dict(sorted(pending.items()))


def test_any_sequence_of_changes_is_as_with_dicts():
    run_state_machine_as_test(Machine, settings=settings(max_examples=120, stateful_step_count=30))
