/* bytes.h -- unaligned little-endian loads and stores, bit counting: the intrinsics Cython cannot spell. */
#ifndef PYREDIS_BYTES_H
#define PYREDIS_BYTES_H

#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BYTES_LE64(x) __builtin_bswap64(x)
#define BYTES_LE32(x) __builtin_bswap32(x)
#else
#define BYTES_LE64(x) (x)
#define BYTES_LE32(x) (x)
#endif

static inline uint64_t bytes_load64(const void *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return BYTES_LE64(x);
}

static inline uint32_t bytes_load32(const void *p) {
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return BYTES_LE32(x);
}

static inline void bytes_store32(void *p, uint32_t x) {
    x = BYTES_LE32(x);
    memcpy(p, &x, sizeof x);
}

static inline void bytes_store64(void *p, uint64_t x) {
    x = BYTES_LE64(x);
    memcpy(p, &x, sizeof x);
}

/* memcmp() == 0 for what is short, mostly: up to 16 bytes without a call, in loads that may overlap. */
static inline int bytes_same(const char *a, const char *b, size_t n) {
    if (n > 16)
        return memcmp(a, b, n) == 0;
    if (n >= 8)
        return bytes_load64(a) == bytes_load64(b) && bytes_load64(a + n - 8) == bytes_load64(b + n - 8);
    if (n >= 4)
        return bytes_load32(a) == bytes_load32(b) && bytes_load32(a + n - 4) == bytes_load32(b + n - 4);
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return 0;
    return 1;
}

/* memcpy for what is short, mostly: up to 32 bytes without a call, in loads that may overlap. */
static inline void bytes_copy(char *to, const char *from, size_t n) {
    if (n > 32) {
        memcpy(to, from, n);
    } else if (n >= 16) {
        char a[16], b[16];
        memcpy(a, from, 16);
        memcpy(b, from + n - 16, 16);
        memcpy(to, a, 16);
        memcpy(to + n - 16, b, 16);
    } else if (n >= 8) {
        uint64_t a, b;
        memcpy(&a, from, 8);
        memcpy(&b, from + n - 8, 8);
        memcpy(to, &a, 8);
        memcpy(to + n - 8, &b, 8);
    } else if (n >= 4) {
        uint32_t a, b;
        memcpy(&a, from, 4);
        memcpy(&b, from + n - 4, 4);
        memcpy(to, &a, 4);
        memcpy(to + n - 4, &b, 4);
    } else if (n) {
        char a = from[0], b = from[n >> 1], c = from[n - 1];
        to[0] = a;
        to[n >> 1] = b;
        to[n - 1] = c;
    }
}

/* How many bits x needs, 1..64; 1 for 0. */
static inline int bytes_bit_length(uint64_t x) {
    return 64 - __builtin_clzll(x | 1);
}

/* Zero bits below the lowest one of x, which is not 0. */
static inline int bytes_lowest_bit(uint64_t x) {
    return __builtin_ctzll(x);
}

/* Low half of a * b; *high gets the other. */
static inline uint64_t bytes_mul128(uint64_t a, uint64_t b, uint64_t *high) {
    unsigned __int128 product = (unsigned __int128)a * b;
    *high = (uint64_t)(product >> 64);
    return (uint64_t)product;
}

#endif
