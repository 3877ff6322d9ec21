"""hyperloglog -- PFADD, PFCOUNT, PFMERGE, PFDEBUG, PFSELFTEST: strings that are sketches (ds/hll).

A sketch is a string like any other: GET and SET carry it from server to server, and so it may be anything. One
whose header is wrong is refused as no sketch, one whose registers are wrong as a corrupt one, and both before
anything was changed: a sparse sketch is worked on in a copy on the stack, which takes its place at the end.

The estimate is kept in the sketch's header until a register is raised. Keeping it is a change: PFCOUNT, a command
that only reads, then counts as one and goes to the AOF and replicas, as in Redis.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport num_format_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_WRONG_TYPE, OK, Status
from _pyredis.cmd.ctx cimport (Ctx, arg_is, fail_with, key_at, key_changed, lookup_read, lookup_write)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_NONE, EV_STRING
from _pyredis.db.keyspace cimport Key
from _pyredis.db.string_type cimport STRING_DIGITS, string_resize, string_view
from _pyredis.db.value cimport T_STRING, Entry, entry_type
from _pyredis.ds.hll cimport (
    HLL_CORRUPT, HLL_DENSE, HLL_EMPTY, HLL_FULL, HLL_HEADER, HLL_RAISED, HLL_REGISTERS, HLL_SAME, HLL_SPARSE_MOST,
    HllCursor, HllElement, HllRaise, HllRun, hll_count, hll_count_registers, hll_counted, hll_dense_get,
    hll_dense_raise, hll_element, hll_forget, hll_is, hll_is_counted, hll_is_dense, hll_make_empty, hll_merge,
    hll_pack, hll_remember, hll_run, hll_self_test, hll_sparse_raise, hll_to_dense,
)
from _pyredis.wire.reply cimport reply_array, reply_bulk, reply_int, reply_ok, reply_simple

cdef enum:
    RUN_TEXT = 16                  # of a run, as PFDEBUG DECODE writes it: "Z:16384 "

cdef struct Sketch:                # a copy to work on
    size_t n
    uint8_t[HLL_SPARSE_MOST] bytes


# ---------------------------------------------------------------- opening and storing

cdef Status _check(Ctx* c, const Entry* e, Slice* s) noexcept nogil:
    """The bytes of the sketch at `e`, or why it is none."""
    cdef char[STRING_DIGITS] digits
    if entry_type(e) != T_STRING:
        return ERR_WRONG_TYPE
    s[0] = string_view(e, digits)                  # an integer's digits are no sketch
    if not hll_is(s[0]):
        return fail_with(c, ERR_CUSTOM, b"WRONGTYPE Key is not a valid HyperLogLog string value.")
    return OK


cdef Status _corrupt(Ctx* c) noexcept nogil:
    return fail_with(c, ERR_CUSTOM, b"INVALIDOBJ Corrupted HLL object detected")


cdef inline uint8_t* _in_place(Ctx* c, Key key, Entry** e, size_t n) noexcept nogil:
    """The string's n bytes, to be changed where they stand. The entry may move."""
    cdef char* data
    e[0] = string_resize(c.ks, c.db, key, e[0], n, &data)
    return <uint8_t*>data


cdef inline void _store(Ctx* c, Key key, Entry* e, const Sketch* s) noexcept nogil:
    memcpy(_in_place(c, key, &e, s.n), s.bytes, s.n)


cdef Status _copy(Ctx* c, const Entry* e, Slice s, Sketch* copy) noexcept nogil:
    """The sketch at e, or an empty one if e is NULL."""
    if e == NULL:
        hll_make_empty(copy.bytes)
        copy.n = HLL_EMPTY
        return OK
    if s.len > HLL_SPARSE_MOST:
        return _corrupt(c)
    memcpy(copy.bytes, s.ptr, s.len)
    copy.n = s.len
    return OK


cdef bint _make_dense(Sketch* s) noexcept nogil:
    """False if it is corrupt."""
    cdef uint8_t[HLL_DENSE] dense
    if not hll_to_dense(dense, slice_of(<char*>s.bytes, s.n)):
        return False
    memcpy(s.bytes, dense, HLL_DENSE)
    s.n = HLL_DENSE
    return True


cdef HllRaise _raise(Ctx* c, Sketch* s, HllElement element, HllCursor* at) noexcept nogil:
    """HLL_SAME, HLL_RAISED or HLL_CORRUPT: a sparse sketch that is full becomes dense."""
    cdef HllRaise done = HLL_FULL
    if not hll_is_dense(s.bytes):
        done = hll_sparse_raise(s.bytes, &s.n, c.ks.limits.hll_sparse_max_bytes, element, at)
        if done == HLL_FULL and not _make_dense(s):
            return HLL_CORRUPT
    if done == HLL_FULL:
        done = HLL_RAISED if hll_dense_raise(s.bytes, element) else HLL_SAME
    return done


# ---------------------------------------------------------------- PFADD

cdef int64_t _add_dense(Ctx* c, uint8_t* p) noexcept nogil:
    """How many elements raised a register."""
    cdef int64_t raised = 0
    cdef int i
    for i in range(2, c.argc):
        raised += hll_dense_raise(p, hll_element(c.argv[i]))
    if raised:
        hll_forget(p)
    return raised


cdef Status _add_sparse(Ctx* c, Key key, Entry* e, Slice s, int64_t* raised) noexcept nogil:
    cdef Sketch copy
    cdef HllRaise done
    cdef int i
    cdef Status st = _copy(c, e, s, &copy)
    if st != OK:
        return st
    for i in range(2, c.argc):
        done = _raise(c, &copy, hll_element(c.argv[i]), NULL)
        if done == HLL_CORRUPT:
            return _corrupt(c)
        raised[0] += done == HLL_RAISED
    if raised[0] or e == NULL:
        hll_forget(copy.bytes)
        _store(c, key, e, &copy)
    else:
        _in_place(c, key, &e, s.len)               # Redis: raw from now on
    return OK


cdef Status cmd_pfadd(Ctx* c) noexcept nogil:
    """PFADD key [element ...] -> 1 if the estimate may have changed, or the key is new; else 0."""
    cdef Key key = key_at(c, 1)
    cdef Entry* e = lookup_write(c, key)
    cdef Slice s = slice_of(NULL, 0)
    cdef int64_t raised = 0
    cdef Status st = _check(c, e, &s) if e != NULL else OK
    if st == OK and e != NULL and hll_is_dense(<uint8_t*>s.ptr):
        raised = _add_dense(c, _in_place(c, key, &e, s.len))
    elif st == OK:
        st = _add_sparse(c, key, e, s, &raised)
    if st != OK:
        return st
    raised += e == NULL
    if raised:
        key_changed(c, key.name, EV_STRING, b"pfadd", raised)
    reply_int(c.out, raised != 0)
    return OK


# ---------------------------------------------------------------- PFCOUNT

cdef Status _count_union(Ctx* c) noexcept nogil:
    cdef uint8_t[HLL_REGISTERS] registers
    cdef Entry* e
    cdef Slice s
    cdef Status st
    cdef int i
    memset(registers, 0, HLL_REGISTERS)
    for i in range(1, c.argc):
        e = lookup_read(c, key_at(c, i))
        if e == NULL:
            continue
        st = _check(c, e, &s)
        if st != OK:
            return st
        if not hll_merge(registers, s):
            return _corrupt(c)
    reply_int(c.out, <int64_t>hll_count_registers(registers))
    return OK


cdef Status cmd_pfcount(Ctx* c) noexcept nogil:
    """PFCOUNT key [key ...] -> how many distinct elements were added to any of them, about."""
    cdef Key key
    cdef Entry* e
    cdef Slice s
    cdef uint64_t count
    cdef uint8_t* p
    cdef Status st
    if c.argc > 2:
        return _count_union(c)
    key = key_at(c, 1)
    e = lookup_read(c, key)
    if e == NULL:
        reply_int(c.out, 0)
        return OK
    st = _check(c, e, &s)
    if st != OK:
        return st
    if hll_is_counted(<uint8_t*>s.ptr):
        count = hll_counted(<uint8_t*>s.ptr)
        _in_place(c, key, &e, s.len)                # Redis: raw from now on
    else:
        if not hll_count(s, &count):
            return _corrupt(c)
        p = _in_place(c, key, &e, s.len)
        hll_remember(p, count)
        key_changed(c, key.name, EV_NONE, b"pfcount", 1)
    reply_int(c.out, <int64_t>count)
    return OK


# ---------------------------------------------------------------- PFMERGE

cdef Status _gather(Ctx* c, uint8_t* registers, bint* dense) noexcept nogil:
    """The largest of each register among all keys; `dense`: is one of these sketches?"""
    cdef Entry* e
    cdef Slice s
    cdef Status st
    cdef int i
    memset(registers, 0, HLL_REGISTERS)
    dense[0] = False
    for i in range(1, c.argc):
        e = lookup_read(c, key_at(c, i))
        if e == NULL:
            continue
        st = _check(c, e, &s)
        if st != OK:
            return st
        if hll_is_dense(<uint8_t*>s.ptr):
            dense[0] = True
        if not hll_merge(registers, s):
            return _corrupt(c)
    return OK


cdef Status _merge_into(Ctx* c, Key key, Entry* e, const uint8_t* registers, bint dense) noexcept nogil:
    """Raises the destination's registers to these. It is known to be sound, or absent."""
    cdef Sketch copy
    cdef HllCursor at
    cdef HllElement element
    cdef Slice s = slice_of(NULL, 0)
    cdef uint8_t* p
    cdef uint32_t i
    if e != NULL:
        _check(c, e, &s)
        if hll_is_dense(<uint8_t*>s.ptr):
            p = _in_place(c, key, &e, HLL_DENSE)
            hll_pack(p, registers)
            hll_forget(p)
            return OK
    _copy(c, e, s, &copy)
    if dense:
        if not _make_dense(&copy):
            return _corrupt(c)
        hll_pack(copy.bytes, registers)
    else:
        at.offset = at.first = 0
        for i in range(HLL_REGISTERS):
            if registers[i]:
                element.index = i
                element.count = registers[i]
                if _raise(c, &copy, element, &at) == HLL_CORRUPT:
                    return _corrupt(c)
    hll_forget(copy.bytes)
    _store(c, key, e, &copy)
    return OK


cdef Status cmd_pfmerge(Ctx* c) noexcept nogil:
    """PFMERGE destkey [sourcekey ...] -> OK; destkey then has seen what any of them has."""
    cdef uint8_t[HLL_REGISTERS] registers
    cdef Key key = key_at(c, 1)
    cdef bint dense
    cdef Status st = _gather(c, registers, &dense)
    if st == OK:
        st = _merge_into(c, key, lookup_write(c, key), registers, dense)
    if st != OK:
        return st
    key_changed(c, key.name, EV_STRING, b"pfadd", 1)
    reply_ok(c.out)
    return OK


# ---------------------------------------------------------------- PFDEBUG, PFSELFTEST

cdef Status _densify(Ctx* c, Key key, Entry* e, Slice s, uint8_t** p) noexcept nogil:
    """Makes a sparse sketch dense, which counts as a change; `p` gets where it stands."""
    cdef uint8_t[HLL_DENSE] dense
    if not hll_to_dense(dense, s):
        return _corrupt(c)
    p[0] = _in_place(c, key, &e, HLL_DENSE)
    memcpy(p[0], dense, HLL_DENSE)
    key_changed(c, key.name, EV_NONE, b"pfdebug", 1)
    return OK


cdef Status _debug_getreg(Ctx* c, Key key, Entry* e, Slice s) noexcept nogil:
    cdef uint8_t* p = <uint8_t*>s.ptr
    cdef uint32_t i
    cdef Status st = OK if hll_is_dense(p) else _densify(c, key, e, s, &p)
    if st != OK:
        return st
    reply_array(c.out, HLL_REGISTERS)
    for i in range(HLL_REGISTERS):
        reply_int(c.out, hll_dense_get(p, i))
    return OK


cdef size_t _format_run(char* out, const HllRun* run) noexcept nogil:
    cdef size_t n = 2
    out[0] = c'v' if run.value else (c'Z' if run.wide else c'z')
    out[1] = c':'
    if run.value:
        n += num_format_i64(run.value, out + n)
        out[n] = c','
        n += 1
    n += num_format_i64(run.length, out + n)
    out[n] = c' '
    return n + 1


cdef Status _debug_decode(Ctx* c, Slice s) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>s.ptr + HLL_HEADER
    cdef const uint8_t* end = <const uint8_t*>s.ptr + s.len
    cdef size_t room = RUN_TEXT * (s.len - HLL_HEADER + 1), n = 0, size = 1
    cdef char* text
    cdef HllRun run
    if hll_is_dense(<uint8_t*>s.ptr):
        return fail_with(c, ERR_CUSTOM, b"ERR HLL encoding is not sparse")
    text = <char*>mem_alloc(c.ks.mem, room)
    while p < end and size:
        size = hll_run(p, end, &run)
        if size:
            n += _format_run(text + n, &run)
            p += size
    if size:
        reply_bulk(c.out, text, n - 1 if n else 0)
    mem_free(c.ks.mem, text, room)
    return OK if size else _corrupt(c)


cdef Status cmd_pfdebug(Ctx* c) noexcept nogil:
    """PFDEBUG GETREG | DECODE | ENCODING | TODENSE key, or SIMD ON | OFF, which changes nothing here."""
    cdef Key key
    cdef Entry* e
    cdef Slice s
    cdef uint8_t* p
    cdef Status st
    if arg_is(c, 1, b"SIMD", 4):
        if not arg_is(c, 2, b"ON", 2) and not arg_is(c, 2, b"OFF", 3):
            return fail_with(c, ERR_CUSTOM, b"ERR Argument must be ON or OFF")
        if arg_is(c, 2, b"ON", 2):
            reply_simple(c.out, b"enabled")
        else:
            reply_simple(c.out, b"disabled")
        return OK
    key = key_at(c, 2)
    e = lookup_write(c, key)
    if e == NULL:
        return fail_with(c, ERR_CUSTOM, b"ERR The specified key does not exist")
    st = _check(c, e, &s)
    if st != OK:
        return st
    p = _in_place(c, key, &e, s.len)
    s = slice_of(<char*>p, s.len)
    if arg_is(c, 1, b"GETREG", 6):
        return _debug_getreg(c, key, e, s)
    if arg_is(c, 1, b"DECODE", 6):
        return _debug_decode(c, s)
    if arg_is(c, 1, b"ENCODING", 8):
        if hll_is_dense(p):
            reply_simple(c.out, b"dense")
        else:
            reply_simple(c.out, b"sparse")
        return OK
    if arg_is(c, 1, b"TODENSE", 7):
        if hll_is_dense(p):
            reply_int(c.out, 0)
            return OK
        st = _densify(c, key, e, s, &p)
        if st == OK:
            reply_int(c.out, 1)
        return st
    snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Unknown PFDEBUG subcommand '%.*s'",
             <int>(c.argv[1].len if c.argv[1].len < 400 else 400), c.argv[1].ptr)
    return fail_with(c, ERR_CUSTOM, c.server.detail)


cdef Status cmd_pfselftest(Ctx* c) noexcept nogil:
    """PFSELFTEST -> OK if registers, forms and estimates are what they should be."""
    if not hll_self_test():
        return fail_with(c, ERR_CUSTOM, b"TESTFAILED the HyperLogLog self test failed")
    reply_ok(c.out)
    return OK


cdef void bind_hyperloglog(Table* t) noexcept nogil:
    table_bind(t, b"PFADD", cmd_pfadd)
    table_bind(t, b"PFCOUNT", cmd_pfcount)
    table_bind(t, b"PFDEBUG", cmd_pfdebug)
    table_bind(t, b"PFMERGE", cmd_pfmerge)
    table_bind(t, b"PFSELFTEST", cmd_pfselftest)
