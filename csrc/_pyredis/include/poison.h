/* poison.h -- memory that is kept for later: until then nobody may touch it, which the address sanitizer watches. */
#ifndef PYREDIS_POISON_H
#define PYREDIS_POISON_H
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n) ((void)(p))
#define UNPOISON(p, n) ((void)(p))
#endif
#endif
