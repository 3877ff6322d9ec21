"""SLOWLOG and LATENCY beside Redis 8, COMMANDLOG beside Valkey 9: the same bytes, or the same entries."""

import pytest

from bench import peers
from tests.session import R, Replies, encode

SAME = """SLOWLOG LEN|SLOWLOG GET|SLOWLOG GET 0|SLOWLOG GET -1|SLOWLOG GET x|SLOWLOG GET -2|SLOWLOG GET 1 2
SLOWLOG GET 9999999999999999999|SLOWLOG RESET|SLOWLOG RESET x|SLOWLOG LEN x|SLOWLOG FOO|SLOWLOG
LATENCY|LATENCY FOO|LATENCY LATEST|LATENCY LATEST x|LATENCY HISTORY|LATENCY HISTORY command|LATENCY GRAPH
LATENCY GRAPH nosuch|LATENCY RESET|LATENCY RESET command|LATENCY HISTOGRAM nosuch|LATENCY DOCTOR x
CONFIG SET slowlog-log-slower-than -2|CONFIG SET slowlog-max-len -1|CONFIG SET latency-monitor-threshold -1
CONFIG SET latency-monitor-threshold x|SLOWLOG HELP x""".replace("\n", "|").split("|")
VALKEY = """COMMANDLOG|COMMANDLOG FOO|COMMANDLOG GET|COMMANDLOG GET 1|COMMANDLOG GET x slow|COMMANDLOG GET -2 slow
COMMANDLOG GET 1 foo|COMMANDLOG GET -1 slow|COMMANDLOG GET -1 LARGE-REPLY|COMMANDLOG LEN|COMMANDLOG LEN slow
COMMANDLOG LEN large-request|COMMANDLOG LEN foo|COMMANDLOG RESET foo|COMMANDLOG RESET large-reply
COMMANDLOG RESET""".replace("\n", "|").split("|")
LOGGED = """PING|SET a 1|LPUSH a x|GET|NOSUCH|MULTI|INCR a|EXEC|AUTH x y
HELLO 2 SETNAME bob AUTH default x|CONFIG SET masteruser x maxmemory 0|CONFIG GET maxmemory|SPOP none
SINTERCARD 1 none|EXPIRE a 100|GEOADD g 1 2 m|GEORADIUS g 1 2 3 km STORE h|GETEX a EX 10|INCRBYFLOAT f 1.5
BLPOP none 0.01|DEBUG SLEEP 0|OBJECT FREQ none|CLIENT SETNAME bob|CLIENT NO-EVICT off|SUBSCRIBE
SORT none""".replace("\n", "|").split("|")


def exchange(client, *requests):
    """All that is answered to these requests."""
    client.send(b"".join(encode(*words) for words in requests) + encode("ECHO", "<end>"))
    data = b""
    while not data.endswith(b"$5\r\n<end>\r\n"):
        data += client._socket.recv(1 << 16)
    return data.removesuffix(b"$5\r\n<end>\r\n")


@pytest.mark.parametrize("proto", [2, 3])
@pytest.mark.parametrize(("name", "lines"), [("redis8", SAME), ("valkey9", VALKEY)])
def test_replies_are_the_same_bytes(own_peer, name, lines, proto):
    client = peers.Client(own_peer(name, "--enable-debug-command", "yes").port)
    ours = R()
    try:
        exchange(client, ["HELLO", proto], ["SLOWLOG", "RESET"], ["CONFIG", "SET", "slowlog-log-slower-than", -1])
        ours.server.core.clients()[0].proto = proto
        ours("CONFIG", "SET", "slowlog-log-slower-than", -1)
        for line in lines:
            assert ours.raw(*line.split()) == exchange(client, line.split()), line
    finally:
        client.close()


def test_the_same_commands_are_logged_in_the_same_words(own_peer, start_server):
    logs = []
    for port in (own_peer("redis8", "--enable-debug-command", "yes").port,
                 start_server("--enable-debug-command", "yes").port):
        client = peers.Client(port)
        try:
            exchange(client, ["CONFIG", "SET", "slowlog-log-slower-than", "0"], ["SLOWLOG", "RESET"],
                     *(line.split() for line in LOGGED), ["SET", "k", "x" * 500], ["SADD", "s", *range(99)],
                     ["EVAL", "redis.call('set', 'a', 1) return redis.pcall('lpush', 'a', 1)", 0])
            entries = Replies(exchange(client, ["SLOWLOG", "GET", -1],
                                       ["CONFIG", "SET", "slowlog-log-slower-than", -1])).next()
            logs.append([(entry[3], entry[4] == b"", entry[5]) for entry in entries])
        finally:
            client.close()
    assert logs[0] == logs[1]


def test_keysizes_are_the_same_lines(own_peer):
    client = peers.Client(own_peer("redis8", "--enable-debug-command", "yes").port)
    ours = R()
    try:
        exchange(client, ["HELLO", 2], ["FLUSHALL"])
        for words in [*(["SET", f"s{n}", "x" * n] for n in (0, 1, 2, 7, 8, 1023, 1024, 4097, 1 << 21)),
                      ["SET", "int", -12345], ["SETBIT", "b", 100, 1], ["PFADD", "h", 1, 2, 3], ["RPUSH", "l", 1, 2],
                      ["SADD", "set", *range(700)], ["ZADD", "z", 1, 2], ["HSET", "hash", 1, 2, 3, 4],
                      ["XADD", "x", "*", 1, 2], ["RPOP", "l"], ["APPEND", "s8", "x" * 8]]:
            exchange(client, words)
            ours(*words)
        assert ours.raw("INFO", "keysizes") == exchange(client, ["INFO", "keysizes"])
    finally:
        client.close()
