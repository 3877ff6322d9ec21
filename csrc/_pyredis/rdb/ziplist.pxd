# ziplist -- the compact forms of RDB files before version 10, read into listpacks. The story is in ziplist.pyx.
from libc.stdint cimport uint8_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice

# A listpack with the elements of these bytes, which come from anywhere; NULL if they are no ziplist (no zipmap).
cdef uint8_t* ziplist_import(Arena* mem, Slice image) noexcept nogil
# Field, value, field, value ...; `longest` gets the bytes of the longest of them.
cdef uint8_t* zipmap_import(Arena* mem, Slice image, size_t* longest) noexcept nogil
