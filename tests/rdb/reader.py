"""A small, slow reader of what DUMP gives and of RDB files, written from the format alone: the judge of the writer.

    read(payload) -> Payload(type, value, version, strings)        read_file(data) -> File(...)

`value` is plain Python: bytes for a string; lists of bytes for listpacks and collections; see each function.
"""

import struct
from typing import Any, NamedTuple

POLYNOMIAL = 0x95ac9329ac4bc9b5             # of CRC64 Jones, reflected


def crc64(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    return crc


def lzf(data: bytes, length: int) -> bytes:
    out, at = bytearray(), 0
    while at < len(data):
        control = data[at]
        at += 1
        if control < 32:
            out += data[at:at + control + 1]
            at += control + 1
            continue
        count, high = control >> 5, control & 31
        if count == 7:
            count += data[at]
            at += 1
        start = len(out) - (high << 8 | data[at]) - 1
        at += 1
        assert start >= 0
        for i in range(count + 2):
            out.append(out[start + i])
    assert len(out) == length
    return bytes(out)


def intset(image: bytes) -> list[int]:
    width, count = struct.unpack_from("<II", image)
    assert len(image) == 8 + width * count
    return [int.from_bytes(image[8 + width * i:][:width], "little", signed=True) for i in range(count)]


def listpack(image: bytes) -> list[bytes]:
    """Its elements as text."""
    size, count = struct.unpack_from("<IH", image)
    assert size == len(image)
    assert image[-1] == 0xff
    found, at = [], 6
    while image[at] != 0xff:
        text, at = _element(image, at)
        found.append(text)
    assert at == size - 1
    assert count in (len(found), 65535)
    return found


def _element(image: bytes, at: int) -> tuple[bytes, int]:
    first, start = image[at], at
    widths = {0xf1: 2, 0xf2: 3, 0xf3: 4, 0xf4: 8}
    if first < 0x80:
        text, at = b"%d" % first, at + 1
    elif first < 0xc0:
        text, at = image[at + 1:at + 1 + (first & 63)], at + 1 + (first & 63)
    elif first < 0xe0:
        value = (first & 31) << 8 | image[at + 1]
        text, at = b"%d" % (value - (8192 if value >= 4096 else 0)), at + 2
    elif first < 0xf0:
        n = (first & 15) << 8 | image[at + 1]
        text, at = image[at + 2:at + 2 + n], at + 2 + n
    elif first == 0xf0:
        n = struct.unpack_from("<I", image, at + 1)[0]
        text, at = image[at + 5:at + 5 + n], at + 5 + n
    else:
        n = widths[first]
        text, at = b"%d" % int.from_bytes(image[at + 1:at + 1 + n], "little", signed=True), at + 1 + n
    size, back = at - start, 0
    while size >> (7 * back):
        back += 1
    return text, at + max(back, 1)


class Payload(NamedTuple):
    type: int
    value: Any
    version: int
    strings: list[str]                      # the form of each string: "raw", "int", "lzf"


class Reader:
    """Reads from the front of `data`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.strings: list[str] = []

    def take(self, n: int) -> bytes:
        assert self.at + n <= len(self.data)
        self.at += n
        return self.data[self.at - n:self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def i64(self) -> int:
        return int.from_bytes(self.take(8), "little", signed=True)

    def _length(self) -> tuple[bool, int]:
        """(is it a string's special form, which, or the length)."""
        first = self.byte()
        if first >> 6 == 0:
            return False, first
        if first >> 6 == 1:
            return False, (first & 63) << 8 | self.byte()
        if first == 0x80:
            return False, int.from_bytes(self.take(4), "big")
        if first == 0x81:
            return False, int.from_bytes(self.take(8), "big")
        assert first >> 6 == 3
        return True, first & 63

    def length(self) -> int:
        special, n = self._length()
        assert not special
        return n

    def string(self) -> bytes:
        special, n = self._length()
        self.strings.append("raw" if not special else "lzf" if n == 3 else "int")
        if not special:
            return self.take(n)
        if n == 3:
            packed, length = self.length(), self.length()
            return lzf(self.take(packed), length)
        return b"%d" % int.from_bytes(self.take(1 << n), "little", signed=True)

    def id(self) -> tuple[int, int]:
        return self.length(), self.length()

    def raw_id(self) -> tuple[int, int]:
        high, low = struct.unpack(">QQ", self.take(16))
        return high, low


def quicklist(r: Reader) -> list[tuple[str, list[bytes]]]:
    """[("plain" or "packed", its elements)] of the nodes."""
    nodes: list[tuple[str, list[bytes]]] = []
    for _ in range(r.length()):
        kind = r.length()
        assert kind in (1, 2)
        text = r.string()
        nodes.append(("plain", [text]) if kind == 1 else ("packed", listpack(text)))
    return nodes


def zset(r: Reader) -> list[tuple[bytes, float]]:
    return [(r.string(), struct.unpack("<d", r.take(8))[0]) for _ in range(r.length())]


def timed_hash(r: Reader) -> dict[bytes, tuple[bytes, int]]:
    """field -> (value, expiry or 0)."""
    first, found = r.u64(), {}
    for _ in range(r.length()):
        ttl = r.length()
        field = r.string()
        found[field] = r.string(), first + ttl - 1 if ttl else 0
    assert first == min(at for _, at in found.values() if at)
    return found


def timed_listpack(r: Reader) -> dict[bytes, tuple[bytes, int]]:
    first, flat = r.u64(), listpack(r.string())
    found = {flat[i]: (flat[i + 1], int(flat[i + 2])) for i in range(0, len(flat), 3)}
    assert first == int(flat[2])
    return found


def pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def stream(r: Reader, version: int) -> dict[str, Any]:
    nodes = []
    for _ in range(r.length()):
        assert r.byte() == 16
        nodes.append((r.raw_id(), listpack(r.string())))
    facts = {"nodes": nodes, "length": r.length(), "last": r.id(), "first": r.id(), "deleted": r.id(),
             "added": r.length(), "groups": {}}
    for _ in range(r.length()):
        name, last, read = r.string(), r.id(), r.length()
        pending = [(r.raw_id(), r.u64(), r.length()) for _ in range(r.length())]
        consumers = {}
        for _ in range(r.length()):
            who, seen = r.string(), r.i64()
            active = r.i64() if version == 3 else seen
            consumers[who] = seen, active, [r.raw_id() for _ in range(r.length())]
        facts["groups"][name] = {"last": last, "read": read, "pending": pending, "consumers": consumers}
    return facts


VALUES: dict[int, Any] = {
    0: Reader.string,
    2: lambda r: [r.string() for _ in range(r.length())],
    4: lambda r: [(r.string(), r.string()) for _ in range(r.length())],
    5: zset,
    11: lambda r: intset(r.string()),
    16: lambda r: pairs(listpack(r.string())),
    17: lambda r: pairs(listpack(r.string())),
    18: quicklist,
    19: lambda r: stream(r, 2),
    21: lambda r: stream(r, 3),
    24: timed_hash,
    25: timed_listpack,
}


def read(payload: bytes) -> Payload:
    """A whole payload, its CRC checked."""
    assert int.from_bytes(payload[-8:], "little") == crc64(payload[:-8])
    r = Reader(payload[:-10])
    kind = r.byte()
    value = VALUES[kind](r)
    assert r.at == len(r.data), "bytes are left over"
    return Payload(kind, value, int.from_bytes(payload[-10:-8], "little"), r.strings)


class Saved(NamedTuple):
    type: int
    value: Any
    expiry: int | None
    idle: int | None
    frequency: int | None


class File(NamedTuple):
    version: int
    aux: list[tuple[bytes, bytes]]
    functions: list[bytes]
    sizes: dict[int, tuple[int, int]]           # by database: keys, keys with an expiry
    keys: dict[tuple[int, bytes], Saved]
    crc: int                                    # as it stands in the file


def read_file(data: bytes) -> File:
    assert data[:5] == b"REDIS"
    r = Reader(data)
    r.at = 9
    found = File(int(data[5:9]), [], [], {}, {}, int.from_bytes(data[-8:], "little"))
    db = -1
    about: dict[str, int] = {}
    while (code := r.byte()) != 255:
        if code == 250:
            found.aux.append((r.string(), r.string()))
        elif code == 245:
            found.functions.append(r.string())
        elif code == 254:
            db = r.length()
        elif code == 251:
            found.sizes[db] = r.length(), r.length()
        elif code == 252:
            about["expiry"] = r.i64()
        elif code == 248:
            about["idle"] = r.length()
        elif code == 249:
            about["frequency"] = r.byte()
        else:
            key = r.string()
            found.keys[db, key] = Saved(code, VALUES[code](r), about.get("expiry"), about.get("idle"),
                                        about.get("frequency"))
            about = {}
    assert r.at == len(data) - 8
    return found
