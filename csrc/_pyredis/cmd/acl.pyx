"""acl -- what a user may do, and the check of it.

    Conn.user -> User -> selectors, each: | a bit for each command | flags | key patterns | channel patterns | databases

A user may do what one of the selectors allows by itself. Rules are parsed and printed in Python (pyredis/users.py);
what comes of them is compiled into these arrays, so the check of a request is a bit, and a comparison for its key.

A user of whom a selector allows everything is not restricted, and connections of such users have no gate: the
default user costs nothing. For others dispatch asks acl_gate (GATE_ACL). Before that stands a row for each
command, made once: where its keys, channels and databases are. Nearly all commands have one key in argv[1]; only
for the others is key_finder asked. Most patterns can be told apart at a glance (base/glob).

Databases are Valkey's: a selector may be held to some. A command without keys that neither reads nor writes data
may be run in any.

Of several reasons one is told: the last in the order of Denied, and of the same reason the one furthest behind in
argv, as in Redis. That is what ACL LOG shows, by way of Access.refused.

A User stays where it is until it is removed, whatever becomes of its rules: connections point to it. All memory is
the arena's.
"""
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset, strcmp

from _pyredis.base.glob cimport glob_compile, glob_head, glob_matches
from _pyredis.base.hash cimport bytes_load64
from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport slice_equal, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_NOAUTH, OK
from _pyredis.base.text cimport text_equal_nocase
from _pyredis.cmd.channels cimport (CHANNEL_KINDS, CHANNEL_PATTERN, Subscription, Subscriptions, channel_name)
from _pyredis.cmd.ctx cimport (CMD_NO_AUTH, CMD_READONLY, CMD_WRITE, CONN_AUTHENTICATED, CONN_CLOSE_AFTER_REPLY,
                               CONN_MULTI, GATE_ACL, GATE_AUTH, KEY_ACCESS, KEY_DELETE, KEY_INSERT, KEY_NOT_KEY,
                               KEY_UPDATE, KEYS_AT, KeyRun, conn_close, fail_with)
from _pyredis.cmd.key_finder cimport KEY_RUNS, keys_find
from _pyredis.ds.dict cimport DictIter, dict_iter, dict_next

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)

cdef enum:
    CATEGORY_KEYSPACE = 1 << 0     # of spec.Category
    CATEGORY_READ = 1 << 1
    CATEGORY_WRITE = 1 << 2
    SELECTOR_ALL_DATABASES_BIT = 2
    NAME_SHOWN = 128               # bytes of a name in an error
    HTTP_TOLD_EVERY_MS = 60000


# ---------------------------------------------------------------- what commands are asked for

cdef inline bint _is(const Command* c, const char* name) noexcept nogil:
    return strcmp(c.name, name) == 0


cdef uint8_t _need(uint32_t access) noexcept nogil:
    """What a pattern must allow for this use of a key."""
    cdef uint8_t bits = PATTERN_READ if access & KEY_ACCESS else 0
    if access & (KEY_INSERT | KEY_DELETE | KEY_UPDATE):
        bits |= PATTERN_WRITE
    return bits


cdef void _describe_keys(AclRow* row, const Command* c) noexcept nogil:
    cdef int i
    row.keys = PLACES_NONE
    for i in range(c.key_spec_count):
        if not c.key_specs[i].access & KEY_NOT_KEY:
            row.keys = PLACES_FIND
    if row.keys and c.key_spec_count == 1 and c.key_rule == NULL and c.key_specs[0].where == KEYS_AT and (
            c.key_specs[0].first == 1 and c.key_specs[0].last == 1):
        row.keys = PLACES_ONE
        row.need = _need(c.key_specs[0].access)


cdef void _describe_channels(AclRow* row, const Command* c) noexcept nogil:
    if _is(c, b"publish") or _is(c, b"spublish"):
        row.channels = CHANNELS_ONE
    elif _is(c, b"subscribe") or _is(c, b"ssubscribe"):
        row.channels = CHANNELS_ALL
    elif _is(c, b"psubscribe"):
        row.channels = CHANNELS_ALL_PATTERNS


cdef void _describe_databases(AclRow* row, const Command* c) noexcept nogil:
    if _is(c, b"move"):
        row.databases = DATABASES_MOVE
    elif _is(c, b"copy"):
        row.databases = DATABASES_COPY
    elif _is(c, b"select"):
        row.databases = DATABASES_SELECT
    elif _is(c, b"swapdb"):
        row.databases = DATABASES_SWAP
    elif _is(c, b"flushall"):
        row.databases = DATABASES_EVERY
    elif row.keys or c.flags & (CMD_READONLY | CMD_WRITE) or (
            c.categories & (CATEGORY_KEYSPACE | CATEGORY_READ | CATEGORY_WRITE)):
        row.databases = DATABASES_OWN


cdef Access* access_new(Server* s) noexcept nogil:
    cdef Access* a = <Access*>mem_alloc(s.mem, sizeof(Access))
    cdef int i
    memset(a, 0, sizeof(Access))
    s.access = a
    a.row_count = s.table.count
    a.rows = <AclRow*>mem_alloc(s.mem, a.row_count * sizeof(AclRow))
    memset(a.rows, 0, a.row_count * sizeof(AclRow))
    for i in range(a.row_count):
        _describe_keys(&a.rows[i], s.table.commands[i])
        _describe_channels(&a.rows[i], s.table.commands[i])
        _describe_databases(&a.rows[i], s.table.commands[i])
    a.default_user = acl_user(s, slice_of(b"default", 7))
    acl_redefine(s, a.default_user, 1).flags = (SELECTOR_ALL_KEYS | SELECTOR_ALL_CHANNELS | SELECTOR_ALL_DATABASES
                                                | SELECTOR_ALL_COMMANDS)
    acl_defined(s, a.default_user)
    return a


cdef void access_free(Server* s) noexcept nogil:
    """When no connection is left."""
    cdef Access* a = access_of(s)
    cdef User* u
    while a.users != NULL:
        u = a.users
        a.users = u.next
        _free_user(s, u)
    mem_free(s.mem, a.rows, a.row_count * sizeof(AclRow))
    mem_free(s.mem, a, sizeof(Access))
    s.access = NULL


cdef bint access_http_is_news(Server* s) noexcept nogil:
    """Once a minute: who sends it would fill the log."""
    cdef Access* a = access_of(s)
    if a.http_told_ms and s.ks.now_ms - a.http_told_ms < HTTP_TOLD_EVERY_MS:
        return False
    a.http_told_ms = s.ks.now_ms
    return True


# ---------------------------------------------------------------- users

cdef Slice acl_keep(Server* s, Slice text) noexcept nogil:
    """A copy, for a user's rules."""
    cdef char* p
    if text.len == 0:
        return slice_of(b"", 0)
    p = <char*>mem_alloc(s.mem, text.len)
    memcpy(p, text.ptr, text.len)
    return slice_of(p, text.len)


cdef void _drop(Server* s, Slice text) noexcept nogil:
    if text.len:
        mem_free(s.mem, <void*>text.ptr, text.len)


cdef AclPattern* acl_patterns(Server* s, int n) noexcept nogil:
    """Room for n, each to be set."""
    return <AclPattern*>mem_alloc(s.mem, n * sizeof(AclPattern)) if n else NULL


cdef void acl_set_pattern(Server* s, AclPattern* p, Slice text, uint8_t bits) noexcept nogil:
    p.text = acl_keep(s, text)
    p.bits = bits
    glob_compile(&p.glob, text)


cdef void _free_patterns(Server* s, AclPattern* p, int n) noexcept nogil:
    cdef int i
    for i in range(n):
        _drop(s, p[i].text)
    if n:
        mem_free(s.mem, p, n * sizeof(AclPattern))


cdef void _free_selectors(Server* s, User* u) noexcept nogil:
    cdef Selector* x
    cdef int i, k
    for i in range(u.count):
        x = &u.selectors[i]
        _free_patterns(s, x.keys, x.key_count)
        _free_patterns(s, x.channels, x.channel_count)
        if x.database_count:
            mem_free(s.mem, x.databases, x.database_count * sizeof(int))
        for k in range(x.first_word_count):
            _drop(s, x.first_words[k].word)
        if x.first_word_count:
            mem_free(s.mem, x.first_words, x.first_word_count * sizeof(AclFirstWord))
    if u.count:
        mem_free(s.mem, u.selectors, u.count * sizeof(Selector))
    u.count = 0


cdef void _free_user(Server* s, User* u) noexcept nogil:
    _free_selectors(s, u)
    _drop(s, u.name)
    mem_free(s.mem, u, sizeof(User))


cdef User* acl_find(const Server* s, Slice name) noexcept nogil:
    cdef User* u = access_of(s).users
    while u != NULL and not slice_equal(u.name, name):
        u = u.next
    return u


cdef User* acl_user(Server* s, Slice name) noexcept nogil:
    cdef User* u = acl_find(s, name)
    if u != NULL:
        return u
    u = <User*>mem_alloc(s.mem, sizeof(User))
    memset(u, 0, sizeof(User))
    u.name = acl_keep(s, name)
    u.restricted = True
    u.next = access_of(s).users
    access_of(s).users = u
    return u


cdef Selector* acl_redefine(Server* s, User* u, int selectors) noexcept nogil:
    """`selectors` is at least 1."""
    _free_selectors(s, u)
    u.selectors = <Selector*>mem_alloc(s.mem, selectors * sizeof(Selector))
    memset(u.selectors, 0, selectors * sizeof(Selector))
    u.count = selectors
    return u.selectors


cdef bint _hears_what_it_may_not(const User* u, const Conn* c) noexcept nogil:
    """Is it subscribed to anything that no selector allows?"""
    cdef Subscriptions* subs = <Subscriptions*>c.subscriptions
    cdef const Subscription* sub
    cdef DictIter it
    cdef int kind, i
    cdef bint heard
    if subs == NULL:
        return False
    for kind in range(CHANNEL_KINDS):
        dict_iter(&subs.of_kind[kind], &it)
        sub = <const Subscription*>dict_next(&it)
        while sub != NULL:
            heard = False
            for i in range(u.count):
                heard = heard or _channel_allowed(&u.selectors[i], channel_name(sub.channel), kind == CHANNEL_PATTERN)
            if not heard:
                return True
            sub = <const Subscription*>dict_next(&it)
    return False


cdef void _end(Server* s, Conn* c) noexcept nogil:
    """Who ends itself still gets its reply."""
    if c == s.current:
        c.flags |= CONN_CLOSE_AFTER_REPLY
    else:
        conn_close(s, c)


cdef void acl_defined(Server* s, User* u) noexcept nogil:
    """Its connections are held to the new rules; one that hears what it may not any more ends."""
    cdef Conn* c = s.first
    cdef uint32_t all = (SELECTOR_ALL_KEYS | SELECTOR_ALL_CHANNELS | SELECTOR_ALL_DATABASES | SELECTOR_ALL_COMMANDS)
    cdef int i
    u.restricted = True
    for i in range(u.count):
        if u.selectors[i].flags & SELECTOR_ALL_COMMANDS:
            memset(u.selectors[i].allowed, 0xff, sizeof(u.selectors[i].allowed))
        if u.selectors[i].flags & all == all:
            u.restricted = False
    while c != NULL:
        if c.user == u:
            acl_become(c, u)
            if _hears_what_it_may_not(u, c):
                _end(s, c)
        c = c.next


cdef void acl_remove(Server* s, User* u) noexcept nogil:
    cdef User** link = &access_of(s).users
    cdef Conn* c = s.first
    while c != NULL:
        if c.user == u:
            acl_become(c, access_of(s).default_user)
            c.flags &= ~<uint32_t>CONN_AUTHENTICATED
            c.gates |= GATE_AUTH if s.auth_required else 0
            _end(s, c)
        c = c.next
    while link[0] != u:
        link = &link[0].next
    link[0] = u.next
    _free_user(s, u)


cdef void acl_become(Conn* c, User* u) noexcept nogil:
    c.user = u
    if u != NULL and u.restricted:
        c.gates |= GATE_ACL
    else:
        c.gates &= ~<uint32_t>GATE_ACL


cdef void acl_begin(Server* s, Conn* c) noexcept nogil:
    acl_become(c, access_of(s).default_user)
    if s.auth_required:
        c.flags &= ~<uint32_t>CONN_AUTHENTICATED
        c.gates |= GATE_AUTH
    else:
        c.flags |= CONN_AUTHENTICATED
        c.gates &= ~<uint32_t>GATE_AUTH


# ---------------------------------------------------------------- the check

cdef inline bint _key_allowed(const Selector* x, Slice key, uint8_t need) noexcept nogil:
    """One pattern must allow all that is done to the key."""
    cdef uint64_t head = glob_head(key)
    cdef const AclPattern* p
    cdef int i
    for i in range(x.key_count):
        p = &x.keys[i]
        if p.bits & need == need and glob_matches(&p.glob, p.text, head, key):
            return True
    return False


cdef bint _channel_allowed(const Selector* x, Slice name, bint is_pattern) noexcept nogil:
    """A pattern to subscribe to must stand among the selector's as it is."""
    cdef uint64_t head = glob_head(name)
    cdef const AclPattern* p
    cdef int i
    if x.flags & SELECTOR_ALL_CHANNELS:
        return True
    for i in range(x.channel_count):
        p = &x.channels[i]
        if slice_equal(p.text, name) if is_pattern else glob_matches(&p.glob, p.text, head, name):
            return True
    return False


cdef bint _database_allowed(const Selector* x, int64_t id) noexcept nogil:
    cdef int i
    for i in range(x.database_count):
        if x.databases[i] == id:
            return True
    return False


cdef bint _first_word_allowed(const Selector* x, const Command* cmd, const Slice* argv, int argc) noexcept nogil:
    cdef int i, at = 2 if cmd.parent != NULL else 1
    cdef const AclFirstWord* w
    if at >= argc:
        return False
    for i in range(x.first_word_count):
        w = &x.first_words[i]
        if w.index == cmd.index and text_equal_nocase(w.word.ptr, w.word.len, argv[at].ptr, argv[at].len):
            return True
    return False


cdef bint _names_database(const Server* s, Slice word) noexcept nogil:
    cdef int64_t id
    return num_parse_i64(word.ptr, word.len, &id) and 0 <= id < s.ks.count


cdef bint _names_forbidden(const Server* s, const Selector* x, Slice word) noexcept nogil:
    """Does the word name a database that there is, and that may not be touched?"""
    cdef int64_t id = -1
    if not _names_database(s, word):
        return False
    num_parse_i64(word.ptr, word.len, &id)
    return not _database_allowed(x, id)


cdef int _forbidden_database(const Server* s, const Selector* x, uint8_t rule, const Slice* argv, int argc,
                             int db) noexcept nogil:
    """The argument that leads to a database which may not be touched, 0 for the connection's own; -1: none does."""
    cdef int i
    if rule == DATABASES_SELECT:
        return 1 if _names_forbidden(s, x, argv[1]) else -1
    if rule == DATABASES_SWAP:
        if not (_names_database(s, argv[1]) and _names_database(s, argv[2])):
            return -1                            # that is the command's to refuse
        return 1 if _names_forbidden(s, x, argv[1]) else 2 if _names_forbidden(s, x, argv[2]) else -1
    if rule == DATABASES_EVERY:
        for i in range(s.ks.count):
            if not _database_allowed(x, i):
                return 0
        return -1
    if rule == DATABASES_MOVE and _names_forbidden(s, x, argv[2]):
        return 2
    if rule == DATABASES_COPY:
        for i in range(3, argc - 1):
            if text_equal_nocase(argv[i].ptr, argv[i].len, b"DB", 2) and _names_forbidden(s, x, argv[i + 1]):
                return i + 1
    return -1 if _database_allowed(x, db) else 0


cdef int _forbidden_key(const Selector* x, const Command* cmd, const Slice* argv, int argc) noexcept nogil:
    """The first key that may not be used so; 0: all may. Arguments without keys are the command's to refuse."""
    cdef KeyRun[KEY_RUNS] runs
    cdef int i, k, n = keys_find(cmd, argv, argc, runs)
    for i in range(n):
        for k in range(runs[i].count):
            if not _key_allowed(x, argv[runs[i].first + k * runs[i].step], _need(runs[i].access)):
                return runs[i].first + k * runs[i].step
    return 0


cdef inline Denied _ask(const Server* s, const Selector* x, const Command* cmd, const Slice* argv, int argc, int db,
                        int* at) noexcept nogil:
    cdef AclRow row = access_of(s).rows[cmd.index]
    cdef int i
    at[0] = 0
    if UNLIKELY(not x.flags & SELECTOR_ALL_DATABASES) and row.databases:
        i = _forbidden_database(s, x, row.databases, argv, argc, db)
        if i >= 0:
            at[0] = i
            return DENIED_DATABASE
    if UNLIKELY(not x.allowed[cmd.index >> 6] >> (cmd.index & 63) & 1) and not cmd.flags & CMD_NO_AUTH:
        if not _first_word_allowed(x, cmd, argv, argc):
            return DENIED_COMMAND
    if row.keys and not x.flags & SELECTOR_ALL_KEYS:
        if LIKELY(row.keys == PLACES_ONE):
            at[0] = 0 if _key_allowed(x, argv[1], row.need) else 1
        else:
            at[0] = _forbidden_key(x, cmd, argv, argc)
        if at[0]:
            return DENIED_KEY
    if UNLIKELY(row.channels) and not x.flags & SELECTOR_ALL_CHANNELS:
        for i in range(1, 2 if row.channels == CHANNELS_ONE else argc):
            if not _channel_allowed(x, argv[i], row.channels == CHANNELS_ALL_PATTERNS):
                at[0] = i
                return DENIED_CHANNEL
    return ALLOWED


cdef Denied acl_check(const Server* s, const User* u, const Command* cmd, const Slice* argv, int argc, int db,
                      int* at) noexcept nogil:
    cdef Denied why = ALLOWED, found
    cdef int i, place
    at[0] = 0
    for i in range(u.count):
        found = _ask(s, &u.selectors[i], cmd, argv, argc, db, &place)
        if found == ALLOWED:
            return ALLOWED
        if found > why or (found == why and place > at[0]):
            why = found
            at[0] = place
    return why


# ---------------------------------------------------------------- refusing

cdef void _explain(Server* s, const char* before, const User* u, const Command* cmd, Denied why) noexcept nogil:
    """Puts the words of a refusal into Server.detail. What was refused is told to the log, not to the client."""
    if why == DENIED_COMMAND:
        snprintf(s.detail, sizeof(s.detail), b"%s User %.*s has no permissions to run the '%s' command", before,
                 <int>min(u.name.len, <size_t>NAME_SHOWN), u.name.ptr, cmd.name)
    elif why == DENIED_DATABASE:
        snprintf(s.detail, sizeof(s.detail), b"%s No permissions to access database", before)
    elif why == DENIED_KEY:
        snprintf(s.detail, sizeof(s.detail), b"%s No permissions to access a key", before)
    else:
        snprintf(s.detail, sizeof(s.detail), b"%s No permissions to access a channel", before)


cdef void _tell(Server* s, Conn* conn, const Command* cmd, const Slice* argv, Denied why, int at,
                DeniedIn where) noexcept nogil:
    if access_of(s).refused != NULL:
        access_of(s).refused(s, conn, why, where, argv[at] if at else slice_of(cmd.name, cmd.name_length))


cdef inline bint _plainly_allowed(const Ctx* c) noexcept nogil:
    """Can it be seen at a glance that the first selector allows it? What most requests of restricted users ask, in
    a few instructions without a call. False: not so easily."""
    cdef const Selector* x = (<User*>c.conn.user).selectors
    cdef AclRow row = access_of(c.server).rows[c.cmd.index]
    cdef const AclPattern* p = x.keys
    cdef const AclPattern* end = p + x.key_count
    cdef uint64_t head
    if not (x.allowed[c.cmd.index >> 6] >> (c.cmd.index & 63) & x.flags >> SELECTOR_ALL_DATABASES_BIT & 1):
        return False
    if row.channels:
        return False
    if row.keys == PLACES_NONE or x.flags & SELECTOR_ALL_KEYS:
        return True
    if row.keys != PLACES_ONE or c.argv[1].len < 8:
        return False
    head = bytes_load64(c.argv[1].ptr)
    while p < end:
        if head & p.glob.mask == p.glob.head and p.glob.at_a_glance and p.bits & row.need == row.need:
            return True
        p += 1
    return False


cdef Status acl_gate(Ctx* c) noexcept nogil:
    return OK if LIKELY(_plainly_allowed(c)) else _gate_in_full(c)


cdef Status _gate_in_full(Ctx* c) noexcept nogil:
    cdef Server* s = c.server
    cdef User* u = <User*>c.conn.user
    cdef int at
    cdef Denied why = acl_check(s, u, c.cmd, c.argv, c.argc, c.db.id, &at)
    if why == ALLOWED:
        return OK
    _tell(s, c.conn, c.cmd, c.argv, why, at, DENIED_IN_MULTI if c.conn.flags & CONN_MULTI else DENIED_TOPLEVEL)
    _explain(s, b"NOPERM", u, c.cmd, why)
    return fail_with(c, ERR_CUSTOM, s.detail)


cdef Status acl_gate_queued(Ctx* c) noexcept nogil:
    cdef Server* s = c.server
    cdef const char* reason = "no permission to execute the command or subcommand"
    cdef int at
    cdef Denied why
    if c.conn.gates & GATE_AUTH and not c.cmd.flags & CMD_NO_AUTH:       # an ACL DELUSER before it was of its own user
        return ERR_NOAUTH
    why = acl_check(s, <User*>c.conn.user, c.cmd, c.argv, c.argc, c.db.id, &at)
    if why == ALLOWED:
        return OK
    _tell(s, c.conn, c.cmd, c.argv, why, at, DENIED_IN_MULTI)
    if why == DENIED_KEY:
        reason = "no permission to touch the specified keys"
    elif why == DENIED_CHANNEL:
        reason = "no permission to access one of the channels used as arguments"
    elif why == DENIED_DATABASE:
        reason = "no permission to access the database"
    snprintf(s.detail, sizeof(s.detail), b"NOPERM ACLs rules changed between the moment the transaction was "
             b"accumulated and the EXEC call. This command is no longer allowed for the following reason: %s", reason)
    return fail_with(c, ERR_CUSTOM, s.detail)


cdef const char* acl_gate_script(Ctx* caller, const Command* cmd, const Slice* argv, int argc, int db) noexcept nogil:
    """Why the script's caller may not run this; NULL: it may."""
    cdef Server* s = caller.server
    cdef User* u = <User*>caller.conn.user
    cdef int at
    cdef Denied why = acl_check(s, u, cmd, argv, argc, db, &at)
    if LIKELY(why == ALLOWED):
        return NULL
    _tell(s, caller.conn, cmd, argv, why, at, DENIED_IN_SCRIPT)
    _explain(s, b"ERR ACL failure in script:", u, cmd, why)
    return s.detail


cdef bint _reads_all_keys(const Selector* x) noexcept nogil:
    cdef int i
    if x.flags & SELECTOR_ALL_KEYS:
        return True
    for i in range(x.key_count):
        if x.keys[i].bits & PATTERN_READ and x.keys[i].text.len == 1 and x.keys[i].text.ptr[0] == c'*':
            return True
    return False


cdef bint acl_all_keys(Ctx* c) noexcept nogil:
    """A selector that allows the command must let it read every key."""
    cdef User* u = <User*>c.conn.user
    cdef int i, at
    if u == NULL or not u.restricted:
        return True
    for i in range(u.count):
        if _reads_all_keys(&u.selectors[i]) and ALLOWED == _ask(
                c.server, &u.selectors[i], c.cmd, c.argv, c.argc, c.db.id, &at):
            return True
    return False
