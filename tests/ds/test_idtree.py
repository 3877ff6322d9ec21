"""The ordered map of IDs against a Python dict."""

import random

import pytest
from _pyredis.ds.idtree_testing import BareIdTree, step
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

MAX = 2 ** 64 - 1
WIDTHS = [0, 8, 24]


def full(width):
    """IDs of a full leaf."""
    return (1024 - 24) // (16 + width)


def same(tree, model, width):
    items = [(id, model[id] if width else None) for id in sorted(model)]
    assert tree.forward() == items
    assert tree.backward() == items[::-1]
    assert len(tree) == len(model)
    assert tree.check() == 0


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("order", ["up", "down", "random"])
def test_it_holds_what_was_inserted_in_order(width, order):
    ids = [(n // 5, n % 5) for n in range(6000)]
    shuffled = {"up": ids, "down": ids[::-1], "random": random.Random(1).sample(ids, len(ids))}[order]
    tree, model = BareIdTree(width), {}
    for n, id in enumerate(shuffled):
        assert tree.insert(id, n)
        model[id] = n
    same(tree, model, width)
    assert not tree.insert((7, 3), 99)
    model[7, 3] = 99
    assert tree.find((7, 3)) == ((99,) if width else (None,))
    assert tree.find((7, 5)) is None
    for id in random.Random(2).sample(ids, 5900):
        assert tree.delete(id)
        del model[id]
        if len(model) % 500 == 0:
            same(tree, model, width)
    same(tree, model, width)
    for id in list(model):
        assert tree.delete(id)
    assert not tree.delete((1, 1))
    assert (tree.nodes, tree.check()) == (0, 0)


@pytest.mark.parametrize("width", WIDTHS)
def test_ascending_ids_fill_the_leaves(width):
    tree = BareIdTree(width)
    for n in range(full(width) * 40):
        tree.insert((n, 0), 0)
    assert tree.nodes == 41                        # forty leaves under a root


def test_a_small_tree_takes_little():
    tree = BareIdTree(0)
    tree.insert((1, 1), 0)
    assert tree.bytes == tree.memory_used == 24 + 4 * 16


def test_a_tree_emptied_at_random_gives_its_nodes_back():
    tree = BareIdTree(8)
    ids = [(n, 0) for n in range(8000)]
    for id in ids:
        tree.insert(id, 0)
    before = tree.nodes
    for id in random.Random(3).sample(ids, 7600):
        tree.delete(id)
    assert tree.nodes < before / 4
    assert tree.check() == 0


def test_it_is_freed_in_steps():
    tree = BareIdTree(8)
    for n in range(1000):
        tree.insert((n, n), 0)
    steps = 1
    while not tree.drain(50):
        assert tree.check() == 0
        steps += 1
    assert 1000 / 100 <= steps <= 1000 / 50
    assert (tree.memory_used, len(tree)) == (0, 0)


def test_the_id_beside_another():
    assert step(1, 5, True) == ((1, 6), True)
    assert step(1, MAX, True) == ((2, 0), True)
    assert step(MAX, MAX, True) == ((0, 0), False)
    assert step(2, 0, False) == ((1, MAX), True)
    assert step(0, 0, False) == ((MAX, MAX), False)


ids = st.tuples(st.integers(0, 3) | st.integers(0, 40) | st.just(MAX), st.integers(0, 60) | st.just(MAX))


class Machine(RuleBasedStateMachine):
    @initialize(width=st.sampled_from(WIDTHS), start=st.integers(0, 400))
    def begin(self, width, start):
        self.width, self.tree, self.model = width, BareIdTree(width), {}
        for n in range(start):
            self.insert((n // 50, n % 50), n)

    @rule(id=ids, value=st.integers(0, 99))
    def insert(self, id, value):
        assert self.tree.insert(id, value) == (id not in self.model)
        self.model[id] = value

    @rule(id=ids, count=st.integers(1, 60))
    def delete_from(self, id, count):
        assert self.tree.delete(id) == (self.model.pop(id, None) is not None)
        for other in sorted(i for i in self.model if i > id)[:count]:
            assert self.tree.delete(other)
            del self.model[other]

    @rule(id=ids)
    def look(self, id):
        value = self.model.get(id)
        assert self.tree.find(id) == (None if value is None else (value if self.width else None,))
        above, below = [i for i in self.model if i >= id], [i for i in self.model if i <= id]
        assert (self.tree.ceiling(id) or [None])[0] == (min(above) if above else None)
        assert (self.tree.floor(id) or [None])[0] == (max(below) if below else None)

    @invariant()
    def as_the_model(self):
        if hasattr(self, "tree"):
            same(self.tree, self.model, self.width)


def test_any_sequence_of_changes_is_as_with_a_dict():
    run_state_machine_as_test(Machine, settings=settings(max_examples=60, stateful_step_count=25))
