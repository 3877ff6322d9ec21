"""ctx -- what a command sees: its arguments, its connection, the keyspace, the server.

A command is `cdef Status cmd_x(Ctx* c) noexcept nogil`. It reads c.argv (slices of the request, valid until
it returns), looks keys up through the functions here, changes data through the *_type modules, says what it
changed (key_changed), appends its reply to c.out, and returns OK; or it returns an error Status, having
changed nothing and replied nothing, and dispatch answers. Where a status text has a %s, `detail` fills it
(fail_with).

State is reached from here, never from a module's globals: two servers can live in one process.
"""
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr, memcpy

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64, num_parse_double, num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_NOT_FLOAT, ERR_NOT_INTEGER, ERR_WRONG_TYPE, OK, Status
from _pyredis.base.text cimport text_upper_cut
from _pyredis.db.keyspace cimport LOOKUP_NO_TOUCH, LOOKUP_READ, LOOKUP_WRITE, keyspace_get, keyspace_key
from _pyredis.db.value cimport Entry, ValueType, entry_type
from _pyredis.ds.dict cimport dict_prefetch_bucket, dict_prefetch_entries


cdef int _touch(Ctx* c) noexcept nogil:
    return LOOKUP_NO_TOUCH if c.conn.flags & CONN_NO_TOUCH else 0


cdef Entry* lookup_read(Ctx* c, Key key) noexcept nogil:
    """The live entry, or NULL. Counts a hit or a miss; an expired key is removed."""
    return keyspace_get(c.ks, c.db, key, LOOKUP_READ | _touch(c))


cdef Entry* lookup_write(Ctx* c, Key key) noexcept nogil:
    """The live entry, or NULL, for a command that will change it: not counted as hit or miss."""
    return keyspace_get(c.ks, c.db, key, LOOKUP_WRITE | _touch(c))


cdef Status open_typed(Ctx* c, Key key, ValueType t, bint for_write, Entry** e) noexcept nogil:
    """Looks a key up and insists on its type. OK with e NULL when there is no such key."""
    e[0] = lookup_write(c, key) if for_write else lookup_read(c, key)
    return ERR_WRONG_TYPE if e[0] != NULL and entry_type(e[0]) != t else OK


cdef void prefetch_keys(Ctx* c, int first, int step, int count, Key* keys) noexcept nogil:
    """Hashes `count` keys from argv[first] on, every `step`, into `keys`, and brings their lines near."""
    cdef int i
    for i in range(count):
        keys[i] = keyspace_key(c.ks, c.argv[first + i * step])
        dict_prefetch_bucket(&c.db.keys, keys[i].hash)
    for i in range(count):
        dict_prefetch_entries(&c.db.keys, keys[i].hash)


cdef Status fail_with(Ctx* c, Status s, const char* detail) noexcept nogil:
    """The error `s`, with `detail` for its %s. `detail` must be static or lie in server.detail."""
    c.detail = detail
    return s


cdef Status fail_usage(Ctx* c) noexcept nogil:
    cdef char[64] upper
    cdef size_t shown = c.argv[1].len if c.argv[1].len < 128 else 128
    cdef const char* nul = <const char*>memchr(c.argv[1].ptr, 0, shown)
    text_upper_cut(c.argv[0].ptr, c.argv[0].len, upper, sizeof(upper))
    snprintf(c.server.detail, sizeof(c.server.detail),
             b"ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
             <int>(nul - c.argv[1].ptr if nul != NULL else shown), c.argv[1].ptr, upper)
    return fail_with(c, ERR_CUSTOM, c.server.detail)


cdef Status arg_i64(Ctx* c, int i, int64_t* v) noexcept nogil:
    return OK if num_parse_i64(c.argv[i].ptr, c.argv[i].len, v) else ERR_NOT_INTEGER


cdef Status arg_double(Ctx* c, int i, double* v) noexcept nogil:
    return OK if num_parse_double(c.argv[i].ptr, c.argv[i].len, v) else ERR_NOT_FLOAT


cdef void propagate_del(Ctx* c, Slice key) noexcept nogil:
    cdef Slice[2] words
    words[0] = slice_of(b"DEL", 3)
    words[1] = key
    propagate_instead(c, 2, words)


cdef void propagate_pexpireat(Ctx* c, Slice key, int64_t at_ms) noexcept nogil:
    """The absolute time. Conditions (NX, GT ...) are not repeated: they have been judged, here."""
    cdef Slice[3] words
    cdef char[NUM_I64_MAX] digits
    words[0] = slice_of(b"PEXPIREAT", 9)
    words[1] = key
    words[2] = slice_of(digits, num_format_i64(at_ms, digits))
    propagate_instead(c, 3, words)


cdef void text_set(Server* s, Text* t, const char* p, size_t n) noexcept nogil:
    mem_free(s.mem, t.ptr, t.len)
    t.ptr = NULL
    t.len = n
    if n:
        t.ptr = <char*>mem_alloc(s.mem, n)
        memcpy(t.ptr, p, n)
