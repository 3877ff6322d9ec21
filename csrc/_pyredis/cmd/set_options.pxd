# set_options -- the words after SET, GETEX and MSETEX, read once. The story is in set_options.pyx.
from libc.stdint cimport int64_t
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx

cdef enum SetOption:
    SET_NX = 1 << 0
    SET_XX = 1 << 1
    SET_IFEQ = 1 << 2
    SET_GET = 1 << 3
    SET_KEEPTTL = 1 << 4
    SET_PERSIST = 1 << 5
    SET_EX = 1 << 6
    SET_PX = 1 << 7
    SET_EXAT = 1 << 8
    SET_PXAT = 1 << 9
    SET_CONDITION = (1 << 0) | (1 << 1) | (1 << 2)                        # at most one of these
    SET_TIME = (1 << 6) | (1 << 7) | (1 << 8) | (1 << 9)                  # these take a number
    SET_LIFE = (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 9)   # at most one of these

cdef struct SetOptions:
    int given                      # SetOption bits
    int time_at                    # argument with the number of EX, PX, EXAT or PXAT
    int match_at                   # argument to compare with, of IFEQ

cdef Status set_options_parse(Ctx* c, int first, int allowed, SetOptions* o) noexcept nogil
cdef Status set_options_expiry(Ctx* c, const SetOptions* o, int64_t* at_ms) noexcept nogil
cdef Status expiry_from(Ctx* c, int i, int unit, int64_t* at_ms) noexcept nogil
