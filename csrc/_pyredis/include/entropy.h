/* entropy.h -- random bytes from the system: getentropy, which Linux, macOS and the BSDs share. */
#ifndef PYREDIS_ENTROPY_H
#define PYREDIS_ENTROPY_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/random.h>
#include <unistd.h>

/* 0, or -1 if the system refuses. getentropy gives at most 256 bytes a call. */
static inline int entropy_fill(void *out, size_t n) {
    unsigned char *p = out;
    while (n > 0) {
        size_t step = n < 256 ? n : 256;
        if (getentropy(p, step) != 0)
            return -1;
        p += step;
        n -= step;
    }
    return 0;
}

#endif
