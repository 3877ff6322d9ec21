"""Compiled patterns say what the plain ones say."""

import random

from _pyredis.base import testing as base
from hypothesis import given, settings
from hypothesis import strategies as st

fixed = settings(derandomize=True, deadline=None, max_examples=400)

LETTERS = st.sampled_from([b"a", b"b", b"news.", b"12345678", b"\0", b"*", b"?", b"[ab]", b"\\*", b"["])
PATTERNS = st.lists(LETTERS, max_size=5).map(b"".join)
NAMES = st.lists(st.sampled_from([b"a", b"b", b"news.", b"12345678", b"\0", b"*"]), max_size=5).map(b"".join)


@fixed
@given(PATTERNS, st.lists(NAMES, max_size=20))
def test_a_compiled_pattern_matches_what_the_pattern_matches(pattern, names):
    assert base.compiled_glob(pattern, names) == [base.glob(pattern, name) for name in names]


def test_names_that_share_a_literal_beginning_of_any_length_are_told_apart():
    rnd = random.Random(1)
    for length in range(20):
        beginning = bytes(rnd.choices(b"xyz", k=length))
        names = [beginning[:n] + rest for n in range(length + 1) for rest in (b"", b"x", b"*", b"\0")]
        for ending in (b"", b"*", b"?", b"*x", b"[xy]*"):
            pattern = beginning + ending
            assert base.compiled_glob(pattern, names) == [base.glob(pattern, name) for name in names], pattern


def test_a_star_does_not_match_the_empty_name_as_in_redis():
    assert base.compiled_glob(b"*", [b"", b"a"]) == [False, True]
