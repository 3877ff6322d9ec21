# hash -- SipHash-1-3 (inline: it is on the path of every key), CRC16, CRC64, SHA-1. The story is in hash.pyx.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "bytes.h" nogil:
    uint64_t bytes_load64(const void* p) noexcept
    uint32_t bytes_load32(const void* p) noexcept
    void     bytes_store64(void* p, uint64_t x) noexcept

cdef uint16_t hash_crc16(const void* data, size_t n) noexcept nogil
cdef uint64_t hash_crc64(uint64_t crc, const void* data, size_t n) noexcept nogil   # start from 0; resumable
cdef uint64_t hash_crc64_by_table(uint64_t crc, const void* data, size_t n) noexcept nogil   # the same, slower
cdef void     hash_sha1(const void* data, size_t n, uint8_t* digest) noexcept nogil    # 20 bytes
cdef void     hash_sha1_hex(const void* data, size_t n, char* hex40) noexcept nogil  # 40 digits, no NUL


cdef inline uint64_t _rotl(uint64_t x, int bits) noexcept nogil:
    return (x << bits) | (x >> (64 - bits))


cdef inline void _sip_round(uint64_t* v) noexcept nogil:
    v[0] += v[1]
    v[2] += v[3]
    v[1] = _rotl(v[1], 13) ^ v[0]
    v[3] = _rotl(v[3], 16) ^ v[2]
    v[0] = _rotl(v[0], 32)
    v[2] += v[1]
    v[0] += v[3]
    v[1] = _rotl(v[1], 17) ^ v[2]
    v[3] = _rotl(v[3], 21) ^ v[0]
    v[2] = _rotl(v[2], 32)


cdef inline uint64_t _sip_tail(const uint8_t* p, size_t n) noexcept nogil:
    """The last n % 8 bytes of the n at `p`, low byte first. Loads stay inside the n bytes."""
    cdef size_t left = n & 7
    if left == 0:
        return 0
    if n >= 8:                                     # one load that ends where the data ends
        return bytes_load64(p + n - 8) >> (8 * (8 - left))
    if left >= 4:
        return bytes_load32(p) | (<uint64_t>bytes_load32(p + left - 4) << (8 * (left - 4)))
    return p[0] | (<uint64_t>p[left >> 1] << (8 * (left >> 1))) | (<uint64_t>p[left - 1] << (8 * (left - 1)))


cdef inline uint64_t hash_siphash13(const void* data, size_t n, const uint64_t* key) noexcept nogil:
    """SipHash-1-3 of `n` bytes under the 128-bit key (key[0], key[1])."""
    cdef const uint8_t* p = <const uint8_t*>data
    cdef uint64_t[4] v
    cdef uint64_t word
    cdef size_t i
    v[0] = key[0] ^ <uint64_t>0x736F6D6570736575
    v[1] = key[1] ^ <uint64_t>0x646F72616E646F6D
    v[2] = key[0] ^ <uint64_t>0x6C7967656E657261
    v[3] = key[1] ^ <uint64_t>0x7465646279746573
    for i in range(n >> 3):
        word = bytes_load64(p + 8 * i)
        v[3] ^= word
        _sip_round(v)
        v[0] ^= word
    word = _sip_tail(p, n) | (<uint64_t>n << 56)
    v[3] ^= word
    _sip_round(v)
    v[0] ^= word
    v[2] ^= 0xFF
    _sip_round(v)
    _sip_round(v)
    _sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
