"""tls_context: from the tls-* parameters to an ssl.SSLContext, and texts of what goes wrong.

make_context(config) reads the files each time: a context is made anew whenever a parameter changes, and connections
keep the one they began with. TlsError says what cannot be used, in the words of Redis's log.

What Python's ssl cannot set is not passed over in silence: tls-ciphersuites before Python 3.15 is refused; the size
and the time of the session cache are marked in `config`. Sessions are resumed by tickets, as TLS 1.3 does it;
tls-session-caching no means that none are given out. TLS 1.2 can then still resume by session ids.
"""

import os
import ssl
import warnings
from collections.abc import Mapping
from typing import Any

TLS_PARAMETERS = ("tls-cert-file", "tls-key-file", "tls-key-file-pass", "tls-ca-cert-file", "tls-ca-cert-dir",
                  "tls-dh-params-file", "tls-auth-clients", "tls-protocols", "tls-ciphers", "tls-ciphersuites",
                  "tls-prefer-server-ciphers", "tls-session-caching")
FILES = ("tls-cert-file", "tls-key-file", "tls-ca-cert-file", "tls-ca-cert-dir", "tls-dh-params-file")
VERSIONS = {"tlsv1": ssl.OP_NO_TLSv1, "tlsv1.1": ssl.OP_NO_TLSv1_1, "tlsv1.2": ssl.OP_NO_TLSv1_2,
            "tlsv1.3": ssl.OP_NO_TLSv1_3}
USUAL_VERSIONS = ("tlsv1.2", "tlsv1.3")
VERIFY = {"no": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "yes": ssl.CERT_REQUIRED}
NO_CA = ("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or "
         "tls-auth-clients are enabled!")
NO_VERSION = "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'."
NO_SUITES = ("Failed to configure ciphersuites: {}: the ssl module of this Python cannot choose those of TLS 1.3. "
             "Python 3.15 can; tls-protocols TLSv1.2 with tls-ciphers needs none.")
LIBRARY_SSL = 20                    # of OpenSSL's numbers of errors


class TlsError(Exception):
    """What is wrong with the configuration of TLS; the text is for the log."""


def error_text(error: Exception) -> str:
    """An error of ssl as OpenSSL prints it: `error:0A00010B:SSL routines::wrong version number`."""
    reason = getattr(error, "reason", None)
    if not isinstance(error, ssl.SSLError) or not reason:
        return getattr(error, "strerror", None) or str(error)
    numbers: Mapping[tuple[int, int], str] = getattr(getattr(ssl, "_ssl", None), "err_codes_to_names", {})
    code = next((number for (library, number), name in numbers.items()
                 if library == LIBRARY_SSL and name == reason), None)
    words = reason.replace("_", " ").lower()
    if error.library != "SSL" or code is None:
        return f"error:{error.library or ''} routines::{words}"
    return f"error:{LIBRARY_SSL << 23 | code:08X}:SSL routines::{words}"


def make_context(config: Mapping[str, Any] | Any) -> ssl.SSLContext:
    """A context for a server's side of connections. TlsError."""
    if not config["tls-cert-file"]:
        raise TlsError("No tls-cert-file configured!")
    if not config["tls-key-file"]:
        raise TlsError("No tls-key-file configured!")
    if config["tls-auth-clients"] != "no" and not config["tls-ca-cert-file"] and not config["tls-ca-cert-dir"]:
        raise TlsError(NO_CA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_options(context, config)
    _load_certificates(context, config)
    context.verify_mode = VERIFY[config["tls-auth-clients"]]
    _set_ciphers(context, config)
    return context


def _set_options(context: ssl.SSLContext, config: Any) -> None:
    words = config["tls-protocols"].lower().split() or USUAL_VERSIONS
    if not VERSIONS.keys() >= set(words):
        raise TlsError(NO_VERSION)
    with warnings.catch_warnings():
        # The ends of a range are what Python recommends; but any combination may be asked for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        for word, unwanted in VERSIONS.items():
            if word not in words:
                context.options |= unwanted
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_SINGLE_DH_USE
        if config["tls-prefer-server-ciphers"]:
            context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        else:
            context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        if not config["tls-session-caching"]:
            context.options |= ssl.OP_NO_TICKET
            context.num_tickets = 0


def _readable(path: str, what: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as error:
        raise TlsError(f"{what}: {getattr(error, 'strerror', None) or error}") from None


def _load_certificates(context: ssl.SSLContext, config: Any) -> None:
    certificate, key = config["tls-cert-file"], config["tls-key-file"]
    _readable(certificate, f"Failed to load certificate: {certificate}")
    _readable(key, f"Failed to load private key: {key}")
    try:
        # Always with a password: without, OpenSSL would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password=config["tls-key-file-pass"])
    except (OSError, ValueError) as error:
        raise TlsError(f"Failed to load certificate or private key: {certificate}, {key}: "
                       f"{error_text(error)}") from None
    if config["tls-ca-cert-file"] or config["tls-ca-cert-dir"]:
        try:
            context.load_verify_locations(config["tls-ca-cert-file"] or None, config["tls-ca-cert-dir"] or None)
        except (OSError, ValueError) as error:
            raise TlsError(f"Failed to configure CA certificate(s) file/directory: {error_text(error)}") from None
    parameters = config["tls-dh-params-file"]
    if parameters:
        try:
            context.load_dh_params(parameters)
        except (OSError, ValueError) as error:
            raise TlsError(f"Failed to load {parameters}: {error_text(error)}") from None


def _set_ciphers(context: ssl.SSLContext, config: Any) -> None:
    ciphers, suites = config["tls-ciphers"], config["tls-ciphersuites"]
    if ciphers:
        try:
            context.set_ciphers(ciphers)
        except (ssl.SSLError, ValueError):
            raise TlsError(f"Failed to configure ciphers: {ciphers}") from None
    if suites:
        choose = getattr(context, "set_ciphersuites", None)
        if choose is None:
            raise TlsError(NO_SUITES.format(suites))
        try:
            choose(suites)
        except (ssl.SSLError, ValueError):
            raise TlsError(f"Failed to configure ciphersuites: {suites}") from None


def fingerprint(config: Any) -> tuple[object, ...]:
    """Changes when one of the files does: names, places on the disk, sizes and times of change."""
    found: list[object] = []
    for name in FILES:
        path = config[name]
        try:
            status = os.stat(path) if path else None
        except (OSError, ValueError):
            status = None
        found.append((path, status and (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)))
    return tuple(found)


def names_of(certificate: Mapping[str, Any] | None, field: str) -> list[str]:
    """Who a client's certificate says it is: `field` is CN, of its subject, or URI, of its alternative names."""
    if not certificate:
        return []
    if field == "CN":
        return [value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"]
    return [value for name, value in certificate.get("subjectAltName", ()) if name == field]
