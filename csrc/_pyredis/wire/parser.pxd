# parser -- requests out of bytes, resumable at every byte. The story is in parser.pyx.
from libc.stdint cimport int64_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice

cdef enum ParseResult:
    PARSE_MORE = 0                 # the bytes end within a request
    PARSE_COMMAND                  # a request; its arguments are the last `argc` of the vector
    PARSE_EMPTY                    # an empty line or array: consumed, nothing to do
    PARSE_ERROR                    # not RESP: parser_error tells why; the connection must end

cdef struct Args:                  # a growing vector of arguments
    Slice* at
    size_t count
    size_t capacity

cdef struct ParseLimits:
    int64_t bulk                   # longest argument (proto-max-bulk-len)
    int64_t line                   # longest inline request or header line: 64 KiB
    bint unauthenticated           # at most 10 arguments of 16 KiB

cdef struct Parser:
    size_t start                   # where the request under way starts in the buffer
    size_t at                      # where reading goes on
    int64_t args_left              # arguments still to come; 0 between requests
    int64_t bulk                   # length of the argument under way; -1: its header comes next
    int argc                       # arguments of the request that was completed
    Args saved                     # of a request that came in pieces: offsets from `start`
    char* line                     # an inline request's decoded words; the caller frees them
    size_t line_size
    const char* error
    char got                       # the byte that is not the one expected

cdef void parser_init(Parser* p) noexcept nogil
cdef void parser_free(Parser* p, Arena* mem) noexcept nogil
cdef ParseResult parser_next(Parser* p, Arena* mem, const char* buffer, size_t n, const ParseLimits* limits,
                             Args* out) noexcept nogil
cdef size_t parser_wants(const Parser* p) noexcept nogil           # bytes from `start` to the end of the argument
cdef int  parser_error(const Parser* p, char* text, size_t room) noexcept nogil

cdef Slice* args_add(Args* v, Arena* mem) noexcept nogil
cdef void   args_free(Args* v, Arena* mem) noexcept nogil
