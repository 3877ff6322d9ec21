"""try_installed: does a pyredis that pip has installed serve? `make wheel` runs this with that Python.

It needs nothing but the standard library, and must not be run from where the sources are.
"""

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

PATIENCE = 20.0
DIALOGUE = [(b"PING\r\n", b"+PONG\r\n"), (b"SET k v\r\n", b"+OK\r\n"),
            (b"EVAL 'return 7' 0\r\n", b":7\r\n")]


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def connected(port: int, server: subprocess.Popen[bytes]) -> socket.socket:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE)
        except OSError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(0.05)


def talk(folder: str) -> None:
    port, http = free_ports(2)
    programs = Path(sys.executable).parent
    words = [str(programs / "pyredis-server"), "--port", str(port), "--http-port", str(http), "--bind", "127.0.0.1"]
    with subprocess.Popen(words, cwd=folder) as server:
        try:
            with connected(port, server) as line:
                for request, reply in DIALOGUE:
                    line.sendall(request)
                    assert line.recv(100) == reply, request
            page = urlopen(f"http://127.0.0.1:{http}/", timeout=PATIENCE).read()
            assert b"<html" in page, "no status page"
        finally:
            server.terminate()
        assert server.wait(PATIENCE) == 0
    subprocess.run([str(programs / "pyredis-check-rdb"), "dump.rdb"], cwd=folder, check=True, timeout=PATIENCE)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        talk(folder)
    print("the installed server works")


if __name__ == "__main__":
    main()
