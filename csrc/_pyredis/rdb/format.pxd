# format -- the numbers of the RDB format, as Redis and Valkey write them: type bytes, lengths, versions.
#
# A length begins with two bits: 00, its other six bits are the length; 01, six bits and a byte more, high first; 10,
# 32 bits big-endian follow (0x80) or 64 (0x81); 11, not a length but a string in another form (RdbString). Integers
# outside of lengths are little-endian.
cdef enum RdbType:
    RDB_STRING = 0
    RDB_LIST = 1                   # of strings
    RDB_SET = 2                    # of strings
    RDB_ZSET = 3                   # of strings, each with a score as text
    RDB_HASH = 4                   # of strings
    RDB_ZSET_2 = 5                 # of strings, each with a score as a binary double
    RDB_MODULE_PRE_GA = 6
    RDB_MODULE_2 = 7
    RDB_HASH_ZIPMAP = 9
    RDB_LIST_ZIPLIST = 10
    RDB_SET_INTSET = 11
    RDB_ZSET_ZIPLIST = 12
    RDB_HASH_ZIPLIST = 13
    RDB_LIST_QUICKLIST = 14        # of ziplists
    RDB_STREAM_LISTPACKS = 15
    RDB_HASH_LISTPACK = 16
    RDB_ZSET_LISTPACK = 17
    RDB_LIST_QUICKLIST_2 = 18      # of listpacks and plain strings
    RDB_STREAM_LISTPACKS_2 = 19    # with first, largest deleted, entries added, entries read
    RDB_SET_LISTPACK = 20
    RDB_STREAM_LISTPACKS_3 = 21    # with the active times of consumers
    RDB_HASH_2 = 22                # Valkey (version 80): strings, each pair with an expiry
    RDB_HASH_METADATA_PRE_GA = 22  # Redis (7.4 before its release)
    RDB_HASH_LISTPACK_EX_PRE_GA = 23
    RDB_HASH_METADATA = 24         # the earliest expiry; expiries relative to it
    RDB_HASH_LISTPACK_EX = 25

cdef enum RdbString:               # the six bits beside 11
    RDB_STRING_INT8 = 0
    RDB_STRING_INT16 = 1
    RDB_STRING_INT32 = 2
    RDB_STRING_LZF = 3             # length packed, length, bytes

cdef enum RdbVersion:
    RDB_VERSION_LISTPACKS = 10     # Redis 7.0: the oldest that is written
    RDB_VERSION_STREAMS_3 = 11     # Redis 7.2
    RDB_VERSION_FIELD_EXPIRY = 12  # Redis 7.4
    RDB_VERSION_REDIS = 12         # the newest of Redis that is read
    RDB_VERSION_VALKEY = 80        # what is above 12 and below is nobody's

cdef enum RdbOpcode:               # in a file, in the place of a type
    RDB_SLOT_INFO = 244            # of a cluster: slot, keys, keys with an expiry
    RDB_FUNCTION = 245             # a library's source
    RDB_FUNCTION_PRE_GA = 246
    RDB_MODULE_AUX = 247
    RDB_IDLE = 248                 # of the key that follows: seconds, a length
    RDB_FREQUENCY = 249            # ... the LFU counter, a byte
    RDB_AUX = 250                  # name and value
    RDB_RESIZE = 251               # of the database: keys, keys with an expiry
    RDB_EXPIRY_MS = 252            # of the key that follows: Unix time, i64
    RDB_EXPIRY_SECONDS = 253       # ... i32
    RDB_SELECT = 254               # the database of what follows
    RDB_EOF = 255                  # CRC64 of all before it follows, or 0

cdef enum:
    RDB_PAYLOAD_FOOTER = 10        # of DUMP: version u16, CRC64 of all before it u64
