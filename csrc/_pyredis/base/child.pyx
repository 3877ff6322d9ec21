"""child -- a process that reads the data as it was at this moment, and what it tells the one that forked it.

fork() copies the page tables and nothing else: both processes see the same pages until one of them writes. So the
child has all data as it stood then, however long it reads, and what it costs is the pages that the parent writes
meanwhile (copy-on-write), which is why it measures and reports how many are its own.

    parent                          child
    fork ──────────────────────────>  signals, closes the pipe's end that is not its own
    <── report: keys, copied bytes    about once a second
    <── report: ended, stage, errno   _exit(0 or 1)

Reports have one size, below what a pipe takes in one piece. The child runs C code only and leaves by _exit: no Python,
no atexit, no buffer of stdio that the parent would write again. Its descriptors stay open; the kernel closes them.

SIGUSR1 ends it quietly, with CHILD_KILLED, which is how the parent says that it no longer wants the result. SIGTERM
and SIGINT mean the parent (a terminal sends them to both), which then kills it; the handlers that the parent has are
Python's and must not run here. When a report finds nobody to read it, the parent is gone and the child should go.

It steps aside for its parent. The kernel wakes the server where it finds room, and when that is the child's processor
a request waits until the child's slice is over, which with a tick of 4 ms can be 4 ms. So the child asks for slices of
100 ms, longer than anyone's: from Linux 6.12 on whoever wakes with a shorter one takes the processor at once. And it is
10 nicer than its parent, which says the same to older kernels: its deadline is far, and of a processor that both want
without a pause it gets a tenth instead of half. Measured beside BGSAVE of 1 M collections (two processors, one run),
waits of more than 0.8 ms a save: 12.5 without both, 6.9 with the niceness alone, 4.6 with both, the wait for the fork
among them; SCHED_IDLE is no better, and there the child could starve.

What is measured is Private_Dirty of /proc/self/smaps_rollup, which the kernel finds by walking the page tables: ms a
gigabyte. So it is done rarely, as Redis does: at most 1 % of the time.
"""
from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset, strlen, strstr

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <signal.h>
    #include <sched.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/resource.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>

    static void child_killed(int number) { (void)number; _exit(255); }

    static void child_signals(void) {
        struct sigaction action;
        sigset_t none;
        memset(&action, 0, sizeof action);
        sigemptyset(&action.sa_mask);
        action.sa_handler = child_killed;
        sigaction(SIGUSR1, &action, NULL);
        action.sa_handler = SIG_IGN;
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGPIPE, &action, NULL);
        action.sa_handler = SIG_DFL;
        sigaction(SIGCHLD, &action, NULL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
    }

    #if defined(SYS_sched_getattr) && defined(SYS_sched_setattr)
    struct child_schedule {        /* sched_attr of Linux, which C libraries declare only lately */
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    };

    static void child_long_slices(uint64_t nanoseconds) {
        struct child_schedule s;
        memset(&s, 0, sizeof s);
        if (syscall(SYS_sched_getattr, 0, &s, sizeof s, 0) != 0) return;
        if (s.policy != SCHED_OTHER) return;      /* somebody has decided otherwise */
        s.size = sizeof s;
        s.runtime = nanoseconds;
        syscall(SYS_sched_setattr, 0, &s, 0);
    }
    #else
    static void child_long_slices(uint64_t nanoseconds) { (void)nanoseconds; }
    #endif

    /* Two calls: the first is everywhere and always allowed. What fails is left. */
    static void child_step_aside(int nicer, uint64_t slice_ns) {
        setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + nicer);
        child_long_slices(slice_ns);
    }

    static long long child_now_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    }

    static void child_set_errno(int error) { errno = error; }

    static int child_pipe(int *ends) {
        if (pipe(ends) != 0) return -1;
        fcntl(ends[0], F_SETFD, FD_CLOEXEC);
        fcntl(ends[1], F_SETFD, FD_CLOEXEC);
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        return 0;
    }

    static long long child_read_file(const char *path, char *to, size_t room) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got, used = 0;
        if (fd < 0) return -1;
        while (used < (ssize_t)room && (got = read(fd, to + used, room - used)) > 0) used += got;
        close(fd);
        return used;
    }
    """
    int64_t child_now_us() noexcept nogil
    int child_pipe(int* ends) noexcept nogil
    void child_set_errno(int error) noexcept nogil
    void child_signals() noexcept nogil
    void child_step_aside(int nicer, uint64_t slice_ns) noexcept nogil
    int64_t child_read_file(const char* path, char* to, size_t room) noexcept nogil

cdef extern from "<stdlib.h>" nogil:
    unsigned long long strtoull(const char* p, char** end, int base)

cdef extern from "<unistd.h>" nogil:
    int fork()
    int close(int fd)
    ssize_t c_write "write"(int fd, const void* p, size_t n)
    void _exit(int code)

cdef enum:
    NICER = 10                     # than the parent
    SLICE_NS = 100000000           # the longest that Linux gives
    REPORT_US = 1000000
    DUTY = 100                     # so many times as long as measuring took nothing is measured
    ROLLUP = 4096                  # bytes of smaps_rollup, at most


cdef int child_fork(Child* child, int* pipe) noexcept nogil:
    cdef int[2] ends
    cdef int pid, error
    if child_pipe(ends) != 0:
        return -1
    pid = fork()
    if pid == 0:
        child_signals()
        child_step_aside(NICER, SLICE_NS)
        close(ends[0])
        memset(child, 0, sizeof(Child))
        child.pipe = ends[1]
        child.told_us = child.weighed_us = child_now_us()
        return 0
    error = errno
    close(ends[1])
    if pid < 0:
        close(ends[0])
        child_set_errno(error)
        return -1
    pipe[0] = ends[0]
    return pid


cdef uint64_t child_private_dirty() noexcept nogil:
    cdef char[ROLLUP + 1] text
    cdef const char* name = b"Private_Dirty:"
    cdef const char* found
    cdef int64_t n = child_read_file(b"/proc/self/smaps_rollup", text, ROLLUP)
    if n <= 0:
        return 0
    text[n] = 0
    found = strstr(text, name)
    return <uint64_t>strtoull(found + strlen(name), NULL, 10) << 10 if found != NULL else 0


cdef void _weigh(Child* child, int64_t now) noexcept nogil:
    cdef ChildReport* r = &child.report
    r.cow = child_private_dirty()
    child.weighed_us = child_now_us()
    child.weighing_us = child.weighed_us - now
    if r.cow > r.cow_peak:
        r.cow_peak = r.cow
    r.cow_sum += r.cow
    r.cow_count += 1


cdef void _tell(Child* child) noexcept nogil:
    cdef ssize_t wrote
    while True:
        wrote = c_write(child.pipe, &child.report, sizeof(ChildReport))
        if wrote >= 0 or errno != EINTR:
            break
    child.orphan = wrote < 0


cdef bint child_progress(Child* child, uint64_t keys) noexcept nogil:
    cdef int64_t now = child_now_us()
    child.report.keys += keys
    if now - child.told_us >= REPORT_US:
        if child.report.cow_count == 0 or now - child.weighed_us > child.weighing_us * DUTY:
            _weigh(child, now)
        _tell(child)
        child.told_us = now
    return not child.orphan


cdef void child_end(Child* child, int stage, int error) noexcept nogil:
    if stage == 0:
        _weigh(child, child_now_us())
    child.report.stage = stage
    child.report.error = error
    child.report.ended = 1
    _tell(child)
    _exit(1 if stage else 0)
