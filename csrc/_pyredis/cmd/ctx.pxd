# ctx -- what a command sees: its arguments, its connection, the keyspace, the server. The story is in ctx.pyx.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from _pyredis.base.clock cimport Clock
from _pyredis.base.disk cimport Disk
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport Status
from _pyredis.base.text cimport text_equal_nocase
from _pyredis.db.effects cimport Effects, effects_key, effects_propagate
from _pyredis.db.keyspace cimport Db, Key, Keyspace, keyspace_key
from _pyredis.db.value cimport Entry, ValueType
from _pyredis.wire.block cimport BlockPool
from _pyredis.wire.parser cimport ParseLimits, Parser
from _pyredis.wire.reply cimport Out

ctypedef Status (*CommandFn)(Ctx* c) noexcept nogil
ctypedef Status (*ControlFn)(Ctx* c) noexcept nogil        # takes the GIL and runs the Python handler

# The bits of spec.Flag, as far as the core asks for them.
cdef enum CommandFlag:
    CMD_WRITE = 1 << 0
    CMD_READONLY = 1 << 1
    CMD_DENYOOM = 1 << 2
    CMD_ADMIN = 1 << 4
    CMD_PUBSUB = 1 << 5
    CMD_NOSCRIPT = 1 << 6
    CMD_BLOCKING = 1 << 7
    CMD_LOADING = 1 << 8
    CMD_STALE = 1 << 9
    CMD_SKIP_MONITOR = 1 << 10
    CMD_SKIP_SLOWLOG = 1 << 11
    CMD_FAST = 1 << 13
    CMD_NO_AUTH = 1 << 14
    CMD_MAY_REPLICATE = 1 << 15
    CMD_NO_MULTI = 1 << 18
    CMD_ALLOW_BUSY = 1 << 19
    CMD_UNQUEUED = 1 << 24
    CMD_RUNS_QUEUE = 1 << 25
    CMD_ARBITRARY_KEYS = 1 << 26

cdef enum KeyAccess:                # what happens to a key: the words of spec.KeySpec.access, in their order
    KEY_RO = 1 << 0
    KEY_RW = 1 << 1
    KEY_OW = 1 << 2
    KEY_RM = 1 << 3
    KEY_ACCESS = 1 << 4
    KEY_UPDATE = 1 << 5
    KEY_INSERT = 1 << 6
    KEY_DELETE = 1 << 7
    KEY_NOT_KEY = 1 << 8
    KEY_INCOMPLETE = 1 << 9
    KEY_VARIABLE_FLAGS = 1 << 10

cdef enum KeyWhere:
    KEYS_AT = 0                     # spec.KeyRange
    KEYS_COUNTED                    # spec.KeyNum
    KEYS_AFTER_WORD                 # spec.KeywordRange
    KEYS_UNKNOWN                    # spec.KeyUnknown

cdef struct KeySpec:                # the fields are those of pyredis/commands/spec.py
    KeyWhere where
    uint32_t access
    int first
    int last
    int step
    int limit
    int start                       # of a count: its index
    char keyword[16]

cdef struct KeyRun:                 # keys at argv[first], argv[first + step], ...
    int first
    int count
    int step
    uint32_t access

# The keys of a command that its specs cannot tell: how many runs, or -1 for arguments that contradict themselves.
ctypedef int (*KeyRule)(const Slice* argv, int argc, KeyRun* runs) noexcept nogil

cdef struct Command:
    const char* name                # "config|get", lower case, NUL-terminated; owned by the table
    size_t name_length
    const char* word                # "get": the part after the bar, or what rename-command made of the name
    size_t word_length
    int arity
    uint64_t flags
    uint64_t categories
    int first_key
    int last_key
    int step
    int index                       # in the table; the Python handlers are numbered alike
    KeySpec* key_specs
    int key_spec_count
    KeyRule key_rule                # instead of the specs; NULL: they are enough
    CommandFn fn                    # NULL: a Python handler does it
    Command* parent
    Command* subs                   # first subcommand; the others follow through `sibling`
    Command* sibling
    uint64_t calls
    uint64_t ticks                  # of all calls together
    uint64_t rejected
    uint64_t failed
    uint32_t* histogram             # of ticks a call; made when the command is first timed

cdef struct Table:
    Arena* mem
    Command** slots                 # open addressing by name; a power of two
    size_t size
    Command** commands              # by index
    int count
    const char* unbound             # a function's name that has no row; NULL if all have

# Checks before a command runs, in this order. A gate is open where no bit is set, and then costs nothing.
cdef enum Gate:
    GATE_AUTH = 1 << 0              # conn: not authenticated yet
    GATE_NO_MULTI = 1 << 1          # conn: in MULTI, where some commands are refused
    GATE_ACL = 1 << 2               # conn: its user may not do everything
    GATE_MEMORY = 1 << 3            # server: maxmemory is set
    GATE_DISK = 1 << 4              # server: the data cannot be saved, so it may not be changed
    GATE_SUBSCRIBED = 1 << 5        # conn: RESP2 with subscriptions, where few commands are allowed
    GATE_LOADING = 1 << 6           # server: the data set is being read
    GATE_BUSY = 1 << 7              # server: a script runs for too long
    GATE_MONITOR = 1 << 8           # conn: a monitor, which may not touch keys
    GATE_PAUSE = 1 << 9             # server: CLIENT PAUSE
    GATE_MULTI = 1 << 10            # conn: in MULTI; what passed all the others is queued

cdef enum ConnFlag:
    CONN_CLOSE_AFTER_REPLY = 1 << 0  # nothing more is executed; ends when the replies are out
    CONN_CLOSE_ASAP = 1 << 1         # ends at once
    CONN_BLOCKED = 1 << 2            # waits in a blocking command
    CONN_HELD = 1 << 3               # waits for CLIENT UNPAUSE; its next command is read but not run
    CONN_REPLY_OFF = 1 << 4
    CONN_REPLY_SKIP_NEXT = 1 << 5    # CLIENT REPLY SKIP was this command
    CONN_REPLY_SKIP = 1 << 6         # ... and this is the one it meant
    CONN_NO_EVICT = 1 << 7
    CONN_NO_TOUCH = 1 << 8
    CONN_AUTHENTICATED = 1 << 9
    CONN_UNIX = 1 << 10
    CONN_WANTS_WRITE = 1 << 11       # the loop watches for writability
    CONN_RELAYED = 1 << 12           # the control plane holds its socket, and carries its bytes: TLS
    CONN_IMPORT_SOURCE = 1 << 13
    CONN_CAPA_REDIRECT = 1 << 14
    CONN_FAKE = 1 << 16              # no socket: tests, scripts, the AOF
    CONN_REWOUND = 1 << 17           # within a batch: the rest of its requests will be read again
    CONN_DUE = 1 << 18               # stands in Server.due: has something to run or to send, without any event
    CONN_GONE = 1 << 19              # closed: the loop is to be told, then it is freed
    CONN_WATCHED = 1 << 20           # the loop knows of CONN_WANTS_WRITE
    CONN_LISTED = 1 << 21            # stands in the list of this or the next round
    CONN_DENY_BLOCKING = 1 << 22     # blocking commands answer at once: inside MULTI, in a script
    CONN_MULTI = 1 << 23             # between MULTI and EXEC
    CONN_DIRTY_EXEC = 1 << 24        # ... and a command was refused: EXEC will fail
    CONN_DIRTY_CAS = 1 << 25         # a watched key was changed
    CONN_MONITOR = 1 << 26
    CONN_TRACKING = 1 << 27          # client-side caching is on
    CONN_IN_SCRIPT = 1 << 28         # the fake connection that scripts call commands on
    CONN_LATER = 1 << 30            # Conn.later holds what goes out after the reply of the command under way
    CONN_STUCK = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 3)   # the first four: nothing is run now

cdef struct Text:                   # a short owned string: names
    char* ptr
    size_t len

cdef struct Conn:
    uint64_t id
    int fd
    uint32_t flags
    uint32_t gates
    uint32_t events                 # of the poller, and what is due without one: more to read, more to send
    Db* db
    Conn* next                      # all connections, oldest first
    Conn* prev
    char* in_data                   # input: a block of the pool, or larger; NULL when nothing is pending
    size_t in_used
    size_t in_capacity
    size_t in_hint                  # capacity to start with next time
    Parser parser
    Out out
    Out* later                      # pushes to itself, until the command that it runs is answered; NULL: none
    Text name
    Text lib_name
    Text lib_version
    Text address
    Text local_address
    void* waiter                    # while it is blocked: its Waiter (cmd/blocking)
    void* transaction               # what it queued, and watches: a Transaction (cmd/queue); NULL: neither
    void* subscriptions             # to channels and patterns (cmd/channels); NULL: none
    void* tracking                  # its state of client-side caching (cmd/tracking); NULL: off
    void* user                      # whose it is, a User (cmd/acl); NULL: nobody's, who may do everything
    Conn* due_next
    int64_t created_ms
    int64_t active_ms               # last interaction
    int64_t soft_since_ms           # when the soft output limit was passed; 0: it is not
    Command* last_command
    uint64_t bytes_in
    uint64_t bytes_out
    uint64_t commands
    uint64_t reads
    uint64_t written                # how far the propagated commands went with its last write
    size_t counted                  # its bytes in Server.weights (cmd/weights)
    int weight                      # its class there; 0: none
    Conn* weight_next               # others of that class
    Conn* weight_prev

cdef struct OutputLimit:
    uint64_t hard
    uint64_t soft
    int64_t soft_ms

cdef struct ServerStats:
    uint64_t connections
    uint64_t rejected_connections
    uint64_t commands
    uint64_t bytes_in
    uint64_t bytes_out
    uint64_t reads
    uint64_t writes
    uint64_t errors
    uint64_t query_limit_closes
    uint64_t output_limit_closes
    uint64_t evicted_clients
    uint64_t loops
    uint64_t loop_ticks
    uint64_t nested_ticks           # of commands within others, which counted them, too
    uint64_t over_memory_us         # how long more than maxmemory was used

cdef enum:
    SINK_BLOCKING = 0
    SINK_WATCH                      # transactions
    SINK_NOTIFY                     # keyspace notifications
    SINK_TRACKING
    SINK_PROPAGATE                  # the append-only file and replicas
    SINK_TEST
    SINKS
    ERROR_KINDS = 128

cdef enum LogLevel:
    LOG_DEBUG = 0
    LOG_VERBOSE
    LOG_NOTICE
    LOG_WARNING

cdef struct Sink:                   # somebody who is told of every command's effects
    void (*take)(void* arg, Effects* fx) noexcept nogil
    void* arg

cdef struct ErrorCount:
    char code[32]
    uint64_t count

cdef struct Server:                 # what all connections share
    Arena* mem
    Keyspace* ks
    Table table
    Clock clock
    BlockPool blocks
    ParseLimits limits
    uint32_t gates
    uint32_t other_gates            # beside these, for those who are served while a file's commands run
    ControlFn control
    void (*log)(Server* s, int level, const char* text) noexcept nogil
    # The same, with the connection's line of CLIENT LIST for the text's first %s, its input's beginning for a second.
    void (*log_client)(Server* s, int level, const char* text, Conn* c) noexcept nogil
    void (*serve_others)(Server* s) noexcept nogil     # a round, from within a command that takes long
    void (*flushed)(Server* s) noexcept nogil          # after FLUSHALL; NULL: nobody asks
    const char* busy_text           # what they are answered behind GATE_BUSY
    char disk_text[512]             # ... and behind GATE_DISK
    void* owner                     # the Python core, for `control` and `log`
    Conn* first
    Conn* last
    Conn** by_fd                    # sockets only
    Conn** relayed                  # by descriptor, too: those with CONN_RELAYED, which by_fd does not have
    size_t fds                      # room in by_fd and in relayed
    size_t connected
    uint64_t next_id
    uint64_t memory_limit           # maxmemory; 0: none
    void* eviction                  # which keys go then (cmd/eviction)
    size_t clients_limit            # maxmemory-clients in bytes; 0: none
    void* weights                   # what connections take (cmd/weights)
    uint64_t query_limit            # client-query-buffer-limit
    OutputLimit output_limits[3]    # normal, replica, pubsub
    int64_t pause_until_ms
    bint pause_writes_only
    bint any_rdb_version            # rdb-version-check relaxed
    bint auth_required              # new connections start unauthenticated
    bint track_latency
    bint rdb_compression            # rdbcompression: LZF in what is saved
    bint skip_sums                  # DEBUG SET-SKIP-CHECKSUM-VALIDATION: RESTORE takes any sum
    Conn* due                       # connections with CONN_DUE, in the order in which they became so
    Conn* due_last
    void* blocking                  # who waits for what: a Blocking (cmd/blocking)
    void* watching                  # who watches which keys: a Watching (cmd/watch)
    void* pubsub                    # who subscribed to what (cmd/channels)
    void* monitors                  # who is shown every command (cmd/monitor); NULL: nobody
    Conn* current                   # the one whose request is run, however deep; NULL: none
    void* tracked                   # who is to be told of which keys (cmd/tracking)
    void* access                    # the users, and what they may do (cmd/acl)
    void* scripting                 # the Lua states and their scripts (cmd/scripting)
    void* propagation               # the commands for the append-only file and replicas (cmd/propagate)
    void* aof                       # the append-only file (cmd/aof); NULL: there is none
    Disk disk
    size_t gone                     # connections with CONN_GONE
    ServerStats stats
    ErrorCount errors[ERROR_KINDS]
    int error_kinds
    Sink sinks[SINKS]
    Ctx* command                    # the one whose effects are being drained, or NULL
    uint64_t ticks                  # when the last command ended
    uint64_t slow_ticks             # a command that takes so many is told of (cmd/command_log); all ones: none is
    uint64_t large_request          # ... one of so many bytes
    uint64_t large_reply            # ... one answered with so many
    void* command_logs              # slow and large commands (cmd/command_log)
    void* latency                   # the latency monitor (cmd/latency)
    size_t output_floor             # no output limit can be passed below this many bytes
    char detail[512]                # for status texts with a %s

cdef struct Ctx:
    Slice* argv
    int argc
    bint hashed                     # `hash` is that of argv[1]
    bint retry                      # a blocking command runs again: a key that it waits for has come
    uint64_t hash
    Conn* conn
    Db* db
    Keyspace* ks
    Out* out
    Command* cmd
    Server* server
    const char* detail              # for status texts with a %s; NULL: the command's name

# Keys of the arguments.
cdef Entry* lookup_read(Ctx* c, Key key) noexcept nogil
cdef Entry* lookup_write(Ctx* c, Key key) noexcept nogil
cdef Status open_typed(Ctx* c, Key key, ValueType t, bint for_write, Entry** e) noexcept nogil
cdef void   prefetch_keys(Ctx* c, int first, int step, int count, Key* keys) noexcept nogil
cdef Status fail_with(Ctx* c, Status s, const char* detail) noexcept nogil
cdef Status fail_usage(Ctx* c) noexcept nogil          # of a subcommand, with too many words

# What several commands are propagated as.
cdef void   propagate_del(Ctx* c, Slice key) noexcept nogil
cdef void   propagate_pexpireat(Ctx* c, Slice key, int64_t at_ms) noexcept nogil

# A connection's names: replaced by a copy of n bytes; n = 0 removes one.
cdef void   text_set(Server* s, Text* t, const char* p, size_t n) noexcept nogil

# Numbers and words among the arguments.
cdef Status arg_i64(Ctx* c, int i, int64_t* v) noexcept nogil
cdef Status arg_double(Ctx* c, int i, double* v) noexcept nogil

cdef inline void conn_due(Server* s, Conn* c) noexcept nogil:
    """What it has sent is run, and what is to be sent to it goes out, in the next round."""
    if c.flags & (CONN_DUE | CONN_GONE):
        return
    c.flags |= CONN_DUE
    c.due_next = NULL
    if s.due != NULL:
        s.due_last.due_next = c
    else:
        s.due = c
    s.due_last = c

cdef inline void conn_close(Server* s, Conn* c) noexcept nogil:
    """It ends: now, or after the command that it runs."""
    if not c.flags & CONN_GONE:
        c.flags |= CONN_CLOSE_ASAP | CONN_GONE
        s.gone += 1

cdef inline Key key_at(Ctx* c, int i) noexcept nogil:
    """argv[i] as a key, with its hash (which dispatch has computed already for argv[1])."""
    cdef Key key
    if i == 1 and c.hashed:
        key.name = c.argv[1]
        key.hash = c.hash
        return key
    return keyspace_key(c.ks, c.argv[i])

cdef inline bint arg_is(Ctx* c, int i, const char* word, size_t n) noexcept nogil:
    """Is argv[i] this word, in any case?"""
    return text_equal_nocase(c.argv[i].ptr, c.argv[i].len, word, n)

cdef inline void key_changed(Ctx* c, Slice key, uint32_t event_class, const char* event, int64_t dirty) noexcept nogil:
    """The one call after a change: `dirty` changes to `key` of the connection's database."""
    effects_key(&c.ks.fx, c.db.id, key, event_class, event, dirty)

cdef inline void propagate_instead(Ctx* c, int argc, const Slice* argv) noexcept nogil:
    """The AOF and replicas get this in the place of the command; several calls give several."""
    effects_propagate(&c.ks.fx, c.db.id, argc, argv, True)
