/* bits.h -- counting, finding and combining bits at the speed of memory: the loops that want instructions which not
 * every processor has. Each has a portable form; bits_wide() says, at run time, whether the AVX2 form may be used. */
#ifndef PYREDIS_BITS_H
#define PYREDIS_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define BITS_X86 1
#include <immintrin.h>
static inline int bits_wide(void) { return __builtin_cpu_supports("avx2"); }
#else
#define BITS_X86 0
static inline int bits_wide(void) { return 0; }
#endif

static inline uint64_t bits_word(const uint8_t *p) {
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

#define BITS_AHEAD 2048 /* bytes that are asked for before their turn: the processor's own prefetch ends with a page */

/* ---- counting */

static uint64_t bits_count_words(const uint8_t *p, size_t n) {
    uint64_t total = 0, last = 0;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t x = bits_word(p);
        x -= (x >> 1) & 0x5555555555555555ull;
        x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
        x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
        total += (x * 0x0101010101010101ull) >> 56;
    }
    if (n) {
        memcpy(&last, p, n);
        total += (uint64_t)__builtin_popcountll(last);
    }
    return total;
}

#if BITS_X86
__attribute__((target("popcnt"))) static uint64_t bits_count_popcnt(const uint8_t *p, size_t n) {
    uint64_t a = 0, b = 0, c = 0, d = 0, last = 0;
    for (; n >= 32; p += 32, n -= 32) {
        a += (uint64_t)__builtin_popcountll(bits_word(p));
        b += (uint64_t)__builtin_popcountll(bits_word(p + 8));
        c += (uint64_t)__builtin_popcountll(bits_word(p + 16));
        d += (uint64_t)__builtin_popcountll(bits_word(p + 24));
    }
    for (; n >= 8; p += 8, n -= 8) a += (uint64_t)__builtin_popcountll(bits_word(p));
    memcpy(&last, p, n);
    return a + b + c + d + (uint64_t)__builtin_popcountll(last);
}

/* A table look-up for each half byte, thirty-two at a time; byte sums are gathered before they can overflow. */
__attribute__((target("avx2,popcnt"))) static uint64_t bits_count_avx2(const uint8_t *p, size_t n) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
    __m256i total = zero;
    while (n >= 128) {
        __m256i bytes = zero;
        for (int round = 0; round < 7 && n >= 128; round++, p += 128, n -= 128) {
            for (int i = 0; i < 4; i++) {                                       /* 7 * 4 * 8 < 256 */
                __m256i x = _mm256_loadu_si256((const __m256i *)(p + 32 * i));
                __m256i lows = _mm256_shuffle_epi8(table, _mm256_and_si256(x, low));
                __m256i highs = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
                bytes = _mm256_add_epi8(bytes, _mm256_add_epi8(lows, highs));
            }
            _mm_prefetch((const char *)p + BITS_AHEAD, _MM_HINT_T0);
            _mm_prefetch((const char *)p + BITS_AHEAD + 64, _MM_HINT_T0);
        }
        total = _mm256_add_epi64(total, _mm256_sad_epu8(bytes, zero));
    }
    return (uint64_t)_mm256_extract_epi64(total, 0) + (uint64_t)_mm256_extract_epi64(total, 1) +
           (uint64_t)_mm256_extract_epi64(total, 2) + (uint64_t)_mm256_extract_epi64(total, 3) +
           bits_count_popcnt(p, n);
}
#endif

/* How many bits are set in n bytes. */
static inline uint64_t bits_popcount(const uint8_t *p, size_t n) {
#if BITS_X86
    if (n >= 256 && bits_wide()) return bits_count_avx2(p, n);
    if (__builtin_cpu_supports("popcnt")) return bits_count_popcnt(p, n);
#endif
    return bits_count_words(p, n);
}

/* ---- finding */

#if BITS_X86
/* How many bytes, in steps of 128, are all `filler`. */
__attribute__((target("avx2"))) static size_t bits_skip_avx2(const uint8_t *p, size_t n, uint8_t filler) {
    const __m256i fill = _mm256_set1_epi8((char)filler);
    size_t i = 0;
    for (; i + 128 <= n; i += 128) {
        const __m256i *at = (const __m256i *)(p + i);
        __m256i a = _mm256_xor_si256(_mm256_loadu_si256(at), fill);
        __m256i b = _mm256_xor_si256(_mm256_loadu_si256(at + 1), fill);
        __m256i c = _mm256_xor_si256(_mm256_loadu_si256(at + 2), fill);
        __m256i d = _mm256_xor_si256(_mm256_loadu_si256(at + 3), fill);
        __m256i differ = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
        if (!_mm256_testz_si256(differ, differ)) break;
        _mm_prefetch((const char *)at + BITS_AHEAD, _MM_HINT_T0);
        _mm_prefetch((const char *)at + BITS_AHEAD + 64, _MM_HINT_T0);
    }
    return i;
}
#endif

/* The index of the first of n bytes that is not `filler`; n if all are. */
static size_t bits_skip(const uint8_t *p, size_t n, uint8_t filler) {
    const uint64_t fill = 0x0101010101010101ull * filler;
    size_t i = 0;
#if BITS_X86
    if (n >= 256 && bits_wide()) i = bits_skip_avx2(p, n, filler);
#endif
    for (; i + 64 <= n; i += 64) {
        uint64_t differ = 0;
        for (int k = 0; k < 64; k += 8) differ |= bits_word(p + i + k) ^ fill;
        if (differ) break;
    }
    while (i + 8 <= n && bits_word(p + i) == fill) i += 8;
    while (i < n && p[i] == filler) i++;
    return i;
}

/* ---- combining: a[i] = a[i] OP b[i] for n bytes that do not overlap; the compiler makes vectors of it */

#define BITS_FOLD(name, attribute, operator)                                              \
    attribute static void name(uint8_t *restrict a, const uint8_t *restrict b, size_t n) { \
        for (size_t i = 0; i < n; i++) a[i] = (uint8_t)(a[i] operator b[i]);               \
    }
#define BITS_FOLDS(suffix, attribute)                \
    BITS_FOLD(bits_and##suffix, attribute, &)        \
    BITS_FOLD(bits_or##suffix, attribute, |)         \
    BITS_FOLD(bits_xor##suffix, attribute, ^)        \
    BITS_FOLD(bits_without##suffix, attribute, &~)
BITS_FOLDS(_any, )
#if BITS_X86
BITS_FOLDS(_avx2, __attribute__((target("avx2"))))
#define BITS_CALL(name, a, b, n) (bits_wide() ? name##_avx2(a, b, n) : name##_any(a, b, n))
#else
#define BITS_CALL(name, a, b, n) name##_any(a, b, n)
#endif

static inline void bits_and(uint8_t *a, const uint8_t *b, size_t n) { BITS_CALL(bits_and, a, b, n); }
static inline void bits_or(uint8_t *a, const uint8_t *b, size_t n) { BITS_CALL(bits_or, a, b, n); }
static inline void bits_xor(uint8_t *a, const uint8_t *b, size_t n) { BITS_CALL(bits_xor, a, b, n); }
static inline void bits_without(uint8_t *a, const uint8_t *b, size_t n) { BITS_CALL(bits_without, a, b, n); }

#undef BITS_FOLD
#undef BITS_FOLDS
#undef BITS_CALL
#endif
