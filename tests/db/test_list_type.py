"""Lists in every form, and where they change it. How Redis does is told by the differential tests of the commands."""

import pytest
from _pyredis.db.list_testing import BareList
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

FORMS = {"listpack": (-2, 0), "quicklist": (2, 0), "compressed": (2, 1)}
BYTES = {-1: 4096, -2: 8192, -3: 16384, -4: 32768, -5: 65536, -6: 65536}
TEXT = b"same again " * 10


def given_list(form, elements):
    fill, depth = FORMS[form]
    found = BareList(fill, depth)
    for at in range(0, len(elements), 50):
        found.push(elements[at:at + 50])
    return found


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.mark.parametrize("fill", BYTES)
def test_a_listpack_grows_up_to_its_limit_in_bytes_of_text_and_no_further(fill):
    room = BYTES[fill] - 7                      # less what an empty listpack takes
    for more, encoding in [(0, "listpack"), (1, "quicklist")]:
        found = BareList(fill)
        found.push([b"x" * (room - 50), b"y" * (50 + more)])
        assert found.encoding == encoding


@pytest.mark.parametrize(("fill", "most"), [(0, 1), (1, 1), (2, 2), (128, 128), (40_000, 40_000)])
def test_a_listpack_grows_up_to_its_limit_in_elements(fill, most):
    found = BareList(fill)
    for _ in range(min(most, 2000)):
        found.push([b"a"])
    assert found.encoding == "listpack"
    if most <= 2000:
        found.push([b"a"])
        assert found.encoding == "quicklist"


def test_a_limit_in_elements_still_keeps_to_eight_kib():
    found = BareList(1000)
    found.push([b"x" * 8185])
    assert found.encoding == "listpack"
    found.push([b""])
    assert found.encoding == "quicklist"


def test_a_list_becomes_a_listpack_again_at_half_of_the_limit():
    found = BareList(10)
    for i in range(11):
        found.push([b"%d" % i])
    assert found.encoding == "quicklist"
    found.drop(1, tail=False)
    assert found.encoding == "quicklist"        # two nodes: ten elements and one
    found.drop(1)
    assert found.encoding == "quicklist"        # one node of nine
    found.drop(3)
    assert found.encoding == "quicklist"
    found.drop(1)
    assert (found.encoding, found.walk()) == ("listpack", [b"%d" % i for i in range(1, 6)])
    assert found.check() == 0


def test_a_list_made_as_a_whole_gets_the_form_of_its_size():
    found = BareList(4)
    found.push([b"a"] * 5)
    found.set_fill(5)
    found.normalize()
    assert found.encoding == "quicklist"        # two nodes of the old size
    found.drop(1)
    assert found.encoding == "quicklist"
    found.normalize()
    assert found.encoding == "listpack"
    found.set_fill(3)
    found.normalize()
    assert found.encoding == "quicklist"


def test_every_form_is_walked_from_any_index_in_both_directions(form):
    elements = [b"%d" % i if i % 2 else TEXT for i in range(20)]
    found = given_list(form, elements)
    assert found.encoding == ("listpack" if form == "listpack" else "quicklist")
    for index in range(-20, 20):
        at = index % 20
        assert found.walk(index) == elements[at:]
        assert found.walk(index, True) == elements[:at + 1][::-1]
    assert found.walk(20) == found.walk(-21) == found.walk(20, True) == []
    assert (found.end(False), found.end(True)) == (elements[0], elements[-1])


def test_a_wish_finds_integers_and_text_in_every_form(form):
    found = given_list(form, [b"1", b"01", b"a", b"1", TEXT, b"", b"-5", b"a"])
    for value, at in [(b"1", [0, 3]), (b"01", [1]), (b"a", [2, 7]), (TEXT, [4]), (b"", [5]), (b"-5", [6]), (b"2", [])]:
        assert found.find(value) == at


def test_a_copy_has_the_same_elements_and_form(form):
    found = given_list(form, [TEXT, b"1", TEXT, b"2", TEXT])
    before, encoding = found.walk(), found.encoding
    found.copied()
    assert (found.walk(), found.encoding, found.check()) == (before, encoding, 0)


def test_memory_usage_tells_what_the_arena_counts(form):
    found = given_list(form, [TEXT])
    used = found.memory_used - found.memory()
    for _ in range(30):
        found.push([TEXT])
        assert found.memory_used - found.memory() == used
    assert abs(found.memory(5) - found.memory()) < found.memory() / 3


def test_a_long_list_is_freed_in_steps():
    found = BareList(1)
    for _ in range(30):
        found.push([b"a"] * 100)
    before = found.memory_used
    found.delete()
    assert found.buried == 1
    assert found.memory_used >= before - 100    # of the entry
    steps = 1
    while found.reap(200):
        steps += 1
    assert steps == 30
    assert found.memory_used < 1000
    assert found.check() == 0


VALUES = st.sampled_from([b"", b"a", b"b", b"7", b"-5", b"4096", b"x" * 63, b"y" * 64, TEXT, b"L" * 5000])


class Machine(RuleBasedStateMachine):
    @initialize(setting=st.sampled_from([(-2, 0, 0), (-1, 0, 0), (1, 0, 0), (3, 1, 0), (10, 0, 0), (10, 1, 5)]))
    def start(self, setting):
        self.list = BareList(*setting)
        self.model = []

    @rule(values=st.lists(VALUES, min_size=1, max_size=8), tail=st.booleans())
    def push(self, values, tail):
        self.list.push(values, tail)
        self.model = self.model + values if tail else values[::-1] + self.model

    @rule(value=VALUES, tail=st.booleans())
    def push_element(self, value, tail):
        self.list.push_element(value, tail)
        self.model.insert(len(self.model) if tail else 0, value)

    @rule(from_tail=st.booleans(), to_tail=st.booleans())
    def turn(self, from_tail, to_tail):
        if self.model:
            self.list.turn(from_tail, to_tail)
            self.model.insert(len(self.model) - 1 if to_tail else 0, self.model.pop(-1 if from_tail else 0))

    @rule(n=st.integers(0, 9), tail=st.booleans())
    def drop(self, n, tail):
        if self.model:
            n = min(n, len(self.model))
            self.list.drop(n, tail)
            self.model = self.model[:len(self.model) - n] if tail else self.model[n:]

    @rule(index=st.integers(-12, 12), value=VALUES)
    def set(self, index, value):
        if self.model:
            there = -len(self.model) <= index < len(self.model)
            assert self.list.set(index, value) == there
            if there:
                self.model[index] = value

    @rule(pivot=VALUES, value=VALUES, after=st.booleans())
    def insert(self, pivot, value, after):
        if self.model:
            assert self.list.insert(pivot, value, after) == (pivot in self.model)
            if pivot in self.model:
                self.model.insert(self.model.index(pivot) + after, value)

    @rule(value=VALUES, most=st.integers(1, 3), backward=st.booleans())
    def remove(self, value, most, backward):
        if self.model:
            at = [i for i, x in enumerate(self.model) if x == value]
            gone = set((at[::-1] if backward else at)[:most])
            assert self.list.remove(value, most, backward) == len(gone)
            self.model = [x for i, x in enumerate(self.model) if i not in gone]

    @invariant()
    def is_whole(self):
        assert self.list.check() == 0
        assert len(self.list) == len(self.model)
        assert self.list.walk() == self.model
        assert self.list.walk(-1, True) == self.model[::-1]


def test_it_does_what_a_python_list_does():
    run_state_machine_as_test(Machine, settings=settings(max_examples=250, stateful_step_count=30, deadline=None))
