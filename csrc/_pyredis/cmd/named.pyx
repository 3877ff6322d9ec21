"""named -- records that are found by a name, which they carry.

    Dict -> | Named: length, size | the fields of the record | name |

What somebody waits for, watches, tracks or subscribes to is remembered under the name of a key or a channel, whether
or not there is such a key. Each of these is a struct that begins with a Named, in one block of the arena with its name.
The table's hash function is the keyspace's, so a key's hash serves here, too.

Ownership: the table owns nothing. A record is taken out before it is freed, or drained.
"""
from libc.stdlib cimport calloc, free as libc_free
from libc.string cimport memcpy, memset

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.ds.dict cimport Place, dict_find, dict_find_entry, dict_free, dict_init, dict_insert, dict_remove

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)


cdef const char* _key_of(const void* record, size_t* n) noexcept nogil:
    n[0] = (<const Named*>record).length
    return <const char*>record + (<const Named*>record).size


cdef DictType named_type(const Server* s) noexcept nogil:
    cdef DictType type = s.ks.type
    type.key_of = _key_of
    return type


cdef Dict* named_tables(const Server* s, const DictType* type) noexcept nogil:
    """Empty ones; `type` has to stay where it is."""
    cdef Dict* tables = <Dict*>calloc(s.ks.count, sizeof(Dict))
    cdef int i
    if tables == NULL:
        fatal_oom(s.ks.count * sizeof(Dict))
    for i in range(s.ks.count):
        dict_init(&tables[i], type)
    return tables


cdef void named_tables_free(const Server* s, Dict* tables) noexcept nogil:
    cdef int i
    for i in range(s.ks.count):
        dict_free(&tables[i])
    libc_free(tables)


cdef void* named_find(const Dict* d, Slice name, uint64_t hash) noexcept nogil:
    return dict_find(d, name.ptr, name.len, hash, NULL)


cdef void* named_add(Dict* d, Slice name, uint64_t hash, size_t size) noexcept nogil:
    """A new record of `size` bytes, its Named filled in. The name must be absent."""
    cdef Named* record = <Named*>mem_alloc(d.type.mem, size + name.len)
    memset(record, 0, size)
    record.length = <uint32_t>name.len
    record.size = <uint16_t>size
    if name.len:
        memcpy(<char*>record + size, name.ptr, name.len)
    dict_insert(d, record, hash)
    return record


cdef void named_take(Dict* d, const void* record, uint64_t hash) noexcept nogil:
    cdef Place at
    if dict_find_entry(d, record, hash, &at):
        dict_remove(d, at, hash)


cdef void named_free(Arena* mem, void* record) noexcept nogil:
    mem_free(mem, record, (<Named*>record).size + (<Named*>record).length)
