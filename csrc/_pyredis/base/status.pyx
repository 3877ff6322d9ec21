"""status -- the one table of error texts.

Data code returns a Status and dispatch, alone, turns it into a reply. A text starts with the error's
code as clients parse it (`ERR`, `WRONGTYPE`, ...). At most one `%s` stands in a text; dispatch fills it
with the context's detail, or else with the full name of the command. The texts are those a client of
Redis 8.0 sees, since clients and test suites compare them.
"""

cdef const char* status_text(Status s) noexcept nogil:
    """The text of an error, `ERR unknown error` for a value that is none. Static storage."""
    if s == ERR_SYNTAX: return b"ERR syntax error"
    if s == ERR_NOT_INTEGER: return b"ERR value is not an integer or out of range"
    if s == ERR_NOT_FLOAT: return b"ERR value is not a valid float"
    if s == ERR_OVERFLOW: return b"ERR increment or decrement would overflow"
    if s == ERR_DECR_OVERFLOW: return b"ERR decrement would overflow"
    if s == ERR_NAN_OR_INFINITY: return b"ERR increment would produce NaN or Infinity"
    if s == ERR_OUT_OF_RANGE: return b"ERR value is out of range"
    if s == ERR_NOT_POSITIVE: return b"ERR value is out of range, must be positive"
    if s == ERR_NOT_I32: return b"ERR value is out of range, value must between -2147483648 and 2147483647"
    if s == ERR_INVALID_EXPIRE: return b"ERR invalid expire time in '%s' command"
    if s == ERR_OFFSET_RANGE: return b"ERR offset is out of range"
    if s == ERR_STRING_TOO_LONG: return b"ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    if s == ERR_WRONG_ARITY: return b"ERR wrong number of arguments for '%s' command"
    if s == ERR_NUMKEYS: return b"ERR invalid numkeys value or out of range"
    if s == ERR_INPUT_KEYS: return b"ERR at least 1 input key is needed for '%s' command"
    if s == ERR_INVALID_CURSOR: return b"ERR invalid cursor"
    if s == ERR_DB_INDEX: return b"ERR invalid DB index"
    if s == ERR_DB_INDEX_RANGE: return b"ERR DB index is out of range"
    if s == ERR_TIMEOUT_RANGE: return b"ERR timeout is out of range"
    if s == ERR_SAME_OBJECT: return b"ERR source and destination objects are the same"
    if s == ERR_NX_XX_GT_LT: return b"ERR NX and XX, GT or LT options at the same time are not compatible"
    if s == ERR_GT_LT: return b"ERR GT and LT options at the same time are not compatible"
    if s == ERR_UNSUPPORTED_OPTION: return b"ERR Unsupported option %s"
    if s == ERR_WRONG_TYPE: return b"WRONGTYPE Operation against a key holding the wrong kind of value"
    if s == ERR_NO_SUCH_KEY: return b"ERR no such key"
    if s == ERR_BUSY_KEY: return b"BUSYKEY Target key name already exists."
    if s == ERR_LCS_BOTH: return b"ERR If you want both the length and indexes, please just use IDX."
    if s == ERR_LCS_STRINGS: return b"ERR The specified keys must contain string values"
    if s == ERR_LCS_MEMORY: return b"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
    if s == ERR_LFU_POLICY:
        return (b"ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
                b"when switching between policies at runtime LRU and LFU data will take some time to adjust.")
    if s == ERR_LRU_POLICY:
        return (b"ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
                b"switching between policies at runtime LRU and LFU data will take some time to adjust.")
    if s == ERR_NOAUTH: return b"NOAUTH Authentication required."
    if s == ERR_OOM: return b"OOM command not allowed when used memory > 'maxmemory'."
    if s == ERR_UNKNOWN_COMMAND or s == ERR_UNKNOWN_SUBCOMMAND or s == ERR_CUSTOM: return b"%s"
    return b"ERR unknown error"
