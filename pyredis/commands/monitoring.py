"""Monitoring: SLOWLOG, Valkey's COMMANDLOG, LATENCY: what takes long, and what is large."""

from .spec import (
    ADMIN,
    LOADING,
    NOSCRIPT,
    STALE,
    Array,
    Command,
    Family,
    Integer,
    Map,
    Number,
    OneOf,
    PureToken,
    Status,
    String,
    Text,
)

LOG = ADMIN | LOADING | STALE
EVENT = ADMIN | NOSCRIPT | LOADING | STALE
GET_TIPS = ["request_policy:all_nodes", "nondeterministic_output"]
LEN_TIPS = ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]
RESET_TIPS = ["request_policy:all_nodes", "response_policy:all_succeeded"]
REPORT_TIPS = ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]
KIND = OneOf("type", [PureToken("slow"), PureToken("large-request"), PureToken("large-reply")])
ENTRIES = "entries, newest first: number, Unix time, microseconds or bytes, arguments, address, name"

SLOWLOG_SUBCOMMANDS = [
    Command("GET", since="2.2.12", arity=-2, flags=LOG,
            args=[Integer("count", optional=True)],
            reply=Array(ENTRIES),
            complexity="O(N) for N entries.",
            tips=GET_TIPS,
            history=[("4.0.0", "Address and name of the client.")],
            summary="Shows the last slow commands, ten unless told; -1 for all."),
    Command("HELP", since="6.2.0", arity=2, flags=LOADING | STALE,
            reply=Array("lines of text"),
            summary="Explains the subcommands of SLOWLOG."),
    Command("LEN", since="2.2.12", arity=2, flags=LOG,
            reply=Number("how many"),
            tips=LEN_TIPS,
            summary="Counts the slow commands that are kept."),
    Command("RESET", since="2.2.12", arity=2, flags=LOG,
            reply=Status("OK"),
            complexity="O(N) for N entries.",
            tips=RESET_TIPS,
            summary="Forgets the slow commands."),
]

COMMANDLOG_SUBCOMMANDS = [
    Command("GET", valkey="8.1.0", arity=4, flags=LOG,
            args=[Integer("count"), KIND],
            reply=Array(ENTRIES),
            complexity="O(N) for N entries.",
            tips=GET_TIPS,
            summary="Shows the last commands that were slow, or whose request or reply was large; -1 for all."),
    Command("HELP", valkey="8.1.0", arity=2, flags=LOADING | STALE,
            reply=Array("lines of text"),
            summary="Explains the subcommands of COMMANDLOG."),
    Command("LEN", valkey="8.1.0", arity=3, flags=LOG,
            args=[KIND],
            reply=Number("how many"),
            tips=LEN_TIPS,
            summary="Counts the entries of a log."),
    Command("RESET", valkey="8.1.0", arity=3, flags=LOG,
            args=[KIND],
            reply=Status("OK"),
            complexity="O(N) for N entries.",
            tips=RESET_TIPS,
            summary="Empties a log."),
]

LATENCY_SUBCOMMANDS = [
    Command("DOCTOR", since="2.8.13", arity=2, flags=EVENT,
            reply=Text("the report"),
            tips=REPORT_TIPS,
            summary="Reports what held the server up, and what may help."),
    Command("GRAPH", since="2.8.13", arity=3, flags=EVENT,
            args=[String("event")],
            reply=Text("the drawing"),
            tips=REPORT_TIPS,
            summary="Draws an event's samples."),
    Command("HELP", since="2.8.13", arity=2, flags=LOADING | STALE,
            reply=Array("lines of text"),
            summary="Explains the subcommands of LATENCY."),
    Command("HISTOGRAM", since="7.0.0", arity=-2, flags=EVENT,
            args=[String("command", optional=True, many=True)],
            reply=Map("for each command how many calls, and how many of them took at most so many microseconds"),
            complexity="O(N) for N commands.",
            tips=REPORT_TIPS,
            summary="Tells how long commands took, all or those named."),
    Command("HISTORY", since="2.8.13", arity=3, flags=EVENT,
            args=[String("event")],
            reply=Array("pairs of Unix time and milliseconds, oldest first"),
            tips=REPORT_TIPS,
            summary="Tells an event's samples."),
    Command("LATEST", since="2.8.13", arity=2, flags=EVENT,
            reply=Array("for each event its name, the last sample's Unix time and milliseconds, the worst ever"),
            tips=REPORT_TIPS,
            summary="Tells the last sample of every event."),
    Command("RESET", since="2.8.13", arity=-2, flags=EVENT,
            args=[String("event", optional=True, many=True)],
            reply=Number("how many events were forgotten"),
            tips=["request_policy:all_nodes", "response_policy:agg_sum"],
            summary="Forgets events, all or those named."),
]

FAMILY = Family("server", commands=[
    Command("COMMANDLOG", valkey="8.1.0", arity=-2, control=True,
            complexity="Depends on the subcommand.",
            summary="Groups the commands about slow and large commands.",
            subcommands=COMMANDLOG_SUBCOMMANDS),

    Command("LATENCY", since="2.8.13", arity=-2, control=True,
            complexity="Depends on the subcommand.",
            summary="Groups the commands about what takes long.",
            subcommands=LATENCY_SUBCOMMANDS),

    Command("SLOWLOG", since="2.2.12", arity=-2, control=True,
            complexity="Depends on the subcommand.",
            summary="Groups the commands about slow commands.",
            subcommands=SLOWLOG_SUBCOMMANDS),
])
