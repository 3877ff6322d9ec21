"""The radix tree of IDs against a SortedDict."""

import random

import pytest
from _pyredis.ds.rax_testing import BareRax, step
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sortedcontainers import SortedDict

MAX = 2 ** 64 - 1
WIDTHS = [0, 8, 24]
NOW = 1_790_000_000_000


def same(tree, model, width):
    items = [(id, model[id] if width else None) for id in model]
    assert tree.check() == 0
    assert tree.forward() == items
    assert tree.backward() == items[::-1]
    assert len(tree) == len(model)
    assert tree.bytes == tree.memory_used


def emptied(tree):
    return (len(tree), tree.nodes, tree.bytes, tree.memory_used, tree.check()) == (0, 0, 0, 0, 0)


def wide(number):
    """An ID of all its 128 bits."""
    return number >> 64, number & MAX


def scattered(count):
    source = random.Random(4)
    return [wide(source.getrandbits(128)) for _ in range(count)]


PATTERNS = {
    "five a ms": [(n // 5, n % 5) for n in range(6000)],
    "one a ms": [(NOW + n, 0) for n in range(6000)],
    "one a second": [(NOW + n * 1000, 0) for n in range(6000)],
    "one ms": [(NOW, n) for n in range(6000)],
    "all bytes differ": scattered(6000),
    "one bit each": sorted({wide(1 << n) for n in range(128)} | {wide(3 << n) for n in range(127)} | {(0, 0)}),
    "shared prefixes of every length": sorted({wide((((1 << 128) - 1) ^ ((1 << n) - 1)) ^ low)
                                               for n in range(128) for low in range(40)}),
    "bursts far apart": [(NOW + (n // 50 << 30), n % 50 * 70_000) for n in range(6000)],
    "the ends": [(a, b) for a in (0, 1, 2 ** 60 - 1, 2 ** 60, MAX - 1, MAX) for b in (0, 1, 2, MAX - 1, MAX)],
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("order", ["up", "down", "random"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_holds_what_was_inserted_in_order(width, order, pattern):
    ids = sorted(PATTERNS[pattern])
    shuffled = {"up": ids, "down": ids[::-1], "random": random.Random(1).sample(ids, len(ids))}[order]
    tree, model = BareRax(width), SortedDict()
    for n, id in enumerate(shuffled):
        assert tree.insert(id, n)
        model[id] = n
        if n in (10, 100, 1000):
            same(tree, model, width)
    same(tree, model, width)
    assert not tree.insert(ids[3], 99)
    model[ids[3]] = 99
    assert tree.find(ids[3]) == ((99,) if width else (None,))
    gone = {"up": ids, "down": ids[::-1], "random": random.Random(2).sample(ids, len(ids))}[order]
    for n, id in enumerate(gone):
        assert tree.delete(id)
        assert tree.find(id) is None
        del model[id]
        if n % 1000 == 500 or len(model) in (1, 2, 30):
            same(tree, model, width)
    assert not tree.delete(ids[0])
    assert emptied(tree)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_finds_what_is_beside_an_id_that_it_does_not_hold(pattern):
    ids = sorted(PATTERNS[pattern])[::3]
    tree, model = BareRax(0), SortedDict.fromkeys(ids)
    for id in random.Random(5).sample(ids, len(ids)):
        tree.insert(id, 0)
    source = random.Random(6)
    asked = [step(*id, up)[0] for id in source.sample(ids, min(len(ids), 300)) for up in (True, False)]
    asked += [wide((id[0] << 64 | id[1]) ^ 1 << source.randrange(128)) for id in source.choices(ids, k=600)]
    for id in [*asked, *scattered(100), (0, 0), (MAX, MAX)]:
        at = model.bisect_left(id)
        held = id in model
        assert (tree.find(id) is not None) == held
        assert tree.ceiling(id) == ((model.keys()[at], None) if at < len(ids) else None)
        at = at if held else at - 1
        assert tree.floor(id) == ((model.keys()[at], None) if at >= 0 else None)


@pytest.mark.parametrize(("width", "most"), [(0, 1.5), (8, 10), (24, 28.5)])
@pytest.mark.parametrize("ids", [[(n, 0) for n in range(1, 20_001)], [(NOW + n, 0) for n in range(20_000)]])
def test_ascending_ids_cost_a_byte_or_two_besides_their_values(width, most, ids):
    tree = BareRax(width)
    for id in ids:
        tree.insert(id, 0)
    assert tree.memory_used / len(ids) <= most


def test_a_small_tree_takes_little():
    tree = BareRax(0)
    assert tree.memory_used == 0
    tree.insert((NOW, 1), 0)
    assert tree.bytes == tree.memory_used <= 56
    for n in range(1, 4):
        tree.insert((NOW + n * 10, n), 0)
    assert tree.bytes == tree.memory_used <= 56


@pytest.mark.parametrize("ids", [[(n, 0) for n in range(8000)], scattered(8000)])
def test_a_tree_emptied_at_random_gives_its_memory_back(ids):
    tree = BareRax(8)
    for id in ids:
        tree.insert(id, 0)
    before = tree.bytes
    for id in random.Random(3).sample(ids, 7600):
        tree.delete(id)
    assert tree.bytes < before / 8
    assert tree.check() == 0


def test_it_is_freed_in_steps():
    tree = BareRax(8)
    for n in range(1000):
        tree.insert((n, n), 0)
    steps = 1
    while not tree.drain(50):
        assert tree.check() == 0
        steps += 1
    assert 1000 / 160 <= steps <= 1000 / 50
    assert emptied(tree)


def test_the_id_beside_another():
    assert step(1, 5, True) == ((1, 6), True)
    assert step(1, MAX, True) == ((2, 0), True)
    assert step(MAX, MAX, True) == ((0, 0), False)
    assert step(2, 0, False) == ((1, MAX), True)
    assert step(0, 0, False) == ((MAX, MAX), False)


parts = st.one_of(st.integers(0, 3), st.integers(0, 300), st.integers(0, 63).map(lambda n: 1 << n),
                  st.integers(0, 63).map(lambda n: MAX ^ ((1 << n) - 1)), st.integers(0, MAX))
ids = st.tuples(parts, parts)


class Machine(RuleBasedStateMachine):
    @initialize(width=st.sampled_from(WIDTHS), start=st.integers(0, 600), stride=parts)
    def begin(self, width, start, stride):
        self.width, self.tree, self.model = width, BareRax(width), SortedDict()
        for n in range(start):
            id = n * stride & MAX, n % 50
            self.tree.insert(id, n)
            self.model[id] = n

    @rule(id=ids, value=st.integers(0, 99))
    def insert(self, id, value):
        assert self.tree.insert(id, value) == (id not in self.model)
        self.model[id] = value

    @rule(id=ids, count=st.integers(1, 100), stride=st.integers(1, 5000))
    def insert_from(self, id, count, stride):
        for n in range(count):
            self.insert((id[0], id[1] + n * stride & MAX), n)

    @rule(data=st.data(), n=st.integers(0, 99))
    def insert_beside(self, data, n):
        if self.model:
            ms, seq = data.draw(st.sampled_from(self.model.keys()))
            self.insert((ms ^ 1 << n % 64, seq) if n % 2 else (ms, seq ^ 1 << n % 64), n)

    @rule(id=ids, count=st.integers(1, 200), backwards=st.booleans())
    def delete_from(self, id, count, backwards):
        assert self.tree.delete(id) == (self.model.pop(id, "absent") != "absent")
        others = list(self.model.irange(maximum=id, reverse=True) if backwards else self.model.irange(id))
        for other in others[:count]:
            assert self.tree.delete(other)
            del self.model[other]

    @rule(every=st.integers(2, 20))
    def thin_out(self, every):
        for n, id in enumerate(list(self.model)):
            if n % every:
                assert self.tree.delete(id)
                del self.model[id]

    @rule(id=ids)
    def look(self, id):
        value = self.model.get(id)
        assert self.tree.find(id) == (None if value is None else (value if self.width else None,))
        above = next(self.model.irange(minimum=id), None)
        below = next(self.model.irange(maximum=id, reverse=True), None)
        assert (self.tree.ceiling(id) or [None])[0] == above
        assert (self.tree.floor(id) or [None])[0] == below

    @invariant()
    def as_the_model(self):
        if hasattr(self, "tree"):
            same(self.tree, self.model, self.width)


def test_any_sequence_of_changes_is_as_with_a_sorted_dict():
    run_state_machine_as_test(Machine, settings=settings(max_examples=80, stateful_step_count=25, derandomize=True,
                                                         deadline=None))
