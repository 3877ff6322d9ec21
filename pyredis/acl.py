"""acl: the users of a server, who they are and what they were refused.

An Acl holds the users (pyredis/users.py) and keeps the compiled core in step: whatever changes one goes through
`_put`, which gives the core its selectors, and connections are held to these from then on. The default user is who
everybody is before AUTH; whether one has to authenticate at all follows from it.

Users come from `user` lines of the configuration, or from an ACL file: one line a user, as ACL LIST prints it. Not
from both. A file with an error changes nothing.

Refusals are logged, newest first: one that is like another of the last ten, within a minute, is counted with it.
The core reports those of commands; failed logins are reported here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from _pyredis.access import define, refusal, remove, watch

from pyredis import config_file
from pyredis.config import Config
from pyredis.config_types import quoted, to_bytes, to_text
from pyredis.log import Log
from pyredis.users import (
    DEFAULT,
    UNKNOWN,
    FileError,
    RuleError,
    Unmatched,
    User,
    Vocabulary,
    WrongRule,
    default_user,
    has_blanks,
    joined,
    text,
)

LIKE_WITHIN_MS = 60_000             # a refusal is counted with one like it that is no older
LIKE_AMONG = 10
NOBODY = b"(superuser)"            # whose the connections are that may do everything
NO_CHANGE = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
TWO_SOURCES = ("Configuring pyredis with users defined in its configuration file and at the same setting an ACL file "
               "path is invalid. This setup is very likely to lead to configuration errors and security holes, please "
               "define either an ACL file or declare users directly in the configuration file, but not both.")


class Client(Protocol):
    user: bytes | None

    def authenticate(self, user: bytes) -> None: ...


@dataclass
class Refusal:
    """An entry of ACL LOG. Times are Unix time in ms."""

    id: int
    reason: str                     # command, key, channel, database, auth, tls-cert
    context: str                    # toplevel, multi, lua
    object: bytes
    username: bytes
    client: str                     # a line of CLIENT LIST
    created: int
    updated: int
    count: int = 1

    def is_like(self, other: Refusal) -> bool:
        return (self.reason, self.context, self.object, self.username) == (
            other.reason, other.context, other.object, other.username) and (
            other.updated - self.updated <= LIKE_WITHIN_MS)


class Acl:
    """The users of a server. Names are bytes."""

    def __init__(self, config: Config, core: Any, vocabulary: Vocabulary, log: Log,
                 describe: Callable[[Any], str]) -> None:
        """`describe`: of a client, a line for the log of refusals."""
        self.config, self.core, self.vocabulary, self.log = config, core, vocabulary, log
        self._describe = describe
        self.users: dict[bytes, User] = {}
        self.refusals: list[Refusal] = []
        self.denied = dict.fromkeys(("auth", "command", "key", "channel", "database", "tls-cert"), 0)
        self._next_id = 0
        self._put(default_user(self._channels_open))
        watch(core, self._refused)
        config.user_lines = self._config_lines

    # ---- users

    @property
    def _channels_open(self) -> bool:
        return bool(self.config["acl-pubsub-default"] == "allchannels")

    @property
    def needs_no_password(self) -> bool:
        """May anybody come in as the default user?"""
        return self.users[DEFAULT].no_password

    def _put(self, user: User) -> None:
        self.users[user.name] = user
        define(self.core, user.name, user.compiled())
        if user.name == DEFAULT:
            self.core.set_auth_required(not (user.no_password and user.enabled))

    def names(self) -> list[bytes]:
        return sorted(self.users)

    def lines(self, to_file: bool = False) -> list[bytes]:
        """All users, a line each, as ACL LIST prints them or an ACL file has them."""
        return [self.users[name].line(to_file) for name in self.names()]

    def _known(self, name: bytes) -> User:
        """A user to be changed: the one of that name, or a new one, with the default for channels that counts now."""
        user = self.users.get(name) or User(name, self._channels_open)
        user.channels_open = self._channels_open
        return user

    def set_user(self, name: bytes, rules: Sequence[bytes]) -> None:
        """Makes or changes a user by all these rules, or by none. WrongRule, Unmatched."""
        self._put(self._known(name).changed(rules, self.vocabulary))

    def remove_user(self, name: bytes) -> bool:
        """Removes one, never the default user; its connections end. False: there was none."""
        if name not in self.users:
            return False
        remove(self.core, name)
        del self.users[name]
        return True

    def set_default_password(self, password: bytes) -> None:
        """requirepass."""
        self.set_user(DEFAULT, [b"resetpass", b">" + password if password else b"nopass"])

    # ---- who is it

    def knows(self, name: bytes, password: bytes) -> bool:
        """Is there such a user, enabled, with this password?"""
        # Hashed also for a user that there is not: the time must not tell which of the two was wrong.
        user = self.users.get(name) or User(name)
        return user.accepts(password) and user.enabled

    def log_in(self, client: Client, name: bytes, password: bytes, asked_by: bytes, in_multi: bool) -> bool:
        """Makes the connection this user's, if the password is right; a failure is logged."""
        if self.knows(name, password):
            client.authenticate(name)
            return True
        self._log("auth", "multi" if in_multi else "toplevel", asked_by, name, client)
        return False

    def log_in_by_certificate(self, client: Client, names: Sequence[bytes]) -> None:
        """Makes the connection the first user's of these who may come in (Valkey's tls-auth-clients-user). If there
        is none, it stays as it is, and that is logged as a refusal."""
        for name in names:
            user = self.users.get(name)
            if user is not None and user.enabled:
                client.authenticate(name)
                return
        self._log("tls-cert", "toplevel", b"", names[0], client)

    def refusal(self, name: bytes, index: int, argv: list[bytes], db: int) -> bytes | None:
        """Why the user may not run the command with this index; None: it may."""
        found = refusal(self.core, name, index, argv, db)
        if found is None:
            return None
        reason, at = found
        if reason == "command":
            return b"User %b has no permissions to run the '%b' command" % (
                name, self.core.command_name(index).encode())
        if reason == "database":
            return b"User %b has no permissions to access database %b" % (name, argv[at])
        return b"User %b has no permissions to access the '%b' %b" % (name, argv[at], reason.encode())

    # ---- refusals

    def _refused(self, client: Any, reason: str, context: str, object_: bytes) -> None:
        self._log(reason, context, object_, client.user or NOBODY, client)

    def _log(self, reason: str, context: str, object_: bytes, username: bytes, client: Any) -> None:
        self.denied[reason] += 1
        now = self.core.now_ms()
        new = Refusal(self._next_id, reason, context, object_, username, self._describe(client), now, now)
        like = next((old for old in self.refusals[:LIKE_AMONG] if old.is_like(new)), None)
        if self.config["acllog-max-len"] == 0:
            self.refusals.clear()
        elif like is not None:
            like.updated, like.client = now, new.client
            like.count += 1
            self.refusals.remove(like)
            self.refusals.insert(0, like)
        else:
            self._next_id += 1
            self.refusals.insert(0, new)
        del self.refusals[self.config["acllog-max-len"]:]

    def reset_stats(self) -> None:
        self.denied = dict.fromkeys(self.denied, 0)

    # ---- files

    def start(self) -> bool:
        """Takes the users that are configured. False: they cannot be, and the log says why."""
        if self.config.users and self.config["aclfile"]:
            self.log.warning(TWO_SOURCES)
            return False
        for words in self.config.users:
            if not self._take_line([to_bytes(word) for word in words]):
                self.log.warning("Critical error while loading ACLs. Exiting.")
                return False
        if self.config["aclfile"]:
            try:
                self.load()
            except FileError as error:
                self.log.warning(f"Aborting startup because of ACL errors: {error}")
                return False
        return True

    def _take_line(self, words: list[bytes]) -> bool:
        name = words[0]
        if has_blanks(name):
            self.log.warning("Spaces not allowed in ACL usernames")
            return False
        try:
            # A line says all of a user, also of the default user.
            self.set_user(name, [b"reset", *words[1:]] if name == DEFAULT else words[1:])
        except WrongRule as wrong:
            self.log.warning(f"Error loading ACL rule '{text(wrong.rule)}' for the user named '{text(name)}': "
                             f"{wrong.reason}")
            return False
        except Unmatched as wrong:
            self.log.warning(f"Unmatched parenthesis in acl selector starting at '{text(wrong.start)}'.")
            return False
        return True

    def load(self) -> None:
        """Replaces all users by those of the ACL file. Connections of a user who is not there any more end.
        FileError, and nothing has changed."""
        path = self.config["aclfile"]
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise FileError(f"Error loading ACLs, opening file '{path}': {error.strerror}") from None
        loaded = self._parsed(path, data.split(b"\n"))
        loaded.setdefault(DEFAULT, default_user(self._channels_open))
        for user in loaded.values():
            self._put(user)
        for name in self.users.keys() - loaded.keys():
            self.remove_user(name)

    def _parsed(self, path: str, lines: Iterable[bytes]) -> dict[bytes, User]:
        users: dict[bytes, User] = {}
        errors: list[str] = []
        for number, raw in enumerate(lines, 1):
            line = raw.strip(b" \t\r\n")
            if not line:
                continue
            words = line.split(b" ")
            if words[0] != b"user" or len(words) < 2:
                errors.append(f"{path}:{number} should start with user keyword followed by the username. ")
            elif has_blanks(words[1]):
                errors.append(f"'{path}:{number}: username '{text(words[1])}' contains invalid characters. ")
            elif words[1] in users:
                errors.append(f"WARNING: Duplicate user '{text(words[1])}' found on line {number}. ")
            else:
                users[words[1]] = User(words[1], self._channels_open)
                errors += (f"{path}:{number}: {error}" for error in self._apply(users[words[1]], words[2:]))
        if errors:
            raise FileError("".join(errors) + NO_CHANGE)
        return users

    def _apply(self, user: User, words: Sequence[bytes]) -> Iterator[str]:
        """Applies the rules of a line. What is wrong with them: every name that is unknown, and the first of all other
        errors, which may be why there are more."""
        told = False
        try:
            rules = joined(words)
        except Unmatched:
            yield "Unmatched parenthesis in selector definition."
            return
        for rule in rules:
            try:
                user.apply(rule, self.vocabulary)
            except RuleError as error:
                if str(error) == UNKNOWN:
                    yield f"Error in applying operation '{text(rule)}': {error}. "
                elif not told:
                    told = True
                    yield f"{error}. "

    def save(self) -> None:
        """Writes all users into the ACL file, in one piece. OSError."""
        config_file.replace_file(os.path.abspath(self.config["aclfile"]),
                                 "".join(to_text(line) + "\n" for line in self.lines(to_file=True)))

    def _config_lines(self) -> list[str]:
        """The `user` lines for CONFIG REWRITE; none where an ACL file holds the users."""
        if self.config["aclfile"]:
            return []
        return [" ".join(_config_word(to_text(word)) for word in line.split(b" "))
                for line in self.lines(to_file=True)]


def _config_word(word: str) -> str:
    return quoted(word) if not word or not word.isprintable() or any(mark in word for mark in "\"'\\") else word
