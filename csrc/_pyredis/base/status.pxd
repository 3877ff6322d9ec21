# status -- what a data operation or a check returns. The texts are in status.pyx, once.

cdef enum Status:
    OK = 0
    # of the arguments
    ERR_SYNTAX
    ERR_NOT_INTEGER
    ERR_NOT_FLOAT
    ERR_OVERFLOW
    ERR_DECR_OVERFLOW
    ERR_NAN_OR_INFINITY
    ERR_OUT_OF_RANGE
    ERR_NOT_POSITIVE
    ERR_NOT_I32
    ERR_INVALID_EXPIRE              # names the command
    ERR_OFFSET_RANGE
    ERR_STRING_TOO_LONG
    ERR_WRONG_ARITY                 # names the command
    ERR_NUMKEYS
    ERR_INPUT_KEYS                  # names the command
    ERR_INVALID_CURSOR
    ERR_DB_INDEX
    ERR_DB_INDEX_RANGE
    ERR_TIMEOUT_RANGE
    ERR_SAME_OBJECT
    ERR_NX_XX_GT_LT
    ERR_GT_LT
    ERR_UNSUPPORTED_OPTION          # the detail is the option
    # of the data
    ERR_WRONG_TYPE
    ERR_NO_SUCH_KEY
    ERR_BUSY_KEY
    ERR_LCS_BOTH
    ERR_LCS_STRINGS
    ERR_LCS_MEMORY
    ERR_LFU_POLICY
    ERR_LRU_POLICY
    # of the dispatcher
    ERR_UNKNOWN_COMMAND             # the detail is made by dispatch
    ERR_UNKNOWN_SUBCOMMAND
    ERR_NOAUTH
    ERR_OOM
    ERR_CUSTOM                      # the whole text is in the context's detail
    STATUS_COUNT
    # not errors
    BLOCKED = 1000                  # the reply comes later
    HELD                            # the command waits, and will be tried again as it is
    REPLIED_ERROR                   # a control handler has replied an error
    QUEUED                          # it may run, but not before EXEC

cdef const char* status_text(Status s) noexcept nogil   # with its code; "%s" stands for the command's name or detail
