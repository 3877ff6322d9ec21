"""listener: the sockets that clients connect to, and what happens to a connection before its first byte.

TCP on every address of `bind` (an address with a leading - may be missing on this machine), and a unix
socket. Accepted descriptors go to the core and to the loop; from then on Python does not see them.

Refusals that need no command are written here: too many clients, and protected mode.
"""

import errno
import os
import socket
from typing import Any

from pyredis.config_types import ConfigError
from pyredis.log import Log

ACCEPT_MOST = 1000                  # connections taken in one go, so that clients already here get their turn

REST_SECONDS = 0.1

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
        self._unix: socket.socket | None = None
        self._resting: set[socket.socket] = set()       # not watched for a while: no descriptors left
        self.unix_path = ""

    def open(self) -> None:
        """Opens what the configuration asks for. OSError with the reason, logged, if that fails."""
        config, log = self._server.config, self._server.log
        if config["port"]:
            try:
                self._tcp = bind_all(config["bind"], config["port"], config["tcp-backlog"], log)
            except OSError:
                log.warning(f"Failed listening on port {config['port']} (tcp), aborting.")
                raise
            self._watch_tcp()
        if config["unixsocket"]:
            try:
                self._unix = listen_unix(config["unixsocket"], config["unixsocketperm"],
                                         config["tcp-backlog"])
            except OSError as error:
                log.warning(f"Failed opening Unix socket: bind: {error.strerror}")
                raise
            self.unix_path = os.path.abspath(config["unixsocket"])
            self._server.loop.watch(self._unix.fileno(), self._accept_unix)
        if not self._tcp and self._unix is None:
            log.warning("Configured to not listen anywhere, exiting.")
            raise OSError(errno.EDESTADDRREQ, "nowhere to listen")

    def _watch_tcp(self) -> None:
        for listener in self._tcp:
            self._server.loop.watch(listener.fileno(), lambda listener=listener: self._accept_tcp(listener))

    def rebind(self, addresses: list[str], port: int, refusal: str) -> None:
        """CONFIG SET port or bind. ConfigError, saying `refusal`: all is as it was."""
        # Same addresses on another port, or the reverse, cannot be told apart from a clash with our own
        # sockets, so those are closed first and opened again if the new ones fail.
        before = [listener.getsockname()[:2] for listener in self._tcp]
        backlog = self._server.config["tcp-backlog"]
        self._close_tcp()
        try:
            self._tcp = bind_all(addresses, port, backlog, self._server.log) if port else []
        except OSError:
            self._tcp = [listen_tcp(host, old_port, backlog) for host, old_port in before]
            raise ConfigError(refusal) from None
        finally:
            self._watch_tcp()

    def _close_tcp(self) -> None:
        for listener in self._tcp:
            self._forget(listener)
        self._tcp = []

    def close(self) -> None:
        self._close_tcp()
        if self._unix is not None:
            self._forget(self._unix)
            self._unix = None
            try:
                os.unlink(self.unix_path)
            except OSError:
                pass

    def descriptions(self) -> list[str]:
        """For INFO: `name=tcp,bind=127.0.0.1,port=6379`, one for each kind of listener."""
        found = []
        if self._tcp:
            binds = "".join(f",bind={address}" for address in self._server.config["bind"] or ["*"])
            found.append(f"name=tcp{binds},port={self._server.config['port']}")
        if self._unix is not None:
            found.append(f"name=unix,bind={self._server.config['unixsocket']}")
        return found

    # ---- accepting

    def _accept_tcp(self, listener: socket.socket) -> None:
        for _ in range(ACCEPT_MOST):
            try:
                client, peer = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._accept_failed(listener, error)
                return
            client.setblocking(False)
            if self._refused(client, peer[0]):
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            keep_alive(client, self._server.config["tcp-keepalive"])
            self._take(client, text_address(peer), text_address(client.getsockname()), False)

    def _accept_unix(self) -> None:
        assert self._unix is not None
        for _ in range(ACCEPT_MOST):
            try:
                client, _peer = self._unix.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._accept_failed(self._unix, error)
                return
            client.setblocking(False)
            if self._refused(client, ""):
                continue
            name = f"{self._server.config['unixsocket']}:0"
            self._take(client, name, name, True)

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
            callback = self._accept_unix if listener is self._unix else lambda: self._accept_tcp(listener)
            self._server.loop.watch(listener.fileno(), callback)

    def _forget(self, listener: socket.socket) -> None:
        if listener in self._resting:
            self._resting.discard(listener)
        else:
            self._server.loop.unwatch(listener.fileno())
        listener.close()

    def _refused(self, client: socket.socket, host: str) -> bool:
        """Answers and closes a connection that may not be. `host` is empty for the unix socket."""
        config = self._server.config
        answer = None
        if self._server.core.connected >= config["maxclients"]:
            answer = TOO_MANY
        elif config["protected-mode"] and self._server.acl.needs_no_password and host and not is_loopback(host):
            answer = DENIED
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
