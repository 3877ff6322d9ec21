"""digest -- one number for a value or all data, as DEBUG DIGEST computes it: equal data have equal digests, in
whatever form, in whatever order they came, here and in Redis.

Two ways to take bytes into a digest of 20:

    add    digest ^= SHA-1(bytes)                            in any order
    mix    digest ^= SHA-1(bytes), digest = SHA-1(digest)    in this order

    value    mix Redis's number of the type (u32, high byte first); then
             string       mix the text
             list         mix each element
             set          add each member
             sorted set   add, for each member, a digest of: mix member, mix score (its shortest digits)
             hash         add, for each field, a digest of: mix field, mix value, and if it expires add "!!hexpire!!"
             stream       for each entry, mix its ID as "ms.seq", and each name and value; groups do not count
             add "!!expire!!" if the key expires
    all      for each database with keys, mix its number (u32, high byte first); add, for each key, a digest of:
             mix the name, and then the value as above

What has expired and is still there counts.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

from _pyredis.base.hash cimport hash_sha1
from _pyredis.base.num cimport NUM_DOUBLE_MAX, NUM_I64_MAX, num_format_shortest, num_format_u64
from _pyredis.base.slice cimport Slice
from _pyredis.db.hash_type cimport HASH_LASTS, HashIter, hash_iter, hash_iter_expiry, hash_next
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.db.list_type cimport ListIter, list_done, list_iter, list_next
from _pyredis.db.set_type cimport SetIter, set_iter, set_next, set_of
from _pyredis.db.stream_node cimport node_pair
from _pyredis.db.stream_type cimport StreamWalk, stream_of, stream_step, stream_walk
from _pyredis.db.string_type cimport STRING_DIGITS, string_view
from _pyredis.db.value cimport (ENTRY_EXPIRES, Entry, T_HASH, T_LIST, T_SET, T_STREAM, T_STRING, T_ZSET, entry_key,
                                entry_type)
from _pyredis.db.zset_type cimport ZIter, zset_iter_all, zset_next
from _pyredis.ds.dict cimport dict_each
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.id cimport id_max, id_of

cdef enum:
    REDIS_STREAM = 6               # its number there; 5 is a module's value

cdef struct Walk:                  # over the keys of a database
    Keyspace* ks
    uint8_t* digest


cdef void _add(uint8_t* digest, const void* p, size_t n) noexcept nogil:
    cdef uint8_t[DIGEST_BYTES] hash
    cdef int i
    hash_sha1(p, n, hash)
    for i in range(DIGEST_BYTES):
        digest[i] ^= hash[i]


cdef void _mix(uint8_t* digest, const void* p, size_t n) noexcept nogil:
    cdef uint8_t[DIGEST_BYTES] hash
    cdef int i
    _add(digest, p, n)
    hash_sha1(digest, DIGEST_BYTES, hash)
    for i in range(DIGEST_BYTES):
        digest[i] = hash[i]


cdef void _mix_number(uint8_t* digest, uint32_t v) noexcept nogil:
    cdef uint8_t[4] bytes
    cdef int i
    for i in range(4):
        bytes[i] = v >> (24 - 8 * i)
    _mix(digest, bytes, 4)


cdef void _mix_element(uint8_t* digest, const Element* x) noexcept nogil:
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice s = element_slice(x, digits)
    _mix(digest, s.ptr, s.len)


cdef void _string(const Entry* e, uint8_t* digest) noexcept nogil:
    cdef char[STRING_DIGITS] digits
    cdef Slice s = string_view(e, digits)
    _mix(digest, s.ptr, s.len)


cdef void _list(Keyspace* ks, const Entry* e, uint8_t* digest) noexcept nogil:
    cdef ListIter it
    cdef Element x
    list_iter(&it, ks, e, 0, False)
    while list_next(&it, &x):
        _mix_element(digest, &x)
    list_done(&it)


cdef void _set(const Entry* e, uint8_t* digest) noexcept nogil:
    cdef char[ELEMENT_DIGITS] digits
    cdef SetIter it
    cdef Element x
    cdef Slice s
    set_iter(set_of(e), &it)
    while set_next(&it, &x):
        s = element_slice(&x, digits)
        _add(digest, s.ptr, s.len)


cdef void _zset(const Entry* e, uint8_t* digest) noexcept nogil:
    cdef uint8_t[DIGEST_BYTES] pair
    cdef char[NUM_DOUBLE_MAX] text
    cdef ZIter it
    cdef Element x
    cdef double score
    zset_iter_all(e, &it)
    while zset_next(&it, &x, &score):
        memset(pair, 0, DIGEST_BYTES)
        _mix_element(pair, &x)
        _mix(pair, text, num_format_shortest(score, text))
        _add(digest, pair, DIGEST_BYTES)


cdef void _hash(const Entry* e, uint8_t* digest) noexcept nogil:
    cdef uint8_t[DIGEST_BYTES] pair
    cdef HashIter it
    cdef Element field, value
    hash_iter(e, 0, &it)
    while hash_next(&it, &field, &value):
        memset(pair, 0, DIGEST_BYTES)
        _mix_element(pair, &field)
        _mix_element(pair, &value)
        if hash_iter_expiry(&it) != HASH_LASTS:
            _add(pair, b"!!hexpire!!", 11)
        _add(digest, pair, DIGEST_BYTES)


cdef void _stream(const Entry* e, uint8_t* digest) noexcept nogil:
    cdef char[2 * NUM_I64_MAX + 1] id
    cdef StreamWalk walk
    cdef Element name, value
    cdef int n
    stream_walk(stream_of(e), &walk, id_of(0, 0), id_max(), False)
    while stream_step(&walk):
        n = num_format_u64(walk.entry.id.ms, id)
        id[n] = c'.'
        n += 1
        n += num_format_u64(walk.entry.id.seq, id + n)
        _mix(digest, id, n)
        while node_pair(&walk.entry, &name, &value):
            _mix_element(digest, &name)
            _mix_element(digest, &value)


cdef void _value(Keyspace* ks, const Entry* e, uint8_t* digest) noexcept nogil:
    """Takes the value into a digest that may hold the key's name already."""
    _mix_number(digest, REDIS_STREAM if entry_type(e) == T_STREAM else entry_type(e))
    if entry_type(e) == T_STRING:
        _string(e, digest)
    elif entry_type(e) == T_LIST:
        _list(ks, e, digest)
    elif entry_type(e) == T_SET:
        _set(e, digest)
    elif entry_type(e) == T_ZSET:
        _zset(e, digest)
    elif entry_type(e) == T_HASH:
        _hash(e, digest)
    elif entry_type(e) == T_STREAM:
        _stream(e, digest)
    if e.flags & ENTRY_EXPIRES:
        _add(digest, b"!!expire!!", 10)


cdef void digest_value(Keyspace* ks, const Entry* e, uint8_t* digest) noexcept nogil:
    memset(digest, 0, DIGEST_BYTES)
    if e != NULL:
        _value(ks, e, digest)


cdef void _add_key(void* arg, void* entry) noexcept nogil:
    cdef Walk* walk = <Walk*>arg
    cdef uint8_t[DIGEST_BYTES] digest
    cdef Slice name = entry_key(<const Entry*>entry)
    memset(digest, 0, DIGEST_BYTES)
    _mix(digest, name.ptr, name.len)
    _value(walk.ks, <const Entry*>entry, digest)
    _add(walk.digest, digest, DIGEST_BYTES)


cdef void digest_all(Keyspace* ks, uint8_t* digest) noexcept nogil:
    """Of all databases. Without any key it is all zeros."""
    cdef Walk walk
    cdef int i
    walk.ks = ks
    walk.digest = digest
    memset(digest, 0, DIGEST_BYTES)
    for i in range(ks.count):
        if ks.dbs[i].keys.used:
            _mix_number(digest, i)
            dict_each(&ks.dbs[i].keys, _add_key, &walk)
