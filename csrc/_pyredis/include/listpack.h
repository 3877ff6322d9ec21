/* listpack.h -- how long an element is, by its first byte. The format stands in ds/listpack.pyx. */
#ifndef PYREDIS_LISTPACK_H
#define PYREDIS_LISTPACK_H

#include <stdint.h>

#define LISTPACK_16(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
#define LISTPACK_8UP(x) (x), (x) + 1, (x) + 2, (x) + 3, (x) + 4, (x) + 5, (x) + 6, (x) + 7

/* Bytes of a whole element, its length at the end included; 0: it takes more than the first byte to know
   (strings with a length of 12 or 32 bits), or it is no element (the end mark, bytes without a meaning). */
static const uint8_t listpack_sizes[256] = {
    LISTPACK_16(2), LISTPACK_16(2), LISTPACK_16(2), LISTPACK_16(2),
    LISTPACK_16(2), LISTPACK_16(2), LISTPACK_16(2), LISTPACK_16(2),
    LISTPACK_8UP(2), LISTPACK_8UP(10), LISTPACK_8UP(18), LISTPACK_8UP(26),
    LISTPACK_8UP(34), LISTPACK_8UP(42), LISTPACK_8UP(50), LISTPACK_8UP(58),
    LISTPACK_16(3), LISTPACK_16(3),
    LISTPACK_16(0),
    0, 4, 5, 6, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

#undef LISTPACK_16
#undef LISTPACK_8UP

#endif
