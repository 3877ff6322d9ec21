"""PFADD, PFCOUNT, PFMERGE, PFDEBUG, PFSELFTEST: replies, effects, forms, and what they make of hostile strings."""

import random

import pytest

from tests.session import Effect, R, raises_reply

WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"
NO_SKETCH = "WRONGTYPE Key is not a valid HyperLogLog string value."
CORRUPT = "INVALIDOBJ Corrupted HLL object detected"
HEADER = b"HYLL\x01\0\0\0" + b"\0" * 7 + b"\x80"
EMPTY = HEADER + b"\x7f\xff"
DENSE = 12304


@pytest.fixture(params=["sparse", "dense"])
def form(request):
    return request.param


def given_sketch(r, form, *elements, key="k"):
    r("PFADD", key, *elements)
    if form == "dense":
        r("PFDEBUG", "TODENSE", key)
    assert r("PFDEBUG", "ENCODING", key) == form


def refused(r, error, *command):
    before = r("GET", "k") if r("TYPE", "k") == "string" else None
    with raises_reply(error):
        r(*command)
    assert r.effects == [] and r.propagated == []
    assert (r("GET", "k") if r("TYPE", "k") == "string" else None) == before


# ---------------------------------------------------------------- PFADD

def test_pfadd_counts_every_register_that_it_raised(r, form):
    given_sketch(r, form, "a")
    assert r("PFADD", "k", "a", "b", "c", "b") == 1
    assert r.effects == [Effect("pfadd", b"k", 2)]
    assert r.propagated == [[b"PFADD", b"k", b"a", b"b", b"c", b"b"]]
    assert r("PFADD", "k", "a", "b", "c") == 0
    assert r.effects == [] and r.propagated == []
    assert r("PFCOUNT", "k") == 3


def test_pfadd_makes_a_key_even_without_elements(r):
    assert r("PFADD", "k") == 1
    assert r.effects == [Effect("pfadd", b"k", 1)]
    assert r("GET", "k") == EMPTY
    assert r("OBJECT", "ENCODING", "k") == b"raw"
    assert r("PFADD", "k") == 0
    assert r.effects == []
    assert r("PFADD", "other", "a", "b") == 1
    assert r.effects == [Effect("pfadd", b"other", 3)]


def test_the_expiry_stays(r, form):
    given_sketch(r, form, "a")
    r("EXPIRE", "k", 100)
    r("PFADD", "k", *range(2000))
    r("PFCOUNT", "k")
    r("PFMERGE", "k", "none")
    assert r("TTL", "k") == 100


def test_a_sketch_turns_dense_when_it_would_pass_its_limit(r):
    for n in range(5000):
        r("PFADD", "k", n)
        if r("STRLEN", "k") == DENSE:
            break
        assert r("STRLEN", "k") <= 3000
    assert r("PFDEBUG", "ENCODING", "k") == "dense"
    assert 1200 < n < 2400
    assert abs(r("PFCOUNT", "k") - n) < n * 0.04


@pytest.mark.parametrize("limit", [0, 18, 21, 100, 20_000])
def test_the_limit_is_a_parameter(r, limit):
    r("CONFIG", "SET", "hll-sparse-max-bytes", limit)
    r("PFADD", "k")
    assert r("STRLEN", "k") == 18
    r("PFADD", "k", "a")
    assert r("PFDEBUG", "ENCODING", "k") == ("sparse" if limit >= 21 else "dense")
    r("PFADD", "k", *range(8000))
    assert r("PFDEBUG", "ENCODING", "k") == ("sparse" if limit == 20_000 else "dense")
    assert abs(r("PFCOUNT", "k") - 8000) < 8000 * 0.03


# ---------------------------------------------------------------- PFCOUNT

def test_the_estimate_is_kept_until_a_register_is_raised(r, form):
    given_sketch(r, form, *range(300))
    count = r("PFCOUNT", "k")
    assert abs(count - 300) < 12
    assert r.effects == [Effect("pfcount", b"k", 1)]            # no event; yet a change, which others must see
    assert r.propagated == [[b"PFCOUNT", b"k"]]
    assert r("PFCOUNT", "k") == count
    assert r.effects == [] and r.propagated == []
    image = r("GET", "k")
    assert image[8:16] == count.to_bytes(8, "little")
    r("PFADD", "k", *range(300, 320))
    assert r("GET", "k")[15] == 0x80
    assert r("PFCOUNT", "k") > count


def test_a_kept_estimate_is_believed(r, form):
    given_sketch(r, form, "a")
    r("SET", "k", r("GET", "k")[:8] + (77).to_bytes(8, "little") + r("GET", "k")[16:])
    assert r("PFCOUNT", "k") == 77
    assert r("PFCOUNT", "k", "k") == 1


def test_the_union_counts_what_any_has_seen_and_changes_nothing(r):
    for key, span in (("a", range(3000)), ("b", range(1000, 4000)), ("c", range(50))):
        for at in range(span.start, span.stop, 500):
            r("PFADD", key, *range(at, min(at + 500, span.stop)))
    assert [r("PFDEBUG", "ENCODING", key) for key in "abc"] == ["dense", "dense", "sparse"]
    assert abs(r("PFCOUNT", "a", "b", "c", "none") - 4000) < 4000 * 0.03
    assert r.effects == []
    r("PFMERGE", "d", "a", "b", "c")
    assert r("PFCOUNT", "a", "b", "c") == r("PFCOUNT", "d")
    assert r("PFCOUNT", "c", "none") == r("PFCOUNT", "c") == 50
    assert r("PFCOUNT", "none") == r("PFCOUNT", "none", "nobody") == 0


# ---------------------------------------------------------------- PFMERGE

@pytest.mark.parametrize("destination", ["sparse", "dense", "none"])
@pytest.mark.parametrize("source", ["sparse", "dense"])
def test_merging_is_adding_all_elements(r, destination, source):
    if destination != "none":
        given_sketch(r, destination, *range(40))
    given_sketch(r, source, *range(20, 90), key="s")
    assert r("PFMERGE", "k", "s", "nobody") == "OK"
    assert r.effects == [Effect("pfadd", b"k", 1)]
    assert r.propagated == [[b"PFMERGE", b"k", b"s", b"nobody"]]
    dense = "dense" in (destination, source)
    assert r("PFDEBUG", "ENCODING", "k") == ("dense" if dense else "sparse")
    given_sketch(r, "sparse", *range(20 if destination == "none" else 0, 90), key="whole")
    assert r("PFDEBUG", "GETREG", "k") == r("PFDEBUG", "GETREG", "whole")


def test_merging_sparse_sketches_turns_dense_at_the_limit(r):
    r("CONFIG", "SET", "hll-sparse-max-bytes", 200)
    for key in "abc":
        r("PFADD", key, *(f"{key}{i}" for i in range(50)))
        assert r("PFDEBUG", "ENCODING", key) == "sparse"
    assert r("PFMERGE", "k", "a", "b", "c") == "OK"
    assert r("PFDEBUG", "ENCODING", "k") == "dense"
    assert abs(r("PFCOUNT", "k") - 150) <= 3
    assert r("STRLEN", "k") == DENSE


def test_merging_nothing_makes_an_empty_sketch(r):
    assert r("PFMERGE", "k") == "OK"
    assert r.effects == [Effect("pfadd", b"k", 1)]
    assert r("GET", "k") == EMPTY
    assert r("PFMERGE", "k", "k", "k") == "OK"
    assert r("PFCOUNT", "k") == 0


# ---------------------------------------------------------------- PFDEBUG, PFSELFTEST

def test_pfdebug_shows_the_runs_and_the_registers(r):
    r("PFADD", "k", "a", "b")
    assert r("PFDEBUG", "DECODE", "k") == b"Z:12711 v:2,1 Z:3068 v:1,1 Z:603"
    assert r("pfdebug", "encoding", "k") == "sparse"
    registers = r("PFDEBUG", "GETREG", "k")
    assert r.effects == [Effect("pfdebug", b"k", 1)]            # it is dense from now on
    assert (registers[12711], registers[15780], sum(registers)) == (2, 1, 3)
    assert r("PFDEBUG", "GETREG", "k") == registers
    assert r.effects == []
    assert r("PFDEBUG", "TODENSE", "k") == 0
    with raises_reply("ERR HLL encoding is not sparse"):
        r("PFDEBUG", "DECODE", "k")
    assert r("PFCOUNT", "k") == 2


def test_pfdebug_makes_a_sketch_dense(r):
    r("PFADD", "k", *range(100))
    registers = r("PFCOUNT", "k")
    assert r("PFDEBUG", "TODENSE", "k") == 1
    assert r.effects == [Effect("pfdebug", b"k", 1)]
    assert r("STRLEN", "k") == DENSE
    assert r("PFCOUNT", "k") == registers


def test_pfdebug_refuses_what_it_does_not_know(r):
    with raises_reply("ERR The specified key does not exist"):
        r("PFDEBUG", "GETREG", "k")
    r("PFADD", "k")
    refused(r, "ERR Unknown PFDEBUG subcommand 'FOO'", "PFDEBUG", "FOO", "k")
    refused(r, "ERR Unknown PFDEBUG subcommand '", "PFDEBUG", "x" * 1000, "k")
    refused(r, "ERR Argument must be ON or OFF", "PFDEBUG", "SIMD", "k")
    assert (r("PFDEBUG", "SIMD", "on"), r("PFDEBUG", "simd", "OFF")) == ("enabled", "disabled")


def test_the_self_test_passes(r):
    assert r("PFSELFTEST") == "OK"


# ---------------------------------------------------------------- hostile strings

COMMANDS = [["PFADD", "k", "a"], ["PFADD", "k"], ["PFCOUNT", "k"], ["PFCOUNT", "k", "none"], ["PFCOUNT", "none", "k"],
            ["PFMERGE", "d", "k"], ["PFMERGE", "k"], ["PFMERGE", "k", "none"], ["PFDEBUG", "GETREG", "k"],
            ["PFDEBUG", "DECODE", "k"], ["PFDEBUG", "TODENSE", "k"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_value_of_another_type_is_refused(r, command):
    r("RPUSH", "k", "a")
    refused(r, WRONG, *command)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("value", [b"", b"12345", b"HYLL", HEADER[:15], b"hYLL" + EMPTY[4:], b"HYLL\x02" + EMPTY[5:],
                                   b"HYLL\0" + EMPTY[5:], b"HYLL\0" + bytes(DENSE - 6), b"HYLL\0" + bytes(DENSE - 4)])
def test_a_string_that_is_no_sketch_is_refused(r, command, value):
    r("SET", "k", value)
    refused(r, NO_SKETCH, *command)


@pytest.mark.parametrize("body", [b"", b"\x7f", b"\x7f\xfe", b"\x7f\xff\x80", b"\x7f\xff" * 2, b"\x3f" * 255 + b"\x7f",
                                  b"\xff" * 5000, b"\x40\0" * 20_000], ids=len)
def test_a_corrupt_sketch_is_refused_by_whoever_reads_it_all(r, body):
    r("SET", "k", HEADER + body)
    for command in [["PFADD", "k", *range(100)], ["PFCOUNT", "k"], ["PFCOUNT", "k", "none"], ["PFMERGE", "d", "k"],
                    ["PFMERGE", "k"], ["PFDEBUG", "TODENSE", "k"], ["PFDEBUG", "GETREG", "k"]]:
        if command[0] == "PFADD" and body not in (b"", b"\x7f", b"\x40\0" * 20_000):
            continue                                # sound as far as these elements look
        refused(r, CORRUPT, *command)
    assert r("EXISTS", "d") == 0


def test_random_bytes_behind_the_header_never_break_the_server():
    rng, r = random.Random(5), R()
    for _ in range(1500):
        dense = rng.random() < 0.1
        body = rng.randbytes(DENSE - 16 if dense else rng.choice([1, 2, 5, 20, 100, 3000]))
        if rng.random() < 0.3:                      # values only, so that more registers are reached
            body = bytes(byte | 0x80 for byte in body) if not dense else body
        r("SET", "k", b"HYLL" + bytes([not dense]) + bytes(3) + rng.randbytes(8) + body)
        for _ in range(3):
            command = rng.choice([*COMMANDS, ["PFADD", "k", *range(30)], ["PFDEBUG", "ENCODING", "k"],
                                  ["PFMERGE", "k", "d"], ["PFCOUNT", "d", "k"], ["PFMERGE", "d", "k", "k"]])
            r.feed(b"*%d\r\n" % len(command) + b"".join(
                b"$%d\r\n%b\r\n" % (len(word), word) for word in (str(word).encode() for word in command)))
            assert r.session.check() == 0
