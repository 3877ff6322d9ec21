"""testing_bits -- ds/bits and ds/hll as Python functions and a class, for tests and bench only."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.bits cimport (
    BITS_AND, BITS_ANDOR, BITS_DIFF, BITS_DIFF1, BITS_NOT, BITS_ONE, BITS_OR, BITS_XOR, bits_combine, bits_count,
    bits_find, bits_get, bits_set,
)
from _pyredis.ds.hll cimport (
    HLL_DENSE, HLL_EMPTY, HLL_REGISTERS, HLL_SPARSE_MOST, HllCursor, HllElement, hll_count, hll_count_registers,
    hll_dense_get, hll_dense_raise, hll_element, hll_is, hll_is_dense, hll_make_empty, hll_merge, hll_pack,
    hll_self_test, hll_sparse_raise, hll_to_dense, hll_validate,
)

# ---------------------------------------------------------------- bits

cdef extern from "bits.h" nogil:
    uint64_t bits_count_words(const uint8_t* p, size_t n) noexcept
    void bits_and_any(uint8_t* a, const uint8_t* b, size_t n) noexcept
    void bits_or_any(uint8_t* a, const uint8_t* b, size_t n) noexcept
    void bits_xor_any(uint8_t* a, const uint8_t* b, size_t n) noexcept
    void bits_without_any(uint8_t* a, const uint8_t* b, size_t n) noexcept

BIT_OPS = {"AND": BITS_AND, "OR": BITS_OR, "XOR": BITS_XOR, "NOT": BITS_NOT, "DIFF": BITS_DIFF,
           "DIFF1": BITS_DIFF1, "ANDOR": BITS_ANDOR, "ONE": BITS_ONE}


def count_bits(const uint8_t[::1] s, uint64_t first, uint64_t last):
    return bits_count(&s[0], first, last)


def count_bits_portably(const uint8_t[::1] s):
    return bits_count_words(&s[0] if len(s) else NULL, len(s))


def find_bit(const uint8_t[::1] s, uint64_t first, uint64_t last, bint bit):
    return bits_find(&s[0], first, last, bit)


def get_field(const uint8_t[::1] s, uint64_t at, int width):
    return bits_get(&s[0] if len(s) else NULL, len(s), at, width)


def set_field(bytes s, uint64_t at, int width, uint64_t v):
    """The string with another field; it must lie within."""
    cdef bytearray out = bytearray(s)
    cdef uint8_t[::1] view = out
    assert at + width <= 8 * <uint64_t>len(s)
    bits_set(&view[0], at, width, v)
    return bytes(out)


def combine_bits(str op, list sources, int into=-1):
    """BITOP over bytes; with `into` the result is written over that source, which must be the longest."""
    cdef Slice[64] slices
    cdef int i
    cdef size_t n = max(map(len, sources))
    cdef list held = [bytearray(s) for s in sources]
    cdef bytearray result = held[into] if into >= 0 else bytearray(n)
    cdef uint8_t[::1] view
    assert <size_t>len(result) == n
    for i in range(len(held)):
        view = held[i]
        slices[i] = slice_of(<char*>&view[0] if len(held[i]) else NULL, len(held[i]))
    view = result
    bits_combine(BIT_OPS[op], &view[0], n, slices, len(held))
    return bytes(result)


def fold_portably(str op, bytes a, const uint8_t[::1] b):
    """a OP b, of one length, without the wide instructions; DIFF is a and not b."""
    cdef bytearray out = bytearray(a)
    cdef uint8_t[::1] view = out
    if op == "AND":
        bits_and_any(&view[0], &b[0], len(a))
    elif op == "OR":
        bits_or_any(&view[0], &b[0], len(a))
    elif op == "XOR":
        bits_xor_any(&view[0], &b[0], len(a))
    else:
        bits_without_any(&view[0], &b[0], len(a))
    return bytes(out)


# ---------------------------------------------------------------- hll

def element_of(bytes s):
    """(register, number) of an element."""
    cdef HllElement e = hll_element(slice_of(s, len(s)))
    return e.index, e.count


cdef class BareSketch:
    """A HyperLogLog from the bytes of one, or an empty one."""
    cdef uint8_t[HLL_SPARSE_MOST] bytes
    cdef size_t n
    cdef HllCursor at

    def __init__(self, bytes image=None):
        self.at.offset = self.at.first = 0
        hll_make_empty(self.bytes)
        self.n = HLL_EMPTY
        if image is not None:
            assert len(image) <= HLL_SPARSE_MOST
            memcpy(self.bytes, <const char*>image, len(image))
            self.n = len(image)

    cdef Slice _view(self):
        return slice_of(<char*>self.bytes, self.n)

    @property
    def image(self):
        return self.bytes[:self.n]

    def is_one(self):
        return hll_is(self._view())

    def is_sound(self):
        return hll_validate(self._view())

    def is_dense(self):
        return hll_is_dense(self.bytes)

    def raise_to(self, uint32_t index, uint8_t count, size_t limit=3000, bint ascending=False):
        """"same", "raised", "full" or "corrupt"; `ascending`: no lower register was raised so before."""
        cdef HllElement e
        e.index, e.count = index, count
        if hll_is_dense(self.bytes):
            return "raised" if hll_dense_raise(self.bytes, e) else "same"
        return ["same", "raised", "full", "corrupt"][<int>hll_sparse_raise(
            self.bytes, &self.n, limit, e, &self.at if ascending else NULL)]

    def add(self, bytes s, size_t limit=3000):
        """As PFADD does: a sparse sketch that is full becomes dense."""
        index, count = element_of(s)
        done = self.raise_to(index, count, limit)
        if done == "full":
            if not self.make_dense():
                return "corrupt"
            done = self.raise_to(index, count)
        return done

    def make_dense(self):
        cdef uint8_t[HLL_DENSE] dense
        if not hll_to_dense(dense, self._view()):
            return False
        memcpy(self.bytes, dense, HLL_DENSE)
        self.n = HLL_DENSE
        return True

    def registers(self):
        """All registers, or None if the sketch is corrupt."""
        cdef uint8_t[HLL_REGISTERS] found
        memset(found, 0, HLL_REGISTERS)
        return found[:HLL_REGISTERS] if hll_merge(found, self._view()) else None

    def pack(self, bytes registers):
        """Sets all registers of a dense sketch."""
        assert hll_is_dense(self.bytes) and len(registers) == HLL_REGISTERS
        hll_pack(self.bytes, <const uint8_t*><const char*>registers)

    def get(self, uint32_t index):
        assert hll_is_dense(self.bytes)
        return hll_dense_get(self.bytes, index)

    def count(self):
        """The estimate, or None if the sketch is corrupt."""
        cdef uint64_t found
        return found if hll_count(self._view(), &found) else None


def count_registers(bytes registers):
    assert len(registers) == HLL_REGISTERS
    return hll_count_registers(<const uint8_t*><const char*>registers)


def sketches_test_themselves():
    return bool(hll_self_test())
