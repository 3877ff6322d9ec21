"""The slab arena: what is handed out is nobody else's, counts are exact, and memory comes back."""

import random

import pytest
from _pyredis.base.testing import Memory
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

SMALL_MAX, SLAB = 1024, 65536
SIZES = st.one_of(st.integers(0, 80), st.integers(0, 1100), st.sampled_from([1023, 1024, 1025, 4096, 70_000]))


def footprint(n):
    """What a request of n bytes counts for."""
    if n <= SMALL_MAX:
        return max(8, -(-n // 8) * 8)
    return -(-(n + 8) // 16) * 16


class ArenaMachine(RuleBasedStateMachine):
    """Blocks filled each with a pattern of its own; a block that overlaps another would spoil it."""

    @initialize()
    def begin(self):
        self.memory = Memory()
        self.blocks = {}                        # number -> size; lines have a negative one
        self.next = 0

    def add(self, n, lines=False):
        self.next += 1
        self.memory.alloc(self.next, n, lines)
        self.blocks[self.next] = -n if lines else n

    def some(self, pick):
        return list(self.blocks)[pick % len(self.blocks)] if self.blocks else None

    @rule(n=SIZES, times=st.integers(1, 70))
    def alloc(self, n, times):
        for _ in range(times):
            self.add(n)

    @rule(lines=st.sampled_from([1, 2, 3, 4, 16, 17, 4096]))
    def alloc_lines(self, lines):
        self.add(64 * lines, lines=True)

    @rule(pick=st.integers(0, 10**6), times=st.integers(1, 70))
    def free(self, pick, times):
        for i in range(times):
            number = self.some(pick + i)
            if number is not None:
                assert self.memory.free(number)
                del self.blocks[number]

    @rule(pick=st.integers(0, 10**6), n=SIZES)
    def realloc(self, pick, n):
        number = self.some(pick)
        if number is not None and self.blocks[number] >= 0:
            assert self.memory.realloc(number, n)
            self.blocks[number] = n

    @rule()
    def retire(self):
        self.memory.retire()

    @rule(pick=st.integers(0, 10**6), times=st.integers(1, 70), everything=st.booleans())
    def settle(self, pick, times, everything):
        self.memory.settle_everything(everything)
        for i in range(times if self.blocks else 0):
            assert self.memory.settle(self.some(pick + i))

    @rule(most=st.sampled_from([1, 3, 1000]))
    def reinstate(self, most):
        self.memory.reinstate(most)

    @rule()
    def trim(self):
        self.memory.trim()

    @invariant()
    def it_counts_exactly_and_no_block_is_spoilt(self):
        if hasattr(self, "memory"):
            assert self.memory.check() == 0
            assert self.memory.used == sum(-n if n < 0 else footprint(n) for n in self.blocks.values())

    def teardown(self):
        if hasattr(self, "memory"):
            for number in list(self.blocks):
                assert self.memory.free(number)
            assert self.memory.used == 0
            assert self.memory.large == 0
            assert self.memory.check() == 0


TestArena = ArenaMachine.TestCase
TestArena.settings = settings(max_examples=30, stateful_step_count=30, deadline=None, derandomize=True)


@pytest.mark.parametrize("n", [*range(0, 100), 127, 128, 1016, 1023, 1024, 1025, 100_000])
def test_a_request_counts_for_its_footprint(n):
    memory = Memory()
    memory.alloc(1, n)
    assert memory.used == memory.footprint(n) == footprint(n)
    assert memory.address(1) % 8 == 0
    memory.free(1)
    assert memory.used == 0


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 8, 16, 17, 4096])
def test_whole_lines_begin_on_a_line(lines):
    memory = Memory()
    for number in range(50):
        memory.alloc(number, 64 * lines, True)
        assert memory.address(number) % 64 == 0
    assert memory.used == 50 * 64 * lines
    assert memory.check() == 0
    for number in range(50):
        assert memory.free(number)
    assert memory.used == 0


def test_the_block_freed_last_is_used_first():
    memory = Memory()
    if memory.pass_through:                     # the sanitizer's malloc delays reuse on purpose
        return
    for number in range(3):
        memory.alloc(number, 40)
    was = memory.address(1)
    memory.free(1)
    memory.alloc(9, 40)
    assert memory.address(9) == was


@pytest.mark.parametrize("n", [8, 40, 64, 1000, 1024])
def test_empty_slabs_serve_other_sizes_and_give_their_pages_back(n):
    memory = Memory()
    if memory.pass_through:
        return
    count = 20 * SLAB // n
    for number in range(count):
        memory.alloc(number, n)
    full = memory.slabs
    assert count * n <= full <= count * n * 1.05 + 2 * SLAB
    for number in random.Random(n).sample(range(count), count):
        assert memory.free(number)
    assert memory.slabs <= SLAB                 # the last slab of a class stays, to be used again
    while memory.cool(3):
        pass
    assert memory.resident_spares <= 16 * SLAB
    chunks = memory.chunks
    for number in range(count):                 # another size: no new mapping is needed
        memory.alloc(number, 2048 // 2 if n != 1024 else 512)
        if memory.slabs > full - 2 * SLAB:
            break
    assert memory.chunks == chunks
    assert memory.check() == 0


def test_growing_keeps_the_bytes_across_the_border_to_large_blocks():
    memory = Memory()
    memory.alloc(1, 1)
    for n in [*range(1, 3000, 7), 100_000, 1_000_000, 1024, 1025, 8, 0, 2000]:
        assert memory.realloc(1, n)
    assert memory.used == footprint(2000)
    memory.free(1)
    assert (memory.used, memory.large) == (0, 0)


@pytest.mark.parametrize("kept", [0.01, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("n", [8, 40, 1000])
def test_moving_what_stands_in_retired_slabs_leaves_hardly_a_hole(n, kept):
    memory = Memory()
    count = 40 * SLAB // n
    for number in range(count):
        memory.alloc(number, n)
    left = random.Random(n).sample(range(count), int(count * kept))
    for number in set(range(count)) - set(left):
        memory.free(number)
    memory.retire()
    assert memory.check() == 0
    for number in left:
        assert memory.settle(number)
    assert memory.check() == 0
    assert not memory.reinstate(1)              # each of them is empty
    assert memory.waste <= 3 * SLAB
    assert memory.pass_through or memory.slabs <= len(left) * footprint(n) + 3 * SLAB


def test_a_retired_slab_that_is_not_emptied_serves_again_when_reinstated():
    memory = Memory()
    for number in range(10 * SLAB // 40):
        memory.alloc(number, 40)
    for number in range(10 * SLAB // 40):
        if number % 4:
            memory.free(number)
    before = memory.slabs
    memory.retire()
    assert memory.reinstate(1) == (not memory.pass_through)
    while memory.reinstate(1):
        pass
    for number in range(5 * SLAB // 40):
        if number % 4:
            memory.alloc(number, 40)
    assert memory.slabs == before
    assert memory.check() == 0


def test_full_slabs_are_left_alone():
    memory = Memory()
    for number in range(10 * SLAB // 40):
        memory.alloc(number, 40)
    memory.retire()
    assert not memory.reinstate(1)
