"""testing -- the functions of base/ as Python functions, for tests and bench only: bytes in, values out."""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from _pyredis.base.clock cimport (
    Clock, clock_init, clock_mono_ns, clock_mono_us, clock_refine, clock_set_fake, clock_ticks,
    clock_ticks_per_us, clock_ticks_to_us, clock_unix_ms, clock_unix_us,
)

from _pyredis.base.glob cimport Glob, glob_compile, glob_head, glob_matches
from _pyredis.base.hash cimport (hash_crc16, hash_crc64, hash_crc64_by_table, hash_sha1, hash_sha1_hex,
                                 hash_siphash13)
from _pyredis.base.lzf cimport lzf_compress, lzf_decompress
from _pyredis.base.compact cimport Compact, compact_begin, compact_retire, compact_survey, compact_waste
from _pyredis.base.mem cimport (MEM_PASS_THROUGH, MEM_SLAB, Arena, arena_check, arena_cool, arena_free, arena_new,
                                arena_reinstate, arena_trim, mem_alloc, mem_alloc_lines, mem_footprint, mem_free,
                                mem_free_lines, mem_realloc, mem_settled, mem_settled_lines)
from _pyredis.base.num cimport (
    NUM_DOUBLE_MAX, NUM_I64_MAX, NUM_LONG_DOUBLE_MAX,
    num_digits_u64, num_format_double, num_format_i64, num_format_long_double_human, num_format_u64,
    num_length_i64, num_parse_double, num_parse_i64, num_parse_long_double, num_parse_u64,
)
from _pyredis.base.rand cimport Rand, rand_below, rand_double, rand_fill, rand_seed, rand_u64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.text cimport (
    text_compare_nocase, text_equal_nocase, text_glob, text_lower_into, text_next_word, text_repr,
)


# num: None for text that is refused

def parse_i64(bytes text):
    cdef int64_t v = 0
    return v if num_parse_i64(text, len(text), &v) else None


def parse_u64(bytes text):
    cdef uint64_t v = 0
    return v if num_parse_u64(text, len(text), &v) else None


def parse_double(bytes text):
    cdef double v = 0
    return v if num_parse_double(text, len(text), &v) else None


def format_i64(int64_t v):
    cdef char[NUM_I64_MAX] out
    return out[:num_format_i64(v, out)]


def format_u64(uint64_t v):
    cdef char[NUM_I64_MAX] out
    return out[:num_format_u64(v, out)]


def format_double(double v):
    cdef char[NUM_DOUBLE_MAX] out
    return out[:num_format_double(v, out)]


def add_long_double(bytes a, bytes b, size_t cap=NUM_LONG_DOUBLE_MAX):
    """What INCRBYFLOAT makes of a value and an increment; None if it refuses either or `cap` is too small."""
    cdef char[NUM_LONG_DOUBLE_MAX] out
    cdef long double x = 0, y = 0
    cdef int n
    if not num_parse_long_double(a, len(a), &x) or not num_parse_long_double(b, len(b), &y):
        return None
    n = num_format_long_double_human(x + y, out, min(cap, sizeof(out)))
    return out[:n] if n else None


def digits_u64(uint64_t v):
    return num_digits_u64(v)


def length_i64(int64_t v):
    return num_length_i64(v)


# hash

def siphash13(bytes data, bytes key16):
    """Hashes a copy that ends where its allocation ends, so that a sanitizer sees any load beyond it."""
    cdef uint64_t[2] key
    cdef uint64_t result
    cdef size_t n = len(data)
    cdef char* copy = <char*>malloc(n)
    assert len(key16) == 16
    memcpy(key, <const char*>key16, 16)
    memcpy(copy, <const char*>data, n)
    result = hash_siphash13(copy, n, key)
    free(copy)
    return result


def crc16(bytes data):
    return hash_crc16(<const char*>data, len(data))


def crc64(bytes data, uint64_t crc=0):
    return hash_crc64(crc, <const char*>data, len(data))


def crc64_by_table(bytes data, uint64_t crc=0):
    return hash_crc64_by_table(crc, <const char*>data, len(data))


def sha1(bytes data):
    cdef uint8_t[20] digest
    hash_sha1(<const char*>data, len(data), digest)
    return (<char*>digest)[:20]


def sha1_hex(bytes data):
    cdef char[40] out
    hash_sha1_hex(<const char*>data, len(data), out)
    return out[:40]


# text

def glob(bytes pattern, bytes text, bint nocase=False):
    return text_glob(pattern, len(pattern), text, len(text), nocase)


def compiled_glob(bytes pattern, list names):
    """For each name, whether it matches; the pattern is compiled once."""
    cdef Glob g
    cdef Slice p = slice_of(pattern, len(pattern)), name
    found = []
    glob_compile(&g, p)
    for text in names:
        name = slice_of(<bytes>text, len(<bytes>text))
        found.append(bool(glob_matches(&g, p, glob_head(name), name)))
    return found


def equal_nocase(bytes a, bytes b):
    return text_equal_nocase(a, len(a), b, len(b))


def compare_nocase(bytes a, bytes b):
    return text_compare_nocase(a, len(a), b, len(b))


def lower(bytes text):
    cdef bytearray out = bytearray(len(text))
    text_lower_into(text, len(text), out)
    return bytes(out)


def split_words(bytes line, bint in_place=False):
    """The words of a line; None if its quotes are unbalanced. `in_place` decodes each over its own source."""
    cdef size_t pos = 0, used = 0, n = len(line)
    cdef char* copy = <char*>malloc(2 * n + 2)
    cdef char* out
    cdef int more = 1
    words = []
    try:
        memcpy(copy, <const char*>line, n)
        while True:
            out = copy + pos if in_place else copy + n + 1
            more = text_next_word(copy, n, &pos, out, &used)
            if more != 1:
                return words if more == 0 else None
            words.append(out[:used])
    finally:
        free(copy)


def text_quoted(bytes text):
    cdef bytearray out = bytearray(4 * len(text) + 2)
    cdef size_t n = text_repr(text, len(text), out)
    return bytes(out[:n])


# rand

cdef class Random:
    """A seeded generator."""
    cdef Rand state

    def __init__(self, uint64_t seed):
        rand_seed(&self.state, seed)

    def u64(self):
        return rand_u64(&self.state)

    def below(self, uint64_t n):
        return rand_below(&self.state, n)

    def double(self):
        return rand_double(&self.state)


def system_random(size_t n):
    cdef bytearray out = bytearray(n)
    assert rand_fill(<char*>out, n)
    return bytes(out)


# clock

cdef class TestClock:
    """A Clock with its functions as methods."""
    cdef Clock clock

    def __init__(self):
        clock_init(&self.clock)

    def set_fake(self, int64_t us):
        clock_set_fake(&self.clock, us)

    def refine(self):
        clock_refine(&self.clock)

    def unix_us(self):
        return clock_unix_us(&self.clock)

    def unix_ms(self):
        return clock_unix_ms(&self.clock)

    def mono_us(self):
        return clock_mono_us(&self.clock)

    def mono_ns(self):
        return clock_mono_ns(&self.clock)

    def ticks(self):
        return clock_ticks()

    def ticks_per_us(self):
        return clock_ticks_per_us(&self.clock)

    def ticks_to_us(self, uint64_t ticks):
        return clock_ticks_to_us(&self.clock, ticks)


# bench: each runs a function `count` times without the GIL; the sum it returns keeps the calls alive

def bench_siphash13(bytes data, size_t count):
    cdef const char* p = data
    cdef size_t n = len(data), i
    cdef uint64_t[2] key
    cdef uint64_t total = 0
    key[1] = 1
    with nogil:
        for i in range(count):
            key[0] = i
            total += hash_siphash13(p, n, key)
    return total


def bench_crc64(bytes data, size_t count):
    cdef const char* p = data
    cdef size_t n = len(data), i
    cdef uint64_t crc = 0
    with nogil:
        for i in range(count):
            crc = hash_crc64(crc, p, n)
    return crc


def bench_crc16(bytes data, size_t count):
    cdef const char* p = data
    cdef size_t n = len(data), i
    cdef uint64_t total = 0
    with nogil:
        for i in range(count):
            total += hash_crc16(p, n)
    return total


def bench_sha1(bytes data, size_t count):
    cdef const char* p = data
    cdef size_t n = len(data), i
    cdef uint8_t[20] digest
    cdef uint64_t total = 0
    with nogil:
        for i in range(count):
            hash_sha1(p, n, digest)
            total += digest[0]
    return total


def bench_format_i64(list values, size_t count):
    cdef int64_t[1024] v
    cdef char[NUM_I64_MAX] out
    cdef uint64_t total = 0
    cdef size_t i
    for i in range(1024):
        v[i] = values[i % len(values)]
    with nogil:
        for i in range(count):
            total += num_format_i64(v[i & 1023], out)
    return total


def bench_parse_i64(list texts, size_t count):
    cdef char[1024][NUM_I64_MAX] text
    cdef size_t[1024] length
    cdef uint64_t total = 0
    cdef int64_t v = 0
    cdef size_t i
    for i in range(1024):
        length[i] = len(texts[i % len(texts)])
        memcpy(text[i], <const char*><bytes>texts[i % len(texts)], length[i])
    with nogil:
        for i in range(count):
            num_parse_i64(text[i & 1023], length[i & 1023], &v)
            total += v
    return total


def bench_format_double(list values, size_t count):
    cdef double[1024] v
    cdef char[NUM_DOUBLE_MAX] out
    cdef uint64_t total = 0
    cdef size_t i
    for i in range(1024):
        v[i] = values[i % len(values)]
    with nogil:
        for i in range(count):
            total += num_format_double(v[i & 1023], out)
    return total


def bench_parse_double(list texts, size_t count):
    cdef char[1024][NUM_DOUBLE_MAX] text
    cdef size_t[1024] length
    cdef double total = 0, v = 0
    cdef size_t i
    for i in range(1024):
        length[i] = len(texts[i % len(texts)])
        memcpy(text[i], <const char*><bytes>texts[i % len(texts)], length[i])
    with nogil:
        for i in range(count):
            num_parse_double(text[i & 1023], length[i & 1023], &v)
            total += v
    return total


def bench_glob(bytes pattern, bytes text, size_t count):
    cdef const char* p = pattern
    cdef const char* s = text
    cdef size_t pn = len(pattern), sn = len(text), i
    cdef uint64_t total = 0
    with nogil:
        for i in range(count):
            total += text_glob(p, pn, s, sn, False)
    return total


def bench_rand_below(uint64_t n, size_t count):
    cdef Rand r
    cdef uint64_t total = 0
    cdef size_t i
    rand_seed(&r, 1)
    with nogil:
        for i in range(count):
            total += rand_below(&r, n)
    return total


def bench_ticks(size_t count):
    cdef uint64_t total = 0
    cdef size_t i
    with nogil:
        for i in range(count):
            total += clock_ticks()
    return total


def bench_unix_us(size_t count):
    cdef Clock c
    cdef uint64_t total = 0
    cdef size_t i
    clock_init(&c)
    with nogil:
        for i in range(count):
            total += clock_unix_us(&c)
    return total


# mem

cdef class Memory:
    """An arena; its blocks are numbered and each is filled with a pattern of its own, which free looks at."""
    cdef Arena* mem
    cdef dict blocks                       # number -> (address, size, whether in lines)

    def __cinit__(self):
        self.mem = arena_new()
        self.blocks = {}

    def __dealloc__(self):
        arena_free(self.mem)                # large blocks that a test forgot are lost

    cdef void _fill(self, number, char* p, size_t n):
        memset(p, (number * 37 + 11) & 255, n)

    cdef bint _intact(self, number, const char* p, size_t n):
        cdef size_t i
        cdef unsigned char want = (number * 37 + 11) & 255
        for i in range(n):
            if <unsigned char>p[i] != want:
                return False
        return True

    def alloc(self, int number, size_t n, bint lines=False):
        cdef char* p = <char*>(mem_alloc_lines(self.mem, n) if lines else mem_alloc(self.mem, n))
        self._fill(number, p, n)
        self.blocks[number] = (<size_t>p, n, lines)

    def free(self, int number):
        """Gives the block back; was its pattern intact?"""
        address, n, lines = self.blocks.pop(number)
        cdef char* p = <char*><size_t>address
        cdef bint intact = self._intact(number, p, n)
        if lines:
            mem_free_lines(self.mem, p, n)
        else:
            mem_free(self.mem, p, n)
        return intact

    def realloc(self, int number, size_t n):
        """Resizes the block; was what it keeps of its pattern intact?"""
        address, old, lines = self.blocks[number]
        cdef char* p = <char*>mem_realloc(self.mem, <char*><size_t>address, old, n)
        cdef bint intact = self._intact(number, p, min(<size_t>old, n))
        self._fill(number, p, n)
        self.blocks[number] = (<size_t>p, n, lines)
        return intact

    def address(self, int number):
        return self.blocks[number][0]

    def footprint(self, size_t n):
        return mem_footprint(n)

    def trim(self):
        return arena_trim(self.mem)

    def cool(self, size_t most):
        """Are there more to give back?"""
        return <int>arena_cool(self.mem, most) != 0

    def retire(self):
        """Chooses the slabs to be emptied, a chunk at a time."""
        cdef Compact plan
        compact_begin(&plan)
        while not compact_survey(&plan, self.mem, 1):
            pass
        while not compact_retire(&plan, self.mem, 1):
            pass

    def settle(self, int number):
        """Moves the block out of a slab that is to be emptied; is its pattern intact?"""
        address, n, lines = self.blocks[number]
        cdef char* p = <char*><size_t>address
        p = <char*>(mem_settled_lines(self.mem, p, n) if lines else mem_settled(self.mem, p, n))
        self.blocks[number] = (<size_t>p, n, lines)
        return self._intact(number, p, n)

    def settle_everything(self, bint on):
        self.mem.unsettled = on

    def reinstate(self, size_t most):
        """Are there more?"""
        return <int>arena_reinstate(self.mem, most) != 0

    @property
    def waste(self):
        return compact_waste(self.mem)

    @property
    def pass_through(self):
        return bool(MEM_PASS_THROUGH)

    @property
    def used(self):
        return self.mem.used

    @property
    def large(self):
        return self.mem.large_bytes

    @property
    def slabs(self):
        return self.mem.slab_bytes

    @property
    def resident_spares(self):
        return self.mem.spare_resident * MEM_SLAB

    @property
    def chunks(self):
        return self.mem.chunk_count

    def check(self):
        return arena_check(self.mem)


def bench_mem(size_t n, size_t live, size_t count):
    """`count` times free the oldest of `live` blocks of n bytes and allocate another, from an arena."""
    cdef Arena* mem = arena_new()
    cdef void** ring = <void**>calloc(live, sizeof(void*))
    cdef size_t i
    for i in range(count):
        mem_free(mem, ring[i % live], n)
        ring[i % live] = mem_alloc(mem, n)
    for i in range(live):
        mem_free(mem, ring[i], n)
    free(ring)
    arena_free(mem)


def bench_malloc(size_t n, size_t live, size_t count):
    """The same with the C library's malloc."""
    cdef void** ring = <void**>calloc(live, sizeof(void*))
    cdef size_t i
    for i in range(count):
        free(ring[i % live])
        ring[i % live] = malloc(n)
    for i in range(live):
        free(ring[i])
    free(ring)


# lzf

def lzf_squeeze(bytes data, size_t room):
    """The compressed bytes, at most `room` of them; None if they do not fit."""
    cdef uint8_t* out = <uint8_t*>malloc(room if room else 1)
    cdef size_t n = lzf_compress(<const uint8_t*><char*>data, len(data), out, room)
    cdef object found = <bytes>out[:n] if n else None
    free(out)
    return found


def lzf_expand(bytes data, size_t length):
    """The `length` bytes that these stand for; None if they do not."""
    cdef uint8_t* out = <uint8_t*>malloc(length if length else 1)
    cdef bint whole = lzf_decompress(<const uint8_t*><char*>data, len(data), out, length)
    cdef object found = <bytes>out[:length] if whole else None
    free(out)
    return found
