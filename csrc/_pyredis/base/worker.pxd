# worker -- a thread for what may wait: fsync, closing files. The story is in worker.pyx.
from libc.stdint cimport uint64_t

ctypedef void (*JobFn)(void* arg, int fd, uint64_t value) noexcept nogil

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass

cdef extern from "atomics.h" nogil:
    uint64_t atomic_get(const uint64_t* at) noexcept
    void atomic_set(uint64_t* at, uint64_t value) noexcept

cdef struct Job:
    JobFn run
    void* arg
    int fd
    uint64_t value

cdef struct Worker:
    const char* name
    pthread_t thread
    pthread_mutex_t lock
    pthread_cond_t wake            # of the thread: there is a job, or it is to end
    pthread_cond_t rest            # of who waits: everything is done
    Job* ring
    size_t capacity
    size_t first
    size_t count                   # that wait
    uint64_t pending               # that wait or run; read without the lock
    bint running
    bint ending

cdef void worker_init(Worker* w, const char* name) noexcept nogil      # at most 15 bytes; the thread comes with a job
cdef void worker_free(Worker* w) noexcept nogil                        # when all jobs are done
cdef void worker_add(Worker* w, JobFn run, void* arg, int fd, uint64_t value) noexcept nogil
cdef void worker_wait(Worker* w) noexcept nogil                        # until all jobs are done

cdef inline uint64_t worker_pending(const Worker* w) noexcept nogil:
    return atomic_get(&w.pending)
