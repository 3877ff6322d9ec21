# lcs -- the longest subsequence that two strings share. The story is in lcs.pyx.
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx

cdef Status cmd_lcs(Ctx* c) noexcept nogil
