"""The heap of expiries against a dict."""

import random

from _pyredis.ds.ttl_testing import BareTtl
from hypothesis import given
from hypothesis import strategies as st

STEPS = st.lists(st.tuples(st.sampled_from(["set", "set", "set", "remove", "move"]), st.integers(0, 63),
                           st.integers(0, 9)), max_size=200)


@given(STEPS)
def test_it_does_what_a_dict_does(steps):
    t, model = BareTtl(), {}
    for step, owner, at in steps:
        if step == "set":
            (t.change if owner in model else t.add)(owner, at)
            model[owner] = at
        elif step == "remove" and owner in model:
            t.remove(owner)
            del model[owner]
        elif step == "move" and owner in model and len(model) < 64:
            to = next(free for free in range(64) if free not in model)
            t.move(owner, to)
            model[to] = model.pop(owner)
        assert t.check() == 0
        assert len(t) == len(model)
        assert t.first == min(model.values(), default=None)
        assert {owner: t.at(owner) for owner in model} == model
        assert t.count_over(at) == sum(ends < at for ends in model.values())
        assert t.any_over(at) == any(ends < at for ends in model.values())


def test_what_is_taken_out_first_by_first_comes_in_order():
    t, rng = BareTtl(), random.Random(1)
    ends = {owner: rng.randrange(1000) for owner in range(64)}
    for owner, at in ends.items():
        t.add(owner, at)
    for owner in sorted(ends, key=lambda o: ends[o]):
        assert t.first == ends[owner]
        t.remove(owner)
        assert t.check() == 0
    assert t.memory == 0


def test_its_memory_shrinks_with_it():
    t = BareTtl()
    for owner in range(64):
        t.add(owner, owner)
    most = t.memory
    for owner in range(60):
        t.remove(owner)
    assert t.memory < most / 3
