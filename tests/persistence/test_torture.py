"""The short form of `make torture`: three kills of each policy."""

import pytest

from tests.persistence.torture import torture


@pytest.mark.parametrize(("policy", "longest"), [("always", 0.4), ("everysec", 2.6)])
def test_what_was_promised_is_there_after_a_kill(policy, longest):
    counts = torture(3, policy, seed=7, longest=longest)
    assert counts["kills"] == 3
    assert counts["written"] > 0
