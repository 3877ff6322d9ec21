"""RDB bytes for tests: how lengths and strings are written, payloads of RESTORE, and a walk over a whole file that
cuts out each key's value. It knows the format by itself and takes nothing from the code that it tests."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from _pyredis.base.testing import crc64

STRING, LIST, SET, ZSET, HASH, ZSET_2 = range(6)
ZIPMAP, LIST_ZIPLIST, INTSET, ZSET_ZIPLIST, HASH_ZIPLIST, QUICKLIST, STREAM = range(9, 16)
HASH_LISTPACK, ZSET_LISTPACK, QUICKLIST_2, STREAM_2, SET_LISTPACK, STREAM_3 = range(16, 22)
HASH_2 = METADATA_PRE_GA = 22
LISTPACK_EX_PRE_GA, METADATA, LISTPACK_EX = range(23, 26)


def length(n: int) -> bytes:
    if n < 64:
        return bytes([n])
    if n < 1 << 14:
        return bytes([0x40 | n >> 8, n & 255])
    return b"\x80" + struct.pack(">I", n) if n < 1 << 32 else b"\x81" + struct.pack(">Q", n)


def string(data: bytes) -> bytes:
    return length(len(data)) + data


def strings(*data: bytes) -> bytes:
    return b"".join(map(string, data))


def ms(at: int) -> bytes:
    return struct.pack("<q", at)


def payload(body: bytes, version: int = 11) -> bytes:
    """What DUMP would give: the body is a type byte and a value."""
    data = body + struct.pack("<H", version)
    return data + struct.pack("<Q", crc64(data))


def element(value: bytes | int) -> bytes:
    """An element of a listpack."""
    if isinstance(value, int) and 0 <= value <= 127:
        data = bytes([value])
    elif isinstance(value, int) and -4096 <= value <= 4095:
        data = bytes([0xc0 | value >> 8 & 0x1f, value & 255])
    elif isinstance(value, int):
        data = next(bytes([form]) + (value & (1 << 8 * n) - 1).to_bytes(n, "little")
                    for form, n in ((0xf1, 2), (0xf2, 3), (0xf3, 4), (0xf4, 8))
                    if -(1 << 8 * n - 1) <= value < 1 << 8 * n - 1)
    elif len(value) < 64:
        data = bytes([0x80 | len(value)]) + value
    elif len(value) < 4096:
        data = bytes([0xe0 | len(value) >> 8, len(value) & 255]) + value
    else:
        data = b"\xf0" + struct.pack("<I", len(value)) + value
    n = len(data)
    size = 1 if n <= 127 else 2 if n < 16383 else 3
    return data + bytes([(n >> 7 * (size - 1 - i) & 127) | (128 if i else 0) for i in range(size)])


def listpack(*values: bytes | int, count: int | None = None) -> bytes:
    body = b"".join(map(element, values)) + b"\xff"
    return struct.pack("<IH", len(body) + 6, len(values) if count is None else count) + body


def ziplist_entry(value: bytes | int, before: int, wide: bool = False) -> bytes:
    head = bytes([before]) if before < 254 and not wide else b"\xfe" + struct.pack("<I", before)
    if isinstance(value, bytes):
        n = len(value)
        form = (bytes([n]) if n < 64 else bytes([0x40 | n >> 8, n & 255]) if n < 1 << 14
                else b"\x80" + struct.pack(">I", n))
        return head + form + value
    if 0 <= value <= 12:
        return head + bytes([0xf1 + value])
    form, n = next((form, n) for form, n in ((0xfe, 1), (0xc0, 2), (0xf0, 3), (0xd0, 4), (0xe0, 8))
                   if -(1 << 8 * n - 1) <= value < 1 << 8 * n - 1)
    return head + bytes([form]) + (value & (1 << 8 * n) - 1).to_bytes(n, "little")


def ziplist(*values: bytes | int, count: int | None = None) -> bytes:
    body, last, before = b"", 10, 0
    for value in values:
        last = 10 + len(body)
        entry = ziplist_entry(value, before)
        body += entry
        before = len(entry)
    head = struct.pack("<IIH", 11 + len(body), last, len(values) if count is None else count)
    return head + body + b"\xff"


def zipmap(*words: bytes, free: int = 0) -> bytes:
    """Fields and values in turn."""
    def size(word: bytes) -> bytes:
        return bytes([len(word)]) if len(word) < 254 else b"\xfe" + struct.pack("<I", len(word))
    out = bytes([min(len(words) // 2, 254)])
    for field, value in zip(words[::2], words[1::2], strict=True):
        out += size(field) + field + size(value) + bytes([free]) + value + bytes(free)
    return out + b"\xff"


def intset(*values: int, width: int = 2) -> bytes:
    return struct.pack("<II", width, len(values)) + b"".join(v.to_bytes(width, "little", signed=True) for v in values)


def stream_id(ms: int, seq: int) -> bytes:
    return struct.pack(">QQ", ms, seq)


# ---------------------------------------------------------------- a whole file

class Value(NamedTuple):
    db: int
    key: bytes
    expiry: int | None               # Unix ms
    body: bytes                      # type byte and value


class Walk:
    """Over the bytes of a file that is sound."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 9
        self.version = int(data[6:9])

    def bytes(self, n: int) -> bytes:
        self.at += n
        return self.data[self.at - n:self.at]

    def length(self) -> int:
        """A length, or -1 - the form of a string."""
        first = self.bytes(1)[0]
        match first >> 6:
            case 0:
                return first
            case 1:
                return (first & 63) << 8 | self.bytes(1)[0]
            case 2:
                return int.from_bytes(self.bytes(4 if first == 0x80 else 8), "big")
        return -1 - (first & 63)

    def string(self) -> bytes:
        """Its bytes; of a compressed one, those that stand in the file."""
        n = self.length()
        if n >= 0:
            return self.bytes(n)
        if n == -4:
            n = self.length()
            self.length()
            return self.bytes(n)
        return str(int.from_bytes(self.bytes({-1: 1, -2: 2, -3: 4}[n]), "little", signed=True)).encode()

    def strings(self, n: int) -> None:
        for _ in range(n):
            self.string()

    def lengths(self, n: int) -> None:
        for _ in range(n):
            self.length()

    def value(self, kind: int) -> bytes:
        start = self.at
        self._skip(kind)
        return bytes([kind]) + self.data[start:self.at]

    def _skip(self, kind: int) -> None:
        if kind in (STREAM, STREAM_2, STREAM_3):
            self._skip_stream(kind)
        elif kind in (METADATA, LISTPACK_EX):
            self.bytes(8)
        if kind in (STRING, *range(ZIPMAP, QUICKLIST), HASH_LISTPACK, ZSET_LISTPACK, SET_LISTPACK, LISTPACK_EX,
                    LISTPACK_EX_PRE_GA):
            self.string()
        elif kind in (LIST, SET, QUICKLIST):
            self.strings(self.length())
        elif kind == HASH:
            self.strings(2 * self.length())
        elif kind in (ZSET_2, QUICKLIST_2, METADATA, HASH_2):
            for _ in range(self.length()):
                if kind in (QUICKLIST_2, METADATA):
                    self.length()
                self.strings(2 if kind in (METADATA, HASH_2) else 1)
                if kind in (ZSET_2, HASH_2):
                    self.bytes(8)

    def _skip_stream(self, kind: int) -> None:
        self.strings(2 * self.length())
        self.lengths(3 if kind == STREAM else 8)
        for _ in range(self.length()):
            self.string()
            self.lengths(2 if kind == STREAM else 3)
            for _ in range(self.length()):
                self.bytes(24)
                self.length()
            for _ in range(self.length()):
                self.string()
                self.bytes(16 if kind == STREAM_3 else 8)
                self.bytes(16 * self.length())

    def values(self) -> Iterator[Value]:
        db, expiry = 0, None
        while True:
            op = self.bytes(1)[0]
            if op == 0xff:
                return
            if op == 0xfe:
                db = self.length()
            elif op == 0xfc:
                expiry = int.from_bytes(self.bytes(8), "little")
            elif op == 0xfa:
                self.strings(2)
            elif op in (0xfb, 0xf4):
                self.lengths(2 if op == 0xfb else 3)
            elif op in (0xf5, 0xf8):
                (self.string if op == 0xf5 else self.length)()
            elif op == 0xf9:
                self.bytes(1)
            else:
                key = self.string()
                yield Value(db, key, expiry, self.value(op))
                expiry = None
