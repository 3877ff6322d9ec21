/* ticks.h -- the processor's steady counter. */
#ifndef PYREDIS_TICKS_H
#define PYREDIS_TICKS_H

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static inline int64_t ticks_clock_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline uint64_t ticks_now(void) {
#if defined(__x86_64__)
    return __rdtsc();
#elif defined(__aarch64__)
    uint64_t x;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(x));
    return x;
#else
    return (uint64_t)ticks_clock_ns(CLOCK_MONOTONIC);
#endif
}

/* Ticks a second, or 0 where only measuring tells. */
static inline uint64_t ticks_per_second(void) {
#if defined(__x86_64__)
    return 0;
#elif defined(__aarch64__)
    uint64_t x;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(x));
    return x;
#else
    return 1000000000;
#endif
}

#endif
