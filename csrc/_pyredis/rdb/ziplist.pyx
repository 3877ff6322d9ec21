"""ziplist -- the compact forms of RDB files before version 10, read into listpacks.

    ziplist    | bytes u32 | offset of the last entry u32 | entries u16 | entry | entry | ... | 0xff |
    entry      | bytes of the entry before | form | content |
    zipmap     | entries u8 | length, field | length, free u8, value, free bytes | ... | 0xff |

The bytes of the entry before are one byte below 254, or 254 and a u32. Forms of a ziplist's entry:

    00pppppp               a string of up to 63 bytes
    01pppppp q             a string, length of 14 bits, high first
    10000000 u32           a string, length of 32 bits, high first
    11000000, 11010000, 11100000, 11110000, 11111110       an integer of 16, 32, 64, 24, 8 bits
    1111vvvv               the integer v - 1, v from 1 to 13

`entries` counts up to 65,534; 65,535 means "count them". A zipmap's count is 254 or more when it is not known. Its
length is one byte below 254, or 254 and a u32. All but the lengths of strings is little-endian.

Nobody writes these any more, so nothing here changes them: a ziplist is checked whole, byte by byte (every entry
within the block, each backward length and the offset of the last entry right, the count right) and its elements are
written into a listpack. Cost: two walks over the bytes.
"""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t

from _pyredis.base.hash cimport bytes_load32, bytes_load64
from _pyredis.base.mem cimport Arena, mem_alloc, mem_realloc
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.element cimport Element, element_int, element_text
from _pyredis.ds.listpack cimport (LISTPACK_EMPTY, LISTPACK_END, LISTPACK_HEADER, LISTPACK_LARGEST, element_encode,
                                   element_encode_i64, element_encoded_size)

cdef extern from "bytes.h" nogil:
    void bytes_store32(void* p, uint32_t x) noexcept

cdef enum:
    HEADER = 10
    END = 0xff
    WIDE = 254                     # the length byte that says: a u32 follows
    COUNT_UNKNOWN = 65535
    INT_16 = 0xc0
    INT_32 = 0xd0
    INT_64 = 0xe0
    INT_24 = 0xf0
    INT_8 = 0xfe
    SMALLEST_INT = 0xf1            # ... of those in the form itself: 0
    LARGEST_INT = 0xfd             # 12
    INTEGER_MOST = 10              # bytes of an integer's element in a listpack

cdef struct Reader:                # a walk over bytes that nobody has checked
    const uint8_t* at
    const uint8_t* end             # where the end mark stands
    size_t before                  # bytes of the entry that was read last


# ---------------------------------------------------------------- one entry

cdef bint _take(Reader* r, size_t n, const uint8_t** p) noexcept nogil:
    """The next n bytes; False: there are not so many."""
    if <size_t>(r.end - r.at) < n:
        return False
    p[0] = r.at
    r.at += n
    return True


cdef bint _string(Reader* r, uint8_t form, Element* e) noexcept nogil:
    cdef const uint8_t* p = NULL
    cdef size_t n = form & 63
    if form >> 6 == 1:
        if not _take(r, 1, &p):
            return False
        n = (n << 8) | p[0]
    elif form >> 6 == 2:
        if form != 0x80 or not _take(r, 4, &p):
            return False
        n = (<size_t>p[0] << 24) | (<size_t>p[1] << 16) | (<size_t>p[2] << 8) | p[3]
    if not _take(r, n, &p):
        return False
    e[0] = element_text(<const char*>p, n)
    return True


cdef bint _integer(Reader* r, uint8_t form, Element* e) noexcept nogil:
    cdef const uint8_t* p = NULL
    cdef size_t bytes
    if SMALLEST_INT <= form <= LARGEST_INT:
        e[0] = element_int(form - SMALLEST_INT)
        return True
    bytes = 2 if form == INT_16 else 4 if form == INT_32 else 8 if form == INT_64 else 3 if form == INT_24 else 1
    if bytes == 1 and form != INT_8 or not _take(r, bytes, &p):
        return False
    if bytes == 1:
        e[0] = element_int(<int8_t>p[0])
    elif bytes == 2:
        e[0] = element_int(<int16_t>(p[0] | (p[1] << 8)))
    elif bytes == 3:                              # to the top of a word, and back down with its sign
        e[0] = element_int(<int32_t>((<uint32_t>p[0] << 8) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 24)) >> 8)
    elif bytes == 4:
        e[0] = element_int(<int32_t>bytes_load32(p))
    else:
        e[0] = element_int(<int64_t>bytes_load64(p))
    return True


cdef bint _entry(Reader* r, Element* e) noexcept nogil:
    """The next entry of a ziplist; False: it is none."""
    cdef const uint8_t* first = r.at
    cdef const uint8_t* p = NULL
    cdef size_t before
    if not _take(r, 1, &p):
        return False
    before = p[0]
    if before == WIDE:
        if not _take(r, 4, &p):
            return False
        before = bytes_load32(p)
    elif before == END:
        return False
    if before != r.before or not _take(r, 1, &p):
        return False
    if not (_string(r, p[0], e) if p[0] < INT_16 else _integer(r, p[0], e)):
        return False
    r.before = r.at - first
    return True


# ---------------------------------------------------------------- a listpack of them

cdef inline size_t _size_of(const Element* e) noexcept nogil:
    return INTEGER_MOST if e.ptr == NULL else element_encoded_size(slice_of(e.ptr, e.len))


cdef inline size_t _encode(uint8_t* to, const Element* e) noexcept nogil:
    return element_encode_i64(to, e.number) if e.ptr == NULL else element_encode(to, slice_of(e.ptr, e.len))


cdef uint8_t* _begin(Arena* mem, size_t bytes) noexcept nogil:
    """Room for so many bytes of elements."""
    return <uint8_t*>mem_alloc(mem, LISTPACK_EMPTY + bytes)


cdef uint8_t* _finish(Arena* mem, uint8_t* lp, size_t room, uint8_t* end, size_t count) noexcept nogil:
    """The listpack whose elements end at `end`, in a block of its size."""
    cdef size_t n = end + 1 - lp
    end[0] = LISTPACK_END
    bytes_store32(lp, <uint32_t>n)
    if count > COUNT_UNKNOWN:
        count = COUNT_UNKNOWN
    lp[4] = count & 0xff
    lp[5] = (count >> 8) & 0xff
    return lp if n == room else <uint8_t*>mem_realloc(mem, lp, room, n)


cdef bint _ziplist_is_sound(Slice image, size_t* count, size_t* bytes) noexcept nogil:
    """`count` gets the entries, `bytes` what their elements take in a listpack, at most."""
    cdef const uint8_t* p = <const uint8_t*>image.ptr
    cdef const uint8_t* last
    cdef size_t claimed
    cdef Reader r
    cdef Element e
    if image.len <= HEADER or image.len > LISTPACK_LARGEST or bytes_load32(p) != image.len:
        return False
    if p[image.len - 1] != END:
        return False
    r.at = last = p + HEADER
    r.end = p + image.len - 1
    r.before = 0
    count[0] = bytes[0] = 0
    while r.at < r.end:
        last = r.at
        if not _entry(&r, &e):
            return False
        count[0] += 1
        bytes[0] += _size_of(&e)
    claimed = p[8] | (<size_t>p[9] << 8)
    return bytes_load32(p + 4) == <size_t>(last - p) and (claimed == COUNT_UNKNOWN or claimed == count[0])


cdef uint8_t* ziplist_import(Arena* mem, Slice image) noexcept nogil:
    cdef size_t count, bytes
    cdef uint8_t* lp
    cdef uint8_t* to
    cdef Reader r
    cdef Element e
    if not _ziplist_is_sound(image, &count, &bytes):
        return NULL
    lp = _begin(mem, bytes)
    to = lp + LISTPACK_HEADER
    r.at = <const uint8_t*>image.ptr + HEADER
    r.end = <const uint8_t*>image.ptr + image.len - 1
    r.before = 0
    while r.at < r.end and _entry(&r, &e):
        to += _encode(to, &e)
    return _finish(mem, lp, LISTPACK_EMPTY + bytes, to, count)


# ---------------------------------------------------------------- zipmaps

cdef bint _word(Reader* r, bint is_value, Slice* word) noexcept nogil:
    """The next field or value of a zipmap; a value may have free bytes behind it."""
    cdef const uint8_t* p = NULL
    cdef size_t n, free = 0
    if not _take(r, 1, &p):
        return False
    n = p[0]
    if n == END:
        return False
    if n == WIDE:
        if not _take(r, 4, &p):
            return False
        n = bytes_load32(p)
    if is_value:
        if not _take(r, 1, &p):
            return False
        free = p[0]
    if not _take(r, n, &p):
        return False
    word[0] = slice_of(<const char*>p, n)
    return _take(r, free, &p)


cdef uint8_t* zipmap_import(Arena* mem, Slice image, size_t* longest) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>image.ptr
    cdef size_t count = 0, bytes = 0
    cdef uint8_t* lp
    cdef uint8_t* to
    cdef Reader r
    cdef Slice word
    longest[0] = 0
    if image.len < 2 or image.len > LISTPACK_LARGEST or p[image.len - 1] != END:
        return NULL
    r.at = p + 1
    r.end = p + image.len - 1
    while r.at < r.end:
        if not _word(&r, count & 1, &word):
            return NULL
        longest[0] = max(longest[0], word.len)
        bytes += element_encoded_size(word)
        count += 1
    if count & 1 or p[0] < WIDE and p[0] != count // 2:
        return NULL
    lp = _begin(mem, bytes)
    to = lp + LISTPACK_HEADER
    r.at = p + 1
    count = 0
    while r.at < r.end and _word(&r, count & 1, &word):
        to += element_encode(to, word)
        count += 1
    return _finish(mem, lp, LISTPACK_EMPTY + bytes, to, count)
