"""payload_testing -- RESTORE with payloads that are spoilt, as fast as can be: for tests only.

A payload of the corpus is a type byte, a value and a version; it is spoilt here, its sum made right, and sent as a
request to a server in memory. What is taken is checked whole, copied, read and written by the commands of its type,
and deleted. Python is asked for nothing in between.
"""
from libc.stdint cimport uint8_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset

from cython cimport no_gc_clear

from _pyredis.base.clock cimport clock_ticks, clock_ticks_to_us
from _pyredis.base.hash cimport bytes_store64, hash_crc64
from _pyredis.base.rand cimport Rand, rand_below, rand_seed, rand_u64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.ctx cimport CONN_FAKE, CONN_STUCK, Conn, Server
from _pyredis.conn cimport Batch, conn_feed, conn_free, conn_new, conns_run
from _pyredis.core cimport Core
from _pyredis.db.keyspace cimport keyspace_check, keyspace_find, keyspace_key, keyspace_reap
from _pyredis.db.types cimport types_check
from _pyredis.db.value cimport Entry, T_COUNT, entry_type
from _pyredis.wire.reply cimport out_sent, out_views

cdef enum:
    CORPUS_MOST = 1024
    LARGEST = 1 << 17              # bytes of a payload
    HEADER = 64                    # ... before it, in a request
    REPLY = 64                     # bytes of a reply that are looked at

cdef enum Verdict:
    FINE = 0
    WRONG_REPLY
    WRONG_VALUE                    # what is broken is in `rule`
    WRONG_AFTER_WRITES
    WRONG_KEYSPACE
    SLOW

VERDICTS = ("fine", "a reply is none of RESTORE's", "the value breaks a rule", "the value breaks a rule after writes",
            "the keyspace breaks a rule", "too slow")

cdef struct Fuzz:
    Server* s
    Batch* batch
    Conn* conn
    Rand rand
    Slice[CORPUS_MOST] corpus
    int count
    Slice[T_COUNT] probes          # requests, by type
    uint8_t* request
    size_t n                       # bytes of the payload
    char[REPLY] reply
    size_t reply_n
    int rule
    uint64_t taken
    uint64_t refused
    uint64_t slowest               # ticks


# ---------------------------------------------------------------- spoiling

cdef inline uint64_t _below(Fuzz* f, uint64_t n) noexcept nogil:
    return rand_below(&f.rand, n)


cdef inline uint8_t* _payload(Fuzz* f) noexcept nogil:
    return f.request + HEADER


cdef uint8_t _telling_byte(Fuzz* f) noexcept nogil:
    """A byte that means something in one format or another."""
    cdef const uint8_t* bytes = <const uint8_t*>(b"\x00\x01\x7f\x80\x81\xc0\xc1\xc2\xc3\xe0\xef\xf0\xf1\xf2\xf3\xf4"
                                                 b"\xfd\xfe\xff\x3f\x40\x02\x14\x15")
    return bytes[_below(f, 24)]


cdef void _splice(Fuzz* f, size_t at) noexcept nogil:
    """A piece of another payload, put over or between."""
    cdef Slice other = f.corpus[_below(f, f.count)]
    cdef size_t start = _below(f, other.len), length = 1 + _below(f, min(other.len - start, 64))
    cdef uint8_t* p = _payload(f)
    if _below(f, 2) and f.n + length < LARGEST:
        memmove(p + at + length, p + at, f.n - at)
        f.n += length
    length = min(length, f.n - at)
    memcpy(p + at, other.ptr + start, length)


cdef void _spoil_once(Fuzz* f) noexcept nogil:
    cdef uint8_t* p = _payload(f)
    cdef size_t at = _below(f, min(f.n, 24)) if _below(f, 2) else _below(f, f.n), n
    cdef uint64_t what = _below(f, 16)
    if what < 4:
        p[at] ^= 1 << _below(f, 8)
    elif what < 6:
        p[at] = <uint8_t>rand_u64(&f.rand)
    elif what < 8:
        p[at] = _telling_byte(f)
    elif what < 10:
        p[at] += <uint8_t>(_below(f, 5) - 2)
    elif what == 10 and f.n + 1 < LARGEST:
        memmove(p + at + 1, p + at, f.n - at)
        p[at] = _telling_byte(f)
        f.n += 1
    elif what == 11 and f.n > 4:
        n = 1 + _below(f, min(f.n - at, 8))
        if f.n - n > 3:
            memmove(p + at, p + at + n, f.n - at - n)
            f.n -= n
    elif what == 12:
        n = min(f.n - at, 1 << _below(f, 4))     # a wide number: all ones, zero, or the highest bit
        memset(p + at, 0xff if _below(f, 2) else 0, n)
        if _below(f, 3) == 0:
            p[at + n - 1] = 0x80
    elif what == 13 and f.n > 6:
        f.n -= 1 + _below(f, min(f.n - 4, 32))
    elif what == 14 and _below(f, 4) == 0:
        p[0] = <uint8_t>_below(f, 28)
    else:
        _splice(f, at)


cdef void _spoil(Fuzz* f) noexcept nogil:
    """A payload of the corpus with something wrong: now and then nothing."""
    cdef Slice source = f.corpus[_below(f, f.count)]
    cdef uint64_t times = _below(f, 5)
    cdef uint8_t* p = _payload(f)
    cdef uint8_t[2] version
    f.n = source.len - 2
    memcpy(p, source.ptr, source.len)
    memcpy(version, p + f.n, 2)
    times += _below(f, 2) * _below(f, 8)
    while times:
        _spoil_once(f)
        times -= 1
    if _below(f, 64) == 0:
        version[0] = 80 if version[0] != 80 else 12
    memcpy(p + f.n, version, 2)
    f.n += 2
    bytes_store64(p + f.n, hash_crc64(0, p, f.n))
    f.n += 8


# ---------------------------------------------------------------- asking

cdef void _take_reply(Fuzz* f) noexcept nogil:
    """All pending reply bytes; the first of them stay."""
    cdef Slice view
    f.reply_n = 0
    while f.conn.out.pending:
        out_views(&f.conn.out, &view, 1)
        if f.reply_n == 0:
            f.reply_n = min(view.len, <size_t>REPLY)
            memcpy(f.reply, view.ptr, f.reply_n)
        out_sent(&f.conn.out, view.len)


cdef void _ask(Fuzz* f, const char* p, size_t n) noexcept nogil:
    """Runs requests; f.reply has the beginning of the first reply."""
    conn_feed(f.s, f.conn, p, n)
    conns_run(f.s, f.batch, &f.conn, 1)
    _take_reply(f)


cdef inline bint _reply_is(const Fuzz* f, const char* start, size_t n) noexcept nogil:
    return f.reply_n >= n and memcmp(f.reply, start, n) == 0


cdef Entry* _entry(Fuzz* f) noexcept nogil:
    return keyspace_find(f.conn.db, keyspace_key(f.s.ks, slice_of(b"k", 1)))


cdef Verdict _restore(Fuzz* f) noexcept nogil:
    """Sends the payload under the key `k`; counts how it went."""
    cdef char[HEADER] head
    cdef char* tail = <char*>_payload(f) + f.n
    cdef int n = snprintf(head, HEADER, b"*5\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$%zu\r\n", f.n)
    memcpy(_payload(f) - n, head, n)
    memcpy(tail, b"\r\n$7\r\nREPLACE\r\n", 15)
    _ask(f, <char*>_payload(f) - n, n + f.n + 15)
    if _reply_is(f, b"+OK\r\n", 5):
        f.taken += 1
        return FINE
    f.refused += 1
    if _reply_is(f, b"-ERR Bad data format\r\n", 22) or _reply_is(f, b"-ERR DUMP payload version", 25):
        return FINE
    return WRONG_REPLY


cdef Verdict _use(Fuzz* f) noexcept nogil:
    """Checks what was restored, runs the commands of its type, and removes it."""
    cdef Entry* e = _entry(f)
    if e != NULL:
        f.rule = types_check(f.s.ks, e)
        if f.rule:
            return WRONG_VALUE
        _ask(f, f.probes[<int>entry_type(e)].ptr, f.probes[<int>entry_type(e)].len)
        if f.conn.flags & CONN_STUCK:
            return WRONG_REPLY
        e = _entry(f)
        f.rule = types_check(f.s.ks, e) if e != NULL else 0
        if f.rule:
            return WRONG_AFTER_WRITES
    _ask(f, b"FLUSHALL\r\n", 10)
    while keyspace_reap(f.s.ks, 1 << 20):
        pass
    f.rule = keyspace_check(f.s.ks)
    return WRONG_KEYSPACE if f.rule else FINE


cdef Verdict _try(Fuzz* f, uint64_t patience) noexcept nogil:
    cdef uint64_t began = clock_ticks(), ticks
    cdef Verdict verdict
    verdict = _restore(f)
    if verdict == FINE:
        verdict = _use(f)
    ticks = clock_ticks() - began
    f.slowest = max(f.slowest, ticks)
    return SLOW if verdict == FINE and ticks > patience else verdict


@no_gc_clear
cdef class PayloadFuzzer:
    """`corpus`: type byte, value, version (u16) each; `probes`: requests for each of the types of values, by number.
    `commands` works on the core all the time; nobody else may."""
    cdef readonly Core core
    cdef Fuzz f
    cdef list corpus
    cdef list probes

    def __cinit__(self, Core core, list corpus, list probes):
        cdef int i
        self.core = core
        self.corpus = corpus[:CORPUS_MOST]
        self.probes = probes
        memset(&self.f, 0, sizeof(Fuzz))
        self.f.s = core.s
        self.f.batch = core.rounds.batch
        self.f.conn = conn_new(core.s, -1)
        self.f.conn.flags |= CONN_FAKE
        self.f.request = <uint8_t*>malloc(HEADER + LARGEST + 64)
        for i, body in enumerate(self.corpus):
            self.f.corpus[i] = slice_of(<const char*>body, len(body))
        self.f.count = len(self.corpus)
        for i, requests in enumerate(self.probes):
            self.f.probes[i] = slice_of(<const char*>requests, len(requests))

    def __dealloc__(self):
        conn_free(self.core.s, self.f.conn)
        free(self.f.request)

    def run(self, uint64_t seed, size_t count, size_t skip=0, double seconds=1.0):
        """Tries `count` payloads, after spoiling (only) `skip`; None, or (number, what is wrong, rule, payload)."""
        cdef size_t i
        cdef Verdict verdict = FINE
        cdef uint64_t patience = <uint64_t>(seconds * 1e6 * self.core.s.clock.ticks_per_us)
        rand_seed(&self.f.rand, seed)
        with nogil:
            for i in range(skip + count):
                _spoil(&self.f)
                if i >= skip:
                    verdict = _try(&self.f, patience)
                    if verdict != FINE:
                        break
        return None if verdict == FINE else (i, VERDICTS[<int>verdict], self.f.rule, self.payload)

    def alone(self, bytes payload):
        """Tries one payload as it is: (what is wrong or "fine", rule)."""
        memcpy(_payload(&self.f), <const char*>payload, len(payload))
        self.f.n = len(payload)
        return VERDICTS[<int>_try(&self.f, ~<uint64_t>0)], self.f.rule

    @property
    def payload(self):
        """The last one that was tried."""
        return (<char*>_payload(&self.f))[:self.f.n]

    @property
    def stats(self):
        return {"taken": self.f.taken, "refused": self.f.refused, "memory": self.core.s.mem.used,
                "slowest_us": clock_ticks_to_us(&self.core.s.clock, self.f.slowest)}
