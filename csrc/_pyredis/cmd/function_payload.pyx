"""function_payload -- libraries in one string: FUNCTION DUMP, FUNCTION RESTORE.

    | 245 | string: a library's code | ... | version u16 | CRC64 of all before it u64 |

The form is that of an RDB file, whose opcode 245 is a library: a string is its length (6 bits, 14 bits, or 32 bits
behind 0x80, high byte first) and its bytes, or, behind 0xC3, the length packed, the length, and what LZF made of them.

RESTORE makes every library before it changes anything, so a payload with one that fails changes nothing.
"""
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy

from _pyredis.base.hash cimport bytes_load64, hash_crc64
from _pyredis.base.lzf cimport lzf_compress, lzf_decompress
from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.slice cimport Slice, slice_equal
from _pyredis.base.status cimport ERR_CUSTOM, OK, Status
from _pyredis.cmd.ctx cimport Ctx, Server, Table, arg_is, fail_with
from _pyredis.cmd.functions cimport (Function, Libraries, Library, function_bad_form, libraries_of, library_check,
                                     library_commit, library_free, library_load, library_remove)
from _pyredis.cmd.table cimport table_bind
from _pyredis.ds.dict cimport DictIter, dict_iter, dict_next
from _pyredis.rdb.format cimport (RDB_PAYLOAD_FOOTER, RDB_STRING_LZF, RDB_VERSION_LISTPACKS, RDB_VERSION_REDIS,
                                  RDB_VERSION_VALKEY)
from _pyredis.wire.reply cimport reply_bulk, reply_ok

cdef enum:
    LIBRARY = 245                  # the opcode
    PACKED = 0xC0 | RDB_STRING_LZF
    PACK_FROM = 20                 # bytes; shorter strings are not worth it
    LENGTH_MOST = 5
    MOST = 1024                    # libraries of a payload

cdef enum Policy:
    APPEND = 0
    REPLACE
    FLUSH


# ---------------------------------------------------------------- writing

cdef size_t _put_length(uint8_t* p, size_t n) noexcept nogil:
    if n < 1 << 6:
        p[0] = <uint8_t>n
        return 1
    if n < 1 << 14:
        p[0] = <uint8_t>(0x40 | n >> 8)
        p[1] = <uint8_t>n
        return 2
    p[0] = 0x80
    p[1] = <uint8_t>(n >> 24)
    p[2] = <uint8_t>(n >> 16)
    p[3] = <uint8_t>(n >> 8)
    p[4] = <uint8_t>n
    return 5


cdef size_t _put_library(uint8_t* p, Slice code, uint8_t* scratch) noexcept nogil:
    """At most 2 * LENGTH_MOST + 2 bytes more than the code. `scratch` has room for the code."""
    cdef uint8_t* start = p
    cdef size_t packed = 0
    p[0] = LIBRARY
    p += 1
    if code.len > PACK_FROM:
        packed = lzf_compress(<const uint8_t*>code.ptr, code.len, scratch, code.len - 4)
    if packed:
        p[0] = PACKED
        p += 1
        p += _put_length(p, packed)
        p += _put_length(p, code.len)
        memcpy(p, scratch, packed)
        return p - start + packed
    p += _put_length(p, code.len)
    memcpy(p, code.ptr, code.len)
    return p - start + code.len


cdef Status cmd_function_dump(Ctx* c) noexcept nogil:
    """FUNCTION DUMP -> what FUNCTION RESTORE takes."""
    cdef Libraries* x = libraries_of(c.server)
    cdef DictIter it
    cdef const Library* library
    cdef size_t room = RDB_PAYLOAD_FOOTER, longest = 0, n = 0
    cdef uint16_t version = RDB_VERSION_LISTPACKS
    cdef uint64_t crc
    cdef uint8_t* payload
    cdef uint8_t* scratch
    dict_iter(&x.libraries, &it)
    library = <const Library*>dict_next(&it)
    while library != NULL:
        room += library.code.len + 2 * LENGTH_MOST + 2
        longest = max(longest, library.code.len)
        library = <const Library*>dict_next(&it)
    payload = <uint8_t*>mem_alloc(c.server.mem, room)
    scratch = <uint8_t*>mem_alloc(c.server.mem, longest)
    dict_iter(&x.libraries, &it)
    library = <const Library*>dict_next(&it)
    while library != NULL:
        n += _put_library(payload + n, library.code, scratch)
        library = <const Library*>dict_next(&it)
    memcpy(payload + n, &version, 2)
    n += 2
    crc = hash_crc64(0, payload, n)
    memcpy(payload + n, &crc, 8)
    reply_bulk(c.out, <const char*>payload, n + 8)
    mem_free(c.server.mem, payload, room)
    mem_free(c.server.mem, scratch, longest)
    return OK


# ---------------------------------------------------------------- reading

cdef bint _get_length(const uint8_t** p, const uint8_t* end, size_t* n) noexcept nogil:
    """A plain length; False: there is none here."""
    cdef const uint8_t* q = p[0]
    if q >= end:
        return False
    if q[0] >> 6 == 0:
        n[0] = q[0]
        p[0] = q + 1
    elif q[0] >> 6 == 1 and end - q >= 2:
        n[0] = (<size_t>(q[0] & 0x3F) << 8) | q[1]
        p[0] = q + 2
    elif q[0] == 0x80 and end - q >= 5:
        n[0] = (<size_t>q[1] << 24) | (<size_t>q[2] << 16) | (<size_t>q[3] << 8) | q[4]
        p[0] = q + 5
    else:
        return False
    return True


cdef bint _get_library(Server* s, const uint8_t** p, const uint8_t* end, Slice* code, char** unpacked) noexcept nogil:
    """The next library's code: in the payload, or in *unpacked, which the caller then frees (code.len bytes)."""
    cdef size_t packed
    unpacked[0] = NULL
    if p[0] >= end or p[0][0] != LIBRARY:
        return False
    p[0] += 1
    if p[0] < end and p[0][0] == PACKED:
        p[0] += 1
        if not _get_length(p, end, &packed) or not _get_length(p, end, &code.len) or packed > <size_t>(end - p[0]):
            return False
        if code.len > s.limits.bulk:
            return False
        unpacked[0] = <char*>mem_alloc(s.mem, code.len)
        code.ptr = unpacked[0]
        if not lzf_decompress(p[0], packed, <uint8_t*>unpacked[0], code.len):
            mem_free(s.mem, unpacked[0], code.len)
            return False
        p[0] += packed
        return True
    if not _get_length(p, end, &code.len) or code.len > <size_t>(end - p[0]):
        return False
    code.ptr = <const char*>p[0]
    p[0] += code.len
    return True


cdef bint _is_whole(const Ctx* c, Slice payload) noexcept nogil:
    """Are version and checksum of its end right?"""
    cdef uint16_t version
    if payload.len < RDB_PAYLOAD_FOOTER:
        return False
    memcpy(&version, payload.ptr + payload.len - RDB_PAYLOAD_FOOTER, 2)
    if version > RDB_VERSION_REDIS and version != RDB_VERSION_VALKEY:
        return False
    return c.server.skip_sums or (
        hash_crc64(0, payload.ptr, payload.len - 8) == bytes_load64(payload.ptr + payload.len - 8))


cdef bint _meet(const Library* a, const Library* b) noexcept nogil:
    """Have two libraries of one payload a name in common, their own or a function's?"""
    cdef const Function* f = a.first
    cdef const Function* g
    if slice_equal(a.name, b.name):
        return True
    while f != NULL:
        g = b.first
        while g != NULL:
            if slice_equal(f.folded, g.folded):
                return True
            g = g.next
        f = f.next
    return False


cdef Status _check_one(Ctx* c, Library** made, int n, Policy policy) noexcept nogil:
    """May the last of n libraries join those before it, and those of the server?"""
    cdef int i
    for i in range(n - 1):
        if _meet(made[i], made[n - 1]):
            return fail_with(c, ERR_CUSTOM, b"ERR A library or a function stands in the payload twice")
    return OK if policy == FLUSH else library_check(c, made[n - 1], policy == REPLACE)


cdef Status _make_all(Ctx* c, Policy policy, Library** made, int* n) noexcept nogil:
    """Makes the libraries of argv[2], in *n of made. An error (and those before it are made), or OK."""
    cdef const uint8_t* p = <const uint8_t*>c.argv[2].ptr
    cdef const uint8_t* end = p + c.argv[2].len - RDB_PAYLOAD_FOOTER
    cdef Slice code
    cdef char* unpacked
    cdef Status st
    while p < end:
        if n[0] == MOST or not _get_library(c.server, &p, end, &code, &unpacked):
            return fail_with(c, ERR_CUSTOM, b"ERR failed loading functions payload")
        st = library_load(c, code, &made[n[0]])
        if unpacked != NULL:
            mem_free(c.server.mem, unpacked, code.len)
        if st != OK:
            return st
        n[0] += 1
        st = _check_one(c, made, n[0], policy)
        if st != OK:
            return st
    return OK


cdef void _forget_old(Server* s) noexcept nogil:
    """Every library that is in the tables; the interpreter stays, for new ones are in it already."""
    cdef Libraries* x = libraries_of(s)
    cdef DictIter it
    cdef Library* library
    while x.libraries.used:
        dict_iter(&x.libraries, &it)
        library = <Library*>dict_next(&it)
        library_remove(s, library)


cdef Status cmd_function_restore(Ctx* c) noexcept nogil:
    """FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE] -> OK"""
    cdef Library** made
    cdef Policy policy = APPEND
    cdef int n = 0, i
    cdef Status st
    if c.argc > 4:
        return function_bad_form(c)
    if c.argc == 4:
        if arg_is(c, 3, b"flush", 5):
            policy = FLUSH
        elif arg_is(c, 3, b"replace", 7):
            policy = REPLACE
        elif not arg_is(c, 3, b"append", 6):
            return fail_with(c, ERR_CUSTOM, (
                b"ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."))
    if not _is_whole(c, c.argv[2]):
        return fail_with(c, ERR_CUSTOM, b"ERR DUMP payload version or checksum are wrong")
    made = <Library**>mem_alloc(c.server.mem, MOST * sizeof(void*))
    st = _make_all(c, policy, made, &n)
    if st == OK:
        if policy == FLUSH:
            _forget_old(c.server)
        c.ks.fx.command_dirty += 1
        reply_ok(c.out)
    for i in range(n):
        if st == OK:
            library_commit(c.server, made[i])
        else:
            library_free(c.server, made[i])
    mem_free(c.server.mem, made, MOST * sizeof(void*))
    return st


cdef void bind_function_payload(Table* t) noexcept nogil:
    table_bind(t, b"FUNCTION|DUMP", cmd_function_dump)
    table_bind(t, b"FUNCTION|RESTORE", cmd_function_restore)
