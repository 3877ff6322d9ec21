"""Entries and strings against Python's own: every key length, encoding and expiry, changed in every direction."""

import random

import pytest
from _pyredis.db.testing import BareKeyspace

KEYS = [b"", b"k", b"seven77", b"x" * 16, b"y" * 254, b"z" * 255, b"a" * 256, b"b" * 257, b"c" * 700]
VALUES = [b"", b"0", b"-1", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"007", b"+1",
          b"a", b"v" * 7, b"v" * 8, b"v" * 9, b"e" * 44, b"r" * 45, b"i" * 1999, b"i" * 2000, b"p" * 2001, b"p" * 9000]
KEEP, TEXT = 1, 2


def integer(value):
    """The 64-bit integer that these bytes spell in canonical form, or None."""
    try:
        number = int(value)
    except ValueError:
        return None
    return number if b"%d" % number == value and -2**63 <= number < 2**63 else None


def encoding(value):
    return "int" if integer(value) is not None else "embstr" if len(value) <= 44 else "raw"


@pytest.mark.parametrize("key", KEYS, ids=len)
@pytest.mark.parametrize("expires", [False, True])
def test_any_value_replaces_any_other(key, expires):
    ks = BareKeyspace()
    for first in VALUES:
        for second in VALUES:
            ks.set(key, first)
            if expires:
                ks.set_expiry(key, 5_000_000)
            ks.set(key, second, KEEP)
            at = 5_000_000 if expires else -1
            assert ks.look(key) == (second, encoding(second), at, len(second), integer(second))
            ks.set(key, first)
            assert ks.look(key)[2] == -1                # without KEEP the expiry goes
        assert ks.check() == 0


@pytest.mark.parametrize("key", KEYS, ids=len)
@pytest.mark.parametrize("value", VALUES, ids=len)
def test_an_expiry_comes_and_goes_and_the_value_stays(key, value):
    ks = BareKeyspace()
    ks.set(key, value)
    was = ks.memory_used
    for at in (5_000_000, 7_000_000, None, 9_000_000, None):
        ks.set_expiry(key, at)
        assert ks.look(key) == (value, encoding(value), -1 if at is None else at, len(value), integer(value))
        assert ks.check() == 0
    assert ks.memory_used <= was + 8192                 # the table of expiries may stay
    ks.delete(key)
    assert ks.look(key) is None


@pytest.mark.parametrize("seed", range(8))
def test_random_writes_agree_with_python_bytes(seed):
    rng, ks, model = random.Random(seed), BareKeyspace(), {}
    for step in range(1500):
        key, value = rng.choice(KEYS), rng.choice(VALUES)
        old, at = model.get(key, (b"", -1))
        match rng.randrange(8):
            case 0:
                ks.set(key, value)
                model[key] = value, -1
            case 1:
                ks.set(key, value, KEEP | TEXT)
                model[key] = value, at
            case 2:
                ks.set_i64(key, number := rng.randrange(-2**63, 2**63))
                model[key] = b"%d" % number, at
            case 3:
                place = rng.choice([0, 1, len(old), len(old) + 1, 40, 2100])
                ks.write(key, place, value or b"w")
                grown = old.ljust(place, b"\0")
                model[key] = grown[:place] + (value or b"w") + grown[place + len(value or b"w"):], at
            case 4 if key in model:
                at = rng.choice([None, 5_000_000, 6_000_000])
                ks.set_expiry(key, at)
                model[key] = old, -1 if at is None else at
            case 5 if key in model:
                ks.delete(key)
                del model[key]
            case 6:
                ks.resize(key, n := rng.choice([0, len(old) + 1, max(len(old) - 1, 0), 44, 1999, 2000, 2001, 5000]))
                model[key] = old[:n].ljust(n, b"\0"), at
                assert ks.look(key)[1] == "raw"
            case 7:
                value = value or b"w"
                ks.take(key, value)
                model[key] = value, -1
                assert ks.look(key)[1] == "raw"
        for k, (want, expiry) in model.items():
            found = ks.look(k)
            assert (found[0], found[2], found[3], found[4]) == (want, expiry, len(want), integer(want)), step
        assert ks.counts() == (len(model), sum(at != -1 for _, at in model.values()))
        assert ks.check() == 0


def test_all_memory_of_strings_comes_back():
    ks = BareKeyspace()
    for i, value in enumerate(VALUES * 40):
        ks.set(b"key:%d" % i, value)
        if i % 3 == 0:
            ks.set_expiry(b"key:%d" % i, 5_000_000)
    ks.flush()
    empty = ks.memory_used
    for i, value in enumerate(VALUES * 40):
        ks.set(b"key:%d" % i, value)
        ks.write(b"key:%d" % i, 2500, b"tail")
    ks.flush()
    assert ks.memory_used == empty
