"""listener: the sockets that clients connect to, and what happens to a connection before its first byte.

TCP on every address of `bind` (an address with a leading - may be missing on this machine), there again for TLS,
and a unix socket. Accepted descriptors go to the core and to the loop; from then on Python does not see them. Those
of TLS go to pyredis.tls.

Refusals that need no command are written here: too many clients, and protected mode. With TLS the first is none (no
hands have been shaken, so nothing can be said), and for the second `tls` asks when they have been.
"""

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from pyredis.config_types import ConfigError
from pyredis.log import Log

ACCEPT_MOST = 1000                  # connections taken in one go, so that clients already here get their turn

REST_SECONDS = 0.1

NO_PORT = "Unable to listen on this port. Check server logs."
NO_ADDRESS = "Failed to bind to specified addresses."
TOO_MANY = b"-ERR max number of clients reached\r\n"
DENIED = (
    b"-DENIED pyredis is in protected mode: it has no password for the default user, so it only answers "
    b"clients on the loopback interface. To connect from elsewhere, do one of these: 1) run CONFIG SET "
    b"protected-mode no from a client on the server's own machine, having made sure that the server cannot "
    b"be reached from the internet, and CONFIG REWRITE to keep it; 2) set protected-mode no in the "
    b"configuration file and restart; 3) start the server with --protected-mode no, for a test; 4) set a "
    b"password (requirepass), which is the way that also keeps strangers out.\r\n")


def listen_tcp(address: str, port: int, backlog: int) -> socket.socket:
    """A listening socket. OSError says why not."""
    host = {"*": "0.0.0.0", "::*": "::"}.get(address, address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if family == socket.AF_INET and not host.replace(".", "").isdigit():
        try:
            family, _, _, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        except UnicodeError:            # no name at all, such as "a..b"
            raise OSError(errno.EINVAL, "Name or service not known") from None
        host = str(found[0])
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(backlog)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def listen_unix(path: str, mode: int, backlog: int) -> socket.socket:
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        if mode:
            os.chmod(path, mode)
        listener.listen(backlog)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def bind_all(addresses: list[str], port: int, backlog: int, log: Log) -> list[socket.socket]:
    """Listens on every address; OSError if one fails that has to work, or all do. None stay open then."""
    opened: list[socket.socket] = []
    for address in addresses:
        optional = address.startswith("-")
        try:
            opened.append(listen_tcp(address.lstrip("-"), port, backlog))
        except OSError as error:
            reason = error.strerror or str(error)
            missing = error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)
            if optional and missing:
                continue
            log.warning("Warning: Could not create server TCP listening socket "
                        f"{address.lstrip('-')}:{port}: bind: {reason}")
            for listener in opened:
                listener.close()
            raise
    return opened


class Listener:
    """All listening sockets of one server."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._tcp: list[socket.socket] = []
        self._tls: list[socket.socket] = []
        self._unix: socket.socket | None = None
        self._resting: set[socket.socket] = set()       # not watched for a while: no descriptors left
        self.unix_path = ""

    def open(self) -> None:
        """Opens what the configuration asks for. OSError with the reason, logged, if that fails."""
        config, log = self._server.config, self._server.log
        if config["tls-port"]:
            try:
                self._server.tls.configure()
            except ConfigError:
                log.warning("Failed to configure TLS. Check logs for more info.")
                raise
        for port, kind, opened in ((config["port"], "tcp", self._tcp), (config["tls-port"], "tls", self._tls)):
            if port:
                try:
                    opened += bind_all(config["bind"], port, config["tcp-backlog"], log)
                except OSError:
                    log.warning(f"Failed listening on port {port} ({kind}), aborting.")
                    raise
        self._watch(self._tcp + self._tls)
        if config["unixsocket"]:
            try:
                self._unix = listen_unix(config["unixsocket"], config["unixsocketperm"],
                                         config["tcp-backlog"])
            except OSError as error:
                log.warning(f"Failed opening Unix socket: bind: {error.strerror}")
                raise
            self.unix_path = os.path.abspath(config["unixsocket"])
            self._watch([self._unix])
        if not self._tcp and not self._tls and self._unix is None:
            log.warning("Configured to not listen anywhere, exiting.")
            raise OSError(errno.EDESTADDRREQ, "nowhere to listen")

    def _watch(self, listeners: list[socket.socket]) -> None:
        for listener in listeners:
            self._server.loop.watch(listener.fileno(), lambda listener=listener: self._accept(listener))

    def rebind(self, addresses: list[str], port: int) -> None:
        """CONFIG SET port. ConfigError: all is as it was."""
        self._rebind(self._tcp, addresses, port, NO_PORT)

    def rebind_tls(self, addresses: list[str], port: int) -> None:
        """CONFIG SET tls-port. ConfigError: all is as it was."""
        if port:
            self._server.tls.configure()
        self._rebind(self._tls, addresses, port, NO_PORT)

    def rebind_all(self, addresses: list[str], port: int, tls_port: int) -> None:
        """CONFIG SET bind. ConfigError: all is as it was, for the ports that were asked for first, too."""
        before = [listener.getsockname()[0] for listener in self._tcp]
        self._rebind(self._tcp, addresses, port, NO_ADDRESS)
        try:
            self._rebind(self._tls, addresses, tls_port, NO_ADDRESS)
        except ConfigError:
            self._rebind(self._tcp, before, port if before else 0, NO_ADDRESS)
            raise

    def _rebind(self, listeners: list[socket.socket], addresses: list[str], port: int, refusal: str) -> None:
        """Puts others in the place of these. ConfigError, saying `refusal`: all is as it was."""
        # Same addresses on another port, or the reverse, cannot be told apart from a clash with our own
        # sockets, so those are closed first and opened again if the new ones fail.
        before = [listener.getsockname()[:2] for listener in listeners]
        backlog = self._server.config["tcp-backlog"]
        self._close(listeners)
        try:
            listeners += bind_all(addresses, port, backlog, self._server.log) if port else []
        except OSError:
            listeners += [listen_tcp(host, old_port, backlog) for host, old_port in before]
            raise ConfigError(refusal) from None
        finally:
            self._watch(listeners)

    def _close(self, listeners: list[socket.socket]) -> None:
        for listener in listeners:
            self._forget(listener)
        listeners.clear()

    def close(self) -> None:
        self._close(self._tcp)
        self._close(self._tls)
        if self._unix is not None:
            self._forget(self._unix)
            self._unix = None
            try:
                os.unlink(self.unix_path)
            except OSError:
                pass

    def descriptions(self) -> list[tuple[int, str]]:
        """For INFO: `name=tcp,bind=127.0.0.1,port=6379`, one for each kind of listener, with its number in Redis."""
        config = self._server.config
        binds = "".join(f",bind={address}" for address in config["bind"] or ["*"])
        found = []
        if self._tcp:
            found.append((0, f"name=tcp{binds},port={config['port']}"))
        if self._unix is not None:
            found.append((1, f"name=unix,bind={config['unixsocket']}"))
        if self._tls:
            found.append((2, f"name=tls{binds},port={config['tls-port']}"))
        return found

    # ---- accepting

    def _accept(self, listener: socket.socket) -> None:
        take: Callable[[socket.socket, Any], None]
        if listener is self._unix:
            take, most = self._take_unix, ACCEPT_MOST
        elif listener in self._tls:
            take, most = self._take_tls, int(self._server.config["max-new-tls-connections-per-cycle"])
        else:
            take, most = self._take_tcp, ACCEPT_MOST
        for _ in range(most):
            try:
                client, peer = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._accept_failed(listener, error)
                return
            client.setblocking(False)
            take(client, peer)

    def _take_tcp(self, client: socket.socket, peer: tuple[Any, ...]) -> None:
        if not self._refused(client, peer[0]):
            self._prepare(client)
            self._take(client, text_address(peer), text_address(client.getsockname()), False)

    def _take_unix(self, client: socket.socket, peer: Any) -> None:
        if not self._refused(client, ""):
            name = f"{self._server.config['unixsocket']}:0"
            self._take(client, name, name, True)

    def _take_tls(self, client: socket.socket, peer: tuple[Any, ...]) -> None:
        if self._full:
            client.close()
            self._server.core.count_rejected()
            return
        self._prepare(client)
        self._server.tls.accept(client, peer[0], text_address(peer), text_address(client.getsockname()))
        self._log_accepted(text_address(peer))

    def _prepare(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(client, self._server.config["tcp-keepalive"])

    def _accept_failed(self, listener: socket.socket, error: OSError) -> None:
        self._server.log.warning(f"Accepting client connection: {error.strerror}")
        if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            return
        # The connection stays in the queue and the listener readable: without a rest the loop would spin.
        self._server.loop.unwatch(listener.fileno())
        self._resting.add(listener)
        self._server.loop.every(REST_SECONDS, lambda: self._rest_over(listener))

    def _rest_over(self, listener: socket.socket) -> None:
        if listener in self._resting:
            self._resting.discard(listener)
            self._watch([listener])

    def _forget(self, listener: socket.socket) -> None:
        if listener in self._resting:
            self._resting.discard(listener)
        else:
            self._server.loop.unwatch(listener.fileno())
        listener.close()

    @property
    def _full(self) -> bool:
        return bool(self._server.core.connected >= self._server.config["maxclients"])

    def refusal_of_stranger(self, host: str) -> bytes | None:
        """What protected mode answers to whom it keeps out. `host` is empty for the unix socket."""
        guarded = self._server.config["protected-mode"] and self._server.acl.needs_no_password
        return DENIED if guarded and host and not is_loopback(host) else None

    def _refused(self, client: socket.socket, host: str) -> bool:
        """Answers and closes a connection that may not be."""
        answer = TOO_MANY if self._full else self.refusal_of_stranger(host)
        if answer is None:
            return False
        try:
            client.send(answer)
        except OSError:
            pass
        client.close()
        self._server.core.count_rejected()
        return True

    def _take(self, client: socket.socket, address: str, local: str, unix: bool) -> None:
        fd = client.detach()
        self._server.core.add(fd, address.encode(), local.encode(), unix)
        self._server.loop.add_connection(fd)
        self._log_accepted(address)

    def _log_accepted(self, address: str) -> None:
        if self._server.log.enabled(1):
            self._server.log.verbose(f"Accepted {address}")


def is_loopback(host: str) -> bool:
    return host.startswith("127.") or host in ("::1", "::ffff:127.0.0.1")


def text_address(address: tuple[Any, ...]) -> str:
    """ip:port, with brackets around an IPv6 address."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def keep_alive(client: socket.socket, seconds: int) -> None:
    """TCP keep-alive: a probe after `seconds` of silence, then three a third of that apart. 0: none."""
    if not seconds:
        return
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, seconds // 3))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
