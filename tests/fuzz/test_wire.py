"""Mutated requests, in pieces, to the parser and to a server in this process: no crash, no leak.

In the default run a taste; `make fuzz` runs thousands, against a build with assertions.
"""

from itertools import pairwise

from _pyredis.wire.testing import Parsing
from hypothesis import given
from hypothesis import strategies as st

from tests.session import R
from tests.wire.mutate import mutated


@given(mutated(most=30), st.lists(st.integers(0, 400), max_size=5))
def test_a_cut_never_changes_what_is_read(data, cuts):
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole, pieces = Parsing(), Parsing()
    requests = whole.feed(data)
    found = [request for a, b in pairwise(places) for request in pieces.feed(data[a:b])]
    assert (found, pieces.error) == (requests, whole.error)
    assert pieces.check() == 0
    for parsing in (whole, pieces):
        parsing.close()
        assert parsing.memory == 0


SHARED = R()


@given(st.lists(mutated(most=20), max_size=4))
def test_a_session_of_nonsense_costs_nothing_when_it_is_over(pieces):
    SHARED("PING")
    before = SHARED.session.memory_used
    other = R(SHARED.server)
    for piece in pieces:
        if not other.session.closed:
            other.session.feed(piece)
    del other
    assert SHARED.session.check() == 0
    assert abs(SHARED.session.memory_used - before) <= 4 * (16384 + 32)     # blocks that now lie idle
    assert SHARED("ECHO", "still here") == b"still here"
