"""What the servers held that wrote the files of tests/fixtures."""

import base64
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures"
SERVERS = ["redis-6.2", "redis-7.0.15", "redis-8.0.6", "valkey-9.1.2"]


def decoded(expected):
    """(type, elements) of an entry of expected.json, sets, sorted sets and hashes in order."""
    text = base64.b64decode
    value, kind = expected["value"], expected["type"]
    if kind == "string":
        return text(value)
    if kind == "list":
        return [text(x) for x in value]
    if kind == "set":
        return sorted(text(x) for x in value)
    if kind == "zset":
        return sorted((text(m), float(s)) for m, s in value)
    ends = expected.get("field_pexpireat", {})
    if kind == "hash":
        return sorted((text(f), text(v), ends.get(f, 0)) for f, v in value.items())
    return [(tuple(map(int, i.split("-"))), list(zip(*[map(text, words)] * 2, strict=True))) for i, words in value]
