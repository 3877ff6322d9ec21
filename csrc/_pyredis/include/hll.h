/* hll.h -- how many registers a run of a sparse HyperLogLog covers, by its first byte. The format: ds/hll.pyx. */
#ifndef PYREDIS_HLL_H
#define PYREDIS_HLL_H

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

#undef HLL_8UP
#undef HLL_VALS
#endif
