"""order -- sorting many elements by number or by text, all of them or a window of ranks.

What is sorted are pairs of a 64-bit key and the element's index, 16 bytes; the elements stay where they are. The
key of a score is the double's bits, turned so that they order as unsigned integers. A text is ordered by words:

    word k: | bytes 7k .. 7k + 6, the first on top, zeros behind the end | 1 + how many there were, 9: more follow |

Equal words that do not say "more" are equal texts; a shorter text comes before one that goes on, with whatever.
A run of pairs with equal keys is then sorted by the next word (after a score, by the text's first one), and so
on. So keys are compared in one instruction, from memory that is read in order, and an element is fetched once a
word, with prefetching, instead of once a comparison.

Pairs are sorted by merging up to 192 of them, and beyond by radix, a byte a pass, the lowest first (both stable:
what is equal stays as it came). A pass in which all keys have the same byte is left out, and so whole numbers
take three or four passes. For a window, a stable partition about a sampled pivot first cuts off what lies
outside, in O(n).

From the 32nd word on a run is sorted by comparing texts: there recursion ends, and texts are read on from where
they differ.

Cost: O(n) for scores, O(n * words) for texts; 16 n bytes of scratch. Nothing here calls back.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.base.slice cimport Slice
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)

cdef extern from *:
    """
    #include "bytes.h"
    static inline uint64_t order_load_high_first(const void* p) { return __builtin_bswap64(bytes_load64(p)); }
    """
    uint64_t order_load_high_first(const void* p) noexcept nogil

cdef enum:
    INSERTION = 12                 # runs so short are sorted by insertion
    MERGE = 192                    # ... and so short by merging
    AHEAD = 12                     # elements whose memory is asked for in advance
    WORD = 7                       # bytes of text in a key
    MORE = WORD + 2
    DEEPEST = 32                   # words; then texts are compared
    SAMPLE = 64                    # keys that a pivot is taken from
    MOST_CUTS = 100                # partitions for a window; then what is left is sorted

cdef struct Work:
    const Element* texts           # NULL: keys are all there is
    Ranked* scratch                # as many as the items
    int flags
    int cuts                       # partitions made


# ---------------------------------------------------------------- keys of texts

cdef inline Slice _text(Work* w, uint64_t index, char* digits) noexcept nogil:
    cdef Slice s = element_slice(&w.texts[index], digits)
    cdef const void* nul
    if w.flags & ORDER_TO_NUL:
        nul = memchr(s.ptr, 0, s.len)
        if nul != NULL:
            s.len = <const char*>nul - s.ptr
    return s


cdef inline uint64_t _word(Work* w, uint64_t index, size_t k) noexcept nogil:
    """Word k of a text; of one that ended before it, and of a missing one, 0."""
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice s
    cdef const uint8_t* p
    cdef uint64_t key = 0
    cdef size_t i, n
    if order_is_missing(&w.texts[index]):
        return ~<uint64_t>0 if w.flags & ORDER_DESCENDING else 0
    s = _text(w, index, digits)
    p = <const uint8_t*>s.ptr + k * WORD
    n = s.len - k * WORD
    if n > WORD:
        key = (order_load_high_first(p) & ~<uint64_t>0xff) | MORE
    else:
        for i in range(n):
            key = key << 8 | p[i]
        key = key << 8 * (WORD - n) << 8 | (n + 1)
    return ~key if w.flags & ORDER_DESCENDING else key


cdef inline bint _goes_on(Work* w, uint64_t key) noexcept nogil:
    """Does a word follow the one that is this key?"""
    return <uint8_t>(~key if w.flags & ORDER_DESCENDING else key) == MORE


cdef void _load_words(Work* w, Ranked* items, size_t n, size_t k) noexcept nogil:
    cdef size_t i
    cdef const Element* e
    for i in range(n):
        if i + 2 * AHEAD < n:
            PREFETCH(&w.texts[items[i + 2 * AHEAD].index])
        if i + AHEAD < n:
            e = &w.texts[items[i + AHEAD].index]
            if e.ptr != NULL:
                PREFETCH(e.ptr + k * WORD)
        items[i].key = _word(w, items[i].index, k)


# ---------------------------------------------------------------- sorting by key

cdef inline void _insertion(Ranked* items, size_t n) noexcept nogil:
    cdef size_t i, j
    cdef Ranked x
    for i in range(1, n):
        x = items[i]
        j = i
        while j > 0 and items[j - 1].key > x.key:
            items[j] = items[j - 1]
            j -= 1
        items[j] = x


cdef void _merge(const Ranked* a, size_t n, const Ranked* b, size_t m, Ranked* to) noexcept nogil:
    """Merges two sorted arrays, of which b ends where `to` will; of equal ones, a's come first."""
    cdef size_t i = 0, j = 0
    cdef bint second
    while i < n and j < m:
        second = b[j].key < a[i].key
        to[0] = b[j] if second else a[i]
        to += 1
        j += second
        i += not second
    memcpy(to, a + i, (n - i) * sizeof(Ranked))


cdef void _merge_sort(Ranked* items, size_t n, Ranked* scratch) noexcept nogil:
    cdef size_t half
    if n <= INSERTION:
        _insertion(items, n)
        return
    half = n >> 1
    _merge_sort(items, half, scratch)
    _merge_sort(items + half, n - half, scratch)
    if items[half].key < items[half - 1].key:
        memcpy(scratch, items, half * sizeof(Ranked))
        _merge(scratch, half, items + half, n - half, items)


cdef void _radix_sort(Ranked* items, size_t n, Ranked* scratch) noexcept nogil:
    cdef uint32_t[8][256] counts
    cdef size_t[256] place
    cdef size_t i, sum, byte
    cdef uint64_t key
    cdef Ranked* source = items
    cdef Ranked* target = scratch
    cdef Ranked* swap
    memset(counts, 0, sizeof(counts))
    for i in range(n):
        key = items[i].key
        for byte in range(8):
            counts[byte][(key >> (8 * byte)) & 0xff] += 1
    for byte in range(8):
        if counts[byte][(items[0].key >> (8 * byte)) & 0xff] == n:
            continue
        sum = 0
        for i in range(256):
            place[i] = sum
            sum += counts[byte][i]
        for i in range(n):
            key = (source[i].key >> (8 * byte)) & 0xff
            target[place[key]] = source[i]
            place[key] += 1
        swap = source
        source = target
        target = swap
    if source != items:
        memcpy(items, source, n * sizeof(Ranked))


cdef void _sort_keys(Ranked* items, size_t n, Ranked* scratch) noexcept nogil:
    if n <= MERGE or n >= <size_t>0xffffffff:
        _merge_sort(items, n, scratch)
    else:
        _radix_sort(items, n, scratch)


# ---------------------------------------------------------------- a window

cdef uint64_t _pivot(const Ranked* items, size_t n, size_t start, size_t end) noexcept nogil:
    """A key of the items that should have its rank outside of the window, on the side where more are."""
    cdef Ranked[SAMPLE] sample
    cdef Ranked[SAMPLE] scratch
    cdef size_t i, margin = SAMPLE // 10, low = start * SAMPLE // n, high = end * SAMPLE // n
    for i in range(SAMPLE):
        sample[i] = items[i * (n - 1) // (SAMPLE - 1)]
    _merge_sort(sample, SAMPLE, scratch)
    if n - end > start:
        return sample[high + margin if high + margin < SAMPLE else SAMPLE - 1].key
    return sample[low - margin if low > margin else 0].key


cdef void _partition(Ranked* items, size_t n, uint64_t pivot, Ranked* scratch, size_t* below,
                     size_t* equal) noexcept nogil:
    """Items with lesser keys first, then those with this one, then the rest; each lot in its old order."""
    cdef size_t i, less = 0, same = 0, more = 0
    cdef Ranked x
    for i in range(n):
        # All three are written and one counts: which of them, no branch has to guess.
        x = items[i]
        items[less] = x
        scratch[same] = x
        less += x.key < pivot
        same += x.key == pivot
        if x.key > pivot:
            more += 1
            scratch[n - more] = x
    memcpy(items + less, scratch, same * sizeof(Ranked))
    for i in range(more):
        items[less + same + i] = scratch[n - 1 - i]
    below[0] = less
    equal[0] = same


# ---------------------------------------------------------------- runs of equal keys

cdef int _compare(Work* w, uint64_t a, uint64_t b, size_t from_) noexcept nogil:
    """Two texts, equal up to byte `from_`."""
    cdef char[ELEMENT_DIGITS] room_a
    cdef char[ELEMENT_DIGITS] room_b
    cdef Slice x = _text(w, a, room_a), y = _text(w, b, room_b)
    cdef int c = memcmp(x.ptr + from_, y.ptr + from_, (x.len if x.len < y.len else y.len) - from_)
    if c == 0:
        c = (x.len > y.len) - (x.len < y.len)
    return -c if w.flags & ORDER_DESCENDING else c


cdef void _compare_sort(Work* w, Ranked* items, size_t n, Ranked* scratch, size_t from_) noexcept nogil:
    """A merge sort of texts that are equal up to byte `from_`; stable."""
    cdef size_t half = n >> 1, i = 0, j = half, k
    if n < 2:
        return
    _compare_sort(w, items, half, scratch, from_)
    _compare_sort(w, items + half, n - half, scratch, from_)
    memcpy(scratch, items, half * sizeof(Ranked))
    for k in range(n):
        if i < half and (j == n or _compare(w, items[j].index, scratch[i].index, from_) >= 0):
            items[k] = scratch[i]
            i += 1
        else:
            items[k] = items[j]
            j += 1


cdef void _refine(Work* w, Ranked* items, size_t n, size_t start, size_t end, size_t k) noexcept nogil:
    """Sorts items, which have equal keys, by their texts from word k on."""
    if n < 2 or start >= end:
        return
    if k < DEEPEST:
        _load_words(w, items, n, k)
        _order(w, items, n, start, end, k + 1)
    else:
        _compare_sort(w, items, n, w.scratch, k * WORD)


cdef void _refine_runs(Work* w, Ranked* items, size_t n, size_t start, size_t end, size_t next) noexcept nogil:
    """Refines each run of equal keys that has ranks in the window. `next`: the word that decides between them."""
    cdef size_t i = 0, j
    if w.texts == NULL:
        return
    while i < n and i < end:
        j = i + 1
        while j < n and items[j].key == items[i].key:
            j += 1
        if j - i > 1 and j > start and (next == 0 or _goes_on(w, items[i].key)):
            _refine(w, items + i, j - i, start - i if start > i else 0, (end if end < j else j) - i, next)
        i = j


cdef void _order(Work* w, Ranked* items, size_t n, size_t start, size_t end, size_t next) noexcept nogil:
    """Sorts items by key, then by their texts from word `next` on, as far as ranks start .. end - 1 need it."""
    cdef size_t below, equal
    while n > MERGE and end - start < n // 4 and w.cuts < MOST_CUTS:
        w.cuts += 1
        _partition(items, n, _pivot(items, n, start, end), w.scratch, &below, &equal)
        if end <= below:
            n = below
            continue
        if start < below:
            _order(w, items, below, start, below, next)
            start = below
        if start < below + equal and (next == 0 or _goes_on(w, items[below].key)) and w.texts != NULL:
            _refine(w, items + below, equal, start - below, (end if end < below + equal else below + equal) - below,
                    next)
        if end <= below + equal:
            return
        items += below + equal
        n -= below + equal
        end -= below + equal
        start = start - below - equal if start > below + equal else 0
    _sort_keys(items, n, w.scratch)
    _refine_runs(w, items, n, start, end, next)


cdef void order_scores(Arena* mem, Ranked* items, size_t n, size_t start, size_t end, const Element* texts,
                       int flags) noexcept nogil:
    cdef Work w
    if n < 2 or start >= end:
        return
    w.texts = texts
    w.flags = flags
    w.cuts = 0
    w.scratch = <Ranked*>mem_alloc(mem, n * sizeof(Ranked))
    _order(&w, items, n, start, end, 0)
    mem_free(mem, w.scratch, n * sizeof(Ranked))


cdef void order_texts(Arena* mem, Ranked* items, size_t n, size_t start, size_t end, const Element* texts,
                      int flags) noexcept nogil:
    cdef Work w
    if n < 2 or start >= end:
        return
    w.texts = texts
    w.flags = flags
    w.cuts = 0
    w.scratch = <Ranked*>mem_alloc(mem, n * sizeof(Ranked))
    _load_words(&w, items, n, 0)
    _order(&w, items, n, start, end, 1)
    mem_free(mem, w.scratch, n * sizeof(Ranked))


# ---------------------------------------------------------------- quicksort

cdef enum:
    QUICK_INSERTION = 7            # items below which it inserts
    QUICK_NINTHER = 40             # ... above which the pivot is a median of medians


cdef inline void _swap(Ranked* items, size_t i, size_t j) noexcept nogil:
    cdef Ranked r = items[i]
    items[i] = items[j]
    items[j] = r


cdef inline void _swap_blocks(Ranked* items, size_t i, size_t j, size_t n) noexcept nogil:
    cdef size_t k
    for k in range(n):
        _swap(items, i + k, j + k)


cdef size_t _median(const Ranked* items, size_t i, size_t j, size_t k) noexcept nogil:
    """Which of the three items has the key in the middle. Of equal ones it is j if that will do, else k or i by turns."""
    cdef uint64_t a = items[i].key, b = items[j].key, c = items[k].key
    if a < b:
        if b < c:
            return j
        return k if a < c else i
    if b > c:
        return j
    return i if a < c else k


cdef size_t _quick_pivot(const Ranked* items, size_t n) noexcept nogil:
    cdef size_t low = 0, middle = n // 2, high = n - 1, step = n // 8
    if n == QUICK_INSERTION:
        return middle
    if n > QUICK_NINTHER:
        low = _median(items, low, low + step, low + 2 * step)
        middle = _median(items, middle - step, middle, middle + step)
        high = _median(items, high - 2 * step, high - step, high)
    return _median(items, low, middle, high)


cdef void _split(Ranked* items, size_t n, size_t* below, size_t* above) noexcept nogil:
    """Three ways about a pivot: *below items with smaller keys, the equal ones, *above with larger ones. The equal ones
    are put by at both ends until all are compared (J. L. Bentley and M. D. McIlroy, "Engineering a sort function",
    Software: Practice and Experience 23, 1993)."""
    cdef size_t left = 1, i = 1, j = n, right = n, k          # equal 0..left, small left..i, ?, large j..right, equal
    cdef uint64_t key
    _swap(items, 0, _quick_pivot(items, n))
    key = items[0].key
    while True:
        while i < j and items[i].key <= key:
            if items[i].key == key:
                _swap(items, left, i)
                left += 1
            i += 1
        while i < j and items[j - 1].key >= key:
            if items[j - 1].key == key:
                right -= 1
                _swap(items, j - 1, right)
            j -= 1
        if i == j:
            break
        _swap(items, i, j - 1)
        i += 1
        j -= 1
    below[0] = i - left
    above[0] = right - j
    k = min(left, below[0])
    _swap_blocks(items, 0, i - k, k)
    k = min(above[0], n - right)
    _swap_blocks(items, i, n - k, k)


cdef void order_quick(Ranked* items, size_t n, size_t count) noexcept nogil:
    cdef size_t below, above, i, j
    while n >= QUICK_INSERTION:
        _split(items, n, &below, &above)
        if below > 1:
            order_quick(items, below, min(below, count))
        if above <= 1 or count <= n - above:
            return
        items += n - above
        count -= n - above
        n = above
    for i in range(1, n):
        j = i
        while j > 0 and items[j - 1].key > items[j].key:
            _swap(items, j - 1, j)
            j -= 1
