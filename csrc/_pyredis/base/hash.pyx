"""hash -- the digests the server needs.

SipHash-1-3 (in hash.pxd, inlined at the caller) places keys in tables. It is keyed: whoever does not know
the 16 bytes of the process cannot choose keys that collide, which a faster unkeyed function would allow.
One round a word and three to finish is the variant that Rust and Python settled on; a 16-byte key costs a
few nanoseconds. The tail is read by overlapping loads that never leave the key, so a key may end at the
edge of a mapping.

CRC16 (polynomial 0x1021, XMODEM) numbers the slots of a cluster; it sees short keys only, one byte a step.

CRC64 (Jones: polynomial 0xad93d23594c935a9, reflected, zero start, no final inversion) closes RDB files and
DUMP payloads. It sees gigabytes, so 64 bytes a step where the processor can (include/crcfold.h), and else eight
through eight tables ("slicing", Kounavis and Berry 2005): 20 GB/s and 1.7.

SHA-1 (FIPS 180-4) names scripts. Speed matters little; the message is at hand whole, so there is no
streaming.

The tables are constants made by the C compiler (include/crctables.h); nothing here has state.
"""
from libc.string cimport memcpy, memset

cdef extern from "crctables.h" nogil:
    const uint16_t[256] crc16_table
    const uint64_t[8][256] crc64_table

cdef extern from "crcfold.h" nogil:
    enum: CRCFOLD_LEAST
    bint crcfold_here() noexcept
    void crcfold(uint64_t crc, const uint8_t* p, size_t n, uint8_t* out) noexcept


cdef uint16_t hash_crc16(const void* data, size_t n) noexcept nogil:
    """CRC16 of `n` bytes; a cluster takes it modulo 16384."""
    cdef const uint8_t* p = <const uint8_t*>data
    cdef uint16_t crc = 0
    cdef size_t i
    for i in range(n):
        crc = <uint16_t>((crc << 8) ^ crc16_table[((crc >> 8) ^ p[i]) & 0xFF])
    return crc


cdef uint64_t hash_crc64(uint64_t crc, const void* data, size_t n) noexcept nogil:
    """CRC64 of what gave `crc` followed by these `n` bytes."""
    cdef uint8_t[16] rest
    cdef size_t folded
    if n >= CRCFOLD_LEAST and crcfold_here():
        folded = n & ~<size_t>63
        crcfold(crc, <const uint8_t*>data, folded, rest)
        crc = hash_crc64_by_table(0, rest, 16)
        return hash_crc64_by_table(crc, <const uint8_t*>data + folded, n - folded)
    return hash_crc64_by_table(crc, data, n)


cdef uint64_t hash_crc64_by_table(uint64_t crc, const void* data, size_t n) noexcept nogil:
    """The same, on any processor."""
    cdef const uint8_t* p = <const uint8_t*>data
    cdef uint64_t word
    while n >= 8:
        word = bytes_load64(p) ^ crc
        crc = (crc64_table[7][word & 0xFF] ^
               crc64_table[6][(word >> 8) & 0xFF] ^
               crc64_table[5][(word >> 16) & 0xFF] ^
               crc64_table[4][(word >> 24) & 0xFF] ^
               crc64_table[3][(word >> 32) & 0xFF] ^
               crc64_table[2][(word >> 40) & 0xFF] ^
               crc64_table[1][(word >> 48) & 0xFF] ^
               crc64_table[0][word >> 56])
        p += 8
        n -= 8
    while n > 0:
        crc = crc64_table[0][(crc ^ p[0]) & 0xFF] ^ (crc >> 8)
        p += 1
        n -= 1
    return crc


cdef inline uint32_t _rotl32(uint32_t x, int bits) noexcept nogil:
    return (x << bits) | (x >> (32 - bits))


cdef inline uint32_t _load32_big(const uint8_t* p) noexcept nogil:
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]


cdef inline void _store32_big(uint8_t* p, uint32_t x) noexcept nogil:
    p[0] = <uint8_t>(x >> 24)
    p[1] = <uint8_t>(x >> 16)
    p[2] = <uint8_t>(x >> 8)
    p[3] = <uint8_t>x


cdef void _sha1_block(uint32_t* state, const uint8_t* block) noexcept nogil:
    """Mix one block of 64 bytes into the five words of `state`."""
    cdef uint32_t[80] w
    cdef uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], mix, constant, new
    cdef int t
    for t in range(16):
        w[t] = _load32_big(block + 4 * t)
    for t in range(16, 80):
        w[t] = _rotl32(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1)
    for t in range(80):
        if t < 20:
            mix = (b & c) | (~b & d)
            constant = 0x5A827999
        elif t < 40:
            mix = b ^ c ^ d
            constant = 0x6ED9EBA1
        elif t < 60:
            mix = (b & c) | (b & d) | (c & d)
            constant = <uint32_t>0x8F1BBCDC
        else:
            mix = b ^ c ^ d
            constant = <uint32_t>0xCA62C1D6
        new = _rotl32(a, 5) + mix + e + constant + w[t]
        e = d
        d = c
        c = _rotl32(b, 30)
        b = a
        a = new
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e


cdef void hash_sha1(const void* data, size_t n, uint8_t* digest) noexcept nogil:
    """SHA-1 of `n` bytes into the 20 at `digest`."""
    cdef const uint8_t* p = <const uint8_t*>data
    cdef uint32_t[5] state
    cdef uint8_t[128] end
    cdef size_t left = n & 63, length = 64 if left < 56 else 128, i
    cdef uint64_t bits = <uint64_t>n << 3
    state[0] = 0x67452301
    state[1] = <uint32_t>0xEFCDAB89
    state[2] = <uint32_t>0x98BADCFE
    state[3] = 0x10325476
    state[4] = <uint32_t>0xC3D2E1F0
    for i in range(n >> 6):
        _sha1_block(state, p + 64 * i)
    memset(end, 0, sizeof(end))
    if left:
        memcpy(end, p + (n - left), left)
    end[left] = 0x80
    _store32_big(end + length - 8, <uint32_t>(bits >> 32))
    _store32_big(end + length - 4, <uint32_t>bits)
    _sha1_block(state, end)
    if length == 128:
        _sha1_block(state, end + 64)
    for i in range(5):
        _store32_big(digest + 4 * i, state[i])


cdef void hash_sha1_hex(const void* data, size_t n, char* hex40) noexcept nogil:
    """SHA-1 of `n` bytes as the 40 digits SCRIPT LOAD answers."""
    cdef const char* digits = "0123456789abcdef"
    cdef uint8_t[20] digest
    cdef int i
    hash_sha1(data, n, digest)
    for i in range(20):
        hex40[2 * i] = digits[digest[i] >> 4]
        hex40[2 * i + 1] = digits[digest[i] & 15]
