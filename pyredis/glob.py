"""Globs as Redis matches them: * ? [abc] [a-z] [^abc] and \\ for the next character as it is.

For the control plane (CONFIG GET, COMMAND LIST, ACL); the core has its own for KEYS and the like. A glob
becomes a regular expression. Each stretch up to the next star goes into an atomic group, since the first
place where it fits is always good enough: matching takes at most len(glob) * len(text) steps.
"""

import re
from functools import lru_cache


def glob_match(glob: bytes, text: bytes, *, nocase: bool = False) -> bool:
    """Does `glob` match the whole of `text`? With `nocase`, ASCII letters match in either case."""
    return compile_glob(glob, nocase).match(text) is not None


@lru_cache(maxsize=256)
def compile_glob(glob: bytes, nocase: bool) -> re.Pattern[bytes]:
    pieces = [b""]                  # the stretches between stars
    at = 0
    while at < len(glob):
        char = glob[at:at + 1]
        at += 1
        if char == b"*":
            if len(pieces) == 1 or pieces[-1]:
                pieces.append(b"")
        elif char == b"?":
            pieces[-1] += b"."
        elif char == b"[":
            piece, at = _char_class(glob, at)
            pieces[-1] += piece
        else:
            if char == b"\\" and at < len(glob):
                char = glob[at:at + 1]
                at += 1
            pieces[-1] += re.escape(char)
    first, *rest = pieces
    body = first
    if rest:
        *middle, last = rest
        body += b"".join(b"(?>.*?%b)" % piece for piece in middle) + b".*" + last
    return re.compile(body + rb"\Z", re.DOTALL | (re.IGNORECASE if nocase else re.NOFLAG))


def _char_class(glob: bytes, at: int) -> tuple[bytes, int]:
    """The class whose `[` is just before `at`, as a regular expression, and where the glob goes on.

    Redis: a class without its `]` ends with the glob; [z-a] is [a-z]; [] matches nothing and [^] anything.
    """
    negated = glob[at:at + 1] == b"^"
    at += negated
    members = b""
    while at < len(glob) and glob[at:at + 1] != b"]":
        if glob[at:at + 1] == b"\\" and at + 1 < len(glob):
            members += re.escape(glob[at + 1:at + 2])
            at += 2
        elif glob[at + 1:at + 2] == b"-" and at + 2 < len(glob):
            low, high = sorted((glob[at:at + 1], glob[at + 2:at + 3]))
            members += re.escape(low) + b"-" + re.escape(high)
            at += 3
        else:
            members += re.escape(glob[at:at + 1])
            at += 1
    at += 1
    if not members:
        return (b"." if negated else b"(?!)"), at
    return b"[%b%b]" % (b"^" if negated else b"", members), at
