"""A real server for the tests of configuration: running with a file, or only long enough to refuse one.

What bench.peers starts has no configuration file and gets many options; here a file can come first.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import peers
from pyredis.config_types import to_bytes, to_text
from tests.demand import absent

LIBRARY = os.pathsep.join(map(str, peers.library_folders()))     # as it is before any test changes directory


def environment(name: str) -> dict[str, str]:
    """Of the server's process: a sanitizer that is preloaded for pyredis is not for a real one."""
    inherited = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD" or name == "pyredis"}
    return {**inherited, "PYTHONPATH": LIBRARY}


def program(name: str) -> list[str]:
    """The words that start a server; skips the test where a peer is not installed."""
    if name == "pyredis":
        return [sys.executable, "-m", "pyredis"]
    found = peers.find(name)
    if found is None:
        absent(name)
    return [str(found)]


class Peer:
    """A connection: many commands go out at once, the replies come back in order."""

    def __init__(self, port: int) -> None:
        self._client = peers.Client(port, timeout=20)

    def call(self, *words: str) -> Any:
        return self.calls([words])[0]

    def calls(self, commands: list[tuple[str, ...]]) -> list[Any]:
        """Replies of all of them, as text; an error is ("error", text)."""
        replies = []
        for at in range(0, len(commands), 100):        # a part at a time, lest both sides wait to be read
            part = commands[at : at + 100]
            self._client.send(b"".join(peers.encode(*map(to_bytes, words)) for words in part))
            replies += [self._reply() for _ in part]
        return replies

    def _reply(self) -> Any:
        try:
            return _text(self._client.receive())
        except peers.ReplyError as error:
            return ("error", str(error))


def _text(reply: Any) -> Any:
    if isinstance(reply, list):
        return [_text(item) for item in reply]
    return to_text(reply) if isinstance(reply, bytes) else reply


@contextlib.contextmanager
def running(name: str, folder: Path, *arguments: str) -> Iterator[Peer]:
    """The server with these arguments (the first may be a file), working in the folder."""
    port = peers.free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1"]
    with open(folder / "peer.log", "wb") as log:
        process = subprocess.Popen([*program(name), *arguments, *options], cwd=folder, env=environment(name),
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        ready = False
        deadline = time.monotonic() + peers.START_SECONDS
        while not ready:
            text = (folder / "peer.log").read_text()
            assert process.poll() is None and time.monotonic() < deadline, text
            ready = "Ready to accept" in text
            time.sleep(0.01)
        yield Peer(port)
    finally:
        peers.end(process, 0)


def refusal(name: str, folder: Path, text: str, *options: str) -> str:
    """What the server says on stderr about a configuration that it does not accept."""
    (folder / "refused.conf").write_text(text)
    done = subprocess.run([*program(name), str(folder / "refused.conf"), *options], cwd=folder, timeout=20,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          env=environment(name))
    assert done.returncode == 1
    return done.stderr
