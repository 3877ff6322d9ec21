# acl -- what a user may do, and the check of it. The story is in acl.pyx.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from _pyredis.base.glob cimport Glob
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Command, Conn, Ctx, Server

cdef enum:
    ACL_WORDS = 8                  # of 64 bits: one bit for each row of the table of commands

cdef enum Denied:                  # in the order in which one reason hides another
    ALLOWED = 0
    DENIED_DATABASE
    DENIED_COMMAND
    DENIED_KEY
    DENIED_CHANNEL

cdef enum DeniedIn:
    DENIED_TOPLEVEL = 0
    DENIED_IN_MULTI
    DENIED_IN_SCRIPT

cdef enum PatternBit:
    PATTERN_READ = 1 << 0
    PATTERN_WRITE = 1 << 1

cdef enum SelectorFlag:
    SELECTOR_ALL_KEYS = 1 << 0
    SELECTOR_ALL_CHANNELS = 1 << 1
    SELECTOR_ALL_DATABASES = 1 << 2
    SELECTOR_ALL_COMMANDS = 1 << 3

cdef struct AclPattern:
    Glob glob
    Slice text                     # owned
    uint8_t bits                   # PatternBit, of a key's

cdef struct AclFirstWord:          # a word that a command may be called with although it is not allowed otherwise
    int index
    Slice word                     # owned

cdef struct Selector:
    uint64_t allowed[ACL_WORDS]
    uint32_t flags
    int key_count
    int channel_count
    int database_count
    int first_word_count
    AclPattern* keys
    AclPattern* channels
    int* databases
    AclFirstWord* first_words

cdef struct User:
    User* next
    Slice name                     # owned
    bint restricted                # no selector allows all
    int count
    Selector* selectors

cdef User*  acl_find(const Server* s, Slice name) noexcept nogil          # NULL: there is none
cdef User*  acl_user(Server* s, Slice name) noexcept nogil                # made if need be: it may do nothing
cdef Selector* acl_redefine(Server* s, User* u, int selectors) noexcept nogil     # its selectors, which may do nothing
cdef AclPattern* acl_patterns(Server* s, int n) noexcept nogil
cdef void   acl_set_pattern(Server* s, AclPattern* p, Slice text, uint8_t bits) noexcept nogil
cdef Slice  acl_keep(Server* s, Slice text) noexcept nogil
cdef void   acl_defined(Server* s, User* u) noexcept nogil                # after its selectors were filled in
cdef void   acl_remove(Server* s, User* u) noexcept nogil                 # its connections end

cdef void   acl_begin(Server* s, Conn* c) noexcept nogil                  # a new connection: the default user's
cdef void   acl_become(Conn* c, User* u) noexcept nogil

# May the user run it, on a connection to this database? `at`: the argument that is in the way; 0: the command.
cdef Denied acl_check(const Server* s, const User* u, const Command* cmd, const Slice* argv, int argc, int db,
                      int* at) noexcept nogil
cdef Status acl_gate(Ctx* c) noexcept nogil                               # dispatch's check; refusals are logged
cdef Status acl_gate_queued(Ctx* c) noexcept nogil                        # EXEC's, of each command
cdef const char* acl_gate_script(Ctx* caller, const Command* cmd, const Slice* argv, int argc, int db) noexcept nogil
cdef bint   acl_all_keys(Ctx* c) noexcept nogil                           # may the command read keys not in argv?

cdef enum KeyPlaces:
    PLACES_NONE = 0
    PLACES_ONE                     # argv[1], whatever the options
    PLACES_FIND                    # key_finder knows

cdef enum ChannelPlaces:
    CHANNELS_NONE = 0
    CHANNELS_ONE                   # argv[1]
    CHANNELS_ALL                   # argv[1] and those behind
    CHANNELS_ALL_PATTERNS

cdef enum DatabasePlaces:
    DATABASES_NONE = 0
    DATABASES_OWN                  # the connection's
    DATABASES_MOVE                 # that, and argv[2]
    DATABASES_COPY                 # that, and what follows DB
    DATABASES_SELECT               # argv[1]
    DATABASES_SWAP                 # argv[1] and argv[2]
    DATABASES_EVERY

cdef struct AclRow:                # what a command is asked for
    uint8_t keys
    uint8_t need                   # PatternBit, of the one key
    uint8_t channels
    uint8_t databases

cdef struct Access:                # of a server
    User* users
    User* default_user
    AclRow* rows                   # by the command's index
    int row_count
    int64_t http_told_ms           # when the log was last told that somebody sends HTTP
    # Whoever keeps the log: conn was refused `object`.
    void (*refused)(Server* s, Conn* conn, Denied why, DeniedIn where, Slice object) noexcept nogil

cdef Access* access_new(Server* s) noexcept nogil                         # when the table of commands is complete
cdef void    access_free(Server* s) noexcept nogil
cdef bint    access_http_is_news(Server* s) noexcept nogil                # is the log to be told of HTTP again?

cdef inline Access* access_of(const Server* s) noexcept nogil:
    return <Access*>s.access
