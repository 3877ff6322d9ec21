/* ensure.h -- assertions. ENSURE holds in debug and sanitizer builds only; FATAL_OOM always ends the process. */
#ifndef PYREDIS_ENSURE_H
#define PYREDIS_ENSURE_H
#include <stdio.h>
#include <stdlib.h>

#ifdef PYREDIS_CHECKED
#define ENSURE(condition)                                                                   \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "pyredis: %s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                        \
        }                                                                                   \
    } while (0)
#define CHECKED 1
#else
#define ENSURE(condition) ((void)0)
#define CHECKED 0
#endif

#ifdef __SANITIZE_ADDRESS__
#define MEM_PASS_THROUGH 1 /* the arena hands every request to malloc, which the sanitizer watches */
#else
#define MEM_PASS_THROUGH 0
#endif

static inline void fatal_oom(size_t bytes) {
    fprintf(stderr, "pyredis: out of memory allocating %zu bytes\n", bytes);
    abort();
}

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PREFETCH(p) __builtin_prefetch((p))
#endif
