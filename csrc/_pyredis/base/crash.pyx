"""crash -- the report that a dying server writes into its log.

    SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT
      -> signal, address, instruction -> functions of C -> registers -> functions of Python -> what was being done
      -> the default action of the signal, so that there is a core, and the status of the process names the signal

The headings and the two lines of === are those that Redis writes, because people and programs search logs for them.

Whatever runs here may run at any instruction of the server, with any lock taken and any structure half changed. So
nothing allocates, waits for a lock or uses stdio: text is put together in a struct on the handler's own stack
(sigaltstack, since the usual one may be what has run out) and written with write(). The safest comes first. Python's
traceback is faulthandler's, which reads frames without the interpreter's help; it is asked for by a signal
(faulthandler.register, a public function) and writes to a descriptor that is made to be the log for that moment. What
was being done (`describe`) follows pointers of the server and may fault itself: then the handler is entered again by
the same thread, ends the report and the process. A second thread that faults waits to be ended with the first.

The watchdog (crash_watchdog) writes the same stacks while the server goes on: SIGALRM comes unless the server, which
does so at each tick of its clock, has put it off. That is for finding what a server hangs in, not for good: walking a
stack takes a lock of the dynamic loader, which the code that was interrupted may hold.

A signal handler gets no argument of ours, so here are the only pointers of the core that do not come from a context:
the Crash that is watched for, by faults and by the alarm. They change when that is switched on and off only; of several
servers in a process the last one is told of.

A child of fork inherits all this and reports under its own id as C, without `describe`: the parent's clients are not
what it was doing. Under the address sanitizer nothing is handled: it tells more.
"""
from libc.stdint cimport int64_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, strlen

from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64

cdef extern from "fault.h" nogil:
    ctypedef struct siginfo_t:
        pass
    ctypedef void (*fault_handler)(int, siginfo_t*, void*) noexcept nogil
    bint FAULT_HANDLED
    bint FAULT_BACKTRACE
    void fault_install(fault_handler handler, FaultAction* before)
    void fault_restore(const FaultAction* before)
    void fault_end(int number)
    void fault_raise(int number)
    void fault_alarm(fault_handler handler, int ms, FaultAction* before, int* installed)
    int fault_errno()
    void fault_set_errno(int error)
    int fault_stack(void* at, size_t size)
    bint fault_by_kill(const siginfo_t* info)
    int fault_code(const siginfo_t* info)
    int fault_sender(const siginfo_t* info)
    int fault_sender_user(const siginfo_t* info)
    uintptr_t fault_address(const siginfo_t* info)
    uintptr_t fault_instruction(void* context)
    const char* fault_name(int number)
    const char* fault_register(void* context, int i, uint64_t* value)
    int fault_backtrace(void** to, int most)
    void fault_place(void* address, const char** file, char* name, size_t room, uint64_t* offset)
    void fault_warm()
    int SIGABRT

cdef extern from "<unistd.h>" nogil:
    ssize_t c_write "write"(int fd, const void* p, size_t n)
    int close(int fd)
    int dup2(int old, int new)
    int getpid()
    int unlink(const char* path)
    void _exit(int code)
    int pause()

cdef extern from "<fcntl.h>" nogil:
    int open(const char* path, int flags, ...)
    int O_WRONLY
    int O_APPEND
    int O_CREAT
    int O_CLOEXEC

cdef extern from *:
    """
    #include <pthread.h>
    #include <time.h>
    static long long crash_now_ms(void) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    }
    static unsigned long long crash_thread(void) { return (unsigned long long)pthread_self(); }
    /* 0: this thread is the first that reports; else the one that is. */
    static unsigned long long crash_claim(volatile unsigned long long *by, unsigned long long self) {
        return __sync_val_compare_and_swap(by, 0ULL, self);
    }
    """
    int64_t crash_now_ms() noexcept nogil
    unsigned long long crash_thread() noexcept nogil
    unsigned long long crash_claim(unsigned long long* by, unsigned long long self) noexcept nogil

cdef enum:
    STACK = 1 << 17
    FRAMES = 100
    NAME = 256
    REGISTERS_A_LINE = 4
    DAY = 86400

cdef const char* HEX = b"0123456789abcdef"
cdef const char* MONTHS = b"JanFebMarAprMayJunJulAugSepOctNovDec"

cdef Crash* watched = NULL                     # see the story: a handler has no other way to it
cdef Crash* timed = NULL                       # by the alarm
cdef unsigned long long reporting = 0          # the thread that writes the report; 0: none


# ---------------------------------------------------------------- text

cdef void report_flush(Report* r) noexcept nogil:
    cdef size_t done = 0
    cdef ssize_t n
    while done < r.used:
        n = c_write(r.fd, r.text + done, r.used - done)
        if n <= 0:                             # a full disk, a closed pipe: there is nobody to tell
            break
        done += n
    r.used = 0


cdef void _put(Report* r, const char* p, size_t n) noexcept nogil:
    cdef size_t part
    while n:
        if r.used == REPORT_ROOM:
            report_flush(r)
        part = min(n, REPORT_ROOM - r.used)
        memcpy(r.text + r.used, p, part)
        r.used += part
        p += part
        n -= part


cdef void report_text(Report* r, const char* text) noexcept nogil:
    _put(r, text, strlen(text))


cdef void report_bytes(Report* r, const char* p, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        if 32 <= <unsigned char>p[i] < 127:
            _put(r, &p[i], 1)
        else:
            _put(r, b".", 1)


cdef void report_i64(Report* r, int64_t n) noexcept nogil:
    cdef char[NUM_I64_MAX] text
    _put(r, text, num_format_i64(n, text))


cdef void report_field(Report* r, const char* name, int64_t n) noexcept nogil:
    report_text(r, name)
    report_text(r, b":")
    report_i64(r, n)
    report_text(r, b"\n")


cdef void _hex(Report* r, uint64_t n, int width) noexcept nogil:
    cdef char[16] text
    cdef int at = 16
    while n or width > 0:
        at -= 1
        text[at] = HEX[n & 15]
        n >>= 4
        width -= 1
    _put(r, text + at, 16 - at)


cdef void _padded(Report* r, int64_t n, int width) noexcept nogil:
    cdef int64_t limit = 10
    while width > 1:
        if n < limit:
            _put(r, b"0", 1)
        limit *= 10
        width -= 1
    report_i64(r, n)


cdef void _date(Report* r, int64_t day) noexcept nogil:
    """`day` days after 1 January 1970 as dd Mon yyyy. Years are counted from March, so that a leap day is the last:
    of 400 years, which have 146,097 days, the year is found first, then the month by their mean of 30.6 days."""
    cdef int64_t since = day + 719468            # since 1 March of the year 0
    cdef int64_t era = since // 146097, of_era = since % 146097
    cdef int64_t year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    cdef int64_t of_year = of_era - (365 * year + year // 4 - year // 100)
    cdef int64_t month = (5 * of_year + 2) // 153
    _padded(r, of_year - (153 * month + 2) // 5 + 1, 2)
    month = month + 2 if month < 10 else month - 10            # January is 0
    _put(r, b" ", 1)
    _put(r, MONTHS + 3 * month, 3)
    _put(r, b" ", 1)
    report_i64(r, year + era * 400 + (month < 2))


cdef void _line(Report* r, const Crash* c) noexcept nogil:
    """The beginning of a line of the log."""
    cdef int64_t ms = crash_now_ms() + <int64_t>c.utc_offset * 1000
    cdef int64_t second = ms // 1000 % DAY
    report_i64(r, getpid())
    report_text(r, b":M " if getpid() == c.pid else b":C ")
    _date(r, ms // 1000 // DAY)
    _put(r, b" ", 1)
    _padded(r, second // 3600, 2)
    _put(r, b":", 1)
    _padded(r, second // 60 % 60, 2)
    _put(r, b":", 1)
    _padded(r, second % 60, 2)
    _put(r, b".", 1)
    _padded(r, ms % 1000, 3)
    report_text(r, b" # ")


# ---------------------------------------------------------------- sections

cdef void _heading(Report* r, const char* what) noexcept nogil:
    report_text(r, b"\n------ ")
    report_text(r, what)
    report_text(r, b" ------\n")


cdef void _cause(Report* r, const Crash* c, int number, const siginfo_t* info, void* context) noexcept nogil:
    _line(r, c)
    report_text(r, c.version)
    report_text(r, b" crashed by signal: ")
    report_i64(r, number)
    report_text(r, b" (")
    report_text(r, fault_name(number))
    report_text(r, b"), si_code: ")
    report_i64(r, fault_code(info))
    report_text(r, b"\n")
    _line(r, c)
    if fault_by_kill(info):
        report_text(r, b"Killed by PID: ")
        report_i64(r, fault_sender(info))
        report_text(r, b", UID: ")
        report_i64(r, fault_sender_user(info))
    else:
        report_text(r, b"Accessing address: 0x")
        _hex(r, fault_address(info), 1)
    if fault_instruction(context):
        report_text(r, b"\n")
        _line(r, c)
        report_text(r, b"Crashed running the instruction at: 0x")
        _hex(r, fault_instruction(context), 1)
    report_text(r, b"\n")


cdef void _frame(Report* r, void* address) noexcept nogil:
    """file(function+0x12) [0x7f...]"""
    cdef const char* file
    cdef char[NAME] name
    cdef uint64_t offset
    fault_place(address, &file, name, NAME, &offset)
    if file != NULL:
        report_text(r, file)
        report_text(r, b"(")
        report_text(r, name)
        report_text(r, b"+0x")
        _hex(r, offset, 1)
        report_text(r, b") ")
    report_text(r, b"[0x")
    _hex(r, <uintptr_t>address, 1)
    report_text(r, b"]\n")
    report_flush(r)


cdef void _stack(Report* r, void* context) noexcept nogil:
    cdef void* frames[FRAMES]
    cdef int i, n = fault_backtrace(frames, FRAMES)
    _heading(r, b"STACK TRACE")
    if fault_instruction(context):
        report_text(r, b"EIP:\n")
        _frame(r, <void*>fault_instruction(context))
        report_text(r, b"\n")
    if not FAULT_BACKTRACE:
        report_text(r, b"this C library walks no stack\n")
    for i in range(n):
        _frame(r, frames[i])
    report_text(r, b"\n------ STACK TRACE DONE ------\n")


cdef void _registers(Report* r, void* context) noexcept nogil:
    cdef uint64_t value = 0
    cdef int i = 0
    cdef const char* name = fault_register(context, 0, &value)
    if name == NULL:
        return
    _heading(r, b"REGISTERS")
    while name != NULL:
        report_text(r, name)
        report_text(r, b":")
        _hex(r, value, 16)
        i += 1
        report_text(r, b" " if i % REGISTERS_A_LINE else b"\n")
        name = fault_register(context, i, &value)
    report_text(r, b"\n")


cdef void _python(Report* r, const Crash* c) noexcept nogil:
    if not c.traceback_signal:
        return
    _heading(r, b"PYTHON TRACEBACK")
    report_flush(r)
    if dup2(r.fd, c.traceback_fd) >= 0:
        fault_raise(c.traceback_signal)


cdef void _begin(Report* r, const Crash* c) noexcept nogil:
    r.fd = 1
    r.used = 0
    if c.logfile[0]:
        r.fd = open(c.logfile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        if r.fd < 0:
            r.fd = 2


cdef void _end(Report* r, const char* text) noexcept nogil:
    report_text(r, text)
    report_text(r, b"\n=== REDIS BUG REPORT END. It belongs into an issue, from its START to here. ===\n\n")
    report_flush(r)


cdef void _on_fault(int number, siginfo_t* info, void* context) noexcept nogil:
    cdef Crash* c = watched
    cdef Report r
    cdef unsigned long long other = crash_claim(&reporting, crash_thread())
    if c == NULL:
        fault_end(number)
    if other and other != crash_thread():
        while True:
            pause()
    _begin(&r, c)
    if other:
        _end(&r, b"\nTelling this has failed, too: the rest is missing.\n")
        fault_end(number)
    report_text(&r, b"\n\n=== REDIS BUG REPORT START: what stands from here to its END is one report ===\n")
    _cause(&r, c, number, info, context)
    _stack(&r, context)
    _registers(&r, context)
    _python(&r, c)
    report_flush(&r)
    if c.describe != NULL and c.pid == getpid():
        c.describe(c.who, &r)
    _end(&r, b"")
    if c.pid == getpid() and c.pidfile[0]:
        unlink(c.pidfile)
    if number == SIGABRT and c.exit_on_abort and fault_by_kill(info) and fault_sender(info) == getpid():
        _exit(1)
    fault_end(number)


cdef void _on_alarm(int number, siginfo_t* info, void* context) noexcept nogil:
    cdef Crash* c = timed
    cdef Report r
    cdef int error = fault_errno()
    if c != NULL and reporting == 0:
        _begin(&r, c)
        report_text(&r, b"\n")
        _line(&r, c)
        report_text(&r, b"--- WATCHDOG TIMER EXPIRED ---\n")
        _stack(&r, context)
        _python(&r, c)
        report_text(&r, b"--------\n")
        report_flush(&r)
        if r.fd > 2:
            close(r.fd)
    fault_set_errno(error)


# ---------------------------------------------------------------- on and off

cdef bint crash_watch(Crash* c) noexcept nogil:
    global watched
    if not FAULT_HANDLED:
        return False
    fault_warm()
    if watched == NULL:
        fault_install(_on_fault, c.before)
    elif watched != c:
        memcpy(c.before, watched.before, sizeof(c.before))
    if c.stack == NULL:
        c.stack = calloc(1, STACK)
        if c.stack == NULL or fault_stack(c.stack, STACK) != 0:        # then it has the stack there is
            free(c.stack)
            c.stack = NULL
    watched = c
    return True


cdef void crash_forget(Crash* c) noexcept nogil:
    """What is allocated stays: the thread may still stand on that stack's record."""
    global watched
    if watched == c and c != NULL:
        watched = NULL
        fault_restore(c.before)


cdef void crash_watchdog(Crash* c, int ms) noexcept nogil:
    global timed
    if ms:
        if timed != c:
            fault_warm()
            timed = c
        fault_alarm(_on_alarm, ms, &c.before_alarm, &c.has_alarm)
    elif timed == c and c != NULL:
        fault_alarm(_on_alarm, 0, &c.before_alarm, &c.has_alarm)
        timed = NULL
