"""Spoilt payloads, the short form: a part of what `make fuzz-payloads` tries."""

import pytest

from tests.fuzz import payloads

COUNT = 40_000


def test_the_corpus_is_taken_as_it_is():
    f = payloads.fuzzer()
    for body in payloads.corpus():
        assert f.alone(payloads.rdb.payload(body[:-2], int.from_bytes(body[-2:], "little"))) == ("fine", 0)
    assert f.stats["refused"] == 0


@pytest.mark.parametrize("seed", [1_000_000, 1_000_100])
def test_no_spoilt_payload_breaks_the_server_or_takes_long(seed):
    stats = payloads.hunt(COUNT, seed)
    assert stats["taken"] > COUNT // 10
    assert stats["refused"] > COUNT // 2
