"""tls: connections with TLS. The encryption is Python's ssl; the rest of a connection is the core's.

    accept -> shake hands -> pump.hear, pump.turn, as long as it lasts -> left

The core has such a connection like any other, but for the socket, and _pyredis.relay carries its bytes. Here are the
settings, the handshake, who is let in, and the end; after the handshake the loop calls the pump. So plain connections
know nothing of TLS, and a round of many requests costs the way into Python once.

A connection is the core's from accept on, so CLIENT LIST shows it and maxclients counts it while it shakes hands; it
has HANDSHAKE_SECONDS for that. It ends in one place (`left`), after the core has said so; whoever has it end asks
the core (relay.close).
"""

import socket
import ssl
import time
from functools import partial
from typing import Any

import _pyredis.relay as relay

from pyredis.config_types import ConfigError, to_bytes
from pyredis.tls_context import TLS_PARAMETERS, TlsError, error_text, fingerprint, make_context, names_of

HANDSHAKE_SECONDS = 30.0
FAILED = "Unable to update TLS configuration. Check server logs."


class Connection:
    """One socket and what TLS keeps for it."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str, where: tuple[str, str]) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.sock = sock
        self.fd = sock.fileno()
        self.host, self.where = host, where
        self.tls = context.wrap_bio(incoming, outgoing, server_side=True)
        self.pipe = relay.Pipe(self.fd, self.tls, incoming, outgoing)
        self.client: Any = None         # of the core
        self.began = time.monotonic()


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
        self._pump = relay.Pump(self._core)
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
        self._loop.watch(connection.fd, partial(self._shake, connection))

    def left(self, fd: int) -> None:
        """The core has let go of it."""
        connection = self._connections.pop(fd)
        self._shaking.pop(connection, None)
        self._loop.unwatch(fd)
        if connection.pipe.clean:
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
            connection.sock.send(connection.pipe.outgoing.read())
        except OSError:
            pass

    def _end(self, connection: Connection) -> None:
        """Asks the core to let go of it; until then it is not listened to any more."""
        connection.pipe.ended = connection.pipe.over = True
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
        """The socket has something, or takes more."""
        pipe = connection.pipe
        if pipe.over:
            return
        self._pump.receive(pipe)
        try:
            connection.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._pump.flush(pipe)
            self._tell(pipe)
            return
        except (OSError, ValueError) as error:
            self._refuse(connection, error_text(pipe.failure[1] if pipe.failure else error))
            return
        self._shaking.pop(connection, None)
        answer = self._server.listener.refusal_of_stranger(connection.host)
        if answer is not None:
            self._turn_away(connection, answer)
            return
        field = self._server.config["tls-auth-clients-user"]
        if field != "off" and connection.tls.context.verify_mode != ssl.CERT_NONE:
            self._identify(connection, field)
        self._loop.call_instead(connection.fd, partial(self._pump.hear, pipe))
        self._pump.decrypt(pipe)                        # what came with the end of the handshake

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

    # ---- after it

    def turn(self, meanwhile: bool) -> None:
        """The loop has called back for all who were ready."""
        for pipe in self._pump.turn(meanwhile):
            self._tell(pipe)

    def _tell(self, pipe: Any) -> None:
        """Sees to what is new about it, for the loop and for the core."""
        if pipe.over:
            if pipe.failure:
                what, error = pipe.failure
                self._server.log.verbose(f"{what}: {error_text(error)}")
            self._end(self._connections[pipe.fd])
        elif pipe.blocked != pipe.watched:
            pipe.watched = pipe.blocked
            self._loop.want_write(pipe.fd, pipe.blocked)
