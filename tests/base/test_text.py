"""Patterns, case and quoting, against plain models and a real server."""

import random

import pytest
from _pyredis.base import testing as base
from hypothesis import example, given, settings
from hypothesis import strategies as st

fixed = settings(derandomize=True, deadline=None, max_examples=400)
PIECES = ["a", "b", "c", "-", "]", "[", "^", "*", "**", "?", "\\", "[a-c]", "[^b]", "[c-a]", "[\\]]",
          "A", "[B-", "*a*"]
PATTERNS = st.lists(st.sampled_from(PIECES), max_size=7).map(lambda parts: "".join(parts).encode())
STRINGS = st.text(alphabet="abcABC-]^\\*[", max_size=8).map(str.encode)


# Globs

def class_end(p: bytes, c: int, nocase: bool) -> tuple[bool, bytes]:
    """Does the class that p continues hold c, and the pattern behind it."""
    def fold(x: int) -> int:
        return bytes([x]).lower()[0] if nocase else x

    negated = p[:1] == b"^"
    p = p[negated:]
    found = False
    while p and p[0] != ord("]"):
        if p[0] == ord("\\") and len(p) >= 2:
            found |= p[1] == c
            p = p[2:]
        elif len(p) >= 3 and p[1] == ord("-"):
            low, high = sorted((p[0], p[2]))
            found |= fold(low) <= fold(c) <= fold(high)
            p = p[3:]
        else:
            found |= fold(p[0]) == fold(c)
            p = p[1:]
    return found != negated, p[1:]


def glob_model(p: bytes, s: bytes, nocase: bool) -> bool:
    """The definition, by recursion."""
    if not p:
        return not s
    if p[0] == ord("*"):
        return any(glob_model(p[1:], s[i:], nocase) for i in range(len(s) + 1))
    if not s:
        return False
    if p[0] == ord("?"):
        return glob_model(p[1:], s[1:], nocase)
    if p[0] == ord("["):
        found, rest = class_end(p[1:], s[0], nocase)
        return found and glob_model(rest, s[1:], nocase)
    if p[0] == ord("\\") and len(p) >= 2:
        p = p[1:]
    same = p[:1].lower() == s[:1].lower() if nocase else p[0] == s[0]
    return same and glob_model(p[1:], s[1:], nocase)


@fixed
@given(PATTERNS, STRINGS, st.booleans())
@example(b"*ab", b"aab", False)
@example(b"a*bc*d", b"abxbcbcxd", False)
@example(b"[a-]", b"a", False)
def test_globs_match_what_their_definition_says(pattern, text, nocase):
    expected = glob_model(pattern, text, nocase) if text else not pattern
    assert base.glob(pattern, text, nocase) == expected


def test_many_stars_take_no_exponential_time():
    assert not base.glob(b"a*" * 500 + b"b", b"a" * 5000)
    assert base.glob(b"a*" * 500 + b"b", b"a" * 5000 + b"b")
    assert not base.glob(b"[a]*" * 100 + b"b", b"a" * 2000)


def test_only_the_empty_pattern_matches_the_empty_string():
    assert base.glob(b"", b"")
    assert not base.glob(b"*", b"")
    assert not base.glob(b"", b"a")


@pytest.mark.peer
def test_keys_of_the_real_server_picks_the_same_names(oracle):
    rnd = random.Random(8)
    names = sorted({"".join(rnd.choices("abcA-]^\\*[", k=rnd.randint(0, 5))).encode() for _ in range(400)})
    patterns = ["".join(rnd.choices(PIECES, k=rnd.randint(0, 6))).encode() for _ in range(1500)]
    oracle(b"FLUSHALL")
    oracle.many([(b"SET", name, b"") for name in names])
    answers = oracle.many([(b"KEYS", p) for p in patterns])
    oracle(b"FLUSHALL")
    for pattern, answer in zip(patterns, answers, strict=True):
        if pattern != b"*":                         # the command's own short cut
            assert sorted(answer) == [n for n in names if base.glob(pattern, n)], pattern


@pytest.mark.peer
def test_config_get_of_the_real_server_ignores_case_alike(oracle):
    rnd = random.Random(9)
    names = oracle(b"CONFIG", b"GET", b"*")[::2]
    pieces = ["m", "M", "[M]", "[\\M]", "\\M", "[Z-a]", "[A-z]", "[^M]", "[n-L]", "a", "x", "?", "maxmemory"]
    patterns = [("".join(rnd.choices(pieces, k=rnd.randint(1, 3))) + "*").encode() for _ in range(1000)]
    answers = oracle.many([(b"CONFIG", b"GET", p) for p in patterns])
    for pattern, answer in zip(patterns, answers, strict=True):
        assert sorted(answer[::2]) == sorted(n for n in names if base.glob(pattern, n, True)), pattern


# Case

@fixed
@given(st.binary(max_size=6), st.binary(max_size=6))
def test_comparing_without_case_is_comparing_in_lower_case(a, b):
    assert base.lower(a) == a.lower()
    assert base.equal_nocase(a, b) == (a.lower() == b.lower())
    assert base.equal_nocase(a, a.swapcase())
    assert base.compare_nocase(a, b) == (a.lower() > b.lower()) - (a.lower() < b.lower())


# Command lines

@pytest.mark.parametrize(("line", "words"), [
    (b"", []), (b" \t ", []), (b"  set  k\tv ", [b"set", b"k", b"v"]), (b'""', [b""]), (b"a ''", [b"a", b""]),
    (b'"a\\x41\\n\\q\\""', [b'aA\nq"']), (b"'a\\'b\\n'", [b"a'b\\n"]), (b'a"b c"', [b"ab c"]),
    (b"a'b'", [b"ab"]),
    (b'"\\x4" "\\xZZ" "\\x4g"', [b"x4", b"xZZ", b"x4g"]), (b"a\x0bb", [b"a\x0bb"]), (b"\x0ca", [b"a"]),
    (b"a\\b", [b"a\\b"]), (b'"\\r\\t\\b\\a\\\\"', [b"\r\t\b\a\\"]), (b"a\0b", [b"a"]),
    (b'"a"\rb\n', [b"a", b"b"]),
    (b'"a"b', None), (b'"a', None), (b"'a", None), (b"'a'b", None), (b"'a\\\\'", None), (b'"\\', None),
    (b'"a\0"', None), (b'a"', None),
])
def test_lines_are_split_into_words(line, words):
    assert base.split_words(line) == words
    assert base.split_words(line, in_place=True) == words


@fixed
@given(st.lists(st.binary(max_size=12), max_size=4))
def test_quoted_words_are_read_back(words):
    line = b" ".join(base.text_quoted(w) for w in words)
    assert all(0x20 <= c <= 0x7E for c in line)
    assert base.split_words(line) == words
    assert base.split_words(line, in_place=True) == words


@pytest.mark.parametrize(("data", "text"), [
    (b"", b'""'), (b'a"\\', b'"a\\"\\\\"'), (b"\n\r\t\a\b", b'"\\n\\r\\t\\a\\b"'),
    (b"\0\x1f\x7f\xff ~", b'"\\x00\\x1f\\x7f\\xff ~"'),
])
def test_bytes_are_quoted_so_that_people_can_read_them(data, text):
    assert base.text_quoted(data) == text


@pytest.mark.peer
def test_inline_commands_of_the_real_server_are_split_alike(oracle):
    rnd = random.Random(10)
    pieces = [b"a", b"bc", b" ", b" ", b'"', b'"', b"'", b"'", b"\\", b"\\x4", b"1", b"\\n", b"\t", b"\v"]
    lines = [b"".join(rnd.choices(pieces, k=rnd.randint(1, 9))) for _ in range(1000)]
    for line in lines:
        words = base.split_words(line)
        if not words:                               # unbalanced closes the connection; no word is an error
            continue
        assert oracle.inline(b"rpush inline-words " + line) == len(words)
        assert oracle(b"LRANGE", b"inline-words", b"0", b"-1") == words
        oracle(b"DEL", b"inline-words")


@pytest.mark.peer
def test_monitor_of_the_real_server_quotes_bytes_alike(oracle):
    data = bytes(range(256))
    watcher = type(oracle)(oracle.port)
    watcher(b"MONITOR")
    oracle(b"ECHO", data)
    assert watcher.read().endswith(b'"ECHO" ' + base.text_quoted(data))
    watcher.close()


@pytest.mark.peer
def test_the_real_server_refuses_the_same_quoting(oracle):
    for line in (b'"a"b', b'"a', b"'a", b"'a'b", b"'a\\\\'", b'"\\', b'a"'):
        peer = type(oracle)(oracle.port)
        assert "unbalanced quotes" in str(peer.inline(b"echo " + line))
        assert base.split_words(line) is None
        peer.close()
