/* atomics.h -- a number that one thread writes and another reads. */
#ifndef PYREDIS_ATOMICS_H
#define PYREDIS_ATOMICS_H

#include <stdint.h>

static inline uint64_t atomic_get(const uint64_t *at) {
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static inline void atomic_set(uint64_t *at, uint64_t value) {
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

#endif
