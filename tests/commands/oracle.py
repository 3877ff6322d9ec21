"""A real server to ask about COMMAND, and one notation for its replies and ours.

A reply is written as ("+", status), ("-", error), ("$", bulk), an int, None, ("*", [array]), ("~", [set]) or
("%", [(key, value) pairs]): what a client of RESP3 can tell apart, and no more.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from pyredis.reply import SetOf, Simple
from tests.demand import absent

PEERS = Path.home() / ".cache/pyredis-peers/bin"


def shape(value):
    """One of our reply values in that notation."""
    if isinstance(value, Simple):
        return "+", str(value)
    if isinstance(value, bytes):
        return "$", value.decode()
    if isinstance(value, str):
        return "$", value
    if isinstance(value, dict):
        return "%", [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, SetOf):
        return "~", [shape(item) for item in value]
    if isinstance(value, (list, tuple)):
        return "*", [shape(item) for item in value]
    return value


class Oracle:
    """A connection in RESP3 to a real server."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")
        self("HELLO", "3")

    def close(self):
        self.file.close()
        self.socket.close()

    def __call__(self, *words):
        return self.pipeline([words])[0]

    def pipeline(self, commands):
        wire = bytearray()
        for words in commands:
            wire += b"*%d\r\n" % len(words)
            for word in words:
                data = word if isinstance(word, bytes) else word.encode()
                wire += b"$%d\r\n%b\r\n" % (len(data), data)
        self.socket.sendall(wire)
        return [self._read() for _ in commands]

    def _read(self):
        line = self.file.readline()
        kind, rest = chr(line[0]), line[1:-2].decode()
        match kind:
            case "+" | "-":
                return kind, rest
            case ":":
                return int(rest)
            case "_":
                return None
            case "$":
                return kind, self.file.read(int(rest) + 2)[:-2].decode("latin-1")
            case "*" | "~":
                return kind, [self._read() for _ in range(int(rest))]
            case "%":
                return kind, [(self._read(), self._read()) for _ in range(int(rest))]
        raise AssertionError(f"a reply begins with {line!r}")


def start(name, directory):
    """Starts a peer in `directory`; yields an Oracle, or skips if it is not on this machine."""
    binary = PEERS / name if (PEERS / name).exists() else shutil.which(name)
    if binary is None:
        absent(name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)],
        stdout=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})       # no sanitizer of ours in it
    try:
        oracle = None
        deadline = time.monotonic() + 20
        while oracle is None:
            try:
                oracle = Oracle(port)
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.02)
        yield oracle
        oracle.close()
    finally:
        process.terminate()
        process.wait(20)
