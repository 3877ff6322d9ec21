"""bitfield -- BITFIELD, BITFIELD_RO: a string as an array of integers of any width.

    BITFIELD key [GET type at] [OVERFLOW WRAP | SAT | FAIL] [SET type at value] [INCRBY type at increment] ...

All of it is parsed into a list of steps before the key is looked up, so a mistake anywhere changes nothing. With a
SET or INCRBY among them the string is then opened as long as the farthest of these needs: also if each of them
turns out to overflow and FAIL, as in Redis, which does not count that growth as a change either. The steps run
in order, each seeing what those before it did.

Arithmetic is done in 128 bits, where neither a field of 64 bits nor an increment can overflow: what does not fit
the field is then seen by comparing, whatever its width and sign.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport ERR_CUSTOM, ERR_SYNTAX, OK, Status
from _pyredis.cmd.bitmaps cimport BitString, arg_bit_offset, bit_string_open
from _pyredis.cmd.ctx cimport Ctx, arg_i64, arg_is, fail_with, key_at, key_changed, open_typed
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_STRING
from _pyredis.db.keyspace cimport Key
from _pyredis.db.string_type cimport STRING_DIGITS, string_view
from _pyredis.db.value cimport T_STRING
from _pyredis.ds.bits cimport bits_get, bits_set
from _pyredis.wire.reply cimport reply_array, reply_int, reply_null

cdef extern from *:
    """
    typedef __int128 wide_int;
    """
    ctypedef long long wide_int        # 128 bits in C; Cython need only know that it is an integer

cdef enum:
    FEW_STEPS = 16                 # for which the stack has room

cdef enum StepKind:
    STEP_GET = 0
    STEP_SET
    STEP_INCRBY

cdef enum Overflow:
    OVERFLOW_WRAP = 0
    OVERFLOW_SAT
    OVERFLOW_FAIL

cdef struct Step:
    StepKind kind
    Overflow overflow
    bint is_signed
    int width
    uint64_t at
    int64_t operand

cdef struct Steps:
    Step* list
    int count
    bint writes
    uint64_t last                  # the farthest bit that is written


# ---------------------------------------------------------------- parsing

cdef Status _type_argument(Ctx* c, int i, Step* step) noexcept nogil:
    """i1 to i64, u1 to u63."""
    cdef Slice s = c.argv[i]
    cdef int64_t width
    step.is_signed = s.len > 0 and s.ptr[0] == c'i'
    if (s.len == 0 or (not step.is_signed and s.ptr[0] != c'u')
            or not num_parse_i64(s.ptr + 1, s.len - 1, &width) or not 1 <= width <= 63 + step.is_signed):
        return fail_with(c, ERR_CUSTOM, b"ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is "
                                        b"not supported but i64 is.")
    step.width = <int>width
    return OK


cdef Status _overflow_argument(Ctx* c, int i, Overflow* overflow) noexcept nogil:
    if arg_is(c, i, b"WRAP", 4):
        overflow[0] = OVERFLOW_WRAP
    elif arg_is(c, i, b"SAT", 3):
        overflow[0] = OVERFLOW_SAT
    elif arg_is(c, i, b"FAIL", 4):
        overflow[0] = OVERFLOW_FAIL
    else:
        return fail_with(c, ERR_CUSTOM, b"ERR Invalid OVERFLOW type specified")
    return OK


cdef bint _step_kind(Ctx* c, int i, StepKind* kind) noexcept nogil:
    """Is argv[i] the word of a step, with all that it needs behind it?"""
    cdef int left = c.argc - i - 1
    if left >= 2 and arg_is(c, i, b"GET", 3):
        kind[0] = STEP_GET
    elif left >= 3 and arg_is(c, i, b"SET", 3):
        kind[0] = STEP_SET
    elif left >= 3 and arg_is(c, i, b"INCRBY", 6):
        kind[0] = STEP_INCRBY
    else:
        return False
    return True


cdef Status _parse(Ctx* c, Steps* steps) noexcept nogil:
    """Everything behind the key. `list` has room for a step every three arguments."""
    cdef Overflow overflow = OVERFLOW_WRAP
    cdef Step* step
    cdef Status st = OK
    cdef int i = 2
    steps.count = 0
    steps.writes = False
    steps.last = 0
    while i < c.argc:
        step = &steps.list[steps.count]
        if i + 1 < c.argc and arg_is(c, i, b"OVERFLOW", 8):
            st = _overflow_argument(c, i + 1, &overflow)
            i += 2
            if st != OK:
                return st
            continue
        if not _step_kind(c, i, &step.kind):
            return ERR_SYNTAX
        st = _type_argument(c, i + 1, step)
        if st == OK:
            st = arg_bit_offset(c, i + 2, step.width, &step.at)
        if st == OK and step.kind != STEP_GET:
            st = arg_i64(c, i + 3, &step.operand)
            steps.writes = True
            if step.at + step.width - 1 > steps.last:
                steps.last = step.at + step.width - 1
        if st != OK:
            return st
        step.overflow = overflow
        steps.count += 1
        i += 3 if step.kind == STEP_GET else 4
    return OK


# ---------------------------------------------------------------- running

cdef inline int64_t _signed(uint64_t v, int width) noexcept nogil:
    """A field's bits as a number in two's complement."""
    return <int64_t>(v << (64 - width)) >> (64 - width)


cdef inline int64_t _value(const Step* step, uint64_t field) noexcept nogil:
    return _signed(field, step.width) if step.is_signed else <int64_t>field


cdef bint _fit(const Step* step, wide_int wanted, uint64_t* field) noexcept nogil:
    """The field's bits for a number; False if it does not fit and is not to be made to."""
    cdef wide_int most = (<wide_int>1 << (step.width - step.is_signed)) - 1
    cdef wide_int least = -most - 1 if step.is_signed else 0
    if wanted > most or wanted < least:
        if step.overflow == OVERFLOW_FAIL:
            return False
        if step.overflow == OVERFLOW_SAT:
            wanted = most if wanted > most else least
    field[0] = <uint64_t>wanted & (~<uint64_t>0 >> (64 - step.width))
    return True


cdef inline wide_int _wanted(const Step* step, int64_t before) noexcept nogil:
    """What a SET or INCRBY would make of the field."""
    if step.kind == STEP_INCRBY:
        return <wide_int>before + step.operand
    if step.is_signed:
        return step.operand
    return <wide_int><uint64_t>step.operand        # Redis: to an unsigned field a negative number is a huge one


cdef bint _write(Ctx* c, const Step* step, BitString* s) noexcept nogil:
    """Runs a SET or INCRBY and replies. Was the field changed?"""
    cdef uint64_t old = bits_get(<uint8_t*>s.data, s.length, step.at, step.width), new
    if not _fit(step, _wanted(step, _value(step, old)), &new):
        reply_null(c.out)
        return False
    bits_set(<uint8_t*>s.data, step.at, step.width, new)
    reply_int(c.out, _value(step, new if step.kind == STEP_INCRBY else old))
    return s.grown or new != old                   # Redis: in a string that grew each write is a change


cdef void _run(Ctx* c, Key key, const Steps* steps, BitString* s) noexcept nogil:
    cdef int64_t changes = 0
    cdef const Step* step
    cdef int i
    reply_array(c.out, <size_t>steps.count)
    for i in range(steps.count):
        step = &steps.list[i]
        if step.kind == STEP_GET:
            reply_int(c.out, _value(step, bits_get(<uint8_t*>s.data, s.length, step.at, step.width)))
        else:
            changes += _write(c, step, s)
    if changes:
        key_changed(c, key.name, EV_STRING, b"setbit", changes)


cdef Status _open_to_read(Ctx* c, Key key, char* digits, BitString* s) noexcept nogil:
    cdef Slice text
    cdef Status st = open_typed(c, key, T_STRING, False, &s.entry)
    s.length = 0
    if st == OK and s.entry != NULL:
        text = string_view(s.entry, digits)
        s.data = <char*>text.ptr
        s.length = text.len
    return st


cdef Status _bitfield(Ctx* c, Steps* steps, bint read_only) noexcept nogil:
    cdef char[STRING_DIGITS] digits
    cdef Key key = key_at(c, 1)
    cdef BitString s
    cdef Status st = _parse(c, steps)
    if st != OK:
        return st
    if steps.writes and read_only:
        return fail_with(c, ERR_CUSTOM, b"ERR BITFIELD_RO only supports the GET subcommand")
    st = bit_string_open(c, key, steps.last, &s) if steps.writes else _open_to_read(c, key, digits, &s)
    if st == OK:
        _run(c, key, steps, &s)
    return st


cdef Status _with_room(Ctx* c, bint read_only) noexcept nogil:
    cdef Step[FEW_STEPS] few
    cdef Steps steps
    cdef size_t most = <size_t>(c.argc - 2) // 3 + 1
    cdef Status st
    if most <= FEW_STEPS:
        steps.list = few
        return _bitfield(c, &steps, read_only)
    steps.list = <Step*>mem_alloc(c.ks.mem, most * sizeof(Step))
    st = _bitfield(c, &steps, read_only)
    mem_free(c.ks.mem, steps.list, most * sizeof(Step))
    return st


cdef Status cmd_bitfield(Ctx* c) noexcept nogil:
    """BITFIELD key step ... -> for each GET the number, for each SET the one before, for each INCRBY the new one;
    null where OVERFLOW FAIL forbade it."""
    return _with_room(c, False)


cdef Status cmd_bitfield_ro(Ctx* c) noexcept nogil:
    """BITFIELD_RO key [GET type at ...] -> the numbers."""
    return _with_room(c, True)


cdef void bind_bitfield(Table* t) noexcept nogil:
    table_bind(t, b"BITFIELD", cmd_bitfield)
    table_bind(t, b"BITFIELD_RO", cmd_bitfield_ro)
