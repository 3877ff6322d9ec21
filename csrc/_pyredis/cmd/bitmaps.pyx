"""bitmaps -- SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP: strings as rows of bits (ds/bits).

Commands that change bits open the string once, as long as their farthest bit needs, and change it where it stands.
As in Redis, that alone makes it `raw`, and one that neither grew nor got another bit counts as unchanged.

BITCOUNT and BITPOS turn their range, in bytes or in bits, into one of bits. BITOP gathers its result beside the
sources and puts it into the destination at last, which may be a source itself.

BITOP's DIFF, DIFF1, ANDOR and ONE are Redis 8.2's. BITCOUNT with a start alone, which Valkey takes, is an error: Redis
answers one, and its own suite insists on it.
"""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_SYNTAX, ERR_WRONG_TYPE, OK, Status
from _pyredis.cmd.ctx cimport (Ctx, arg_i64, arg_is, fail_with, key_at, key_changed, lookup_read, lookup_write,
                               open_typed)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_STRING
from _pyredis.db.keyspace cimport Key, keyspace_delete, keyspace_key
from _pyredis.db.string_type cimport (STRING_DIGITS, string_length, string_resize, string_room, string_take,
                                      string_view)
from _pyredis.db.value cimport T_STRING, Entry, entry_type
from _pyredis.ds.bits cimport (BITS_AND, BITS_ANDOR, BITS_DIFF, BITS_DIFF1, BITS_NOT, BITS_ONE, BITS_OR, BITS_XOR,
                               BitOp, bits_combine, bits_count, bits_find)
from _pyredis.ds.bytestr cimport ByteStr, bytestr_data
from _pyredis.wire.reply cimport reply_int

cdef enum:
    FEW_SOURCES = 16               # of BITOP, for which the stack has room


# ---------------------------------------------------------------- arguments

cdef Status arg_bit_offset(Ctx* c, int i, int width, uint64_t* at) noexcept nogil:
    """A bit's position, or "#n", the n-th field of `width` bits; its byte must be one that a string may have."""
    cdef Slice s = c.argv[i]
    cdef int64_t v
    cdef bint fields = width > 0 and s.len > 0 and s.ptr[0] == c'#'
    cdef int64_t most = INT64_MAX
    if c.server.limits.bulk <= INT64_MAX // 8:
        most = c.server.limits.bulk * 8 - 1
    if fields:
        s = slice_of(s.ptr + 1, s.len - 1)
        most //= width
    if not num_parse_i64(s.ptr, s.len, &v) or not 0 <= v <= most:
        return fail_with(c, ERR_CUSTOM, b"ERR bit offset is not an integer or out of range")
    at[0] = <uint64_t>v * <uint64_t>width if fields else <uint64_t>v
    return OK


cdef Status _bit_argument(Ctx* c, int i, bint* bit) noexcept nogil:
    cdef int64_t v
    if not num_parse_i64(c.argv[i].ptr, c.argv[i].len, &v) or not 0 <= v <= 1:
        return fail_with(c, ERR_CUSTOM, b"ERR bit is not an integer or out of range")
    bit[0] = v != 0
    return OK


cdef Status _unit(Ctx* c, int i, bint* in_bits) noexcept nogil:
    """BYTE or BIT."""
    in_bits[0] = arg_is(c, i, b"BIT", 3)
    return OK if in_bits[0] or arg_is(c, i, b"BYTE", 4) else ERR_SYNTAX


cdef Status bit_string_open(Ctx* c, Key key, uint64_t last, BitString* s) noexcept nogil:
    """Opens the string at `key`, or makes it, with every bit up to `last`."""
    cdef size_t need = (last >> 3) + 1
    cdef Status st = open_typed(c, key, T_STRING, True, &s.entry)
    if st != OK:
        return st
    s.length = string_length(s.entry) if s.entry != NULL else 0
    s.grown = need > s.length
    if s.grown:
        s.length = need
    s.entry = string_resize(c.ks, c.db, key, s.entry, s.length, &s.data)
    return OK


# ---------------------------------------------------------------- single bits

cdef Status cmd_setbit(Ctx* c) noexcept nogil:
    """SETBIT key offset value -> the bit before."""
    cdef Key key = key_at(c, 1)
    cdef BitString s
    cdef uint64_t at = 0
    cdef bint bit = False, before
    cdef uint8_t mask
    cdef uint8_t* byte
    cdef Status st = arg_bit_offset(c, 2, 0, &at)
    if st == OK:
        st = _bit_argument(c, 3, &bit)
    if st == OK:
        st = bit_string_open(c, key, at, &s)
    if st != OK:
        return st
    byte = <uint8_t*>s.data + (at >> 3)
    mask = 0x80 >> (at & 7)
    before = (byte[0] & mask) != 0
    if before != bit:
        byte[0] ^= mask
    if before != bit or s.grown:
        key_changed(c, key.name, EV_STRING, b"setbit", 1)
    reply_int(c.out, before)
    return OK


cdef Status cmd_getbit(Ctx* c) noexcept nogil:
    """GETBIT key offset -> the bit; 0 behind the string's end."""
    cdef char[STRING_DIGITS] digits
    cdef Entry* e
    cdef Slice s
    cdef uint64_t at = 0
    cdef Status st = arg_bit_offset(c, 2, 0, &at)
    if st == OK:
        st = open_typed(c, key_at(c, 1), T_STRING, False, &e)
    if st != OK:
        return st
    s = string_view(e, digits) if e != NULL else slice_of(NULL, 0)
    reply_int(c.out, (<uint8_t>s.ptr[at >> 3] >> (7 - (at & 7))) & 1 if at >> 3 < s.len else 0)
    return OK


# ---------------------------------------------------------------- ranges

cdef bint _range_in_bits(size_t length, int64_t start, int64_t end, bint in_bits, uint64_t* first,
                         uint64_t* last) noexcept nogil:
    """The bits from `start` to `end`, both included, negative ones counted from the end. False: there are none."""
    cdef int64_t total = <int64_t>length * 8 if in_bits else <int64_t>length
    if start < 0:
        start = start + total if start + total > 0 else 0
    if end < 0:
        end = end + total if end + total > 0 else 0        # Redis: an end before the first is the first
    if end >= total:
        end = total - 1
    if start > end:
        return False
    first[0] = <uint64_t>start if in_bits else <uint64_t>start * 8
    last[0] = <uint64_t>end if in_bits else <uint64_t>end * 8 + 7
    return True


cdef Status cmd_bitcount(Ctx* c) noexcept nogil:
    """BITCOUNT key [start end [BYTE | BIT]] -> how many bits are set."""
    cdef char[STRING_DIGITS] digits
    cdef int64_t start = 0, end = -1
    cdef bint in_bits = False
    cdef uint64_t first, last
    cdef Entry* e
    cdef Slice s
    cdef Status st = OK if c.argc != 3 and c.argc <= 5 else ERR_SYNTAX
    if st == OK and c.argc >= 4:
        st = arg_i64(c, 2, &start)
        if st == OK:
            st = arg_i64(c, 3, &end)
    if st == OK and c.argc == 5:
        st = _unit(c, 4, &in_bits)
    if st == OK:
        st = open_typed(c, key_at(c, 1), T_STRING, False, &e)
    if st != OK:
        return st
    s = string_view(e, digits) if e != NULL else slice_of(NULL, 0)
    if (start < 0 and end < 0 and start > end) or not _range_in_bits(s.len, start, end, in_bits, &first, &last):
        reply_int(c.out, 0)
    else:
        reply_int(c.out, <int64_t>bits_count(<const uint8_t*>s.ptr, first, last))
    return OK


cdef Status cmd_bitpos(Ctx* c) noexcept nogil:
    """BITPOS key bit [start [end [BYTE | BIT]]] -> the first position with that bit, or -1.

    Without an end zeros go on behind the string for ever."""
    cdef char[STRING_DIGITS] digits
    cdef int64_t bit, at, start = 0, end = -1
    cdef bint in_bits = False
    cdef uint64_t first, last
    cdef Entry* e
    cdef Slice s
    cdef Status st = arg_i64(c, 2, &bit)
    if st == OK and not 0 <= bit <= 1:
        st = fail_with(c, ERR_CUSTOM, b"ERR The bit argument must be 1 or 0.")
    if st == OK and c.argc > 6:
        st = ERR_SYNTAX
    if st == OK and c.argc >= 4:
        st = arg_i64(c, 3, &start)
    if st == OK and c.argc == 6:
        st = _unit(c, 5, &in_bits)
    if st == OK and c.argc >= 5:
        st = arg_i64(c, 4, &end)
    if st == OK:
        st = open_typed(c, key_at(c, 1), T_STRING, False, &e)
    if st != OK:
        return st
    if e == NULL:                                      # Redis: whatever the range
        reply_int(c.out, -1 if bit else 0)
        return OK
    s = string_view(e, digits)
    if not _range_in_bits(s.len, start, end, in_bits, &first, &last):
        reply_int(c.out, -1)
        return OK
    at = bits_find(<const uint8_t*>s.ptr, first, last, bit != 0)
    reply_int(c.out, <int64_t>s.len * 8 if at < 0 and not bit and c.argc < 5 else at)
    return OK


# ---------------------------------------------------------------- BITOP

cdef Status _operation(Ctx* c, BitOp* op) noexcept nogil:
    """argv[1], and whether it takes so many sources."""
    cdef const char* wants_two = NULL
    if arg_is(c, 1, b"AND", 3):
        op[0] = BITS_AND
    elif arg_is(c, 1, b"OR", 2):
        op[0] = BITS_OR
    elif arg_is(c, 1, b"XOR", 3):
        op[0] = BITS_XOR
    elif arg_is(c, 1, b"NOT", 3):
        op[0] = BITS_NOT
        if c.argc != 4:
            return fail_with(c, ERR_CUSTOM, b"ERR BITOP NOT must be called with a single source key.")
    elif arg_is(c, 1, b"DIFF", 4):
        op[0] = BITS_DIFF
        wants_two = b"ERR BITOP DIFF must be called with at least two source keys."
    elif arg_is(c, 1, b"DIFF1", 5):
        op[0] = BITS_DIFF1
        wants_two = b"ERR BITOP DIFF1 must be called with at least two source keys."
    elif arg_is(c, 1, b"ANDOR", 5):
        op[0] = BITS_ANDOR
        wants_two = b"ERR BITOP ANDOR must be called with at least two source keys."
    elif arg_is(c, 1, b"ONE", 3):
        op[0] = BITS_ONE
    else:
        return ERR_SYNTAX
    return fail_with(c, ERR_CUSTOM, wants_two) if wants_two != NULL and c.argc < 5 else OK


cdef Status _sources(Ctx* c, Slice* sources, char* digits, size_t* longest) noexcept nogil:
    """The strings at argv[3] and on, empty where there is no key; `digits` has STRING_DIGITS for each."""
    cdef Entry* e
    cdef int i
    longest[0] = 0
    for i in range(c.argc - 3):
        e = lookup_read(c, keyspace_key(c.ks, c.argv[3 + i]))
        if e != NULL and entry_type(e) != T_STRING:
            return ERR_WRONG_TYPE
        sources[i] = string_view(e, digits + i * STRING_DIGITS) if e != NULL else slice_of(NULL, 0)
        if sources[i].len > longest[0]:
            longest[0] = sources[i].len
    return OK


cdef Status _bitop(Ctx* c, BitOp op, Slice* sources, char* digits) noexcept nogil:
    cdef size_t n
    cdef ByteStr* block
    cdef Entry* e
    cdef Key key
    cdef Status st = _sources(c, sources, digits, &n)
    if st != OK:
        return st
    key = keyspace_key(c.ks, c.argv[2])
    e = lookup_write(c, key)
    if n:
        block = string_room(c.ks, e, n)
        bits_combine(op, <uint8_t*>bytestr_data(block), n, sources, c.argc - 3)
        string_take(c.ks, c.db, key, e, block, n)
        key_changed(c, key.name, EV_STRING, b"set", 1)
    elif e != NULL:
        keyspace_delete(c.ks, c.db, key, e)
        key_changed(c, key.name, EV_GENERIC, b"del", 1)
    reply_int(c.out, <int64_t>n)
    return OK


cdef Status cmd_bitop(Ctx* c) noexcept nogil:
    """BITOP AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE destkey key [key ...] -> length of the result.

    An empty result leaves no key."""
    cdef Slice[FEW_SOURCES] few
    cdef char[FEW_SOURCES * STRING_DIGITS] few_digits
    cdef size_t size = <size_t>(c.argc - 3) * (sizeof(Slice) + STRING_DIGITS)
    cdef void* many
    cdef BitOp op
    cdef Status st = _operation(c, &op)
    if st != OK:
        return st
    if c.argc - 3 <= FEW_SOURCES:
        return _bitop(c, op, few, few_digits)
    many = mem_alloc(c.ks.mem, size)
    st = _bitop(c, op, <Slice*>many, <char*>many + (c.argc - 3) * sizeof(Slice))
    mem_free(c.ks.mem, many, size)
    return st


cdef void bind_bitmaps(Table* t) noexcept nogil:
    table_bind(t, b"BITCOUNT", cmd_bitcount)
    table_bind(t, b"BITOP", cmd_bitop)
    table_bind(t, b"BITPOS", cmd_bitpos)
    table_bind(t, b"GETBIT", cmd_getbit)
    table_bind(t, b"SETBIT", cmd_setbit)
