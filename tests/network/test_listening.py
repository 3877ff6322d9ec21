"""Where the server listens, whom it lets in, and how it ends."""

import contextlib
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from bench import peers
from pyredis import listener
from tests.network.line import connect, connect_unix, eventually
from tests.session import encode


def outer_address() -> str:
    """An address of this machine that is not its loopback, or nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))              # no packet is sent
        return str(probe.getsockname()[0])
    return ""


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def refused(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0


# ---------------------------------------------------------------- addresses

def test_several_addresses_are_listened_on(start_server):
    addresses = ["127.0.0.1", "127.0.0.2"] + ["::1"] * has_ipv6()
    server = start_server("--bind", *addresses)
    for address in addresses:
        with connect(server, address) as a:
            assert a.call("PING") == "PONG"
            shown = f"[{address}]" if ":" in address else address
            assert f"laddr={shown}:{server.port} " in a.call("CLIENT", "INFO").decode()
    assert refused(server.port, "127.0.0.3")


def test_an_address_with_a_minus_may_be_missing(start_server):
    server = start_server("--bind", "127.0.0.1", "-203.0.113.7", "-2001:db8::7")
    assert server.call("PING") == "PONG"


def test_an_address_without_a_minus_may_not_be_missing():
    missing = pytest.raises(peers.StartError, match=r"203\.0\.113\.7")
    with missing, peers.start("pyredis", "--bind", "203.0.113.7"):
        pass


def test_all_addresses_at_once(start_server):
    server = start_server("--bind", "*", "-::*")
    assert server.call("PING") == "PONG"
    if has_ipv6():
        with connect(server, "::1") as a:
            assert a.call("PING") == "PONG"


def test_the_unix_socket_has_the_rights_asked_for_and_goes_away_at_the_end(start_server):
    server = start_server("--unixsocketperm", "700")
    assert stat.S_IMODE(os.stat(server.socket).st_mode) == 0o700
    with connect_unix(server.socket) as a:
        assert a.call("PING") == "PONG"
    server.stop()
    assert not server.socket.exists()


def test_without_a_port_there_is_only_the_unix_socket(tmp_path):
    path = tmp_path / "s"
    words = peers.command("pyredis", tmp_path, 0, ("--unixsocket", str(path)))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, peers.library_folders()))}
    process = subprocess.Popen(words, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL)
    def reached():
        try:
            return connect_unix(path)
        except OSError:                          # it is there before anybody listens
            return None

    try:
        with eventually(reached) as a:
            assert a.call("PING") == "PONG"
    finally:
        peers.end(process, 5)


@pytest.mark.parametrize("options", [("--port", "0"), ("--bind", "")])
def test_a_server_that_nobody_could_reach_does_not_start(tmp_path, options):
    words = [*peers.command("pyredis", tmp_path, peers.free_port(), ()), "--unixsocket", "", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, peers.library_folders()))}
    done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "Configured to not listen anywhere, exiting." in done.stdout


def test_the_port_can_change_and_connections_stay(start_server):
    server = start_server()
    other = peers.free_port()
    with connect(server) as old:
        assert old.call("CONFIG", "SET", "port", other) == "OK"
        assert old.call("PING") == "PONG"
        assert refused(server.port)
        with connect(server, port=other) as new:
            assert new.call("PING") == "PONG"


def test_the_addresses_can_change(start_server):
    server = start_server()
    with connect(server) as a:
        assert a.call("CONFIG", "SET", "bind", "127.0.0.2") == "OK"
        assert refused(server.port)
        with connect(server, "127.0.0.2") as b:
            assert b.call("PING") == "PONG"


@pytest.mark.parametrize("address", ["999.999.999.999", "a..b"])
def test_an_address_that_is_none_leaves_all_as_it_was(start_server, address):
    server = start_server()
    with connect(server) as a:
        assert str(a.call("CONFIG", "SET", "bind", address)).endswith("Failed to bind to specified addresses.")
        with connect(server) as b:
            assert b.call("PING") == "PONG"


def test_without_an_address_nobody_new_can_connect(start_server):
    server = start_server()
    with connect(server) as a:
        assert a.call("CONFIG", "SET", "bind", "") == "OK"
        assert refused(server.port)
        assert a.call("CONFIG", "SET", "bind", "127.0.0.1") == "OK"
        with connect(server) as b:
            assert b.call("PING") == "PONG"


def test_a_port_that_is_taken_leaves_all_as_it_was(start_server):
    server = start_server()
    with socket.socket() as taken, connect(server) as a:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        reply = a.call("CONFIG", "SET", "port", taken.getsockname()[1])
        assert "Unable to listen on this port. Check server logs." in str(reply)
        assert a.call("CONFIG", "GET", "port") == [b"port", b"%d" % server.port]
        with connect(server) as b:
            assert b.call("PING") == "PONG"


# ---------------------------------------------------------------- who may come in

def test_protected_mode_turns_strangers_away_but_not_neighbours(start_server):
    address = outer_address()
    if not address:
        address = "127.0.0.1"                       # a machine without a network: only the neighbours' half
    server = start_server("--protected-mode", "yes", "--bind", "127.0.0.1", "-" + address)
    assert server.call("PING") == "PONG"
    with connect_unix(server.socket) as a:
        assert a.call("PING") == "PONG"
    if address != "127.0.0.1":
        with connect(server, address) as a:
            answer = a.rest()
        assert answer.startswith(b"-DENIED ")
        assert answer.count(b"\r\n") == 1
        server.call("CONFIG", "SET", "requirepass", "x")
        with connect(server, address) as a:
            assert str(a.call("PING")).startswith("NOAUTH")


def test_more_than_maxclients_are_turned_away_with_an_error(start_server):
    server = start_server("--maxclients", "10")
    inside = [connect(server) for _ in range(9)]
    assert [a.call("PING") for a in inside] == ["PONG"] * 9
    assert server.call("PING") == "PONG"            # the tenth
    for _ in range(3):
        with connect(server) as a:
            assert a.rest() == b"-ERR max number of clients reached\r\n"
    inside.pop().close()
    eventually(lambda: server.call("CLIENT", "LIST").count(b"\n") == 9)
    with connect(server) as a:
        assert a.call("PING") == "PONG"


def test_idle_clients_are_closed_after_the_timeout(start_server):
    server = start_server("--timeout", "1")
    with connect(server) as idle, connect(server) as busy:
        idle.call("PING")
        end = time.monotonic() + 2.6
        while time.monotonic() < end:
            assert busy.call("PING") == "PONG"
            time.sleep(0.1)
        assert idle.rest() == b""


def test_a_lack_of_descriptors_passes_and_does_not_spin(start_server):
    server = start_server("--maxclients", "100")
    server.call("PING")
    used = len(os.listdir(f"/proc/{server.pid}/fd"))
    limit = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used + 3, limit[1]))
    waiting = [connect(server) for _ in range(6)]
    eventually(lambda: "Accepting client connection" in server.log())
    time.sleep(0.5)
    assert server.log().count("Accepting client connection") < 50       # a try now and then, not all the time
    assert server.call("PING") == "PONG"
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limit)
    assert [a.call("PING") for a in waiting] == ["PONG"] * 6


def test_a_storm_of_connections_is_let_in(server):
    with connect(server) as steady:
        for _ in range(5):
            many = [socket.socket() for _ in range(300)]
            for one in many:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", server.port))
            assert steady.call("PING") == "PONG"
            for one in many:
                one.settimeout(20)
                while True:
                    try:
                        one.sendall(b"PING\r\n")
                        break
                    except BlockingIOError:
                        time.sleep(0.001)
            assert {one.recv(100) for one in many} == {b"+PONG\r\n"}
            for one in many:
                one.close()


# ---------------------------------------------------------------- clients among each other

def test_kill_by_address_closes_the_other_socket(server):
    with connect(server) as a, connect(server) as b:
        address = re.search(rb"addr=(\S+)", b.call("CLIENT", "INFO"))[1]
        assert address == b"%s:%d" % (b"127.0.0.1", b.socket.getsockname()[1])
        assert a.call("CLIENT", "KILL", address) == "OK"
        assert b.rest() == b""
        assert a.call("CLIENT", "KILL", "ADDR", address) == 0


def test_who_kills_itself_reads_the_reply_and_then_the_end(server):
    with connect(server) as a:
        me = a.call("CLIENT", "ID")
        a.send(encode("CLIENT", "KILL", "ID", me, "SKIPME", "no") + encode("PING"))
        assert a.rest() == b":1\r\n"


def test_killing_those_of_the_same_round_is_safe(server):
    lines = [connect(server) for _ in range(40)]
    numbers = [a.call("CLIENT", "ID") for a in lines]
    for a in lines:
        a.send(encode("CLIENT", "KILL", "ID", *numbers) + encode("PING") * 3)
    for a in lines:
        with contextlib.suppress(OSError):
            a.socket.shutdown(socket.SHUT_WR)
    for a in lines:
        a.rest()
        a.close()
    assert server.call("PING") == "PONG"


def test_a_pause_holds_sockets_and_ends_by_itself(server):
    with connect(server) as a, connect(server) as b:
        assert a.call("CLIENT", "PAUSE", 300, "ALL") == "OK"
        b.send(encode("SET", "paused", 1) + encode("GET", "paused"))
        assert b.silent(0.15)
        assert b.receive() == "OK"
        assert b.receive() == b"1"


def test_a_client_that_leaves_during_a_pause_is_forgotten(server):
    with connect(server) as a, connect(server) as other:
        a.call("CLIENT", "PAUSE", 10_000, "WRITE")
        other.send(encode("SET", "k", 1))
        gone = []
        for _ in range(10):
            with connect(server) as b:
                gone.append(b.call("CLIENT", "ID"))
                b.send(encode("SET", "k", 2))
        eventually(lambda: a.call("CLIENT", "LIST", "ID", *gone) == b"")
        assert a.call("CLIENT", "UNPAUSE") == "OK"
        assert other.receive() == "OK"
        a.call("DEL", "k")


# ---------------------------------------------------------------- the end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order(start_server, number):
    server = start_server()
    with connect(server) as a:
        a.call("PING")
        server.process.send_signal(number)
        assert server.process.wait(10) == 0
        assert a.rest() == b""
    assert "scheduling shutdown" in server.log()
    assert "ready to exit, bye bye" in server.log()


def test_sighup_and_sigpipe_do_nothing(start_server):
    server = start_server()
    server.process.send_signal(signal.SIGHUP)
    server.process.send_signal(signal.SIGPIPE)
    assert server.call("PING") == "PONG"


def test_the_out_of_memory_score_is_that_of_the_server_and_of_its_children(start_server):
    server = start_server("--oom-score-adj", "relative", "--oom-score-adj-values", "5", "6", "7")
    inherited = int(Path("/proc/self/oom_score_adj").read_text())

    def score(pid: int) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    assert score(server.pid) == inherited + 5
    server.call("SET", "k", "v")
    server.call("CONFIG", "SET", "rdb-key-save-delay", "10000000")
    server.call("BGSAVE")
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    assert [score(int(pid)) for pid in children] == [inherited + 7]
    server.call("CONFIG", "SET", "oom-score-adj", "no")
    assert score(server.pid) == inherited
    server.call("BGSAVE", "CANCEL")


def test_connections_are_kept_alive_as_configured():
    with socket.socket() as sock:
        listener.keep_alive(sock, 0)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
        listener.keep_alive(sock, 60)
        options = [socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [60, 20, 3]


def test_maxclients_can_be_changed_while_running_as_far_as_there_are_descriptors(start_server):
    server = start_server("--maxclients", "2")
    with connect(server) as other:
        assert server.call("PING") == other.call("PING") == "PONG"
        with connect(server) as third:
            assert third.rest() == b"-ERR max number of clients reached\r\n"
        server.call("CONFIG", "SET", "maxclients", 3)
        with connect(server) as third:
            assert third.call("PING") == "PONG"
    with pytest.raises(peers.ReplyError, match=r"possibly related to argument 'maxclients'\) - The operating system is "
                                               r"not able to handle the specified number of clients, try with \d+"):
        server.call("CONFIG", "SET", "maxclients", 2**31)
    assert server.call("CONFIG", "GET", "maxclients") == [b"maxclients", b"3"]
