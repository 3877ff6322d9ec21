"""tls: connections with TLS. The encryption is Python's ssl; the rest of a connection is the core's.

    socket -> recv -> incoming BIO -> SSLObject -> relay.feed -.
                                                               requests of all that sent something, in one go
    socket <- send <- outgoing BIO <- SSLObject <- relay.serve <'

The core has such a connection like any other, but for the socket (_pyredis.relay). The loop calls back when the
socket has something, or takes more, or when the core has something for it: that is decrypted and fed (`_ready`), and
when all who have something were heard, one call runs their requests and what it answers is encrypted and sent
(`turn`). So plain connections know nothing of this, and a round costs the way into Python once.

What a socket does not take waits here, at most a PIECE and its records; the rest stays in the core, where the output
limits count it. Input is read on meanwhile, as from plain connections: a client may send a long pipeline before it
reads. A connection is the core's from accept on, so CLIENT LIST shows it and maxclients counts it while it shakes
hands; it has HANDSHAKE_SECONDS for that.

It ends in one place (`left`), after the core has said so. Whoever has it end asks the core (relay.close).
"""

import socket
import ssl
import time
from typing import Any

import _pyredis.relay as relay

from pyredis.config_types import ConfigError, to_bytes
from pyredis.tls_context import TLS_PARAMETERS, TlsError, error_text, fingerprint, make_context, names_of

RECEIVE_MOST = 1 << 17              # bytes taken from a socket at a time
RECORD = 1 << 14                    # the most that one record of TLS holds
PIECE = 1 << 16                     # bytes encrypted at a time
SEND_MOST = 1 << 20                 # bytes sent to one connection before others get their turn
MOST_OWED = 1 << 20                 # bytes of TLS's own that a peer may leave unread
HANDSHAKE_SECONDS = 30.0
FAILED = "Unable to update TLS configuration. Check server logs."
TRY_AGAIN = (BlockingIOError, InterruptedError)


class Connection:
    """One socket and what TLS keeps for it."""

    __slots__ = ("began", "blocked", "client", "ended", "fd", "host", "incoming", "open", "out", "outgoing", "sock",
                 "tls", "where")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str, where: tuple[str, str]) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.host, self.where = host, where
        self.client: Any = None         # of the core
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.began = time.monotonic()
        self.out = b""                  # encrypted; the socket did not take it
        self.open = False               # hands have been shaken
        self.blocked = False            # the loop is to tell when the socket takes more
        self.ended = False              # nothing more will come from it


class Tls:
    """TLS of one server: its context, and its connections."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._core, self._loop = server.core, server.loop
        self._context: ssl.SSLContext | None = None
        self._seen: tuple[object, ...] = ()             # the files as they were read
        self._checked = 0.0
        self._connections: dict[int, Connection] = {}
        self._shaking: dict[Connection, None] = {}      # oldest first
        self._heard: list[Connection] = []              # in this turn
        self._buffer = bytearray(RECEIVE_MOST)
        self._view = memoryview(self._buffer)
        self._loop.on_turn = self.turn
        self._loop.on_left = self.left

    # ---- configuration

    def configure(self) -> None:
        """Reads all anew. ConfigError, with the reason in the log: what was in force stays so."""
        config = self._server.config
        seen = fingerprint(config)
        try:
            self._context = make_context(config)
        except TlsError as error:
            self._server.log.warning(str(error))
            raise ConfigError(FAILED) from None
        self._seen = seen

    def watch_config(self) -> None:
        """From now on parameters that change are taken up at once, if there is a port for them."""
        def changed(value: object) -> None:
            if self._server.config["tls-port"]:
                self.configure()
        for name in TLS_PARAMETERS:
            self._server.config.on_change(name, changed)

    def cron(self) -> None:
        """Once a second: an end to those who do not shake hands, and a look at the files (tls-auto-reload-interval)."""
        now = time.monotonic()
        for connection in list(self._shaking):
            if now - connection.began < HANDSHAKE_SECONDS:
                break
            self._refuse(connection, "handshake timed out")
        period = self._server.config["tls-auto-reload-interval"]
        if not period or not self._server.config["tls-port"] or now - self._checked < period:
            return
        self._checked = now
        if fingerprint(self._server.config) != self._seen:
            self._reload()

    def _reload(self) -> None:
        try:
            self.configure()
            self._server.log.notice("TLS certificates have changed on the disk and were read again")
        except ConfigError:
            self._server.log.warning("TLS certificates have changed on the disk, but cannot be used; those in use stay")
            self._seen = fingerprint(self._server.config)       # not to be told again until they change again

    # ---- beginning and end

    def accept(self, sock: socket.socket, host: str, address: str, local: str) -> None:
        """Takes over a connected, non-blocking socket."""
        assert self._context is not None
        connection = Connection(sock, self._context, host, (address, local))
        connection.client = self._core.add(connection.fd, address.encode(), local.encode(), relayed=True)
        self._connections[connection.fd] = connection
        self._shaking[connection] = None
        self._loop.watch(connection.fd, lambda: self._ready(connection))

    def left(self, fd: int) -> None:
        """The core has let go of it."""
        connection = self._connections.pop(fd)
        self._shaking.pop(connection, None)
        self._loop.unwatch(fd)
        if not connection.out:
            try:
                connection.tls.unwrap()                 # that is our half; we do not wait for the other
            except (OSError, ValueError):
                pass
            self._last_words(connection)
        connection.sock.close()

    def close(self) -> None:
        """The server ends."""
        for connection in self._connections.values():
            connection.sock.close()
        self._connections.clear()

    @staticmethod
    def _last_words(connection: Connection) -> None:
        try:
            connection.sock.send(connection.outgoing.read())
        except OSError:
            pass

    def _end(self, connection: Connection) -> None:
        """Asks the core to let go of it; until then it is not listened to any more."""
        connection.ended, connection.open = True, False
        relay.close(self._core, connection.fd)

    def _refuse(self, connection: Connection, reason: str) -> None:
        """It is not let in."""
        self._server.log.warning("Error accepting a client connection: {} (addr={} laddr={})".format(
            reason, *connection.where))
        self._shaking.pop(connection, None)
        self._last_words(connection)                    # the alert, if there is one
        self._end(connection)

    # ---- shaking hands

    def _shake(self, connection: Connection) -> None:
        try:
            connection.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send(connection, b"")
            return
        except (OSError, ValueError) as error:
            self._refuse(connection, error_text(error))
            return
        self._shaking.pop(connection, None)
        answer = self._server.listener.refusal_of_stranger(connection.host)
        if answer is not None:
            self._turn_away(connection, answer)
            return
        connection.open = True
        field = self._server.config["tls-auth-clients-user"]
        if field != "off" and connection.tls.context.verify_mode != ssl.CERT_NONE:
            self._identify(connection, field)
        self._send(connection, b"")

    def _turn_away(self, connection: Connection, answer: bytes) -> None:
        connection.tls.write(answer)
        self._last_words(connection)
        self._core.count_rejected()
        self._end(connection)

    def _identify(self, connection: Connection, field: str) -> None:
        """Makes it the user's whom the certificate names. If that is none, it is as if it had none."""
        names = [to_bytes(name) for name in names_of(connection.tls.getpeercert(), field)]
        if names:
            self._server.acl.log_in_by_certificate(connection.client, names)

    # ---- in

    def _ready(self, connection: Connection) -> None:
        """The socket has something, or takes more, or the core has something for it."""
        if connection.fd == relay.running(self._core):
            return                                      # it waits for its own command, which is being run
        if not connection.ended:
            self._receive(connection)
        if connection.open:
            self._heard.append(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            n = connection.sock.recv_into(self._buffer)
        except TRY_AGAIN:
            return
        except OSError as error:
            self._server.log.verbose(f"Reading from client: {error.strerror}")
            self._end(connection)
            return
        if n:
            connection.incoming.write(self._view[:n])
        else:
            connection.incoming.write_eof()
        if not connection.open:
            self._shake(connection)
        if connection.open:
            self._decrypt(connection)
            if not n:
                connection.ended = True

    def _decrypt(self, connection: Connection) -> None:
        """Feeds the core what has come in full."""
        read, incoming, pending = connection.tls.read, connection.incoming, connection.tls.pending
        try:
            while incoming.pending or pending():
                data = read(RECORD)
                if not data:
                    connection.ended = True
                    return
                relay.feed(self._core, connection.fd, data)
        except ssl.SSLWantReadError:
            pass
        except OSError as error:
            self._server.log.verbose(f"Reading from client: {error_text(error)}")
            connection.ended = True

    # ---- out

    def turn(self, meanwhile: bool = False) -> None:
        """Runs what has come in, and sends what came of it. `meanwhile`: from within a command that takes long."""
        heard = self._heard
        if not heard:
            return
        self._heard = []
        replies = relay.serve(self._core, [connection.fd for connection in heard], PIECE, meanwhile)
        for connection, data in zip(heard, replies, strict=True):
            self._send(connection, data)
            if connection.ended:
                self._end(connection)

    def _send(self, connection: Connection, data: bytes | None) -> None:
        """Sends what waits, then `data`, then what else the core has. None: then it ends."""
        outgoing, sent = connection.outgoing, 0
        try:
            if connection.blocked:
                if connection.out and not self._push(connection):
                    return
                self._block(connection, False)
                data = relay.take(self._core, connection.fd, PIECE) if connection.open else b""
            while True:
                if data:
                    connection.tls.write(data)
                if outgoing.pending:
                    connection.out = outgoing.read()
                    sent += len(connection.out)
                    if not self._push(connection):
                        return
                if data is None:
                    self._end(connection)
                if not data or len(data) < PIECE:
                    return
                if sent >= SEND_MOST:
                    self._block(connection, True)
                    return
                data = relay.take(self._core, connection.fd, PIECE)
        except OSError as error:
            self._server.log.verbose(f"Error writing to client: {error_text(error)}")
            connection.out = b""
            self._end(connection)

    def _push(self, connection: Connection) -> bool:
        """Sends what is encrypted. False: the socket did not take all of it, and the loop will tell."""
        try:
            n = connection.sock.send(connection.out)
        except TRY_AGAIN:
            n = 0
        whole = n == len(connection.out)
        connection.out = b"" if whole else connection.out[n:]
        self._block(connection, not whole)
        if connection.outgoing.pending > MOST_OWED:     # it asks, and does not read the answers
            self._end(connection)
        return whole

    def _block(self, connection: Connection, blocked: bool) -> None:
        if blocked:
            relay.set_blocked(self._core, connection.fd)
        if blocked != connection.blocked:
            connection.blocked = blocked
            self._loop.want_write(connection.fd, blocked)
