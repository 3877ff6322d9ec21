"""INFO, MEMORY, DEBUG, ROLE and SHUTDOWN beside a real Redis 8: same bytes, or the same names in order."""

import pytest

from bench import peers
from tests.demand import demand
from tests.session import R, Replies, encode

SAME = """DEBUG FOO|DEBUG|DEBUG SLEEP|DEBUG SLEEP 0|DEBUG SLEEP x|DEBUG OBJECT a FAST|DEBUG OBJECT none
DEBUG JMAP|DEBUG ERROR foo|DEBUG SDSLEN a|DEBUG SDSLEN none|DEBUG HTSTATS 99|DEBUG HTSTATS -1|DEBUG HTSTATS x
DEBUG HTSTATS-KEY a|DEBUG HTSTATS-KEY none|DEBUG POPULATE 3 k 10|GET k:0|DEBUG POPULATE 2|GET key:0
DEBUG POPULATE x|DEBUG POPULATE -1|DEBUG POPULATE 1 a b c d|DEBUG SET-DISABLE-DENY-SCRIPTS 0
DEBUG REPLYBUFFER PEAK-RESET-TIME 100|DEBUG REPLYBUFFER X 1|DEBUG DICT-RESIZING 1|DEBUG PAUSE-CRON 0
DEBUG PAUSE-CRON|DEBUG PROTOCOL foo|DEBUG PROTOCOL|DEBUG PROTOCOL string|DEBUG PROTOCOL integer
DEBUG PROTOCOL double|DEBUG PROTOCOL null|DEBUG PROTOCOL array|DEBUG PROTOCOL set|DEBUG PROTOCOL map
DEBUG PROTOCOL attrib|DEBUG PROTOCOL verbatim|DEBUG PROTOCOL true|DEBUG PROTOCOL false|DEBUG PROTOCOL bignum
LOLWUT VERSION x|SHUTDOWN ABORT|SHUTDOWN FOO|SHUTDOWN SAVE NOSAVE|SHUTDOWN NOW ABORT|SHUTDOWN ABORT ABORT|ROLE
INFO nosuch|INFO cluster|INFO CLUSTER nosuch cluster|MEMORY USAGE none|MEMORY USAGE a SAMPLES -1
MEMORY USAGE a FOO 1|MEMORY USAGE a SAMPLES x|MEMORY USAGE a SAMPLES|MEMORY PURGE|MEMORY FOO
MEMORY""".replace("\n", "|").split("|")


@pytest.fixture(scope="module")
def peer():
    demand("redis8")
    with peers.start("redis8", "--enable-debug-command", "yes") as server:
        yield server


def their_bytes(client, line):
    """The real server's reply, whole: asked together with a PING, whose reply marks the end."""
    client.send(encode(*line.split()) + encode("PING"))
    data = b""
    while not data.endswith(b"+PONG\r\n"):
        data += client._socket.recv(1 << 16)
    return data.removesuffix(b"+PONG\r\n")


@pytest.mark.parametrize("proto", [2, 3])
def test_replies_are_the_same_bytes(peer, proto):
    ours = R(**{"enable-debug-command": "yes"})
    client = peers.Client(peer.port)
    try:
        their_bytes(client, f"HELLO {proto}")
        ours.server.core.clients()[0].proto = proto
        for line in ["FLUSHALL", "SET a 5", *SAME]:
            assert ours.raw(*line.split()) == their_bytes(client, line), line
    finally:
        client.close()


def test_memory_stats_and_info_have_the_same_names_in_the_same_order(peer):
    ours = R()
    ours("SET", "a", 1)
    client = peers.Client(peer.port)
    try:
        for line in ("FLUSHALL", "SET a 1"):
            their_bytes(client, line)
        theirs = Replies(their_bytes(client, "MEMORY STATS")).next()
        assert ours("MEMORY", "STATS")[::2] == theirs[::2]
        for choice in ("", "default", "all", "everything", "debug", "commandstats", "server default",
                       "keysizes cpu"):
            words = ["INFO", *choice.split()]
            theirs = Replies(their_bytes(client, " ".join(words))).next()
            assert titles(ours(*words)) == titles(theirs), choice
    finally:
        client.close()


def titles(text):
    return [line for line in text.splitlines() if line.startswith(b"# ")]
