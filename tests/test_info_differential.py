"""INFO beside a real Redis 8 after the same work: the same sections and fields in order, of the same form, and the same
figures wherever the work decides them."""

import re
import time

import pytest

from bench import peers
from tests.session import encode

OPTIONS = ("--enable-debug-command", "yes")
OWN = {"server_name", "pyredis_version"}
FORMS = (("int", r"-?\d+"), ("float", r"-?\d+\.\d+"), ("percent", r"\d+\.\d+%"), ("bytes", r"\d+(\.\d+)?[BKMGT]"),
         ("pairs", r"[^=,]+=[^,]*(,[^=,]+=[^,]*)*"))
WORK = """CONFIG RESETSTAT|SET a 1|SET b 2 EX 100|SET gone x PX 1|GET a|GET a|GET none|EXISTS a none|APPEND a xyz
LPUSH a x|LPUSH l 1 2 3|LRANGE l 0 -1|HSET h f v g w|HEXPIRE h 100 FIELDS 1 f|SADD s 1 2 3|ZADD z 1 a 2 b
XADD x 1-1 f v|PFADD p a b|SETBIT bits 7 1|GEOADD g 1 2 m|INCRBY a x|INCR l|GET|NOSUCH x|CONFIG FOO|OBJECT NOSUCH
MULTI|SET a 2|GET a|EXEC|MULTI|NOSUCH|EXEC|EXEC|WATCH a b|EVAL return(redis.call('get','a')) 0
EVAL return(redis.call('lpush','a',1)) 0|EVAL return(redis.error_reply('MYERR_x')) 0|FCALL nosuch 0|EVALSHA ffff 0
SUBSCRIBE|PUBLISH c m|TTL b|EXPIRE b x|COPY a b|RENAME none x|SCAN 0|TYPE a|SORT l|SELECT 99|SELECT 3|SET c d|SELECT 0
CLIENT NO-EVICT foo|CLIENT SETNAME bob|DEBUG SLEEP 0|DEL a|OBJECT ENCODING l|XREADGROUP GROUP g c STREAMS x >
RESTORE r 0 x|BLPOP none 0.01|MSET a 1 b|SINTERCARD 0 s|AUTH x y z""".replace("\n", "|").split("|")
# What the work decides, and the implementation does not.
DECIDED = {"total_error_replies", "total_commands_processed", "keyspace_hits", "keyspace_misses", "expired_keys",
           "expired_subkeys", "evicted_keys", "pubsub_channels", "pubsub_patterns", "blocked_clients",
           "watching_clients", "total_watched_keys", "connected_clients", "tracking_clients",
           "unexpected_error_replies", "number_of_cached_scripts", "number_of_functions", "role",
           "rdb_changes_since_last_save", "maxmemory", "maxmemory_policy", "maxclients", "hz", "redis_version",
           "redis_mode", "cluster_enabled", "total_connections_received", "rejected_connections",
           "tracking_total_keys"}


def exchange(client, *requests):
    client.send(b"".join(encode(*words) for words in requests) + encode("ECHO", "<end>"))
    data = b""
    while not data.endswith(b"$5\r\n<end>\r\n"):
        data += client._socket.recv(1 << 16)
    return data.removesuffix(b"$5\r\n<end>\r\n")


def sections(text):
    found = {}
    for block in text.split("\r\n\r\n"):
        title, *lines = block.strip().split("\r\n")
        found[title.removeprefix("# ")] = dict(line.split(":", 1) for line in lines)
    return found


def form(value):
    return next((name for name, pattern in FORMS if re.fullmatch(pattern, value)), "text")


@pytest.fixture(scope="module")
def both(own_peer):
    """INFO everything of ours and of Redis 8 after the same work."""
    found = []
    with peers.start("pyredis", *OPTIONS) as own:
        for port in (own.port, own_peer("redis8", *OPTIONS).port):
            client = peers.Client(port)
            try:
                exchange(client, *(line.split() for line in WORK))
                time.sleep(0.01)                 # until `gone` is
                exchange(client, ["GET", "gone"])
                text = exchange(client, ["INFO", "everything"]).decode()
                found.append(sections(text.partition("\r\n")[2]))
            finally:
                client.close()
    return found


def test_sections_come_in_the_same_order(both):
    ours, theirs = both
    assert list(ours) == list(theirs)


def test_fields_come_in_the_same_order_and_form(both):
    ours, theirs = both
    for title, fields in theirs.items():
        # Redis: the order of these three is that of a hash table with a random seed
        names = sorted if title in ("Commandstats", "Latencystats", "Errorstats") else list
        assert names(name for name in ours[title] if name not in OWN) == names(
            name for name in fields if name != "module"), title
        for name, value in fields.items():
            if name != "module":
                mine = ours[title][name]
                assert form(mine) == form(value), f"{name}: {mine}, there {value}"


def test_what_the_work_decides_is_equal(both):
    ours, theirs = both
    for title, fields in theirs.items():
        for name, value in fields.items():
            if name in DECIDED or title in ("Errorstats", "Keysizes"):
                assert (name, ours[title][name]) == (name, value)


def test_commands_are_counted_alike(both):
    def counts(fields):
        return {name: re.sub(r"usec=\d+,usec_per_call=[\d.]+,", "", value) for name, value in fields.items()}
    ours, theirs = both
    assert counts(ours["Commandstats"]) == counts(theirs["Commandstats"])


def test_databases_are_told_alike_but_for_the_mean_ttl(both):
    def without_ttl(fields):
        return {name: re.sub(r"avg_ttl=\d+", "", value) for name, value in fields.items()}
    ours, theirs = both
    assert without_ttl(ours["Keyspace"]) == without_ttl(theirs["Keyspace"])


def test_parts_of_the_memory_add_up(both):
    memory = {name: int(value) for name, value in both[0]["Memory"].items() if value.isdigit()}
    assert memory["used_memory_overhead"] + memory["used_memory_dataset"] == memory["used_memory"]
    assert memory["used_memory_startup"] <= memory["used_memory_overhead"]
    assert memory["used_memory_peak"] >= memory["used_memory"]
    assert memory["allocator_allocated"] <= memory["allocator_active"] <= memory["allocator_resident"]
    assert memory["used_memory_scripts"] == memory["used_memory_scripts_eval"] + memory["used_memory_functions"]
