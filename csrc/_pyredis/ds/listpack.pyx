"""listpack -- elements in one block of bytes: the compact form of lists, hashes, sets and sorted sets.

    | total bytes u32 | elements u16 | element | element | ... | 0xff |
    element: | form and content | length of these, readable from its end |

    first byte   what follows                         content
    0xxxxxxx                                          an integer of 7 bits, 0 to 127
    10xxxxxx     the bytes                            a string of up to 63 bytes
    110xxxxx     1 byte                               an integer of 13 bits, two's complement, high bits first
    1110xxxx     1 byte, then the bytes               a string of up to 4,095 bytes, length with its high bits first
    11110000     u32, then the bytes                  a longer string
    11110001 .. 11110100                              an integer of 16, 24, 32, 64 bits
    11111111                                          the end

Everything is little-endian but where it says otherwise. The length at the end has 7 bits a byte, high bits first,
and every byte but the first has its top bit set: so it can be read backwards, and the listpack walked from its end.
It takes 1 byte up to 127, 2 below 16,383, 3 below 2,097,151, 4 below 268,435,455, else 5. `elements` counts up to
65,534; 65,535 means "count them".

This is Redis's format to the byte, so that RDB and DUMP are block copies. For the same reason text that is a
canonical integer is always stored as an integer, in the smallest form that holds it: an element has one encoding
only, and equality of elements is equality of their bytes. listpack_find rests on it.

Bytes from outside go through listpack_import, which trusts nothing and takes two liberties that others have: a
form that is not the smallest, and lengths of exactly 2**14 - 1, 2**21 - 1 or 2**28 - 1 in one byte less. Redis up
to 8.0 is off by one there, and has made this the format: the reader computes the length's width from the form
alone. Valkey 9.1 and later Redis write the shorter one, which older servers then misread.

How long an element is follows from its first byte: of a short string by a mask, else by a table of 256
(listpack.h), without a branch but for strings above 63 bytes. A walk waits for just that, so a search costs 2.2 ns
an element with short strings, 3.2 with integers (the table alone 3.2 with both; bench/micro/bench_listpack, 22
November 2026, a shared 2-core Xeon). A change is one realloc (none where the arena's size class still fits) and
one memmove.

Cost: ends O(1); by index, find, and any change O(bytes). Ownership: the caller owns the block, whose size stands in
its header. Whoever changes it writes lp = listpack_...(mem, lp, ...).

Rules checked by listpack_check: 1 total, header and end mark fit together; 2 every element has a known form, ends
within the block, and its length at the end is right; 3 the count is right or 65,535; 4 integers, and text that
could be one, are in the one form that belongs to them, and so are lengths of strings.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove

from _pyredis.base.hash cimport bytes_load32, bytes_load64, bytes_store64
from _pyredis.base.mem cimport Arena, mem_alloc, mem_fits, mem_free, mem_realloc
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.element cimport Element, element_int, element_text

cdef extern from "bytes.h" nogil:
    void bytes_store32(void* p, uint32_t x) noexcept

cdef enum:
    COUNT_UNKNOWN = 65535
    STRING_6 = 0x80
    INT_13 = 0xc0
    STRING_12 = 0xe0
    STRING_32 = 0xf0
    INT_16 = 0xf1
    INT_24 = 0xf2
    INT_32 = 0xf3
    INT_64 = 0xf4
    SIZE_MAX_BYTES = 5             # of the length at the end
    MOST_OVERHEAD = 10             # bytes that an element takes beside its text, at most
    PROBE = 8                      # bytes compared at once

cdef struct Encoded:               # an element about to be written or looked for
    uint8_t[16] head               # an integer whole, or a string's form and length; zeros behind
    size_t head_size
    const char* body               # the string's bytes
    size_t body_size


# ---------------------------------------------------------------- one element

cdef inline size_t _back_bytes(size_t n) noexcept nogil:
    """How many bytes the length `n` takes at the end of an element. Redis's limits, off by one as they are."""
    if n <= 127:
        return 1
    if n < 16383:
        return 2
    if n < 2097151:
        return 3
    return 4 if n < 268435455 else 5


cdef inline size_t _write_back(uint8_t* at, size_t n) noexcept nogil:
    """Writes the length at the end of an element; how many bytes."""
    cdef size_t bytes = _back_bytes(n), i
    at[0] = n >> (7 * (bytes - 1))
    for i in range(1, bytes):
        at[i] = 0x80 | ((n >> (7 * (bytes - 1 - i))) & 0x7f)
    return bytes


cdef inline void _encode_i64(Encoded* e, int64_t v) noexcept nogil:
    e.body = NULL
    e.body_size = 0
    if 0 <= v <= 127:
        e.head[0] = <uint8_t>v
        e.head_size = 1
    elif -4096 <= v <= 4095:
        e.head[0] = INT_13 | ((v >> 8) & 0x1f)
        e.head[1] = v & 0xff
        e.head_size = 2
    else:
        bytes_store64(e.head + 1, <uint64_t>v)
        if -32768 <= v <= 32767:
            e.head[0] = INT_16
            e.head_size = 3
        elif -8388608 <= v <= 8388607:
            e.head[0] = INT_24
            e.head_size = 4
        elif -2147483648 <= v <= 2147483647:
            e.head[0] = INT_32
            e.head_size = 5
        else:
            e.head[0] = INT_64
            e.head_size = 9


cdef inline void _encode(Encoded* e, Slice s) noexcept nogil:
    cdef int64_t v
    if num_parse_i64(s.ptr, s.len, &v):
        _encode_i64(e, v)
        return
    e.body = s.ptr
    e.body_size = s.len
    if s.len < 64:
        e.head[0] = STRING_6 | <uint8_t>s.len
        e.head_size = 1
    elif s.len < 4096:
        e.head[0] = STRING_12 | <uint8_t>(s.len >> 8)
        e.head[1] = s.len & 0xff
        e.head_size = 2
    else:
        e.head[0] = STRING_32
        bytes_store32(e.head + 1, <uint32_t>s.len)
        e.head_size = 5


cdef inline size_t _encoded_bytes(const Encoded* e) noexcept nogil:
    """Bytes of the whole element."""
    cdef size_t n = e.head_size + e.body_size
    return n + _back_bytes(n)


cdef inline size_t _write(uint8_t* at, const Encoded* e) noexcept nogil:
    cdef size_t n = e.head_size + e.body_size, i
    for i in range(e.head_size):
        at[i] = e.head[i]
    if e.body_size:
        memcpy(at + e.head_size, e.body, e.body_size)
    return n + _write_back(at + n, n)


cdef size_t element_encoded_size(Slice s) noexcept nogil:
    cdef Encoded e
    _encode(&e, s)
    return _encoded_bytes(&e)


cdef size_t element_encode(uint8_t* at, Slice s) noexcept nogil:
    cdef Encoded e
    _encode(&e, s)
    return _write(at, &e)


cdef size_t element_encode_i64(uint8_t* at, int64_t v) noexcept nogil:
    cdef Encoded e
    _encode_i64(&e, v)
    return _write(at, &e)


cdef size_t _content_size(const uint8_t* p) noexcept nogil:
    """Bytes of the element at p without the length at its end; 0 if these are no element's. Looks at p[0 .. 4]."""
    cdef uint8_t form = p[0]
    if form < 0x80:
        return 1
    if form < INT_13:
        return 1 + (form & 0x3f)
    if form < STRING_12:
        return 2
    if form < STRING_32:
        return 2 + ((<size_t>(form & 0x0f) << 8) | p[1])
    if form == STRING_32:
        return 5 + <size_t>bytes_load32(<const char*>p + 1)
    if form == INT_64:
        return 9
    return form - INT_16 + 3 if form < INT_64 else 0


cdef size_t element_size_wide(const uint8_t* p) noexcept nogil:
    cdef size_t n = _content_size(p)
    return n + _back_bytes(n)


cdef size_t element_size_before(const uint8_t* end) noexcept nogil:
    cdef size_t n = 0, i = 1
    while end[-<ptrdiff_t>i] & 0x80 and i < SIZE_MAX_BYTES:
        n |= <size_t>(end[-<ptrdiff_t>i] & 0x7f) << (7 * (i - 1))
        i += 1
    n |= <size_t>(end[-<ptrdiff_t>i] & 0x7f) << (7 * (i - 1))
    return n + i


cdef Element listpack_get_wide(const uint8_t* p) noexcept nogil:
    cdef uint8_t form = p[0]
    cdef int64_t v
    if form < STRING_12:
        if form < INT_13:                          # inlined by listpack_get; here for completeness
            return element_int(form) if form < 0x80 else element_text(<const char*>p + 1, form & 0x3f)
        v = (<int64_t>(form & 0x1f) << 8) | p[1]
        return element_int(v - ((v & 0x1000) << 1))
    if form < STRING_32:
        return element_text(<const char*>p + 2, (<size_t>(form & 0x0f) << 8) | p[1])
    if form == STRING_32:
        return element_text(<const char*>p + 5, bytes_load32(<const char*>p + 1))
    if form == INT_64:
        return element_int(<int64_t>bytes_load64(<const char*>p + 1))
    # The bytes move to the top of a word, and back down with their sign.
    v = p[1] | (<uint32_t>p[2] << 8)
    if form == INT_16:
        return element_int((<int64_t>(<uint64_t>v << 48)) >> 48)
    v |= <uint32_t>p[3] << 16
    if form == INT_24:
        return element_int((<int64_t>(<uint64_t>v << 40)) >> 40)
    v |= <int64_t>p[4] << 24
    return element_int((<int64_t>(<uint64_t>v << 32)) >> 32)


# ---------------------------------------------------------------- the block

cdef inline size_t _count(const uint8_t* lp) noexcept nogil:
    return lp[4] | (<size_t>lp[5] << 8)


cdef inline void _set_header(uint8_t* lp, size_t bytes, size_t count) noexcept nogil:
    bytes_store32(lp, <uint32_t>bytes)
    lp[4] = count & 0xff
    lp[5] = (count >> 8) & 0xff


cdef inline uint8_t* _end(const uint8_t* lp) noexcept nogil:
    """Where the end mark stands."""
    return <uint8_t*>lp + listpack_bytes(lp) - 1


cdef inline uint8_t* _resize(Arena* mem, uint8_t* lp, size_t old, size_t n) noexcept nogil:
    return lp if mem_fits(old, n) else <uint8_t*>mem_realloc(mem, lp, old, n)


cdef uint8_t* listpack_new(Arena* mem) noexcept nogil:
    cdef uint8_t* lp = <uint8_t*>mem_alloc(mem, LISTPACK_EMPTY)
    _set_header(lp, LISTPACK_EMPTY, 0)
    lp[LISTPACK_HEADER] = LISTPACK_END
    return lp


cdef uint8_t* listpack_from(Arena* mem, const char* elements, size_t n, size_t count) noexcept nogil:
    """A listpack of `count` elements that are encoded already: the n bytes at `elements`."""
    cdef uint8_t* lp = <uint8_t*>mem_alloc(mem, LISTPACK_EMPTY + n)
    _set_header(lp, LISTPACK_EMPTY + n, count if count < COUNT_UNKNOWN else COUNT_UNKNOWN)
    memcpy(lp + LISTPACK_HEADER, elements, n)
    lp[LISTPACK_HEADER + n] = LISTPACK_END
    return lp


cdef uint8_t* listpack_copy(Arena* mem, const uint8_t* lp) noexcept nogil:
    cdef size_t n = listpack_bytes(lp)
    cdef uint8_t* copy = <uint8_t*>mem_alloc(mem, n)
    memcpy(copy, lp, n)
    return copy


cdef void listpack_free(Arena* mem, uint8_t* lp) noexcept nogil:
    mem_free(mem, lp, listpack_bytes(lp))


cdef size_t listpack_length(const uint8_t* lp) noexcept nogil:
    """How many elements there are: O(1) up to 65,534, else O(n)."""
    cdef size_t n = _count(lp)
    cdef const uint8_t* p
    if n != COUNT_UNKNOWN:
        return n
    n = 0
    p = lp + LISTPACK_HEADER
    while p[0] != LISTPACK_END:
        p += element_size(p)
        n += 1
    return n


# ---------------------------------------------------------------- walking

cdef uint8_t* listpack_first(const uint8_t* lp) noexcept nogil:
    lp += LISTPACK_HEADER
    return <uint8_t*>lp if lp[0] != LISTPACK_END else NULL


cdef uint8_t* listpack_last(const uint8_t* lp) noexcept nogil:
    cdef size_t n = listpack_bytes(lp)
    return <uint8_t*>lp + n - 1 - element_size_before(lp + n - 1) if n > LISTPACK_EMPTY else NULL


cdef uint8_t* listpack_prev(const uint8_t* lp, const uint8_t* p) noexcept nogil:
    return <uint8_t*>p - element_size_before(p) if p > lp + LISTPACK_HEADER else NULL


cdef uint8_t* listpack_at(const uint8_t* lp, int64_t index) noexcept nogil:
    """The element at `index`, or NULL; it walks from the nearer end."""
    cdef int64_t n = _count(lp)
    cdef uint8_t* p
    if n == COUNT_UNKNOWN:                         # not worth a count: walk from the side that the sign names
        n = 2 * index if index >= 0 else -2 * index
    elif index < 0:
        index += n
        if index < 0:
            return NULL
    elif index >= n:
        return NULL
    if 0 <= index <= n >> 1:
        p = listpack_first(lp)
        while index and p != NULL:
            p = listpack_next(lp, p)
            index -= 1
        return p
    index = n - 1 - index if index >= 0 else -1 - index
    p = listpack_last(lp)
    while index and p != NULL:
        p = listpack_prev(lp, p)
        index -= 1
    return p


cdef uint8_t* listpack_find(const uint8_t* lp, const uint8_t* p, Slice s, int skip) noexcept nogil:
    cdef Encoded e
    cdef uint64_t probe, mask
    cdef size_t size, i
    cdef const uint8_t* rest
    cdef const uint8_t* last = lp + listpack_bytes(lp) - PROBE      # above it a probe would pass the block's end
    cdef bint hit
    cdef int k
    if p == NULL:
        return NULL
    _encode(&e, s)
    # The first eight bytes of the element go into one word; what a shorter one lacks is masked out.
    size = e.head_size + e.body_size
    if e.body == NULL:
        rest = &e.head[PROBE]
    else:
        rest = <const uint8_t*>e.body + (PROBE - e.head_size)
    for i in range(e.head_size, size if size < PROBE else PROBE):
        e.head[i] = e.body[i - e.head_size]
    probe = bytes_load64(e.head)
    mask = ~<uint64_t>0 if size >= PROBE else (<uint64_t>1 << (8 * size)) - 1
    probe &= mask
    while p[0] != LISTPACK_END:
        if LIKELY(p <= last):
            hit = (bytes_load64(p) & mask) == probe
        else:                                      # so near the end an element is short, or cut by a wrong form
            hit = p + size < last + PROBE and memcmp(p, e.head, size) == 0
        if hit and (size <= PROBE or memcmp(p + PROBE, rest, size - PROBE) == 0):
            return <uint8_t*>p
        p += element_size(p)
        for k in range(skip):
            if p[0] == LISTPACK_END:
                return NULL
            p += element_size(p)
    return NULL


# ---------------------------------------------------------------- changing

cdef uint8_t* _splice(Arena* mem, uint8_t* lp, size_t offset, size_t gone, int64_t added,
                      const Encoded* e) noexcept nogil:
    """Puts `e` (nothing if NULL) in the place of the `gone` bytes at `offset`; `added`: change of the count."""
    cdef size_t old = listpack_bytes(lp)
    cdef size_t come = _encoded_bytes(e) if e != NULL else 0
    cdef size_t n = old - gone + come, count = _count(lp)
    cdef size_t behind = old - offset - gone
    if come > gone:
        lp = _resize(mem, lp, old, n)
    if come != gone:
        memmove(lp + offset + come, lp + offset + gone, behind)
    if come < gone:
        lp = _resize(mem, lp, old, n)
    if e != NULL:
        _write(lp + offset, e)
    _set_header(lp, n, count + added if count != COUNT_UNKNOWN else COUNT_UNKNOWN)
    return lp


cdef uint8_t* _append(Arena* mem, uint8_t* lp, const Encoded* e) noexcept nogil:
    cdef size_t old = listpack_bytes(lp), count = _count(lp)
    cdef size_t n = old + _encoded_bytes(e)
    lp = _resize(mem, lp, old, n)
    _write(lp + old - 1, e)
    lp[n - 1] = LISTPACK_END
    _set_header(lp, n, count + (count != COUNT_UNKNOWN))
    return lp


cdef uint8_t* listpack_append(Arena* mem, uint8_t* lp, Slice s) noexcept nogil:
    cdef Encoded e
    _encode(&e, s)
    return _append(mem, lp, &e)


cdef uint8_t* listpack_append_i64(Arena* mem, uint8_t* lp, int64_t v) noexcept nogil:
    cdef Encoded e
    _encode_i64(&e, v)
    return _append(mem, lp, &e)


cdef uint8_t* listpack_prepend(Arena* mem, uint8_t* lp, Slice s) noexcept nogil:
    cdef Encoded e
    _encode(&e, s)
    return _splice(mem, lp, LISTPACK_HEADER, 0, 1, &e)


cdef uint8_t* listpack_add(Arena* mem, uint8_t* lp, const Slice* values, size_t n, bint in_front) noexcept nogil:
    """Appends n values; or puts them in front, one after the other, so that the last comes to stand first.

    They are encoded aside, so the block grows, and what stands in it moves, once for all of them.
    """
    cdef Encoded e
    cdef size_t old = listpack_bytes(lp), count = _count(lp) + n, room = n * MOST_OVERHEAD, size = 0, i
    cdef uint8_t* aside
    for i in range(n):
        room += values[i].len
    aside = <uint8_t*>mem_alloc(mem, room)
    for i in range(n):
        _encode(&e, values[n - 1 - i if in_front else i])
        size += _write(aside + size, &e)
    lp = _resize(mem, lp, old, old + size)
    if in_front:
        memmove(lp + LISTPACK_HEADER + size, lp + LISTPACK_HEADER, old - LISTPACK_HEADER)
    memcpy(lp + (LISTPACK_HEADER if in_front else old - 1), aside, size)
    lp[old + size - 1] = LISTPACK_END
    _set_header(lp, old + size, count if count < COUNT_UNKNOWN else COUNT_UNKNOWN)
    mem_free(mem, aside, room)
    return lp


cdef uint8_t* listpack_insert(Arena* mem, uint8_t* lp, uint8_t* before, Slice s, uint8_t** at) noexcept nogil:
    """Inserts s before the element at `before` (NULL: at the end); `at` gets where it stands now."""
    cdef Encoded e
    cdef size_t offset = (before if before != NULL else _end(lp)) - lp
    _encode(&e, s)
    lp = _splice(mem, lp, offset, 0, 1, &e)
    if at != NULL:
        at[0] = lp + offset
    return lp


cdef uint8_t* listpack_replace(Arena* mem, uint8_t* lp, uint8_t* p, Slice s, uint8_t** at) noexcept nogil:
    """Puts s in the place of the element at p; `at` gets where it stands now."""
    cdef Encoded e
    cdef size_t offset = p - lp
    _encode(&e, s)
    lp = _splice(mem, lp, offset, element_size(p), 0, &e)
    if at != NULL:
        at[0] = lp + offset
    return lp


cdef uint8_t* listpack_delete(Arena* mem, uint8_t* lp, uint8_t* p, size_t count, uint8_t** next) noexcept nogil:
    """Deletes up to `count` elements from p on; `next` gets the one behind them, or NULL."""
    cdef size_t offset = p - lp
    cdef int64_t deleted = 0
    while deleted < <int64_t>count and p[0] != LISTPACK_END:
        p += element_size(p)
        deleted += 1
    lp = _splice(mem, lp, offset, (p - lp) - offset, -deleted, NULL)
    if next != NULL:
        next[0] = lp + offset if lp[offset] != LISTPACK_END else NULL
    return lp


cdef uint8_t* listpack_delete_at(Arena* mem, uint8_t* lp, int64_t index, size_t count) noexcept nogil:
    """Deletes up to `count` elements from `index` on; nothing if there is none at `index`."""
    cdef uint8_t* p = listpack_at(lp, index)
    return listpack_delete(mem, lp, p, count, NULL) if p != NULL else lp


# ---------------------------------------------------------------- checking

cdef size_t _validate_element(const uint8_t* p, size_t room, bint loosely) noexcept nogil:
    """Bytes of the element at p, of which `room` bytes may be looked at; 0 if they are none.

    `loosely`: the length at its end may be in a byte less, where Redis is off by one.
    """
    cdef uint8_t[SIZE_MAX_BYTES] back
    cdef size_t n, bytes
    if room < 2 or (room < 5 and p[0] == STRING_32):   # shorter forms are told by two bytes
        return 0
    n = _content_size(p)
    if n == 0 or n >= room:
        return 0
    bytes = _write_back(back, n)
    if n + bytes <= room and memcmp(p + n, back, bytes) == 0:
        return n + bytes
    # One too wide: the high group is 0, and the next one has its top bit, which the first byte must not have.
    if loosely and bytes > 1 and back[0] == 0 and n + bytes - 1 <= room:
        back[1] &= 0x7f
        if memcmp(p + n, back + 1, bytes - 1) == 0:
            return n + bytes - 1
    return 0


cdef bint listpack_validate(const uint8_t* lp, size_t n, bint deep) noexcept nogil:
    cdef size_t at = LISTPACK_HEADER, count = 0, size
    if n < LISTPACK_EMPTY or listpack_bytes(lp) != n or lp[n - 1] != LISTPACK_END:
        return False
    if not deep:
        return True
    while at < n - 1:
        size = _validate_element(lp + at, n - 1 - at, False)
        if size == 0:
            return False
        at += size
        count += 1
    return _count(lp) == COUNT_UNKNOWN or _count(lp) == count


cdef bint _is_canonical(const uint8_t* p) noexcept nogil:
    """Is the element in the one form that belongs to its content?"""
    cdef Encoded e
    cdef Element x = listpack_get(p)
    if x.ptr == NULL:
        _encode_i64(&e, x.number)
    else:
        _encode(&e, slice_of(x.ptr, x.len))
    return memcmp(p, e.head, e.head_size) == 0


cdef int listpack_check(const uint8_t* lp) noexcept nogil:
    cdef size_t n = listpack_bytes(lp), at = LISTPACK_HEADER, count = 0, size
    if not listpack_validate(lp, n, False):
        return 1
    while at < n - 1:
        size = _validate_element(lp + at, n - 1 - at, False)
        if size == 0:
            return 2
        if not _is_canonical(lp + at):
            return 4
        at += size
        count += 1
    return 0 if _count(lp) == COUNT_UNKNOWN or _count(lp) == count else 3


cdef ListpackImage listpack_survey(const uint8_t* image, size_t n, size_t* count) noexcept nogil:
    """What the n bytes at `image`, which come from anywhere, are; `count` gets how many elements they have."""
    cdef size_t at = LISTPACK_HEADER, size
    cdef bint exact = True
    count[0] = 0
    if not listpack_validate(image, n, False):
        return LISTPACK_BAD
    while at < n - 1:
        size = _validate_element(image + at, n - 1 - at, True)
        if size == 0:
            return LISTPACK_BAD
        exact = exact and size == element_size(image + at) and _is_canonical(image + at)
        at += size
        count[0] += 1
    if _count(image) != COUNT_UNKNOWN and _count(image) != count[0]:
        return LISTPACK_BAD
    return LISTPACK_EXACT if exact else LISTPACK_LOOSE


cdef uint8_t* listpack_import(Arena* mem, const uint8_t* image, size_t n) noexcept nogil:
    """A listpack of the elements in `image`, n bytes from anywhere; NULL if they are no listpack.

    A right image is copied as it is. One with the liberties that others take (see above) is written anew.
    """
    cdef size_t at, count
    cdef uint8_t* lp
    cdef Element e
    cdef ListpackImage what = listpack_survey(image, n, &count)
    if what == LISTPACK_BAD:
        return NULL
    if what == LISTPACK_EXACT:
        return listpack_copy(mem, image)
    lp = listpack_new(mem)
    at = LISTPACK_HEADER
    while at < n - 1:
        e = listpack_get(image + at)
        if e.ptr == NULL:
            lp = listpack_append_i64(mem, lp, e.number)
        else:
            lp = listpack_append(mem, lp, slice_of(e.ptr, e.len))
        at += _validate_element(image + at, n - 1 - at, True)
    return lp
