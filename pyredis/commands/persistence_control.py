"""persistence_control: SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF."""

from typing import Any, Protocol

from _pyredis.core import FLAG_DENY_BLOCKING

from pyredis.log import Log
from pyredis.reply import OK, ReplyError, Simple


class Children(Protocol):
    @property
    def active(self) -> bool: ...


class Snapshot(Protocol):
    last_save: float
    scheduled: bool

    @property
    def in_progress(self) -> bool: ...

    def save(self) -> None: ...

    def save_in_background(self) -> bool: ...

    def cancel(self) -> None: ...


class AppendOnly(Protocol):
    scheduled: bool
    failures: int

    @property
    def rewriting(self) -> bool: ...

    def rewrite(self) -> bool: ...


class Server(Protocol):
    children: Children
    append_only: AppendOnly
    snapshot: Snapshot
    save_failed: type[Exception]
    log: Log


IN_PROGRESS = "ERR Background save already in progress"
SCHEDULED = Simple("Background saving scheduled")


def save(server: Server, client: Any, argv: list[bytes]) -> Simple:
    """SAVE -> OK, when the snapshot is on the disk; everybody waits for it."""
    if server.snapshot.in_progress:
        raise ReplyError(IN_PROGRESS)
    try:
        server.snapshot.save()
    except server.save_failed:
        raise ReplyError("ERR") from None
    return OK


def bgsave(server: Server, client: Any, argv: list[bytes]) -> Simple:
    """BGSAVE [SCHEDULE | CANCEL] -> a line of text. SCHEDULE: as soon as another child is done."""
    words = [word.lower() for word in argv[1:]]
    if words == [b"cancel"]:
        return _cancel(server)
    if words not in ([], [b"schedule"]):
        raise ReplyError("ERR syntax error")
    if server.snapshot.in_progress:
        raise ReplyError(IN_PROGRESS)
    inside = bool(client.flags & FLAG_DENY_BLOCKING)          # of EXEC: a child forked now would see half of it
    if server.children.active or inside:
        if not words and not inside:
            raise ReplyError("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE "
                             "in order to schedule a BGSAVE whenever possible.")
        server.snapshot.scheduled = True
        server.log.notice("Background saving scheduled to run after transaction execution" if inside else SCHEDULED)
        return SCHEDULED
    if not server.snapshot.save_in_background():
        raise ReplyError("ERR")
    return Simple("Background saving started")


def _cancel(server: Server) -> Simple:
    """Of Valkey."""
    if server.snapshot.in_progress:
        server.log.notice("Background saving will be aborted due to user request")
        server.snapshot.cancel()
        return Simple("Background saving cancelled")
    if server.snapshot.scheduled:
        server.log.notice("Scheduled background saving will be cancelled due to user request")
        server.snapshot.scheduled = False
        return Simple("Scheduled background saving cancelled")
    raise ReplyError("ERR Background saving is currently not in progress or scheduled")


def bgrewriteaof(server: Server, client: Any, argv: list[bytes]) -> Simple:
    """BGREWRITEAOF -> a line of text; as soon as another child is done, if there is one."""
    append = server.append_only
    if append.rewriting:
        raise ReplyError("ERR Background append only file rewriting already in progress")
    if server.children.active or client.flags & FLAG_DENY_BLOCKING:
        append.scheduled = True
        append.failures = 0                       # asked for by hand it is not held back
        return Simple("Background append only file rewriting scheduled")
    if not append.rewrite():
        raise ReplyError("ERR Can't execute an AOF background rewriting. Please check the server logs for more "
                         "information.")
    return Simple("Background append only file rewriting started")


def lastsave(server: Server, client: Any, argv: list[bytes]) -> int:
    """LASTSAVE -> Unix time in seconds; as long as nothing was saved, that of the start."""
    return int(server.snapshot.last_save)
