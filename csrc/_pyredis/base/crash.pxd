# crash -- the report that a dying server writes into its log, and the watchdog's. The story is in crash.pyx.
from libc.stdint cimport int64_t, uint64_t

cdef extern from "fault.h" nogil:
    ctypedef struct FaultAction:
        pass
    enum:
        FAULT_SIGNALS

cdef enum:
    CRASH_PATH = 4096
    CRASH_VERSION = 256
    REPORT_ROOM = 2048

cdef struct Report:                # text on its way into the log; no allocation, no stdio
    int fd
    size_t used
    char text[REPORT_ROOM]

cdef struct Crash:                 # what is to be known when it happens
    int pid                        # whose state `describe` tells: a child of fork has another
    int utc_offset                 # seconds: the time of day is local, and asking for it there is not safe
    int traceback_fd               # Python writes its traceback to this descriptor ...
    int traceback_signal           # ... when it gets this signal; 0: it does not
    bint exit_on_abort             # use-exit-on-panic: what aborts itself ends with status 1
    bint hide                      # hide-user-data-from-log
    char version[CRASH_VERSION]    # how the server calls itself
    char logfile[CRASH_PATH]       # empty: the standard output
    char pidfile[CRASH_PATH]       # removed at the end; empty: none
    void (*describe)(void* who, Report* r) noexcept nogil      # what was being done; NULL: nobody knows
    void* who
    FaultAction before[FAULT_SIGNALS]
    FaultAction before_alarm
    int has_alarm                  # SIGALRM is the watchdog's
    void* stack

# From now on a fault writes a report after *c, which must live until crash_forget. False: this build handles none.
cdef bint crash_watch(Crash* c) noexcept nogil
cdef void crash_forget(Crash* c) noexcept nogil
# The watchdog: unless this is called again within so many milliseconds, the log is told where the server is. 0: off.
cdef void crash_watchdog(Crash* c, int ms) noexcept nogil

# For `describe`: appends, and writes when the room is full.
cdef void report_text(Report* r, const char* text) noexcept nogil
cdef void report_bytes(Report* r, const char* p, size_t n) noexcept nogil       # what is not printable as dots
cdef void report_i64(Report* r, int64_t n) noexcept nogil
cdef void report_field(Report* r, const char* name, int64_t n) noexcept nogil   # name:n and a newline
cdef void report_flush(Report* r) noexcept nogil
