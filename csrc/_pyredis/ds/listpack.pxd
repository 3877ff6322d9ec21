# listpack -- elements in one block of bytes, Redis's format. The story is in listpack.pyx.
#
# What may change a listpack returns it, for it may have moved: always `lp = listpack_...(mem, lp, ...)`.
# A position is the address of an element; NULL is before the first and behind the last: what listpack_prev of the
# first and listpack_next of the last return, and what no walk is given. A Slice to be stored must not be a part of
# the listpack that is changed.
from libc.stdint cimport int64_t, uint8_t
from _pyredis.base.hash cimport bytes_load32
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.ds.element cimport Element, element_int, element_text

cdef extern from "listpack.h" nogil:
    const uint8_t[256] listpack_sizes

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)

cdef enum:
    LISTPACK_HEADER = 6            # total bytes u32, elements u16 (65535: count them)
    LISTPACK_EMPTY = 7             # bytes of one without elements
    LISTPACK_LARGEST = 1 << 30     # bytes; who would pass it changes to another form first
    LISTPACK_END = 0xff            # the byte behind the last element

cdef enum ListpackImage:           # what bytes from outside are
    LISTPACK_BAD = 0
    LISTPACK_LOOSE                 # a listpack, with the liberties that others take
    LISTPACK_EXACT                 # one that is as ours are

cdef uint8_t* listpack_new(Arena* mem) noexcept nogil
cdef uint8_t* listpack_from(Arena* mem, const char* elements, size_t n, size_t count) noexcept nogil  # n bytes of them
cdef uint8_t* listpack_copy(Arena* mem, const uint8_t* lp) noexcept nogil
cdef void     listpack_free(Arena* mem, uint8_t* lp) noexcept nogil
cdef size_t   listpack_length(const uint8_t* lp) noexcept nogil

# Walking.
cdef uint8_t* listpack_first(const uint8_t* lp) noexcept nogil
cdef uint8_t* listpack_last(const uint8_t* lp) noexcept nogil
cdef uint8_t* listpack_prev(const uint8_t* lp, const uint8_t* p) noexcept nogil
cdef uint8_t* listpack_at(const uint8_t* lp, int64_t index) noexcept nogil        # negative: from the end
cdef Element  listpack_get_wide(const uint8_t* p) noexcept nogil                  # listpack_get's rarer forms
# The first element from p on that equals s; `skip` elements are passed over after each that is looked at. p may be NULL.
cdef uint8_t* listpack_find(const uint8_t* lp, const uint8_t* p, Slice s, int skip) noexcept nogil

# Changing. Text that is a canonical integer is stored as one. `at` and `next` may be NULL.
cdef uint8_t* listpack_append(Arena* mem, uint8_t* lp, Slice s) noexcept nogil
cdef uint8_t* listpack_prepend(Arena* mem, uint8_t* lp, Slice s) noexcept nogil
cdef uint8_t* listpack_add(Arena* mem, uint8_t* lp, const Slice* values, size_t n, bint in_front) noexcept nogil
cdef uint8_t* listpack_insert(Arena* mem, uint8_t* lp, uint8_t* before, Slice s, uint8_t** at) noexcept nogil   # NULL: append
cdef uint8_t* listpack_replace(Arena* mem, uint8_t* lp, uint8_t* p, Slice s, uint8_t** at) noexcept nogil
cdef uint8_t* listpack_delete(Arena* mem, uint8_t* lp, uint8_t* p, size_t count, uint8_t** next) noexcept nogil
cdef uint8_t* listpack_delete_at(Arena* mem, uint8_t* lp, int64_t index, size_t count) noexcept nogil
cdef uint8_t* listpack_append_i64(Arena* mem, uint8_t* lp, int64_t v) noexcept nogil

# An element's own bytes, wherever they stand: a quicklist's nodes are made of these, too.
cdef size_t   element_encoded_size(Slice s) noexcept nogil                        # its length at the end included
cdef size_t   element_encode(uint8_t* at, Slice s) noexcept nogil                 # writes it; bytes
cdef size_t   element_encode_i64(uint8_t* at, int64_t v) noexcept nogil           # ... at most 10
cdef size_t   element_size_wide(const uint8_t* p) noexcept nogil                  # element_size's rarer forms
cdef size_t   element_size_before(const uint8_t* end) noexcept nogil              # ... of the one that ends at `end`

# Bytes from outside (RESTORE, RDB): a listpack of its own, however they are spoilt; NULL if they are none.
cdef uint8_t* listpack_import(Arena* mem, const uint8_t* image, size_t n) noexcept nogil
cdef ListpackImage listpack_survey(const uint8_t* image, size_t n, size_t* count) noexcept nogil
# Is every byte as it must be? `n`: bytes there are. `deep`: each element, too.
cdef bint     listpack_validate(const uint8_t* lp, size_t n, bint deep) noexcept nogil
cdef int      listpack_check(const uint8_t* lp) noexcept nogil                    # 0, or number of the broken rule

cdef inline size_t listpack_bytes(const uint8_t* lp) noexcept nogil:
    return bytes_load32(<const char*>lp)


cdef inline size_t element_size(const uint8_t* p) noexcept nogil:
    """Bytes of the element at p, its length at the end included."""
    cdef size_t n
    if LIKELY((p[0] & 0xc0) == 0x80):              # predicted, it is shorter by a load, and a walk waits for this
        return (p[0] & 0x3f) + 2
    n = listpack_sizes[p[0]]
    return n if LIKELY(n != 0) else element_size_wide(p)


cdef inline uint8_t* listpack_next(const uint8_t* lp, const uint8_t* p) noexcept nogil:
    p += element_size(p)
    return <uint8_t*>p if p[0] != LISTPACK_END else NULL


cdef inline Element listpack_get(const uint8_t* p) noexcept nogil:
    if p[0] < 0x80:
        return element_int(p[0])
    if p[0] < 0xc0:
        return element_text(<const char*>p + 1, p[0] & 0x3f)
    return listpack_get_wide(p)
