"""Digests, against published vectors and plain models."""

import hashlib
import struct

import pytest
from _pyredis.base import testing as base
from hypothesis import given, settings
from hypothesis import strategies as st

fixed = settings(derandomize=True, deadline=None, max_examples=200)
MASK = 2**64 - 1


def siphash13_model(data: bytes, key: bytes) -> int:
    k0, k1 = struct.unpack("<QQ", key)
    a, b = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    c, d = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573

    def rotl(x: int, n: int) -> int:
        return ((x << n) | (x >> (64 - n))) & MASK

    def mix(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
        a = (a + b) & MASK
        c = (c + d) & MASK
        b, d, a = rotl(b, 13) ^ a, rotl(d, 16) ^ c, rotl(a, 32)
        c = (c + b) & MASK
        a = (a + d) & MASK
        return a, rotl(b, 17) ^ c, rotl(c, 32), rotl(d, 21) ^ a

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        a, b, c, d = mix(a, b, c, d ^ word)
        a ^= word
    c ^= 0xFF
    for _ in range(3):
        a, b, c, d = mix(a, b, c, d)
    return a ^ b ^ c ^ d


def crc64_model(data: bytes) -> int:
    poly = int(f"{0xAD93D23594C935A9:064b}"[::-1], 2)
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (poly if crc & 1 else 0)
    return crc


def test_siphash13_gives_the_published_values():
    key = bytes(range(16))
    assert base.siphash13(b"", key) == 0xABAC0158050FC4DC
    assert base.siphash13(bytes(range(15)), key) == 0xD320D86D2A519956


@fixed
@given(st.binary(max_size=70), st.binary(min_size=16, max_size=16))
def test_siphash13_is_that_of_the_paper(data, key):
    assert base.siphash13(data, key) == siphash13_model(data, key)


def test_siphash13_of_every_tail_length_is_right():
    key = bytes(range(16, 32))
    for n in range(40):
        data = bytes((i * 37 + 255) & 255 for i in range(n))
        assert base.siphash13(data, key) == siphash13_model(data, key)


def test_the_crcs_give_their_check_values():
    assert base.crc16(b"123456789") == 0x31C3
    assert base.crc64(b"123456789") == 0xE9C6D914C4B8D9CA


@fixed
@given(st.binary(max_size=100), st.integers(0, 100))
def test_crc64_may_be_computed_in_pieces(data, cut):
    assert base.crc64(data) == crc64_model(data)
    assert base.crc64(data[cut:], base.crc64(data[:cut])) == crc64_model(data)


@fixed
@given(st.integers(0, 2**64 - 1), st.integers(0, 2000), st.integers(0, 40), st.randoms(use_true_random=False))
def test_crc64_of_long_data_is_that_of_the_tables(crc, n, start, rng):
    data = rng.randbytes(n + start)[start:]
    assert base.crc64(data, crc) == base.crc64_by_table(data, crc)
    assert base.crc64_by_table(data[:200]) == crc64_model(data[:200])


def test_crc64_of_every_length_around_the_folding_is_that_of_the_tables():
    data = bytes((i * 37 + i // 256) & 255 for i in range(600))
    for n in range(600):
        assert base.crc64(data[:n], n) == base.crc64_by_table(data[:n], n)


def test_crc16_of_every_byte_is_the_division_by_the_polynomial():
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (0x11021 if crc & 0x8000 else 0)
        assert base.crc16(bytes([byte])) == crc


def test_sha1_of_every_length_around_a_block_agrees_with_hashlib():
    for n in range(260):
        data = bytes((i * 31 + n) & 255 for i in range(n))
        assert base.sha1(data) == hashlib.sha1(data).digest()
        assert base.sha1_hex(data) == hashlib.sha1(data).hexdigest().encode()


@pytest.mark.peer
def test_crc64_closes_the_payloads_of_the_real_server(oracle):
    oracle(b"SET", b"k", b"v" * 1000)
    payload = oracle(b"DUMP", b"k")
    assert base.crc64(payload[:-8]) == int.from_bytes(payload[-8:], "little")


@pytest.mark.peer
def test_the_real_server_names_scripts_by_the_same_digest(oracle):
    script = b"return 1 -- " + b"x" * 100
    assert oracle(b"SCRIPT", b"LOAD", script) == base.sha1_hex(script)
