"""secrets -- which words of a command are shown to nobody: in MONITOR, in the slow log.

    AUTH (redacted) (redacted)      CONFIG SET maxmemory 0 requirepass (redacted)

What holds a password by its nature is told by the command's name and the place of the word, so commands need not
say anything. A rule is found once a command, and then asked for each word. Users' names go with their passwords.
"""
from _pyredis.base.slice cimport slice_of
from _pyredis.base.text cimport text_equal_nocase

cdef enum:
    MIGRATE_OPTIONS = 6            # where options may begin


cdef inline bint _is(Slice word, const char* name, size_t n) noexcept nogil:
    return text_equal_nocase(word.ptr, word.len, name, n)


cdef SecretRule secrets_of(const Command* cmd) noexcept nogil:
    """The rule for this command's words."""
    cdef Slice name = slice_of(cmd.name, cmd.name_length)
    if _is(name, b"auth", 4):
        return SECRETS_FROM_1
    if _is(name, b"hello", 5):
        return SECRETS_HELLO
    if _is(name, b"config|set", 10):
        return SECRETS_CONFIG_SET
    if _is(name, b"migrate", 7):
        return SECRETS_MIGRATE
    if _is(name, b"acl|setuser", 11) or _is(name, b"acl|getuser", 11) or _is(name, b"acl|deluser", 11):
        return SECRETS_FROM_2
    return SECRETS_NONE


cdef bint _in_hello(const Slice* argv, int argc, int i) noexcept nogil:
    """HELLO version [AUTH user password] [SETNAME name], in any order and more than once."""
    cdef int at = 2
    while at < i:
        if _is(argv[at], b"AUTH", 4):
            if i <= at + 2:
                return True
            at += 3
        else:
            at += 2
    return False


cdef bint _secret_parameter(Slice name) noexcept nogil:
    return (_is(name, b"requirepass", 11) or _is(name, b"masterauth", 10) or _is(name, b"primaryauth", 11)
            or _is(name, b"masteruser", 10) or _is(name, b"primaryuser", 11) or _is(name, b"tls-key-file-pass", 17)
            or _is(name, b"tls-client-key-file-pass", 24))


cdef bint _in_migrate(const Slice* argv, int argc, int i) noexcept nogil:
    """MIGRATE host port key db timeout [COPY] [REPLACE] [AUTH password] [AUTH2 user password] [KEYS key ...]"""
    cdef int at = MIGRATE_OPTIONS
    while at < i:
        if _is(argv[at], b"KEYS", 4):
            return False
        if _is(argv[at], b"AUTH", 4):
            if i <= at + 1:
                return True
            at += 1
        elif _is(argv[at], b"AUTH2", 5):
            if i <= at + 2:
                return True
            at += 2
        at += 1
    return False


cdef bint secret_at(SecretRule rule, const Slice* argv, int argc, int i) noexcept nogil:
    """Is argv[i] to be hidden?"""
    if rule == SECRETS_NONE or i == 0:
        return False
    if rule == SECRETS_FROM_1:
        return True
    if rule == SECRETS_FROM_2:
        return i >= 2
    if rule == SECRETS_HELLO:
        return _in_hello(argv, argc, i)
    if rule == SECRETS_CONFIG_SET:
        return i >= 3 and i % 2 == 1 and _secret_parameter(argv[i - 1])
    return _in_migrate(argv, argc, i)


cdef Slice shown_word(SecretRule rule, const Slice* argv, int argc, int i) noexcept nogil:
    return slice_of(b"(redacted)", 10) if secret_at(rule, argv, argc, i) else argv[i]
