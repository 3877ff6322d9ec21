# json_settings -- what a cjson table is told by its encode_... and decode_... functions. A userdata, the second upvalue
# of every function of the table: each cjson.new() has settings of its own.

cdef enum:
    SETTINGS_UPVALUE = 2
    INPUT_UPVALUE = 3            # of decode: the text, while it is read
    JSON_UPVALUES = 3
    JSON_MAX_PRECISION = 14

cdef enum:                       # of encode_invalid_numbers
    INVALID_REFUSED = 0
    INVALID_WRITTEN
    INVALID_NULL

cdef struct JsonSettings:
    bint sparse_convert          # a sparse array becomes an object instead of an error
    int  sparse_ratio            # sparse: more than so many places an element; 0: never
    int  sparse_safe             # but never with at most so many places
    int  encode_max_depth
    int  decode_max_depth
    int  precision               # significant digits of a number
    bint keep_buffer
    int  encode_invalid          # NaN and infinities
    bint decode_invalid          # those, and hexadecimal numbers and such with leading zeros or a plus
