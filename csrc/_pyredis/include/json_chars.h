/* json_chars -- the bytes of a string that JSON, as cjson writes it, does not print as they are: what follows the
 * backslash, 'u' for \u00XX, 0 for the bytes that stand for themselves. */
#ifndef PYREDIS_JSON_CHARS_H
#define PYREDIS_JSON_CHARS_H

static const char json_escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    ['"'] = '"', ['/'] = '/', ['\\'] = '\\', [127] = 'u',
};

#endif
