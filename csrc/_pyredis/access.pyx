"""access -- users for Python: what pyredis/acl.py decided, compiled into cmd/acl; and the check, for ACL DRYRUN.

All take the Core first. Names, patterns and words are bytes. A selector comes as

    (flags, commands, keys, channels, databases, first_words)

flags: ALL_* bits; commands: an int with the bit of each command's index; keys: [(glob, READ | WRITE bits)];
channels: [glob]; databases: [id]; first_words: [(index of a command, word)].
"""
from libc.stdlib cimport free, malloc

from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.mem cimport mem_alloc
from _pyredis.client cimport client_new
from _pyredis.cmd.acl cimport (ACL_WORDS, ALLOWED, DENIED_CHANNEL, DENIED_COMMAND, DENIED_DATABASE, DENIED_IN_MULTI,
                               DENIED_IN_SCRIPT, DENIED_KEY, DENIED_TOPLEVEL, PATTERN_READ, PATTERN_WRITE,
                               SELECTOR_ALL_CHANNELS, SELECTOR_ALL_COMMANDS, SELECTOR_ALL_DATABASES,
                               SELECTOR_ALL_KEYS, AclFirstWord, Denied, DeniedIn, Selector, User, access_of, acl_check,
                               acl_defined, acl_find, acl_keep, acl_patterns, acl_redefine, acl_remove,
                               acl_set_pattern, acl_user)
from _pyredis.cmd.ctx cimport Command, Conn, Server
from _pyredis.cmd.table cimport table_find, table_sub
from _pyredis.core cimport Core

ALL_KEYS = <int>SELECTOR_ALL_KEYS
ALL_CHANNELS = <int>SELECTOR_ALL_CHANNELS
ALL_DATABASES = <int>SELECTOR_ALL_DATABASES
ALL_COMMANDS = <int>SELECTOR_ALL_COMMANDS
READ = <int>PATTERN_READ
WRITE = <int>PATTERN_WRITE
REASONS = {<int>DENIED_COMMAND: "command", <int>DENIED_KEY: "key", <int>DENIED_CHANNEL: "channel",
           <int>DENIED_DATABASE: "database"}
CONTEXTS = {<int>DENIED_TOPLEVEL: "toplevel", <int>DENIED_IN_MULTI: "multi", <int>DENIED_IN_SCRIPT: "lua"}


cdef Slice _slice(bytes text):
    return slice_of(<char*>text, len(text))


cdef _fill(Server* s, Selector* x, tuple rules):
    flags, commands, keys, channels, databases, first_words = rules
    cdef int i
    x.flags = flags
    for i in range(ACL_WORDS):
        x.allowed[i] = commands >> (64 * i) & 0xffffffffffffffff
    x.keys = acl_patterns(s, len(keys))
    for text, bits in keys:
        acl_set_pattern(s, &x.keys[x.key_count], _slice(text), bits)
        x.key_count += 1
    x.channels = acl_patterns(s, len(channels))
    for text in channels:
        acl_set_pattern(s, &x.channels[x.channel_count], _slice(text), 0)
        x.channel_count += 1
    if databases:
        x.databases = <int*>mem_alloc(s.mem, len(databases) * sizeof(int))
        for id in databases:
            x.databases[x.database_count] = id
            x.database_count += 1
    if first_words:
        x.first_words = <AclFirstWord*>mem_alloc(s.mem, len(first_words) * sizeof(AclFirstWord))
        for index, word in first_words:
            x.first_words[x.first_word_count].index = index
            x.first_words[x.first_word_count].word = acl_keep(s, _slice(word))
            x.first_word_count += 1


def define(Core core, bytes name, list selectors):
    """Makes a user, or gives one new rules, by which its connections are held from now on. At least one selector."""
    cdef User* u = acl_user(core.s, _slice(name))
    cdef Selector* made = acl_redefine(core.s, u, len(selectors))
    cdef int i
    for i in range(u.count):
        _fill(core.s, &made[i], selectors[i])
    acl_defined(core.s, u)


def remove(Core core, bytes name):
    """The user is no more; its connections end."""
    cdef User* u = acl_find(core.s, _slice(name))
    if u != NULL and u != access_of(core.s).default_user:
        acl_remove(core.s, u)


cdef void _refused(Server* s, Conn* conn, Denied why, DeniedIn where, Slice object) noexcept nogil:
    with gil:
        _call(<Core>s.owner, conn, why, where, object)


cdef void _call(Core core, Conn* conn, Denied why, DeniedIn where, Slice object) noexcept:
    try:
        core.on_denied(client_new(core, core.s, conn, core.names), REASONS[<int>why], CONTEXTS[<int>where],
                       object.ptr[:object.len])
    except Exception as error:
        if core.on_failure is not None:
            core.on_failure("the log of refusals", error)


def watch(Core core, on_denied):
    """on_denied(client, reason, context, object) is called for each refusal: words of ACL LOG."""
    core.on_denied = on_denied
    access_of(core.s).refused = _refused


def find_command(Core core, list argv):
    """The index of the command or subcommand that argv runs, by the names that rename-command gave; None: none."""
    cdef Command* c = table_find(&core.s.table, _slice(argv[0]))
    if c != NULL and c.subs != NULL and len(argv) > 1:
        c = table_sub(c, _slice(argv[1]))
    return c.index if c != NULL else None


def refusal(Core core, bytes name, int index, list argv, int db):
    """(reason, place in argv of what is in the way) why the user may not run the command with this index on a
    connection to this database; None: it may."""
    cdef User* u = acl_find(core.s, _slice(name))
    cdef Denied why
    cdef int i, at
    cdef Slice* words
    if not u.restricted:
        return None
    words = <Slice*>malloc(len(argv) * sizeof(Slice))
    for i in range(<int>len(argv)):
        words[i] = _slice(argv[i])
    why = acl_check(core.s, u, core.s.table.commands[index], words, <int>len(argv), db, &at)
    free(words)
    return (REASONS[<int>why], at) if why != ALLOWED else None
