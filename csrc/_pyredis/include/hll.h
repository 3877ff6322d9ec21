/* hll.h -- of a HyperLogLog: how many registers a run of the sparse form covers, by its first byte; and unfolding and
 * folding the dense form 32 registers at a time, where the processor can. The formats: ds/hll.pyx. */
#ifndef PYREDIS_HLL_H
#define PYREDIS_HLL_H

#include <stddef.h>
#include <stdint.h>

#define HLL_8UP(x) (x), (x) + 1, (x) + 2, (x) + 3, (x) + 4, (x) + 5, (x) + 6, (x) + 7
#define HLL_VALS 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4

/* ZERO and VAL; of XZERO, whose length takes a second byte, 0. */
static const uint8_t hll_short_runs[256] = {
    HLL_8UP(1), HLL_8UP(9), HLL_8UP(17), HLL_8UP(25), HLL_8UP(33), HLL_8UP(41), HLL_8UP(49), HLL_8UP(57),
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0,
    HLL_VALS, HLL_VALS, HLL_VALS, HLL_VALS, HLL_VALS, HLL_VALS, HLL_VALS, HLL_VALS,
};

/* Four registers of six bits make three bytes. A 32-bit lane takes such a group: unfolding spreads its 24 bits to four
   bytes by shifts, folding gathers them by multiplications (a + 64 b, then that + 4096 of the next pair). */
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>
#include <string.h>
static inline int hll_wide(void) { return __builtin_cpu_supports("avx2"); }

/* Raises n registers (a multiple of 32) to those folded at p. Reads the four bytes before p, none behind. */
__attribute__((target("avx2"))) static void hll_merge_wide(uint8_t *registers, const uint8_t *p, size_t n) {
    const __m256i groups = _mm256_setr_epi8(4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1,
                                            4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1);
    for (size_t i = 0; i < n; i += 32, p += 24) {
        __m128i low = _mm_loadu_si128((const __m128i *)(p - 4)), high = _mm_loadu_si128((const __m128i *)(p + 8));
        __m256i x = _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), groups);
        __m256i a = _mm256_and_si256(x, _mm256_set1_epi32(0x3f));
        __m256i b = _mm256_and_si256(_mm256_slli_epi32(x, 2), _mm256_set1_epi32(0x3f00));
        __m256i c = _mm256_and_si256(_mm256_slli_epi32(x, 4), _mm256_set1_epi32(0x3f0000));
        __m256i d = _mm256_and_si256(_mm256_slli_epi32(x, 6), _mm256_set1_epi32(0x3f000000));
        __m256i found = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
        __m256i *at = (__m256i *)(registers + i);
        _mm256_storeu_si256(at, _mm256_max_epu8(_mm256_loadu_si256(at), found));
    }
}

/* Folds n registers (a multiple of 32) to the bytes at p. Writes none behind. */
__attribute__((target("avx2"))) static void hll_fold_wide(uint8_t *p, const uint8_t *registers, size_t n) {
    const __m256i dense = _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
                                           0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    for (size_t i = 0; i < n; i += 32, p += 24) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(registers + i));
        x = _mm256_maddubs_epi16(x, _mm256_set1_epi16(0x4001));
        x = _mm256_madd_epi16(x, _mm256_set1_epi32(0x10000001));
        x = _mm256_shuffle_epi8(x, dense);
        __m128i low = _mm256_castsi256_si128(x), high = _mm256_extracti128_si256(x, 1);
        uint64_t last = (uint64_t)_mm_cvtsi128_si64(high);
        uint32_t end = (uint32_t)_mm_extract_epi32(high, 2);
        _mm_storeu_si128((__m128i *)p, low);
        memcpy(p + 12, &last, 8);
        memcpy(p + 20, &end, 4);
    }
}
#else
static inline int hll_wide(void) { return 0; }
static inline void hll_merge_wide(uint8_t *registers, const uint8_t *p, size_t n) {}
static inline void hll_fold_wide(uint8_t *p, const uint8_t *registers, size_t n) {}
#endif

#undef HLL_8UP
#undef HLL_VALS
#endif
