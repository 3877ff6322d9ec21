"""redis-cli against the server, as people use it: at a terminal, in pipes, and in its scanning modes."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from bench import peers
from tests.demand import tool, without_preload

Cli = Callable[..., str]
ANSI = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


def program() -> str:
    return tool(("redis8", "redis7", "valkey9"), "cli")


@pytest.fixture
def cli(server: peers.Server) -> Cli:
    """cli(*args) -> what redis-cli printed; it must end by itself and well."""
    def run(*args: str, stdin: bytes = b"") -> str:
        done = subprocess.run([program(), "-p", str(server.port), *args], input=stdin, capture_output=True,
                              timeout=60, check=False, env=without_preload())
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()[-2000:]
        return done.stdout.decode()
    return run


class Terminal:
    """redis-cli on a pseudo-terminal: type a line, read until a text appears."""

    def __init__(self, *args: str) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([program(), *args], stdin=slave, stdout=slave, stderr=slave,
                                        env=without_preload(), start_new_session=True)
        os.close(slave)
        self.seen = b""

    def until(self, text: str, seconds: float = 30.0) -> str:
        """Everything up to and with `text`; what follows stays for the next call."""
        deadline = time.monotonic() + seconds
        while text.encode() not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} did not come; so far: {self.seen!r}"
            self.seen = ANSI.sub(b"", self.seen + os.read(self.master, 4096))
        before, wanted, self.seen = self.seen.partition(text.encode())
        return (before + wanted).decode(errors="replace")

    def type(self, line: str) -> None:
        os.write(self.master, line.encode() + b"\r")

    def close(self) -> None:
        peers.end(self.process, 5)
        os.close(self.master)


@pytest.fixture
def terminal(server: peers.Server) -> Iterator[Terminal]:
    opened = Terminal("-p", str(server.port))
    opened.until(f":{server.port}> ")
    yield opened
    opened.close()


def fill(server: peers.Server, count: int) -> None:
    for n in range(count):
        server.call("SET", f"key:{n}", "x" * (n % 50))


def test_interactive_session_shows_each_type_of_reply(terminal: Terminal) -> None:
    for line, answer in [("set greeting hello", "OK"), ("get greeting", '"hello"'), ("incr n", "(integer) 1"),
                         ("get nothing", "(nil)"), ("incr greeting", "(error) ERR value is not an integer"),
                         ("mget greeting nothing", "2) (nil)")]:
        terminal.type(line)
        terminal.until(answer)


def test_interactive_select_shows_the_database_in_the_prompt(terminal: Terminal) -> None:
    terminal.type("select 3")
    terminal.until("[3]> ")


def test_pipe_mode_loads_a_million_commands_and_counts_their_replies(cli: Cli, server: peers.Server) -> None:
    template = b"*3\r\n$3\r\nSET\r\n$9\r\np:%07d\r\n$7\r\n%07d\r\n"
    data = b"".join([template % (n, n) for n in range(1_000_000)])
    assert "errors: 0, replies: 1000000" in cli("--pipe", stdin=data)
    assert server.call("DBSIZE") == 1_000_000
    assert server.call("GET", "p:0999999") == b"0999999"


def test_pipe_mode_counts_errors(cli: Cli, server: peers.Server) -> None:
    server.call("SET", "text", "abc")
    data = peers.encode("INCR", "text") + peers.encode("INCR", "n")
    done = subprocess.run([program(), "-p", str(server.port), "--pipe"], capture_output=True, timeout=60,
                          check=False, input=data, env=without_preload())
    assert b"errors: 1, replies: 2" in done.stdout


def test_commands_from_standard_input_run_one_a_line(cli: Cli) -> None:
    assert cli(stdin=b"set a 'two words'\nget a\n").split("\n")[:2] == ["OK", "two words"]


def test_scan_lists_every_key_once_and_by_pattern(cli: Cli, server: peers.Server) -> None:
    fill(server, 2000)
    assert sorted(cli("--scan").split()) == sorted(f"key:{n}" for n in range(2000))
    assert sorted(cli("--scan", "--pattern", "key:19?").split()) == [f"key:{n}" for n in range(190, 200)]
    assert len(cli("--scan", "--count", "500").split()) == 2000


def test_bigkeys_names_the_biggest_string(cli: Cli, server: peers.Server) -> None:
    fill(server, 100)
    server.call("SET", "whale", "x" * 5000)
    assert re.search(r"Biggest string found '?\"whale\"'? has 5000 bytes", cli("--bigkeys"))


def test_memkeys_names_the_key_that_takes_most_memory(cli: Cli, server: peers.Server) -> None:
    fill(server, 100)
    server.call("SET", "whale", "x" * 5000)
    assert re.search(r"Biggest string found '?\"whale\"'? has \d+ bytes", cli("--memkeys"))


def fill_each_type(server: peers.Server) -> None:
    """A large one of each type beside small ones."""
    for size, name in ((3, "small"), (200, "large")):
        numbers = list(range(size))
        server.call("SET", f"{name}:string", "x" * size)
        server.call("RPUSH", f"{name}:list", *numbers)
        server.call("SADD", f"{name}:set", *numbers)
        server.call("HSET", f"{name}:hash", *(word for n in numbers for word in (n, n)))
        server.call("ZADD", f"{name}:zset", *(word for n in numbers for word in (n, n)))
        for n in numbers:
            server.call("XADD", f"{name}:stream", "*", "n", n)


def test_bigkeys_names_the_biggest_of_each_type(cli: Cli, server: peers.Server) -> None:
    fill_each_type(server)
    found = cli("--bigkeys")
    for kind, size in [("string", "200 bytes"), ("list", "200 items"), ("set", "200 members"), ("hash", "200 fields"),
                       ("zset", "200 members"), ("stream", "200 entries")]:
        assert re.search(rf"Biggest +{kind} found '?\"large:{kind}\"'? has {size}", found)
    assert "Sampled 12 keys in the keyspace!" in found


def test_memkeys_takes_samples_as_told(cli: Cli, server: peers.Server) -> None:
    fill_each_type(server)
    found = cli("--memkeys", "--memkeys-samples", "0")
    for kind in ("string", "list", "set", "hash", "zset", "stream"):
        size = server.call("MEMORY", "USAGE", f"large:{kind}", "SAMPLES", 0)
        assert re.search(rf"Biggest +{kind} found '?\"large:{kind}\"'? has {size} bytes", found)


def test_hotkeys_says_what_it_needs(server: peers.Server) -> None:
    fill(server, 3)
    done = subprocess.run([program(), "-p", str(server.port), "--hotkeys"], capture_output=True, timeout=60,
                          check=False, env=without_preload())
    assert b"An LFU maxmemory policy is not selected" in done.stdout + done.stderr


def test_resp3_session_prints_maps_and_nulls(cli: Cli) -> None:
    out = cli("-3", "hello")
    assert "proto" in out and "3" in out
    assert cli("-3", "get", "nothing").strip() == ""
    assert cli("-3", "--no-raw", "get", "nothing").strip() == "(nil)"


def test_latency_mode_prints_samples(server: peers.Server) -> None:
    mode = Terminal("-p", str(server.port), "--latency")
    mode.until("samples")
    mode.close()


def test_latency_mode_into_a_pipe_ends_after_its_interval(cli: Cli) -> None:
    low, high, average, samples = cli("-i", "1", "--raw", "--latency").split()[:4]
    assert int(low) <= float(average) <= int(high) and int(samples) > 0


def test_latency_history_mode_begins_a_line_each_interval(server: peers.Server) -> None:
    mode = Terminal("-p", str(server.port), "--latency-history", "-i", "0.3")
    for _ in range(2):
        assert "samples" in mode.until("seconds range")
    mode.close()


def test_intrinsic_latency_mode_measures_this_machine(cli: Cli) -> None:
    assert "total runs (avg latency:" in cli("--intrinsic-latency", "1")


def test_hotkeys_names_what_is_read_often(cli: Cli, start_server) -> None:
    busy = start_server("--maxmemory-policy", "allkeys-lfu")
    fill(busy, 20)
    for _ in range(300):
        busy.call("GET", "key:7")
    found = subprocess.run([program(), "-p", str(busy.port), "--hotkeys"], capture_output=True, check=True, timeout=60,
                           env=without_preload()).stdout.decode()
    hottest = next(line for line in found.splitlines() if line.startswith("hot key found"))
    assert "key:7" in hottest


def test_stat_mode_prints_keys_memory_clients_and_requests(server: peers.Server) -> None:
    fill(server, 7)
    mode = Terminal("-p", str(server.port), "--stat", "-i", "0.1")
    mode.until("connections")
    line = mode.until("(+0)")
    assert line.split()[0] == "7"
    mode.close()


def test_unix_socket_answers_as_the_port_does(server: peers.Server) -> None:
    done = subprocess.run([program(), "-s", str(server.socket), "ping"], capture_output=True, timeout=30,
                          check=True, env=without_preload())
    assert done.stdout == b"PONG\n"


def test_repeat_and_database_options(cli: Cli, server: peers.Server) -> None:
    assert cli("-n", "5", "-r", "3", "incr", "n").split() == ["1", "2", "3"]
    assert server.call("GET", "n") is None


def test_a_value_from_standard_input_is_stored_byte_for_byte(cli: Cli, server: peers.Server) -> None:
    blob = bytes(range(256)) * 4
    cli("-x", "set", "blob", stdin=blob)
    assert server.call("GET", "blob") == blob
