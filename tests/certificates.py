"""certificates: an authority of this test run, and what it has signed, in files. Made by trustme."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trustme

from tests.network.line import PATIENCE, Line


class Papers:
    """`ca` is trusted by both sides; `server` and `client` have certificates from it, `stranger` from elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.ca = folder / "ca.crt"
        self.authority.cert_pem.write_to_path(str(self.ca))
        self.server = self.issue("server", "localhost", "127.0.0.1")
        self.client = self.issue("client", "client.example", common_name="bob")
        self.stranger = self._write("stranger", trustme.CA().issue_cert("client.example", common_name="bob"))

    def issue(self, name: str, *identities: str, common_name: str | None = None) -> tuple[Path, Path]:
        """Files of a new certificate and of its key."""
        return self._write(name, self.authority.issue_cert(*identities, common_name=common_name))

    def _write(self, name: str, issued: trustme.LeafCert) -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        with certificate.open("wb") as file:
            for part in issued.cert_chain_pems:
                file.write(part.bytes())
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key

    def options(self, port: int, **more: Any) -> list[str]:
        """Of a server that listens there with TLS and wants no certificate from its clients."""
        wanted = {"tls_port": port, "tls_cert_file": self.server[0], "tls_key_file": self.server[1],
                  "tls_ca_cert_file": self.ca, "tls_auth_clients": "no", **more}
        return [word for name, value in wanted.items() for word in ("--" + name.replace("_", "-"), str(value))]

    def context(self, papers: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """A client's, which trusts nobody but the authority."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if papers:
            context.load_cert_chain(*map(str, papers))
        return context


class TlsLine(Line):
    """As Line, with TLS."""

    socket: ssl.SSLSocket

    def rest(self) -> bytes:
        with contextlib.suppress(ssl.SSLError):
            return super().rest()
        return b""

    def ended_well(self) -> bool:
        """Does the server say that it ends, rather than just close?"""
        try:
            while self.socket.recv(1 << 16):
                pass
        except (ssl.SSLEOFError, ConnectionResetError):
            return False
        return True


def connect_tls(port: int, context: ssl.SSLContext, *, small_window: bool = False,
                session: ssl.SSLSession | None = None, host: str = "127.0.0.1") -> TlsLine:
    """Shakes hands. What goes wrong comes as ssl.SSLError, OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if small_window:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(PATIENCE)
    sock.connect((host, port))
    try:
        return TlsLine(context.wrap_socket(sock, server_hostname="localhost", session=session,
                                           suppress_ragged_eofs=False))
    except BaseException:
        sock.close()
        raise


@contextlib.contextmanager
def raw(port: int) -> Iterator[socket.socket]:
    """A connection that may say anything at all."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        yield sock
