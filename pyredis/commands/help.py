"""HELP of any container, and the syntax of a command in one line, both from the spec.

    SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]
"""

from collections.abc import Sequence

from ..reply import Simple
from .spec import Arg, OneOf, PureToken, token_of
from .table import Entry

# What is longer is not written twice to show that it may be repeated.
LONG = 60


def syntax(args: Sequence[Arg]) -> str:
    """Arguments as one writes them down: [optional], one | or another, repeated ..."""
    return " ".join(f"[{_syntax(arg)}]" if arg.optional else _syntax(arg) for arg in args)


def _syntax(arg: Arg) -> str:
    """One argument, as if it were not optional: a choice is not optional within its group."""
    if isinstance(arg, PureToken):
        return token_of(arg)
    if isinstance(arg, OneOf):
        text = " | ".join(_syntax(choice) for choice in arg.choices)
        if arg.token or arg.many or not arg.optional:
            text = f"<{text}>"
    else:
        text = syntax(arg.children) or arg.display or arg.name
    # Repeated with its token: TOKEN value [TOKEN value ...]; without: TOKEN value [value ...].
    if arg.multiple_token:
        text = f"{arg.token} {text}"
    if arg.many:
        text = f"{text} [{text} ...]" if len(text) <= LONG else f"{text} [...]"
    if arg.token and not arg.multiple_token:
        text = f"{arg.token} {text}"
    return text


def command_syntax(entry: Entry) -> str:
    """The command's own word and its arguments."""
    word = entry.name.rpartition("|")[2].upper()
    return " ".join(filter(None, (word, syntax(entry.spec.args))))


def help_reply(container: Entry) -> list[Simple]:
    """What `<container> HELP` answers: two lines a subcommand, HELP itself last as on the real servers."""
    lines = [f"{container.name.upper()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    if container.spec.arity == -1:
        lines += ["(no subcommand)", f"    {container.spec.summary}"]
    for child in sorted(container.subcommands.values(), key=lambda entry: entry.name.endswith("|help")):
        lines += [command_syntax(child), f"    {child.spec.summary}"]
    return [Simple(line) for line in lines]


