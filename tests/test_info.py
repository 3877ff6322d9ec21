"""INFO: the reference's sections and fields in its order, and figures that are true."""

import json
import re
from pathlib import Path

import _pyredis.figures as figures
import pytest

from pyredis.info import SECTIONS, Memory, human
from pyredis.metrics import Rate
from tests.pairs import Pairs
from tests.session import R, encode, raises_reply

REFERENCE = json.loads((Path(__file__).parent / "reference/redis-8.0.6/info.json").read_text())
# Rows that a load makes, and not the version.
BY_LOAD = {"Commandstats", "Latencystats", "Errorstats", "Modules"}
OWN = {"server_name", "pyredis_version"}


def sections(text):
    found = {}
    for block in text.decode().split("\r\n\r\n"):
        title, *lines = block.strip().split("\r\n")
        found[title.removeprefix("# ")] = dict(line.split(":", 1) for line in lines)
    return found


def info(r, *names):
    text = r("INFO", *names)
    return sections(text) if text else {}


def fields(r):
    return {name: value for section in info(r, "everything").values() for name, value in section.items()}


@pytest.mark.parametrize("title", sorted(REFERENCE.keys() - BY_LOAD))
def test_a_section_has_the_fields_of_redis_in_its_order(r, title):
    expected = [name for name in REFERENCE[title] if not name.startswith("listener")]
    assert [name for name in info(r, title)[title] if name not in OWN] == expected


def test_a_bare_info_leaves_out_what_is_long():
    assert [s.title for s in SECTIONS if not s.default] == ["Commandstats", "Latencystats", "Debug"]


@pytest.mark.parametrize("name", ["all", "everything", "EVERYTHING"])
def test_all_shows_every_section_but_debug(r, name):
    assert list(info(r, name)) == [s.title for s in SECTIONS if s.name != "debug"]


def test_sections_come_once_and_in_their_own_order(r):
    assert list(info(r, "keyspace", "server", "KEYSPACE", "cpu")) == ["Server", "CPU", "Keyspace"]


def test_default_and_a_name_add_up(r):
    assert list(info(r, "default", "commandstats")) == [
        s.title for s in SECTIONS if s.default or s.name == "commandstats"]


def test_an_unknown_section_is_empty(r):
    assert r("INFO", "nosuch") == b""
    assert list(info(r, "nosuch", "cluster")) == ["Cluster"]


def test_a_section_ends_with_a_line_and_the_next_begins_after_an_empty_one(r):
    assert r("INFO", "cluster", "keyspace") == b"# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n"


def test_info_is_verbatim_text_in_resp3(r):
    r.server.core.clients()[0].proto = 3
    assert r.raw("INFO", "cluster").startswith(b"=34\r\ntxt:# Cluster\r\n")


def test_versions_tell_whose_behaviour_this_is(r):
    server = info(r, "server")["Server"]
    assert server["redis_version"] == "8.0.6"
    assert server["server_name"] == "pyredis"
    assert re.fullmatch("[0-9a-f]{40}", server["run_id"])


def test_hits_misses_and_commands_are_counted(r):
    r("SET", "k", "v")
    for key in ("k", "k", "none"):
        r("GET", key)
    with raises_reply("ERR unknown command"):
        r("NOSUCH")
    found = fields(r)
    assert (found["keyspace_hits"], found["keyspace_misses"]) == ("2", "1")
    assert found["total_error_replies"] == "1"
    assert found["errorstat_ERR"] == "count=1"
    assert found["cmdstat_get"].startswith("calls=3,usec=")
    assert found["cmdstat_get"].endswith(",rejected_calls=0,failed_calls=0")
    times = found["latency_percentiles_usec_get"]
    assert re.fullmatch(r"p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}", times)
    assert found["rdb_changes_since_last_save"] == "1"


def test_too_many_codes_of_errors_are_not_told_apart_until_resetstat(r):
    for i in range(128):
        with raises_reply("E"):
            r("EVAL", f"return redis.error_reply('E{i:03d} x')", 0)
    assert len(info(r, "errorstats")["Errorstats"]) == 128
    for _ in range(2):
        with raises_reply("ERR"):
            r("NOSUCH")
        assert info(r, "errorstats")["Errorstats"] == {"errorstat_ERRORSTATS_DISABLED": "count=1"}
    r("CONFIG", "RESETSTAT")
    with raises_reply("ERR"):
        r("NOSUCH")
    assert info(r, "errorstats")["Errorstats"] == {"errorstat_ERR": "count=1"}


def test_a_code_cannot_break_a_line(r):
    with raises_reply("a:b"):
        r("EVAL", "return redis.error_reply('a:b#c x')", 0)
    assert info(r, "errorstats")["Errorstats"] == {"errorstat_a_b_c": "count=1"}


def test_the_code_of_an_error_ends_with_its_first_line(r):
    for text in ("A\\nredis_version:9 x", "A\\rB x", "A x"):
        r.feed(encode("EVAL", f"return redis.error_reply('{text}')", 0))
    assert info(r, "errorstats")["Errorstats"] == {"errorstat_A": "count=3"}


def test_unblocking_with_an_error_counts_as_one(r):
    other = R(r.server)
    r.session.feed(b"CLIENT ID\r\nBLPOP none 0\r\n")
    other("CLIENT", "UNBLOCK", r.server.core.clients()[0].id, "ERROR")
    assert info(other, "errorstats")["Errorstats"] == {"errorstat_UNBLOCKED": "count=1"}


def test_the_largest_buffers_are_remembered_for_seconds(r):
    r.feed(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n")
    assert int(fields(R(r.server))["client_recent_max_input_buffer"]) >= 16384
    r.server.metrics.sample_buffers()
    r.feed(b"x" * 100000 + b"\r\n")
    assert r.server.metrics.largest_buffers()[0] >= 16384
    for _ in range(8):
        r.server.metrics.sample_buffers()
    assert r.server.metrics.largest_buffers()[0] < 16384


def test_commands_within_others_are_not_summed_twice(r):
    r("EVAL", "for i = 1, 1000 do redis.call('ping') end", 0)
    found, stats = fields(r), figures.command_stats(r.server.core)
    assert int(found["eventloop_duration_cmd_sum"]) < sum(row[2] for row in stats)


def test_percentiles_have_the_names_they_were_configured_with():
    r = R(**{"latency-tracking-info-percentiles": (50.0, 99.99)})
    r("PING")
    assert re.fullmatch(r"p50=[\d.]+,p99\.99=[\d.]+", fields(r)["latency_percentiles_usec_ping"])


def test_keyspace_lists_only_databases_with_keys(r):
    r("SET", "a", 1)
    r("SET", "b", 1, "EX", 100)
    r("SELECT", 3)
    r("SET", "c", 1)
    lines = info(r, "keyspace")["Keyspace"]
    assert list(lines) == ["db0", "db3"]
    assert lines["db0"].startswith("keys=2,expires=1,avg_ttl=")
    assert lines["db3"] == "keys=1,expires=0,avg_ttl=0,subexpiry=0"


def test_used_memory_is_the_arena_s_own_count(r):
    r("SETRANGE", "k", 99_999, "x")              # a request that leaves the connection no larger input buffer
    found = info(r, "memory")["Memory"]
    assert abs(int(found["used_memory"]) - r.session.memory_used) < 65536
    assert int(found["used_memory_peak"]) >= int(found["used_memory"])
    assert 100_000 <= int(found["used_memory_dataset"]) < 200_000


def test_resetstat_takes_counters_back(r):
    r("GET", "none")
    r("CONFIG", "RESETSTAT")
    assert fields(r)["keyspace_misses"] == "0"


@pytest.mark.parametrize(("n", "text"), [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (740_000, "722.66K"),
                                         (1 << 20, "1.00M"), (3 << 29, "1.50G"), (5 << 50, "5.00P")])
def test_bytes_for_people(n, text):
    assert human(n) == text


def test_the_dataset_is_never_negative():
    assert Memory(used=10, peak=10, startup=8, clients=3, tables=0, active=0, resident=0, rss=0).dataset == 0


def test_a_rate_is_the_mean_of_sixteen_samples():
    rate = Rate()
    for i in range(9):
        rate.sample(total=100 * i, base=i)
    assert rate.mean == 50
    for i in range(9, 40):
        rate.sample(total=100 * i, base=i)
    assert rate.mean == 100


def test_a_rate_over_no_time_is_nothing():
    rate = Rate()
    rate.sample(1, 1)
    rate.sample(2, 1)
    assert rate.mean == 0


def test_the_clients_memory_is_the_sum_of_theirs_in_each_place_that_tells_it():
    pairs = Pairs()
    line = pairs.line()
    others = [pairs.line() for _ in range(3)]
    others[0]("SUBSCRIBE", "news")
    others[1].send(b"*2\r\n$4\r\nECHO\r\n$200000\r\n" + b"x" * 100_000)
    others[2]("WATCH", "k")
    line("EVAL", "return 1", 0)
    in_info = next(field for field in line("INFO", "memory").split() if field.startswith(b"mem_clients_normal:"))
    stats = line("MEMORY", "STATS")
    listed = sum(int(part[8:]) for part in line("CLIENT", "LIST").split() if part.startswith(b"tot-mem="))
    assert int(in_info[19:]) == stats[stats.index(b"clients.normal") + 1] == listed > 100_000
    pairs.close()
