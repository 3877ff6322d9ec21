"""intset -- a sorted array of integers: the compact form of a small set.

    | width u32 | length u32 | e0 | e1 | ... | e(length-1) |        all little-endian

Elements ascend and all take `width` bytes: 2, 4 or 8. So membership is a binary search, O(log n), and insertion
a move of what stands behind, O(n): fine, because a set leaves this form at set-max-intset-entries. A value too
wide for `width` widens every element, and then stands at one end, being beyond all the others; widths never
shrink, since a set that once held a large number tends to hold one again. The bytes are the image that RDB
files hold (type 11), so saving is one copy.

The block is as large as its elements, to the arena's 8 bytes: an insert allocates only when it passes into the
next class. Ownership: the caller owns the block. Growing may move it, so always write
    s = intset_add(mem, s, v, &added)
Rules checked by intset_check: 1 width is 2, 4 or 8; 2 strictly ascending.
"""
from libc.stdint cimport INT16_MAX, INT16_MIN, INT32_MAX, INT32_MIN, int16_t, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memmove

from _pyredis.base.hash cimport bytes_load32
from _pyredis.base.mem cimport Arena, mem_alloc, mem_free, mem_realloc


cdef inline char* _elements(const IntSet* s) noexcept nogil:
    return <char*>s + INTSET_HEADER


cdef inline int64_t _read(const char* elements, uint32_t width, uint32_t i) noexcept nogil:
    # The block is 8-byte aligned and its header is 8 bytes, so every element is aligned.
    if width == 2:
        return (<const int16_t*>elements)[i]
    if width == 4:
        return (<const int32_t*>elements)[i]
    return (<const int64_t*>elements)[i]


cdef inline void _write(IntSet* s, uint32_t i, int64_t v) noexcept nogil:
    if s.width == 2:
        (<int16_t*>_elements(s))[i] = <int16_t>v
    elif s.width == 4:
        (<int32_t*>_elements(s))[i] = <int32_t>v
    else:
        (<int64_t*>_elements(s))[i] = v


cdef inline uint32_t _width_for(int64_t v) noexcept nogil:
    if INT16_MIN <= v <= INT16_MAX:
        return 2
    return 4 if INT32_MIN <= v <= INT32_MAX else 8


# ---------------------------------------------------------------- making and giving back

cdef IntSet* intset_new(Arena* mem) noexcept nogil:
    cdef IntSet* s = <IntSet*>mem_alloc(mem, INTSET_HEADER)
    s.width = 2
    s.length = 0
    return s


cdef IntSet* intset_copy(Arena* mem, const IntSet* s) noexcept nogil:
    cdef IntSet* twin = <IntSet*>mem_alloc(mem, intset_bytes(s))
    memcpy(twin, s, intset_bytes(s))
    return twin


cdef IntSet* intset_import(Arena* mem, const uint8_t* image, size_t n) noexcept nogil:
    """An intset of its own from n bytes, aligned or not; NULL if they are none."""
    cdef IntSet* s
    if not intset_validate(image, n, True):
        return NULL
    s = <IntSet*>mem_alloc(mem, n)
    memcpy(s, image, n)
    return s


cdef void intset_free(Arena* mem, IntSet* s) noexcept nogil:
    mem_free(mem, s, intset_bytes(s))


# ---------------------------------------------------------------- reading

cdef int64_t intset_get(const IntSet* s, uint32_t i) noexcept nogil:
    """Element i, below the length."""
    return _read(_elements(s), s.width, i)


cdef bint intset_find(const IntSet* s, int64_t v, uint32_t* at) noexcept nogil:
    """Is `v` in `s`? `at`, unless NULL, gets its index or where it belongs."""
    cdef uint32_t low = 0, high = s.length, middle
    if high and v > intset_get(s, high - 1):       # appending is common: numbers tend to come in order
        low = high
    while low < high:
        middle = low + ((high - low) >> 1)
        if intset_get(s, middle) < v:
            low = middle + 1
        else:
            high = middle
    if at != NULL:
        at[0] = low
    return low < s.length and intset_get(s, low) == v


# ---------------------------------------------------------------- changing

cdef IntSet* _resize(Arena* mem, IntSet* s, uint32_t width, uint32_t length) noexcept nogil:
    """The block with room for so many elements; header and bytes as they are."""
    return <IntSet*>mem_realloc(mem, s, intset_bytes(s), INTSET_HEADER + <size_t>width * length)


cdef IntSet* _widen(Arena* mem, IntSet* s, int64_t v) noexcept nogil:
    """Adds `v`, which is wider than any element, and so goes before the first or behind the last."""
    cdef uint32_t old = s.width, i, shift = 1 if v < 0 else 0
    s = _resize(mem, s, _width_for(v), s.length + 1)
    s.width = _width_for(v)
    for i in range(s.length, 0, -1):               # from the end: what is not read yet lies before what is written
        _write(s, i - 1 + shift, _read(_elements(s), old, i - 1))
    _write(s, 0 if v < 0 else s.length, v)
    s.length += 1
    return s


cdef IntSet* intset_add(Arena* mem, IntSet* s, int64_t v, bint* added) noexcept nogil:
    cdef uint32_t at
    added[0] = True
    if _width_for(v) > s.width:
        return _widen(mem, s, v)
    if intset_find(s, v, &at):
        added[0] = False
        return s
    s = _resize(mem, s, s.width, s.length + 1)
    if at < s.length:
        memmove(_elements(s) + <size_t>(at + 1) * s.width, _elements(s) + <size_t>at * s.width,
                <size_t>(s.length - at) * s.width)
    _write(s, at, v)
    s.length += 1
    return s


cdef IntSet* intset_remove(Arena* mem, IntSet* s, int64_t v, bint* removed) noexcept nogil:
    cdef uint32_t at
    removed[0] = intset_find(s, v, &at)
    if not removed[0]:
        return s
    memmove(_elements(s) + <size_t>at * s.width, _elements(s) + <size_t>(at + 1) * s.width,
            <size_t>(s.length - at - 1) * s.width)
    s = _resize(mem, s, s.width, s.length - 1)
    s.length -= 1
    return s


# ---------------------------------------------------------------- checking

cdef bint _ascends(const char* elements, uint32_t width, uint32_t length) noexcept nogil:
    """Elements may stand unaligned here."""
    cdef uint32_t i
    cdef int64_t v, before = 0
    cdef int16_t v16
    cdef int32_t v32
    for i in range(length):
        if width == 2:
            memcpy(&v16, elements + <size_t>i * 2, 2)
            v = v16
        elif width == 4:
            memcpy(&v32, elements + <size_t>i * 4, 4)
            v = v32
        else:
            memcpy(&v, elements + <size_t>i * 8, 8)
        if i and v <= before:
            return False
        before = v
    return True


cdef bint intset_validate(const uint8_t* image, size_t n, bint deep) noexcept nogil:
    """Are these n bytes an intset, with one element at least? Nothing is read beyond them."""
    cdef uint32_t width, length
    if n < INTSET_HEADER:
        return False
    width = bytes_load32(image)
    length = bytes_load32(image + 4)
    if width != 2 and width != 4 and width != 8:
        return False
    if length == 0 or n - INTSET_HEADER != <size_t>width * length:
        return False
    return not deep or _ascends(<const char*>image + INTSET_HEADER, width, length)


cdef int intset_check(const IntSet* s) noexcept nogil:
    if s.width != 2 and s.width != 4 and s.width != 8:
        return 1
    return 0 if _ascends(_elements(s), s.width, s.length) else 2
