"""Globs of the control plane, and the same globs given to a real server."""

import importlib.util
import random
from pathlib import Path

import pytest

from pyredis.glob import glob_match


@pytest.mark.parametrize(("glob", "text", "matches"), [
    (b"", b"", True),
    (b"*", b"", True),
    (b"a*c", b"abbc", True),
    (b"a*c", b"abcd", False),
    (b"*a*b*", b"xxayyb", True),
    (b"h?llo", b"hello", True),
    (b"h?llo", b"hllo", False),
    (b"h[ae]llo", b"hallo", True),
    (b"h[^e]llo", b"hello", False),
    (b"h[a-c]llo", b"hbllo", True),
    (b"h[c-a]llo", b"hbllo", True),
    (b"[]", b"]", False),
    (b"[^]", b"x", True),
    (b"[ab", b"b", True),
    (b"\\*", b"*", True),
    (b"\\*", b"x", False),
    (b"a\\", b"a\\", True),
    (b"[\\]]", b"]", True),
    (b".", b"x", False),
    (b"a\nb*", b"a\nbc\n", True),
])
def test_a_glob_matches_the_whole_text(glob, text, matches):
    assert glob_match(glob, text) is matches


def test_case_counts_unless_told_otherwise():
    assert not glob_match(b"MAX*", b"maxmemory")
    assert glob_match(b"MAX*", b"maxmemory", nocase=True)
    assert glob_match(b"[A-C]x", b"bX", nocase=True)


def test_many_stars_take_no_longer_than_the_product_of_the_lengths():
    assert not glob_match(b"*a" * 60 + b"b", b"a" * 4000)


@pytest.mark.peer
def test_a_real_server_agrees_on_random_globs(tmp_path):
    path = Path(__file__).parent / "commands" / "oracle.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    rng = random.Random(11)
    cases = [(bytes(rng.choices(b"ab*?[]^-\\", k=rng.randint(0, 7))),
              bytes(rng.choices(b"ab]-^\\", k=rng.randint(0, 5)))) for _ in range(1500)]
    for peer in oracle.start("redis8-server", tmp_path):
        asked = [command for glob, text in cases
                 for command in ((b"FLUSHALL",), (b"SET", text, b""), (b"KEYS", glob))]
        replies = peer.pipeline(asked)[2::3]
        for (glob, text), (_, found) in zip(cases, replies, strict=True):
            assert glob_match(glob, text) is bool(found), (glob, text)
