"""testing -- the functions of base/ as Python functions, for tests and bench only: bytes in, values out."""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from _pyredis.base.hash cimport hash_crc16, hash_crc64, hash_sha1, hash_sha1_hex, hash_siphash13
from _pyredis.base.num cimport (
    NUM_DOUBLE_MAX, NUM_I64_MAX, NUM_LONG_DOUBLE_MAX,
    num_digits_u64, num_format_double, num_format_i64, num_format_long_double_human, num_format_u64,
    num_length_i64, num_parse_double, num_parse_i64, num_parse_long_double, num_parse_u64,
)


# num: None for text that is refused

def parse_i64(bytes text):
    cdef int64_t v = 0
    return v if num_parse_i64(text, len(text), &v) else None


def parse_u64(bytes text):
    cdef uint64_t v = 0
    return v if num_parse_u64(text, len(text), &v) else None


def parse_double(bytes text):
    cdef double v = 0
    return v if num_parse_double(text, len(text), &v) else None


def format_i64(int64_t v):
    cdef char[NUM_I64_MAX] out
    return out[:num_format_i64(v, out)]


def format_u64(uint64_t v):
    cdef char[NUM_I64_MAX] out
    return out[:num_format_u64(v, out)]


def format_double(double v):
    cdef char[NUM_DOUBLE_MAX] out
    return out[:num_format_double(v, out)]


def add_long_double(bytes a, bytes b, size_t cap=NUM_LONG_DOUBLE_MAX):
    """What INCRBYFLOAT makes of a value and an increment; None if it refuses either or `cap` is too small."""
    cdef char[NUM_LONG_DOUBLE_MAX] out
    cdef long double x = 0, y = 0
    cdef int n
    if not num_parse_long_double(a, len(a), &x) or not num_parse_long_double(b, len(b), &y):
        return None
    n = num_format_long_double_human(x + y, out, min(cap, sizeof(out)))
    return out[:n] if n else None


def digits_u64(uint64_t v):
    return num_digits_u64(v)


def length_i64(int64_t v):
    return num_length_i64(v)


# hash

def siphash13(bytes data, bytes key16):
    cdef uint64_t[2] key
    assert len(key16) == 16
    memcpy(key, <const char*>key16, 16)
    return hash_siphash13(<const char*>data, len(data), key)


def crc16(bytes data):
    return hash_crc16(<const char*>data, len(data))


def crc64(bytes data, uint64_t crc=0):
    return hash_crc64(crc, <const char*>data, len(data))


def sha1(bytes data):
    cdef uint8_t[20] digest
    hash_sha1(<const char*>data, len(data), digest)
    return (<char*>digest)[:20]


def sha1_hex(bytes data):
    cdef char[40] out
    hash_sha1_hex(<const char*>data, len(data), out)
    return out[:40]
