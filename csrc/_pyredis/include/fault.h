/* fault.h -- what a handler of fatal signals needs of the system: installing, the processor's state, names of
 * functions. Everything that runs in the handler calls only what is safe there: open, fstat, mmap, close, write, and
 * dladdr and backtrace, which are so in fact once they have run before (fault_warm). */
#ifndef PYREDIS_FAULT_H
#define PYREDIS_FAULT_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#if defined(__linux__)
#include <elf.h>
#include <sys/ucontext.h>
#endif
#if defined(__GLIBC__) || defined(__APPLE__)
#include <execinfo.h>
#define FAULT_BACKTRACE 1
#else
#define FAULT_BACKTRACE 0
#endif

#ifdef __SANITIZE_ADDRESS__
#define FAULT_HANDLED 0 /* the sanitizer tells more, and wants the signals for itself */
#else
#define FAULT_HANDLED 1
#endif

#define FAULT_SIGNALS 5
static const int fault_signals[FAULT_SIGNALS] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

typedef struct sigaction FaultAction;
typedef void (*fault_handler)(int, siginfo_t *, void *);

static inline void fault_install(fault_handler handler, FaultAction *before) {
    FaultAction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_sigaction = handler;
    /* NODEFER: a second fault, in the handler, must come to the handler, or the kernel ends us without a word. */
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (int i = 0; i < FAULT_SIGNALS; i++) sigaction(fault_signals[i], &action, &before[i]);
}

static inline void fault_restore(const FaultAction *before) {
    for (int i = 0; i < FAULT_SIGNALS; i++) sigaction(fault_signals[i], &before[i], NULL);
}

/* SIGALRM runs `handler` once in so many milliseconds; 0: never, and the signal does what it did. */
static inline void fault_alarm(fault_handler handler, int ms, FaultAction *before, int *installed) {
    struct itimerval timer;
    FaultAction action;
    memset(&timer, 0, sizeof timer);
    timer.it_value.tv_sec = ms / 1000;
    timer.it_value.tv_usec = ms % 1000 * 1000;
    if (ms && !*installed) {
        memset(&action, 0, sizeof action);
        sigemptyset(&action.sa_mask);
        action.sa_sigaction = handler;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
        sigaction(SIGALRM, &action, before);
        *installed = 1;
    }
    setitimer(ITIMER_REAL, &timer, NULL);
    if (!ms && *installed) {
        sigaction(SIGALRM, before, NULL);
        *installed = 0;
    }
}

static inline int fault_errno(void) { return errno; }
static inline void fault_set_errno(int error) { errno = error; }

/* Takes out of a set of blocked signals what a thread's own faults raise: blocked, they end the process unheard. */
static inline void fault_unblock(sigset_t *set) {
    for (int i = 0; i < FAULT_SIGNALS; i++) sigdelset(set, fault_signals[i]);
}

/* Raises a signal here and now, even if this thread has it blocked. */
static inline void fault_raise(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

/* Ends the process as the signal does where nobody handles it: a core, and a status that names it. */
static inline void fault_end(int number) {
    FaultAction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, NULL);
    fault_raise(number);
    _exit(128 + number);
}

/* A stack of its own for the handler on this thread: what overflows the usual one can be told, too. */
static inline int fault_stack(void *at, size_t size) {
    stack_t stack;
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = at;
    stack.ss_size = size;
    return sigaltstack(&stack, NULL);
}

static inline int fault_by_kill(const siginfo_t *info) { return info->si_code <= 0; }
static inline int fault_code(const siginfo_t *info) { return info->si_code; }
static inline int fault_sender(const siginfo_t *info) { return (int)info->si_pid; }
static inline int fault_sender_user(const siginfo_t *info) { return (int)info->si_uid; }
static inline uintptr_t fault_address(const siginfo_t *info) { return (uintptr_t)info->si_addr; }

static inline const char *fault_name(int number) {
    switch (number) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGABRT: return "SIGABRT";
    }
    return "?";
}

/* Where the processor was; 0: unknown. */
static inline uintptr_t fault_instruction(void *context) {
#if defined(__linux__) && defined(__x86_64__)
    return (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__linux__) && defined(__aarch64__)
    return (uintptr_t)((ucontext_t *)context)->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

/* The i-th register and its name; NULL: there is none, or this processor's are not known. */
static inline const char *fault_register(void *context, int i, uint64_t *value) {
#if defined(__linux__) && defined(__x86_64__)
    static const char names[17][4] = {"R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "RDI",
                                      "RSI", "RBP", "RBX", "RDX", "RAX", "RCX", "RSP", "RIP"};
    if (i >= 17) return NULL;
    *value = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[i];
    return names[i];
#elif defined(__linux__) && defined(__aarch64__)
    static const char names[33][4] = {
        "X0", "X1", "X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9", "X10", "X11", "X12", "X13", "X14", "X15", "X16",
        "X17", "X18", "X19", "X20", "X21", "X22", "X23", "X24", "X25", "X26", "X27", "X28", "X29", "X30", "SP", "PC"};
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    if (i >= 33) return NULL;
    *value = i < 31 ? m->regs[i] : i == 31 ? m->sp : m->pc;
    return names[i];
#else
    (void)context; (void)i; (void)value;
    return NULL;
#endif
}

/* Return addresses of this thread, innermost first; through the signal's frame into what it interrupted. */
static inline int fault_backtrace(void **to, int most) {
#if FAULT_BACKTRACE
    return backtrace(to, most);
#else
    (void)to; (void)most;
    return 0;
#endif
}

#if defined(__linux__) && defined(__LP64__)
/* The function at `offset` of an ELF file, from the table of all symbols: those of Cython are static, so the dynamic
 * table, which is all that dladdr sees, lacks them. Its start goes to *start. Copied: the file is unmapped again. */
static inline int fault_static_name(const char *path, uint64_t offset, char *to, size_t room, uint64_t *start) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC), found = 0;
    if (fd < 0) return 0;
    if (fstat(fd, &status) != 0 || status.st_size < (off_t)sizeof(Elf64_Ehdr)) { close(fd); return 0; }
    uint64_t size = (uint64_t)status.st_size;
    const unsigned char *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (file == MAP_FAILED) return 0;
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)file;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(file + head->e_shoff);
    if (memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && head->e_ident[EI_CLASS] == ELFCLASS64 && head->e_shoff < size
        && (size - head->e_shoff) / sizeof(Elf64_Shdr) >= head->e_shnum) {
        for (int i = 0; i < head->e_shnum && !found; i++) {
            const Elf64_Shdr *s = &sections[i];
            if (s->sh_type != SHT_SYMTAB || s->sh_link >= head->e_shnum || s->sh_offset > size
                || s->sh_size > size - s->sh_offset) continue;
            const Elf64_Shdr *names = &sections[s->sh_link];
            if (names->sh_offset > size || names->sh_size > size - names->sh_offset) continue;
            const Elf64_Sym *symbols = (const Elf64_Sym *)(file + s->sh_offset);
            for (uint64_t n = s->sh_size / sizeof(Elf64_Sym); n-- && !found;) {
                if (ELF64_ST_TYPE(symbols[n].st_info) != STT_FUNC || offset < symbols[n].st_value
                    || offset - symbols[n].st_value >= symbols[n].st_size || symbols[n].st_name >= names->sh_size)
                    continue;
                const char *name = (const char *)file + names->sh_offset + symbols[n].st_name;
                size_t length = strnlen(name, names->sh_size - symbols[n].st_name);
                if (length >= room) length = room - 1;
                memcpy(to, name, length);
                to[length] = 0;
                *start = symbols[n].st_value;
                found = 1;
            }
        }
    }
    munmap((void *)file, size);
    return found;
}
#else
static inline int fault_static_name(const char *path, uint64_t offset, char *to, size_t room, uint64_t *start) {
    (void)path; (void)offset; (void)to; (void)room; (void)start;
    return 0;
}
#endif

/* Which file and function an address is in, and how far: `file` is NULL and `name` empty where that is unknown. */
static inline void fault_place(void *address, const char **file, char *name, size_t room, uint64_t *offset) {
    Dl_info info;
    uint64_t start;
    *file = NULL;
    name[0] = 0;
    *offset = 0;
    if (!dladdr(address, &info) || info.dli_fname == NULL) return;
    *file = info.dli_fname;
    *offset = (uint64_t)((uintptr_t)address - (uintptr_t)info.dli_fbase);
    if (info.dli_sname != NULL) {
        strncpy(name, info.dli_sname, room - 1);
        name[room - 1] = 0;
        *offset = (uint64_t)((uintptr_t)address - (uintptr_t)info.dli_saddr);
    } else if (fault_static_name(info.dli_fname, *offset, name, room, &start)) {
        *offset -= start;
    }
}

/* Loads what backtrace and dladdr load at their first call, which allocates: before, and not in, a handler. */
static inline void fault_warm(void) {
    void *frames[4];
    Dl_info info;
    fault_backtrace(frames, 4);
    dladdr((void *)frames, &info);
}

/* A fault on purpose: a write to a page that may only be read. */
static inline void fault_now(void) {
    long page = sysconf(_SC_PAGESIZE);
    volatile char *p = mmap(NULL, (size_t)page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED) *p = 1;
    abort();
}
#endif
