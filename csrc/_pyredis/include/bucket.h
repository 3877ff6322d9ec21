/* bucket.h -- compare the seven tags of a hash-table bucket at once. */
#ifndef PYREDIS_BUCKET_H
#define PYREDIS_BUCKET_H
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Bits 0..6: which of the seven bytes at `tags` equal `tag`. Reads eight bytes. */
static inline unsigned bucket_match(const uint8_t *tags, uint8_t tag) {
#ifdef __SSE2__
    __m128i have = _mm_loadl_epi64((const __m128i *)tags);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(have, _mm_set1_epi8((char)tag))) & 0x7f;
#else
    unsigned bits = 0;
    for (int i = 0; i < 7; i++) bits |= (unsigned)(tags[i] == tag) << i;
    return bits;
#endif
}

static inline int bits_lowest(unsigned x) { return __builtin_ctz(x); }
static inline int bits_count(unsigned x) { return __builtin_popcount(x); }
static inline uint64_t bits_reverse64(uint64_t v) {
    v = ((v >> 1) & 0x5555555555555555ull) | ((v & 0x5555555555555555ull) << 1);
    v = ((v >> 2) & 0x3333333333333333ull) | ((v & 0x3333333333333333ull) << 2);
    v = ((v >> 4) & 0x0f0f0f0f0f0f0f0full) | ((v & 0x0f0f0f0f0f0f0f0full) << 4);
    return __builtin_bswap64(v);
}
#endif
