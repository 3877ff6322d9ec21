/* crcfold.h -- CRC64 sixteen bytes at a time, where the processor multiplies polynomials (x86-64 with PCLMULQDQ).

   After "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Gopal and others, Intel 2009):
   sixteen bytes X = A x^64 + B that stand D bits before the end of a message may be replaced by A (x^(D+64) mod P) +
   B (x^D mod P) at its end. Four such folds run side by side, D = 512; in the end the four become one, D = 128,
   whose CRC, by table, is that of everything. Bits are reflected, which makes a product one power too high: the
   constants are x^(D+63) and x^(D-1). */
#ifndef PYREDIS_CRCFOLD_H
#define PYREDIS_CRCFOLD_H

#include <stddef.h>
#include <stdint.h>

#define CRCFOLD_LEAST 128              /* bytes below which it does not pay */

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

static inline int crcfold_here(void) {
    return __builtin_cpu_supports("pclmul");
}

__attribute__((target("pclmul"))) static inline __m128i crcfold_step(__m128i x, __m128i by, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(x, by, 0x00), high = _mm_clmulepi64_si128(x, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* Of n bytes, a multiple of 64 and not 0: 16 bytes with the same CRC, which is that of what gave `crc` before them. */
__attribute__((target("pclmul"))) static void crcfold(uint64_t crc, const uint8_t *p, size_t n, uint8_t *out) {
    const __m128i by512 = _mm_set_epi64x((long long)0xf49784a634f014e4ULL, (long long)0xaf86efb16d9ab4fbULL);
    const __m128i by128 = _mm_set_epi64x((long long)0x381d0015c96f4444ULL, (long long)0xd9d7be7d505da32cULL);
    const __m128i *in = (const __m128i *)p;
    __m128i a = _mm_xor_si128(_mm_loadu_si128(in), _mm_set_epi64x(0, (long long)crc));
    __m128i b = _mm_loadu_si128(in + 1), c = _mm_loadu_si128(in + 2), d = _mm_loadu_si128(in + 3);
    for (in += 4, n -= 64; n; in += 4, n -= 64) {
        a = crcfold_step(a, by512, _mm_loadu_si128(in));
        b = crcfold_step(b, by512, _mm_loadu_si128(in + 1));
        c = crcfold_step(c, by512, _mm_loadu_si128(in + 2));
        d = crcfold_step(d, by512, _mm_loadu_si128(in + 3));
    }
    b = crcfold_step(a, by128, b);
    c = crcfold_step(b, by128, c);
    d = crcfold_step(c, by128, d);
    _mm_storeu_si128((__m128i *)out, d);
}

#else

static inline int crcfold_here(void) {
    return 0;
}

static inline void crcfold(uint64_t crc, const uint8_t *p, size_t n, uint8_t *out) {
    (void)crc, (void)p, (void)n, (void)out;
}

#endif
#endif
