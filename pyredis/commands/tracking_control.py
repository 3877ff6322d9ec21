"""tracking_control: CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO, the words of client-side caching.

Which connection is to be told of which key is the core's (cmd/tracking); here options are read and held against
one another, and against those in force.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from _pyredis import core

from pyredis import clients
from pyredis.clients import as_text, parse_integer
from pyredis.reply import OK, ReplyError, SetOf, Simple

MODES = {b"BCAST": core.TRACK_BCAST, b"OPTIN": core.TRACK_OPTIN, b"OPTOUT": core.TRACK_OPTOUT,
         b"NOLOOP": core.TRACK_NOLOOP}
OPT = core.TRACK_OPTIN | core.TRACK_OPTOUT
NO_SWITCH = ("ERR You can't switch {} mode {}before disabling tracking for this client, and then re-enabling it "
             "with a different mode.")


class Core(Protocol):
    def has_client(self, id: int) -> bool: ...


class Server(Protocol):
    core: Core


@dataclass
class Wish:
    """The options of CLIENT TRACKING ON."""

    options: int = 0
    redirect: int = 0
    prefixes: list[bytes] = field(default_factory=list)


def _parse(server: Server, words: Sequence[bytes]) -> Wish:
    wish = Wish()
    rest = iter(words)
    for word in rest:
        upper = word.upper()
        if upper in MODES:
            wish.options |= MODES[upper]
            continue
        value = next(rest, None)
        if value is None or upper not in (b"REDIRECT", b"PREFIX"):
            raise ReplyError(clients.SYNTAX)
        if upper == b"PREFIX":
            wish.prefixes.append(value)
            continue
        if wish.redirect:
            raise ReplyError("ERR A client can only redirect to a single other client")
        wish.redirect = parse_integer(value, "value")
        if wish.redirect < 1 or not server.core.has_client(wish.redirect):
            raise ReplyError("ERR The client ID you want redirect to does not exist")
    return wish


def _check(wish: Wish, client: Any) -> None:
    """May the connection track like this, seeing how it does now?"""
    tracks = client.tracking
    bcast = wish.options & core.TRACK_BCAST
    if wish.prefixes and not bcast:
        raise ReplyError("ERR PREFIX option requires BCAST mode to be enabled")
    if tracks is not None and tracks.options & core.TRACK_BCAST != bcast:
        raise ReplyError(NO_SWITCH.format("BCAST", "on/off "))
    if bcast and wish.options & OPT:
        raise ReplyError("ERR OPTIN and OPTOUT are not compatible with BCAST")
    if wish.options & OPT == OPT:
        raise ReplyError("ERR You can't specify both OPTIN mode and OPTOUT mode")
    if tracks is not None and wish.options & OPT and tracks.options & OPT == OPT - (wish.options & OPT):
        raise ReplyError(NO_SWITCH.format("OPTIN/OPTOUT", ""))
    if bcast:
        _check_prefixes(wish.prefixes, tracks.prefixes if tracks is not None else [])


def _check_prefixes(prefixes: list[bytes], present: list[bytes]) -> None:
    """A key must have one prefix of a connection at most."""
    for place, prefix in enumerate(prefixes):
        for kind, others in (("an existing prefix", present), ("another provided prefix", prefixes[place + 1:])):
            for other in others:
                if prefix.startswith(other) or other.startswith(prefix):
                    raise ReplyError(f"ERR Prefix '{as_text(prefix)}' overlaps with {kind} '{as_text(other)}'. "
                                     "Prefixes for a single client must not overlap.")


def client_tracking(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT TRACKING ON | OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]"""
    wish = _parse(server, argv[3:])
    state = argv[2].lower()
    if state == b"off":
        client.stop_tracking()
    elif state == b"on":
        _check(wish, client)
        prefixes = wish.prefixes or [b""]                       # none: all keys
        client.start_tracking(wish.redirect, wish.options, prefixes if wish.options & core.TRACK_BCAST else [])
    else:
        raise ReplyError(clients.SYNTAX)
    return OK


def client_caching(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT CACHING YES | NO: for the next command"""
    tracks = client.tracking
    if tracks is None:
        raise ReplyError("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
                         "OPTOUT mode enabled")
    word = argv[2].upper()
    if word not in (b"YES", b"NO"):
        raise ReplyError(clients.SYNTAX)
    name, mode = ("OPTIN", core.TRACK_OPTIN) if word == b"YES" else ("OPTOUT", core.TRACK_OPTOUT)
    if not tracks.options & mode:
        raise ReplyError(f"ERR CLIENT CACHING {word.decode()} is only valid when tracking is enabled in {name} mode.")
    client.set_caching()
    return OK


def client_getredir(server: Server, client: Any, argv: Sequence[bytes]) -> int:
    """CLIENT GETREDIR -> the connection that is told in the place of this one; 0: none; -1: it does not track"""
    tracks = client.tracking
    return -1 if tracks is None else tracks.redirect


def client_trackinginfo(server: Server, client: Any, argv: Sequence[bytes]) -> dict[str, object]:
    """CLIENT TRACKINGINFO"""
    tracks = client.tracking
    if tracks is None:
        return {"flags": SetOf(["off"]), "redirect": -1, "prefixes": []}
    on = tracks.options
    caching = [] if not on & core.TRACK_CACHING else ["caching-yes" if on & core.TRACK_OPTIN else "caching-no"]
    names = ["on", *(name for name, bit in (("bcast", core.TRACK_BCAST), ("optin", core.TRACK_OPTIN)) if on & bit)]
    if on & core.TRACK_OPTIN:
        names += caching
    if on & core.TRACK_OPTOUT:
        names += ["optout", *caching]
    names += [name for name, bit in (("noloop", core.TRACK_NOLOOP), ("broken_redirect", core.TRACK_BROKEN)) if on & bit]
    return {"flags": SetOf(names), "redirect": tracks.redirect, "prefixes": tracks.prefixes}
