/* malloc_policy.h -- tell the C library's malloc what it is used for here: blocks above 1 KiB that come and go.
 *
 * By default glibc gives the top of the heap back at every free above 128 KiB and maps larger blocks one by one,
 * so a 64 KiB reply buffer costs sixteen page faults each time it is made: 20 us, as much as all the rest of a
 * GET of that size. Blocks up to 4 MiB stay in the heap, and up to 32 MiB of free top are kept.
 */
#ifndef PYREDIS_MALLOC_POLICY_H
#define PYREDIS_MALLOC_POLICY_H
#include <stdlib.h> /* defines __GLIBC__ where it is */
#ifdef __GLIBC__
#include <malloc.h>
static inline void malloc_policy(void) {
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
}
#else
static inline void malloc_policy(void) {}
#endif
#endif
