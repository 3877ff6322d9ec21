"""http_status: a small web server for people and for Prometheus, behind `http-port`. Off unless that is set.

    GET /               the status page, one file that needs nothing from elsewhere
    GET /status.json    its figures
    GET /metrics        the same for Prometheus

It listens where the server does (`bind`) and is a guest in the server's own loop, no thread: requests are small, at
most so many at a time, each with a few seconds to arrive and to be taken, one a connection. Nothing can be changed by
it.

Who may look: a user who may run the commands that tell the same (SHOWN); name and password come by HTTP's Basic
authentication, and without them it is the default user. Where protected mode guards the server, only this machine. A
page of some other site that has a browser on this machine ask, its name having been pointed here, is refused by the
Host it asks for.
"""

import base64
import ipaddress
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from _pyredis.access import find_command

from pyredis import exposition
from pyredis.config_types import ConfigError
from pyredis.listener import bind_all, is_loopback
from pyredis.users import DEFAULT

MOST_CONNECTIONS = 32
MOST_REQUEST = 8192                 # bytes
SECONDS = 5.0                       # for a request to come, and for its answer to be taken
BACKLOG = 16
REST_SECONDS = 0.5
SHOWN = ([b"info"], [b"slowlog", b"get"], [b"latency", b"latest"])
PAGE = Path(__file__).with_name("status.html")
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
           505: "HTTP Version Not Supported"}
TEXT, HTML, JSON = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/json"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
ALWAYS = ("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
          "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
          "connect-src 'self'; img-src data:; frame-ancestors 'none'\r\nConnection: close\r\n")


class Answer(NamedTuple):
    status: int
    kind: str
    body: bytes
    extra: str = ""


class Refused(Exception):
    """What is wrong with a request."""

    def __init__(self, status: int, extra: str = "") -> None:
        self.answer = Answer(status, TEXT, f"{REASONS[status]}\n".encode(), extra)


class Request(NamedTuple):
    path: str
    headers: dict[str, str]         # names in lower case


def parse(data: bytes) -> Request:
    """A request's head, which ends with an empty line. Refused says why not."""
    lines = data.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        raise Refused(400)
    if words[2] not in ("HTTP/1.0", "HTTP/1.1"):
        raise Refused(505)
    if words[0] != "GET":
        raise Refused(405, "Allow: GET\r\n")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if line and (not colon or not name or name != name.strip() or name.lower() in headers):
            raise Refused(400)
        if line:
            headers[name.lower()] = value.strip()
    return Request(words[1].partition("?")[0], headers)


def host_is_own(host: str) -> bool:
    """Is this a name that only means this machine: an address, localhost, or what it calls itself?"""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name.lower().rstrip(".") in ("localhost", socket.gethostname().lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def encode(answer: Answer) -> bytes:
    head = (f"HTTP/1.1 {answer.status} {REASONS[answer.status]}\r\nContent-Type: {answer.kind}\r\n"
            f"Content-Length: {len(answer.body)}\r\n{ALWAYS}{answer.extra}\r\n")
    return head.encode() + answer.body


class Visit:
    """One connection: its request comes in, its answer goes out."""

    def __init__(self, owner: "HttpStatus", sock: socket.socket, host: str) -> None:
        self.owner, self.sock, self.host = owner, sock, host
        self.loop = owner.loop
        self.data = b""
        self.out = b""
        self.lingers = False            # answered: what still comes is read, lest closing undo the answer
        self.ends = time.monotonic() + SECONDS

    def ready(self) -> None:
        """The socket is readable, or takes more of the answer."""
        try:
            if self.out:
                self._send()
            else:
                self._receive()
        except BlockingIOError:
            pass
        except OSError:
            self.owner.leave(self)

    def _receive(self) -> None:
        piece = self.sock.recv(MOST_REQUEST)
        if not piece:
            self.owner.leave(self)
        elif not self.lingers:
            self._take(piece)

    def _take(self, piece: bytes) -> None:
        self.data += piece
        if b"\r\n\r\n" in self.data[:MOST_REQUEST]:
            self._reply(self.owner.answer(self.data.partition(b"\r\n\r\n")[0], self.host))
        elif len(self.data) >= MOST_REQUEST:
            self._reply(Refused(431).answer)

    def _reply(self, answer: Answer) -> None:
        self.out = encode(answer)
        self.lingers = answer.status != 200
        self.ends = time.monotonic() + SECONDS
        self.loop.watch_write(self.sock.fileno())
        self._send()

    def _send(self) -> None:
        self.out = self.out[self.sock.send(self.out):]
        if self.out:
            return
        if self.lingers:
            self.sock.shutdown(socket.SHUT_WR)
            self.loop.unwatch(self.sock.fileno())
            self.loop.watch(self.sock.fileno(), self.ready)
        else:
            self.owner.leave(self)


class HttpStatus:
    """The web server of one server. open() and close() follow http-port."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.loop = server.loop
        self._listeners: list[socket.socket] = []
        self._visits: set[Visit] = set()
        self._watch: exposition.Watch | None = None
        self._resting: set[socket.socket] = set()       # not watched for a while
        self._ticking = False
        self._pages: dict[str, Callable[[], Answer]] = {
            "/": lambda: Answer(200, HTML, PAGE.read_bytes()),
            "/status.json": lambda: Answer(200, JSON, json.dumps(exposition.status(server, self.watch)).encode()),
            "/metrics": lambda: Answer(200, PROMETHEUS, exposition.metrics(server).encode())}

    @property
    def watch(self) -> exposition.Watch:
        if self._watch is None:
            self._watch = exposition.Watch(self._server)
            self._watch.sample()
        return self._watch

    def open(self, addresses: list[str] | tuple[str, ...], port: int) -> None:
        """Listens there from now on, and nowhere else; port 0: nowhere. ConfigError: all is as it was."""
        before = [listener.getsockname()[:2] for listener in self._listeners]
        self._stop_listening()
        try:
            self._listen(list(addresses), port)
        except OSError:
            for host, old in before:
                self._listen([host], old)
            raise ConfigError("Unable to listen on the port for HTTP. Check server logs.") from None
        if not port:
            self._watch = None
        elif self.watch and not self._ticking:
            self._ticking = True
            self.loop.every(exposition.PERIOD, self._tick)

    def _listen(self, addresses: list[str], port: int) -> None:
        if not port:
            return
        for listener in bind_all(addresses, port, BACKLOG, self._server.log):
            self._listeners.append(listener)
            self.loop.watch(listener.fileno(), lambda listener=listener: self._accept(listener))

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            if listener not in self._resting:
                self.loop.unwatch(listener.fileno())
            listener.close()
        self._listeners = []
        self._resting.clear()

    def close(self) -> None:
        self._stop_listening()
        for visit in list(self._visits):
            self.leave(visit)
        self._watch = None

    def _tick(self) -> float | None:
        """Once a second: a sample, and an end to those who take too long."""
        now = time.monotonic()
        for visit in [visit for visit in self._visits if visit.ends < now]:
            self.leave(visit)
        self._ticking = self._watch is not None
        if self._watch is None:
            return None
        self._watch.sample()
        return exposition.PERIOD

    # ---- connections

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, peer = listener.accept()
        except BlockingIOError:
            return
        except OSError:                          # no descriptors left: the next try is a while away
            self.loop.unwatch(listener.fileno())
            self._resting.add(listener)
            self.loop.every(REST_SECONDS, lambda: self._rest_over(listener))
            return
        if len(self._visits) >= MOST_CONNECTIONS:
            sock.close()
            return
        sock.setblocking(False)
        visit = Visit(self, sock, peer[0])
        self._visits.add(visit)
        self.loop.watch(sock.fileno(), visit.ready)

    def _rest_over(self, listener: socket.socket) -> None:
        if listener in self._resting:
            self._resting.discard(listener)
            self.loop.watch(listener.fileno(), lambda: self._accept(listener))

    def leave(self, visit: Visit) -> None:
        if visit in self._visits:
            self._visits.discard(visit)
            self.loop.unwatch(visit.sock.fileno())
            visit.sock.close()

    # ---- answers

    def answer(self, head: bytes, host: str) -> Answer:
        """To a request from this address, whatever it is."""
        try:
            request = parse(head)
            self._check(request, host)
            if request.path not in self._pages:
                raise Refused(404)
            return self._pages[request.path]()
        except Refused as refused:
            return refused.answer
        except Exception as error:
            self._server.log.warning(f"The status page failed: {type(error).__name__}: {error}")
            return Refused(500).answer

    def _check(self, request: Request, host: str) -> None:
        acl = self._server.acl
        if self._server.config["protected-mode"] and acl.needs_no_password and not is_loopback(host):
            raise Refused(403)
        if is_loopback(host) and not host_is_own(request.headers.get("host", "localhost")):
            raise Refused(403)
        name, password = credentials(request)
        if not acl.knows(name, password):
            raise Refused(401, 'WWW-Authenticate: Basic realm="pyredis", charset="UTF-8"\r\n')
        for words in SHOWN:
            index = find_command(self._server.core, words)
            if index is None or acl.refusal(name, index, words, 0) is not None:
                raise Refused(403)


def credentials(request: Request) -> tuple[bytes, bytes]:
    """User and password of Basic authentication; the default user, without a password, if there is none."""
    scheme, _, words = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return DEFAULT, b""
    try:
        name, _, password = base64.b64decode(words, validate=True).partition(b":")
    except ValueError:
        return DEFAULT, b""
    return name or DEFAULT, password
