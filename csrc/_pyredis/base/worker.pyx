"""worker -- a thread for what may wait: fsync, and closing files that may be large.

    worker_add -> | job | job | job |  a ring, in order  -> the thread

One thread, one queue, first come first served: so a file is closed after the fsync that was asked for before, and
whoever asks for an fsync knows that what was asked for earlier has been done when this one has. A job is a
function and three plain values; it touches nothing of the keyspace, and what it tells goes through numbers that
one thread writes and another reads (atomics.h).

The thread starts with the first job, with all signals blocked but those of faults: they are the main thread's. A forked child has the
struct but not the thread, and must not use it.

Cost: a lock and a wake-up a job. Ownership: the ring is the worker's; arg and fd are the caller's, who keeps them
until the job has run.
"""
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

cdef extern from "<signal.h>" nogil:
    ctypedef struct sigset_t:
        pass
    int SIG_SETMASK
    int sigfillset(sigset_t* set)

cdef extern from "fault.h" nogil:
    void fault_unblock(sigset_t* set)

cdef extern from "<pthread.h>" nogil:
    int pthread_create(pthread_t* thread, const void* attributes, void* (*run)(void*) noexcept nogil, void* arg)
    int pthread_join(pthread_t thread, void** result)
    int pthread_setname_np(pthread_t thread, const char* name)
    int pthread_sigmask(int how, const sigset_t* set, sigset_t* old)
    int pthread_mutex_init(pthread_mutex_t* m, const void* attributes)
    int pthread_mutex_lock(pthread_mutex_t* m)
    int pthread_mutex_unlock(pthread_mutex_t* m)
    int pthread_mutex_destroy(pthread_mutex_t* m)
    int pthread_cond_init(pthread_cond_t* c, const void* attributes)
    int pthread_cond_wait(pthread_cond_t* c, pthread_mutex_t* m)
    int pthread_cond_signal(pthread_cond_t* c)
    int pthread_cond_broadcast(pthread_cond_t* c)
    int pthread_cond_destroy(pthread_cond_t* c)

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    void fatal_oom(size_t n)

cdef enum:
    FIRST_JOBS = 16


cdef void worker_init(Worker* w, const char* name) noexcept nogil:
    memset(w, 0, sizeof(Worker))
    w.name = name
    pthread_mutex_init(&w.lock, NULL)
    pthread_cond_init(&w.wake, NULL)
    pthread_cond_init(&w.rest, NULL)


cdef void* _run(void* worker) noexcept nogil:
    """The thread."""
    cdef Worker* w = <Worker*>worker
    cdef Job job
    pthread_mutex_lock(&w.lock)
    while True:
        while w.count == 0 and not w.ending:
            pthread_cond_wait(&w.wake, &w.lock)
        if w.count == 0:
            break
        job = w.ring[w.first]
        w.first = (w.first + 1) % w.capacity
        w.count -= 1
        pthread_mutex_unlock(&w.lock)
        job.run(job.arg, job.fd, job.value)
        pthread_mutex_lock(&w.lock)
        atomic_set(&w.pending, w.pending - 1)
        if w.pending == 0:
            pthread_cond_broadcast(&w.rest)
    pthread_mutex_unlock(&w.lock)
    return NULL


cdef void _start(Worker* w) noexcept nogil:
    cdef sigset_t all, before
    sigfillset(&all)
    fault_unblock(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    w.running = pthread_create(&w.thread, NULL, _run, w) == 0
    pthread_sigmask(SIG_SETMASK, &before, NULL)
    if w.running:
        pthread_setname_np(w.thread, w.name)


cdef void _grow(Worker* w) noexcept nogil:
    cdef size_t capacity = w.capacity * 2 if w.capacity else FIRST_JOBS
    w.ring = <Job*>realloc(w.ring, capacity * sizeof(Job))
    if w.ring == NULL:
        fatal_oom(capacity * sizeof(Job))
    if w.first:                                  # what stood before the first comes behind the old end
        memcpy(w.ring + w.capacity, w.ring, w.first * sizeof(Job))
    w.capacity = capacity


cdef void worker_add(Worker* w, JobFn run, void* arg, int fd, uint64_t value) noexcept nogil:
    """The job runs after those that were added before. Where no thread can be had it runs now."""
    cdef Job* job
    if not w.running:
        _start(w)
    if not w.running:
        run(arg, fd, value)
        return
    pthread_mutex_lock(&w.lock)
    if w.count == w.capacity:
        _grow(w)
    job = &w.ring[(w.first + w.count) % w.capacity]
    job.run = run
    job.arg = arg
    job.fd = fd
    job.value = value
    w.count += 1
    atomic_set(&w.pending, w.pending + 1)
    pthread_cond_signal(&w.wake)
    pthread_mutex_unlock(&w.lock)


cdef void worker_wait(Worker* w) noexcept nogil:
    pthread_mutex_lock(&w.lock)
    while w.pending:
        pthread_cond_wait(&w.rest, &w.lock)
    pthread_mutex_unlock(&w.lock)


cdef void worker_free(Worker* w) noexcept nogil:
    if w.running:
        pthread_mutex_lock(&w.lock)
        w.ending = True
        pthread_cond_signal(&w.wake)
        pthread_mutex_unlock(&w.lock)
        pthread_join(w.thread, NULL)
    free(w.ring)
    pthread_cond_destroy(&w.wake)
    pthread_cond_destroy(&w.rest)
    pthread_mutex_destroy(&w.lock)
