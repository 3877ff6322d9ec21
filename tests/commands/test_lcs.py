"""LCS: against the definition, by brute force; its forms, options and errors."""

import random

import pytest

from tests.session import R, raises_reply


def lcs_length(a, b):
    row = [0] * (len(b) + 1)
    for x in a:
        above, row = row, [0]
        for j, y in enumerate(b):
            row.append(above[j] + 1 if x == y else max(above[j + 1], row[j]))
    return row[-1]


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(byte in rest for byte in part)


def given(r, a, b):
    r("SET", "a", a)
    r("SET", "b", b)


def test_the_forms_of_the_reply(r):
    given(r, "ohmytext", "mynewtext")
    assert r("LCS", "a", "b") == b"mytext"
    assert r("LCS", "a", "b", "LEN") == 6
    matches = [[[4, 7], [5, 8]], [[2, 3], [0, 1]]]
    assert r("LCS", "a", "b", "IDX") == [b"matches", matches, b"len", 6]
    assert r("LCS", "a", "b", "idx", "minmatchlen", 4) == [b"matches", matches[:1], b"len", 6]
    assert r("LCS", "a", "b", "IDX", "MINMATCHLEN", 4, "WITHMATCHLEN") == [
        b"matches", [[*matches[0], 4]], b"len", 6]
    assert r("LCS", "a", "b", "IDX", "MINMATCHLEN", 5) == [b"matches", [], b"len", 6]
    assert r("LCS", "a", "b", "IDX", "MINMATCHLEN", -5) == [b"matches", matches, b"len", 6]
    assert r.effects == [] and r.propagated == []


def test_missing_keys_are_empty_strings_and_integers_are_text(r):
    assert r("LCS", "a", "b") == b""
    assert r("LCS", "a", "b", "LEN") == 0
    assert r("LCS", "a", "b", "IDX") == [b"matches", [], b"len", 0]
    given(r, "1234567", "34589")
    assert r("LCS", "a", "b") == b"345"
    assert r("LCS", "a", "a") == b"1234567"
    assert r("LCS", "a", "none") == b""
    assert r("LCS", "none", "a", "LEN") == 0


def test_a_string_in_a_block_of_its_own(r):
    given(r, b"x" * 2500, b"ab" + b"x" * 2400)
    assert r("LCS", "a", "b", "LEN") == 2400
    assert r("LCS", "a", "b") == b"x" * 2400


@pytest.mark.parametrize("alphabet", [b"a", b"ab", b"acgt", bytes(range(256))])
def test_length_subsequence_and_ranges_agree_with_the_definition(r, alphabet):
    rng = random.Random(20)
    for _ in range(60):
        a = bytes(rng.choices(alphabet, k=rng.randrange(40)))
        b = bytes(rng.choices(alphabet, k=rng.randrange(40)))
        given(r, a, b)
        found = r("LCS", "a", "b")
        assert len(found) == lcs_length(a, b) == r("LCS", "a", "b", "LEN")
        assert is_subsequence(found, a) and is_subsequence(found, b)
        _, matches, _, length = r("LCS", "a", "b", "IDX", "WITHMATCHLEN")
        assert length == len(found)
        assert b"".join(a[i:j + 1] for (i, j), _, _ in reversed(matches)) == found
        assert b"".join(b[i:j + 1] for _, (i, j), _ in reversed(matches)) == found
        assert all(j - i + 1 == n for (i, j), _, n in matches)


@pytest.mark.parametrize("options", [["FOO"], ["MINMATCHLEN"], ["LEN", "IDX", "FOO"], [""]])
def test_unknown_words_are_refused(r, options):
    with raises_reply("ERR syntax error"):
        r("LCS", "a", "b", *options)


def test_options_that_exclude_each_other_and_bad_numbers_are_refused(r):
    with raises_reply("ERR If you want both the length and indexes, please just use IDX."):
        r("LCS", "a", "b", "LEN", "IDX")
    with raises_reply("ERR value is not an integer or out of range"):
        r("LCS", "a", "b", "MINMATCHLEN", "x")


def test_strings_whose_table_would_be_too_large_are_refused():
    r = R(proto_max_bulk_len=1 << 20)
    given(r, "x" * 510, "x" * 512)              # 511 * 513 cells of 4 bytes: just below 1 MiB
    assert r("LCS", "a", "b", "LEN") == 510
    r("APPEND", "a", "x")
    for options in ([], ["LEN"], ["IDX"]):
        with raises_reply("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"):
            r("LCS", "a", "b", *options)
