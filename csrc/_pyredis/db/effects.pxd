# effects -- what a command has changed, for everybody who must know. The story is in effects.pyx.
from libc.stdint cimport int64_t, uint32_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice

cdef enum EventClass:              # the classes of notify-keyspace-events: a quarter of the bit there
    EV_GENERIC = 1
    EV_STRING = 2
    EV_LIST = 4
    EV_SET = 8
    EV_HASH = 16
    EV_ZSET = 32
    EV_EXPIRED = 64
    EV_EVICTED = 128
    EV_STREAM = 256
    EV_KEY_MISS = 512              # a look-up that found nothing: no change
    EV_NEW = 4096                  # a key that was not there, before the event of what made it
    EV_NONE = 0                    # no notification: the change alone
    EV_TOLD = 1 << 16              # beside a class: the notification alone; WATCH and tracking see no change

cdef struct Effect:
    int db
    uint32_t event_class
    const char* event              # static: "set", "del", "expired" ...
    Slice key                      # must live until the drain; ptr NULL: every key of the database
    int64_t dirty

cdef struct Rewrite:               # a command to propagate instead of, or before, the one that ran
    int db
    int argc
    size_t first                   # of its arguments, in `args`
    const Slice* lent              # or they are somebody else's, who keeps them until the drain; NULL: they are not

cdef struct Effects:
    Arena* mem
    int64_t dirty                  # changes since the last save
    int64_t command_dirty          # changes of the command under way
    uint32_t wanted                # who listens to single effects: a bit for each sink
    uint32_t extra                 # of EV_NEW and EV_KEY_MISS, what somebody wants: otherwise they are not recorded
    bint propagating               # somebody takes the commands (AOF, replicas, tests)
    bint rewritten                 # the command under way is replaced by the rewrites
    bint to_replicas               # the command under way changes nothing, but replicas are to run it (PUBLISH)
    bint atomic                    # what is propagated is one transaction: MULTI before it, EXEC behind it
    Effect* list
    size_t count
    size_t capacity
    size_t told                    # how many of the list notifications have been made of
    Rewrite* rewrites
    size_t rewrite_count
    size_t rewrite_capacity
    Slice* args                    # copies, owned
    size_t arg_count
    size_t arg_capacity

cdef void effects_init(Effects* fx, Arena* mem) noexcept nogil
cdef void effects_free(Effects* fx) noexcept nogil
cdef void effects_record(Effects* fx, int db, Slice key, uint32_t event_class, const char* event,
                         int64_t dirty) noexcept nogil
cdef void effects_propagate(Effects* fx, int db, int argc, const Slice* argv, bint instead) noexcept nogil
# A command that ran within another (EXEC, a script), as it came; its words must live until the drain.
cdef void effects_lend(Effects* fx, int db, int argc, const Slice* argv) noexcept nogil
# Keeps the names of the keys from the effect `first` on: for a command whose words go before the drain.
cdef void effects_keep_keys(Effects* fx, size_t first) noexcept nogil
# As effects_propagate, but word by word, for a command whose words go while it is made; False: nobody takes it.
cdef bint effects_begin(Effects* fx, int db, bint instead) noexcept nogil
cdef void effects_word(Effects* fx, Slice word) noexcept nogil
cdef Slice effects_keep(Effects* fx, Slice bytes) noexcept nogil     # a copy that lives until effects_clear
cdef void effects_clear(Effects* fx) noexcept nogil

cdef inline bint effects_unheard(const Effects* fx) noexcept nogil:
    """Does nobody listen, so that there is nothing to tell but how much has changed?"""
    return not (fx.wanted or fx.propagating or fx.count or fx.arg_count)

cdef inline void effects_count(Effects* fx) noexcept nogil:
    """In the place of a drain, when they are unheard: `dirty` counts on."""
    fx.dirty += fx.command_dirty
    fx.command_dirty = 0
    fx.rewritten = fx.to_replicas = False

cdef inline bint effect_is_change(const Effect* e) noexcept nogil:
    """Does it tell of a change? For whoever asks what has been written; notifications tell of look-ups, too."""
    return e.event_class != EV_KEY_MISS and not e.event_class & EV_TOLD

cdef inline const Slice* effects_words(const Effects* fx, const Rewrite* r) noexcept nogil:
    """The arguments of a command to propagate, r.argc of them."""
    return r.lent if r.lent != NULL else fx.args + r.first

cdef inline void effects_key(Effects* fx, int db, Slice key, uint32_t event_class, const char* event,
                             int64_t dirty) noexcept nogil:
    """The one call after a change: `dirty` changes to `key`, told to the world as `event`."""
    fx.command_dirty += dirty
    if fx.wanted:
        effects_record(fx, db, key, event_class, event, dirty)
