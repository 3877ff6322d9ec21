# secrets -- which words of a command are shown to nobody. The story is in secrets.pyx.
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Command

cdef enum SecretRule:
    SECRETS_NONE = 0
    SECRETS_FROM_1                 # all but the command's name
    SECRETS_FROM_2                 # ... and a subcommand's
    SECRETS_HELLO
    SECRETS_CONFIG_SET
    SECRETS_MIGRATE

cdef SecretRule secrets_of(const Command* cmd) noexcept nogil
cdef bint       secret_at(SecretRule rule, const Slice* argv, int argc, int i) noexcept nogil
cdef Slice      shown_word(SecretRule rule, const Slice* argv, int argc, int i) noexcept nogil   # argv[i], or (redacted)
