# bytestr -- a byte string that may grow, in a block of its own. The story is in bytestr.pyx.
from _pyredis.base.mem cimport Arena, mem_settled

cdef struct ByteStr:
    size_t references              # holders: the key, and replies on their way
    size_t length
    size_t capacity                # bytes there is room for; they follow this header

cdef ByteStr* bytestr_new(Arena* mem, const char* p, size_t n, size_t capacity) noexcept nogil
cdef void     bytestr_free(Arena* mem, ByteStr* s) noexcept nogil
cdef ByteStr* bytestr_share(ByteStr* s) noexcept nogil
cdef ByteStr* bytestr_resize(Arena* mem, ByteStr* s, size_t n) noexcept nogil   # and makes it the caller's alone

cdef inline char* bytestr_data(const ByteStr* s) noexcept nogil:
    return <char*>s + sizeof(ByteStr)

cdef inline size_t bytestr_memory(const ByteStr* s) noexcept nogil:
    return s.capacity + sizeof(ByteStr)

cdef inline ByteStr* bytestr_settled(Arena* mem, ByteStr* s) noexcept nogil:
    """mem_settled; one that a reply holds as well stays where it is."""
    return <ByteStr*>mem_settled(mem, s, bytestr_memory(s)) if s.references == 1 else s
