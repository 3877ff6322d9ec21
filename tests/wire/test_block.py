"""The block pool: the last one given is the first one taken, and no more than `keep` lie idle."""

from _pyredis.wire.testing import BLOCK_SIZE, Pool


def test_the_warmest_block_is_taken_first():
    pool = Pool(4)
    blocks = [pool.take() for _ in range(3)]
    for block in blocks:
        pool.give(block)
    assert [pool.take() for _ in range(3)] == blocks[::-1]
    for block in blocks:
        pool.give(block)


def test_only_so_many_blocks_lie_idle():
    pool = Pool(2)
    empty = pool.memory
    blocks = [pool.take() for _ in range(10)]
    assert len(set(blocks)) == 10
    assert pool.memory >= empty + 10 * BLOCK_SIZE
    for block in blocks:
        pool.give(block)
    assert pool.idle == 2
    assert pool.memory < empty + 3 * BLOCK_SIZE


def test_idle_blocks_are_no_used_memory_but_for_a_few_warm_ones():
    pool = Pool(32)
    empty = pool.memory
    blocks = [pool.take() for _ in range(20)]
    taken = pool.memory
    for block in blocks:
        pool.give(block)
    assert pool.idle == 20
    assert empty + BLOCK_SIZE < pool.memory < empty + 3 * BLOCK_SIZE
    for _ in range(20):
        pool.take()
    assert pool.memory == taken
