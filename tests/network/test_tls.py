"""Connections with TLS: what they say and hear is what plain ones do, and what is theirs alone."""

import os
import random
import socket
import ssl
import subprocess
import time

import pytest

from bench import peers
from pyredis import tls
from pyredis.tls_context import names_of
from tests.certificates import Papers, connect_tls, raw
from tests.network.line import connect, eventually, setting
from tests.network.test_listening import outer_address, refused
from tests.session import R, ReplyError, encode

BIG = 64 << 20
LOOP = "while true do end"


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    return Papers(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def shared(papers):
    """A server that wants no certificates; with its port for TLS as `tls`."""
    port = peers.free_port()
    with peers.start("pyredis", *papers.options(port)) as server:
        server.tls = port
        yield server


@pytest.fixture
def line(shared, papers):
    shared.call("FLUSHALL")
    with connect_tls(shared.tls, papers.context()) as line:
        yield line


@pytest.fixture
def start_tls(start_server, papers):
    def start(*options, **more):
        port = peers.free_port()
        server = start_server(*papers.options(port, **more), *options)
        server.tls = port
        return server
    return start


def shakes_hands(port, context):
    """Does the server let this client in, and answer?"""
    try:
        with connect_tls(port, context) as line:
            return line.call("PING") == "PONG"
    except (OSError, ConnectionError):
        return False


def serial(port, context):
    with connect_tls(port, context) as line:
        return line.socket.getpeercert()["serialNumber"]


# ---------------------------------------------------------------- as plain ones

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_commands_are_answered(shared, papers, version):
    context = papers.context()
    context.minimum_version = context.maximum_version = version
    with connect_tls(shared.tls, context) as line:
        assert line.call("SET", "k", "v") == "OK"
        assert line.call("GET", "k") == b"v"
        assert line.call("HELLO", 3)[b"proto"] == 3
        assert isinstance(line.call("NO-SUCH"), ReplyError)


def test_client_list_and_info_tell_of_them(shared, line):
    host, port = line.socket.getsockname()
    shown = line.call("CLIENT", "INFO").decode()
    assert f" addr={host}:{port} laddr=127.0.0.1:{shared.tls} fd=" in shown
    fields = peers.info_fields(shared.call("INFO"))
    assert fields["listener2"] == f"name=tls,bind=127.0.0.1,port={shared.tls}"
    assert fields["tcp_port"] == str(shared.port)
    assert shown.split()[0] in shared.call("CLIENT", "LIST").decode()


def test_input_and_output_are_counted(shared, line):
    before = peers.info_fields(shared.call("INFO", "stats"))
    line.call("ECHO", "x" * 100_000)
    after = peers.info_fields(shared.call("INFO", "stats"))
    for name in ("total_net_input_bytes", "total_net_output_bytes"):
        assert int(after[name]) - int(before[name]) >= 100_000
    info = dict(field.split("=") for field in line.call("CLIENT", "INFO").decode().split())
    assert int(info["tot-net-in"]) >= 100_000 and int(info["tot-net-out"]) >= 100_000


def test_requests_may_come_in_any_pieces(line):
    data = encode("SET", "k", "v") + encode("GET", "k")
    for at in range(len(data)):
        line.send(data[at:at + 1])
    assert [line.receive(), line.receive()] == ["OK", b"v"]
    line.send(b"PING\r\n" * 3)
    assert [line.receive() for _ in range(3)] == ["PONG"] * 3


def test_a_long_pipeline_is_answered_though_nobody_reads_meanwhile(shared, papers):
    count = 20_000
    with connect_tls(shared.tls, papers.context(), small_window=True) as line:
        line.send(encode("ECHO", "x" * 200) * count)
        assert line.read(count * 208) == (b"$200\r\n" + b"x" * 200 + b"\r\n") * count


def test_large_values_come_and_go(line):
    value = random.Random(1).randbytes(1 << 20) * (BIG >> 20)
    line.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % BIG + value + b"\r\n")
    assert line.receive() == "OK"
    line.send(encode("GET", "k"))
    assert line.read(len(b"$%d\r\n" % BIG)) == b"$%d\r\n" % BIG
    assert line.read(BIG) == value


def test_what_others_publish_arrives(shared, line):
    assert line.call("SUBSCRIBE", "c") == [b"subscribe", b"c", 1]
    for size in (1, 100_000):
        assert shared.call("PUBLISH", "c", "m" * size) == 1
        assert line.receive() == [b"message", b"c", b"m" * size]


def test_what_a_client_cached_is_called_back(shared, line):
    line.call("HELLO", 3)
    line.call("CLIENT", "TRACKING", "ON")
    line.call("GET", "k")
    shared.call("SET", "k", "v")
    assert line.receive() == [b"invalidate", [b"k"]]


def test_who_waits_for_a_key_gets_it(shared, line):
    line.send(encode("BLPOP", "l", 0) + encode("PING"))
    eventually(lambda: peers.info_fields(shared.call("INFO", "clients"))["blocked_clients"] == "1")
    shared.call("RPUSH", "l", "v")
    assert [line.receive(), line.receive()] == [[b"l", b"v"], "PONG"]
    line.send(encode("BLPOP", "l", "0.01"))
    assert line.receive() is None


def test_a_monitor_sees_commands(shared, line):
    assert line.call("MONITOR") == "OK"
    shared.call("ECHO", "seen")
    assert b'"ECHO" "seen"' in str(line.receive()).encode()


def test_a_pause_holds_them_and_ends(shared, line):
    shared.call("CLIENT", "PAUSE", 60_000, "WRITE")
    line.send(encode("SET", "k", "v"))
    eventually(lambda: peers.info_fields(shared.call("INFO", "clients"))["blocked_clients"] == "1")
    shared.call("CLIENT", "UNPAUSE")
    assert line.receive() == "OK"


# ---------------------------------------------------------------- ends

def test_quit_is_answered_and_the_end_is_told(line):
    assert line.call("QUIT") == "OK"
    assert line.ended_well()


def test_one_that_is_killed_is_told_of_the_end(shared, line):
    number = line.call("CLIENT", "ID")
    assert shared.call("CLIENT", "KILL", "ID", number) == 1
    assert line.ended_well()


def test_one_may_kill_itself(line):
    assert line.call("CLIENT", "KILL", "ID", line.call("CLIENT", "ID"), "SKIPME", "NO") == 1
    assert line.ended_well()


@pytest.mark.parametrize("well", [True, False])
def test_what_was_sent_before_the_end_is_still_answered(shared, papers, well):
    """Whether the client says that it ends, or only closes its half of the connection."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = papers.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with raw(shared.tls) as sock:
        while True:
            try:
                side.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(1 << 16))
        side.write(encode("ECHO", "last"))
        if well:
            with pytest.raises(ssl.SSLWantReadError):
                side.unwrap()
        sock.sendall(outgoing.read())
        if not well:
            sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(1 << 16):
            incoming.write(data)
    assert side.read(100) == b"$4\r\nlast\r\n"


def test_connections_go_with_their_clients(shared, papers):
    before = int(peers.info_fields(shared.call("INFO", "clients"))["connected_clients"])
    lines = [connect_tls(shared.tls, papers.context()) for _ in range(20)]
    assert all(line.call("PING") == "PONG" for line in lines)
    fields = peers.info_fields(shared.call("INFO", "clients"))
    assert int(fields["connected_clients"]) == before + 20
    for line in lines:
        line.close()
    eventually(lambda: int(peers.info_fields(shared.call("INFO", "clients"))["connected_clients"]) == before)


def test_idle_ones_end(start_tls, papers):
    server = start_tls("--timeout", "1")
    with connect_tls(server.tls, papers.context()) as line:
        assert line.ended_well()


def test_one_that_does_not_read_ends_at_the_output_limit(shared, papers):
    with setting(shared, client_output_buffer_limit="normal 8mb 0 0"), \
            connect_tls(shared.tls, papers.context(), small_window=True) as line:
        shared.call("SET", "k", "x" * (4 << 20))
        line.send(encode("GET", "k") * 20)
        eventually(lambda: " obl=" in shared.call("CLIENT", "LIST").decode())
        assert len(line.rest()) < 80 << 20
    assert "overcoming of output buffer limits" in shared.log()


def test_what_one_sends_and_does_not_end_counts_among_what_clients_take(shared, papers):
    with setting(shared, maxmemory_clients="20mb"), connect_tls(shared.tls, papers.context()) as line:
        line.send(b"*2\r\n$4\r\nECHO\r\n$100000000\r\n")
        with pytest.raises(OSError):
            for _ in range(30):
                line.send(b"x" * (1 << 20))
            for _ in range(300):                 # never at rest
                line.send(b"x")
                time.sleep(0.01)
        assert peers.info_fields(shared.call("INFO", "stats"))["evicted_clients"] == "1"


def test_what_waits_for_a_slow_reader_is_counted(shared, papers):
    with connect_tls(shared.tls, papers.context(), small_window=True) as line:
        number = line.call("CLIENT", "ID")
        shared.call("SET", "k", "x" * (32 << 20))
        line.send(encode("GET", "k"))
        shown = eventually(lambda: " events=rw " in (text := shared.call("CLIENT", "LIST", "ID", number).decode())
                           and text)
        assert int(dict(field.split("=") for field in shown.split())["tot-mem"]) > 16 << 20
        assert line.read(10 + (32 << 20) + 3).endswith(b"x\r\n")
        assert line.call("PING") == "PONG"
        assert " events=r " in line.call("CLIENT", "INFO").decode()


# ---------------------------------------------------------------- while a script runs

def test_they_are_told_of_a_script_that_takes_long(start_tls, papers):
    server = start_tls("--busy-reply-threshold", "20")
    with connect(server) as busy, connect_tls(server.tls, papers.context()) as line:
        assert line.call("PING") == "PONG"
        busy.send(encode("EVAL", LOOP, 0))
        assert str(eventually(lambda: (reply := line.call("GET", "k")) and reply)).startswith("BUSY")
        with connect_tls(server.tls, papers.context()) as late:
            assert str(late.call("GET", "k")).startswith("BUSY")
            assert late.call("SCRIPT", "KILL") == "OK"
        assert str(busy.receive()).startswith("ERR Script killed by user")
        assert line.call("PING") == "PONG"


def test_others_are_told_of_theirs(start_tls, papers):
    server = start_tls("--busy-reply-threshold", "20")
    context = papers.context()
    with connect_tls(server.tls, context) as busy, connect_tls(server.tls, context) as line, connect(server) as plain:
        busy.send(encode("EVAL", LOOP, 0) + encode("ECHO", "a"))
        eventually(lambda: str(plain.call("GET", "k")).startswith("BUSY"))
        busy.send(encode("ECHO", "b" * 100_000))
        assert str(line.call("GET", "k")).startswith("BUSY")
        assert line.call("SCRIPT", "KILL") == "OK"
        assert str(busy.receive()).startswith("ERR Script killed by user")
        assert [busy.receive(), busy.receive()] == [b"a", b"b" * 100_000]


# ---------------------------------------------------------------- who is let in

def test_clients_must_have_a_certificate_if_that_is_asked_for(start_tls, papers):
    server = start_tls(tls_auth_clients="yes")
    assert shakes_hands(server.tls, papers.context(papers.client))
    assert not shakes_hands(server.tls, papers.context())
    assert not shakes_hands(server.tls, papers.context(papers.stranger))
    log = eventually(lambda: (text := server.log()).count("Error accepting a client connection: ") == 2 and text)
    assert "error:0A0000C7:SSL routines::peer did not return a certificate (addr=127.0.0.1:" in log
    assert f"laddr=127.0.0.1:{server.tls})" in log
    assert "certificate verify failed (addr=" in log


def test_a_certificate_may_be_optional(start_tls, papers):
    server = start_tls(tls_auth_clients="optional")
    assert shakes_hands(server.tls, papers.context(papers.client))
    assert shakes_hands(server.tls, papers.context())
    assert not shakes_hands(server.tls, papers.context(papers.stranger))


def test_a_certificate_may_say_who_it_is(start_tls, papers):
    server = start_tls("--loglevel", "verbose", tls_auth_clients="optional", tls_auth_clients_user="CN")

    def who(context):
        with connect_tls(server.tls, context) as line:
            return line.call("ACL", "WHOAMI")

    server.call("ACL", "SETUSER", "bob", "on", ">secret", "~*", "+@all")
    assert who(papers.context(papers.client)) == b"bob"
    assert who(papers.context()) == b"default"
    assert who(papers.context(papers.issue("other", "x.example", common_name="nobody"))) == b"default"
    server.call("ACL", "SETUSER", "bob", "off")
    assert who(papers.context(papers.client)) == b"default"
    entries = [dict(zip(entry[::2], entry[1::2], strict=True)) for entry in server.call("ACL", "LOG")]
    assert [(e[b"reason"], e[b"username"]) for e in entries] == [(b"tls-cert", b"bob"), (b"tls-cert", b"nobody")]
    server.call("CONFIG", "SET", "requirepass", "x")
    with connect_tls(server.tls, papers.context()) as line:
        assert str(line.call("PING")).startswith("NOAUTH")


def test_names_are_read_from_certificates():
    certificate = {"subject": ((("organizationName", "o"),), (("commonName", "a"),)),
                   "subjectAltName": (("DNS", "d"), ("URI", "urn:a"), ("URI", "urn:b"))}
    assert names_of(certificate, "CN") == ["a"]
    assert names_of(certificate, "URI") == ["urn:a", "urn:b"]
    assert names_of({}, "CN") == names_of(None, "URI") == []


def test_too_many_are_not_let_in(start_tls, papers):
    server = start_tls("--maxclients", "2")
    with connect_tls(server.tls, papers.context()) as one, connect_tls(server.tls, papers.context()) as two:
        assert not shakes_hands(server.tls, papers.context())
        assert one.call("PING") == two.call("PING") == "PONG"
        assert peers.info_fields(one.call("INFO", "stats"))["rejected_connections"] == "1"


def test_protected_mode_tells_strangers(start_tls, papers):
    host = outer_address()
    if not host:
        return                                          # this machine has no other address to come from
    server = start_tls("--protected-mode", "yes", "--bind", "127.0.0.1", host)
    with connect_tls(server.tls, papers.context(), host=host) as line:
        assert line.rest().startswith(b"-DENIED ")
    assert shakes_hands(server.tls, papers.context())


@pytest.mark.parametrize("data, reason", [
    (b"PING\r\n", "wrong version number"), (b"GET / HTTP/1.1\r\n\r\n", "http request"),
    (b"", "unexpected eof while reading"), (b"\x16\x03\x01", "unexpected eof while reading"),
    (b"\x16\x03\x01\xff\xff" + b"x" * 100, "")])
def test_what_is_no_handshake_is_logged_and_ends(start_tls, data, reason):
    server = start_tls()
    with raw(server.tls) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        try:
            while sock.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
        log = eventually(lambda: "Error accepting a client connection: " in (text := server.log()) and text)
        assert f"SSL routines::{reason}" in log
    assert server.call("PING") == "PONG"


def recorded_hello(papers):
    """What a client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = papers.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        side.do_handshake()
    return outgoing.read()


def test_hostile_bytes_end_one_connection_and_no_other(shared, papers, line):
    rng = random.Random(7)
    hello = recorded_hello(papers)
    for _ in range(150):
        data = bytearray(hello[:rng.randint(1, len(hello))] + rng.randbytes(rng.choice((0, 20, 3000))))
        for _ in range(rng.randint(0, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with raw(shared.tls) as sock:
            sock.sendall(bytes(data))
    assert line.call("PING") == "PONG"


def test_hostile_bytes_after_the_handshake_end_the_connection(shared, papers):
    rng = random.Random(9)
    for _ in range(20):
        line = connect_tls(shared.tls, papers.context())
        sock = socket.socket(fileno=os.dup(line.socket.fileno()))
        with sock, line:
            line.call("PING")
            sock.sendall(b"\x17\x03\x03\x00\x20" + rng.randbytes(32) + rng.randbytes(100))
            assert line.closed()
    assert shared.call("PING") == "PONG"


def test_who_does_not_shake_hands_ends_after_a_while(papers, monkeypatch):
    certificate, key = map(str, papers.server)
    server = R(tls_port=1, tls_cert_file=certificate, tls_key_file=key, tls_auth_clients="no").server
    server.tls.configure()
    ours, theirs = socket.socketpair()
    with theirs:
        ours.setblocking(False)
        server.tls.accept(ours, "127.0.0.1", "127.0.0.1:1", "127.0.0.1:2")
        assert len(server.core.clients()) == 1 and b"addr=127.0.0.1:1" not in server.core.sweep()
        server.tls.cron()
        assert server.core.sweep() == []
        monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 0.0)
        server.tls.cron()
        [(fd, notice)] = server.core.sweep()
        server.tls.left(fd)
        assert notice == 4 and theirs.recv(100) == b""


# ---------------------------------------------------------------- ports and settings

def test_there_may_be_a_port_for_tls_alone(tmp_path, papers):
    port = peers.free_port()
    words = peers.command("pyredis", tmp_path, 0, tuple(papers.options(port)))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, peers.library_folders()))}
    with open(tmp_path / "out", "wb") as out:
        process = subprocess.Popen(words, env=environment, cwd=tmp_path, stdout=out, stderr=out)
    try:
        eventually(lambda: b"Ready to accept connections tls" in (tmp_path / "out").read_bytes())
        assert f"port={port}.".encode() in (tmp_path / "out").read_bytes()
        with connect_tls(port, papers.context()) as line:
            fields = peers.info_fields(line.call("INFO", "server"))
            assert fields["tcp_port"] == str(port) and "listener0" not in fields
    finally:
        peers.end(process, 5)


@pytest.mark.parametrize("options, reason", [
    ({}, "No tls-cert-file configured!"),
    ({"tls-cert-file": "{server}"}, "No tls-key-file configured!"),
    ({"tls-cert-file": "{server}", "tls-key-file": "{key}"}, "Either tls-ca-cert-file or tls-ca-cert-dir must be"),
    ({"tls-cert-file": "/no/such", "tls-key-file": "{key}", "tls-auth-clients": "no"},
     "Failed to load certificate: /no/such: No such file or directory"),
    ({"tls-cert-file": "{server}", "tls-key-file": "{ca}", "tls-auth-clients": "no"}, "Failed to load certificate or"),
    ({"tls-cert-file": "{server}", "tls-key-file": "{key}", "tls-ca-cert-file": "{key}"}, "Failed to configure CA"),
    ({"tls-cert-file": "{server}", "tls-key-file": "{key}", "tls-auth-clients": "no", "tls-protocols": "SSLv3"},
     "Invalid tls-protocols specified."),
    ({"tls-cert-file": "{server}", "tls-key-file": "{key}", "tls-auth-clients": "no", "tls-ciphers": "NONE-SUCH"},
     "Failed to configure ciphers: NONE-SUCH"),
    ({"tls-cert-file": "{server}", "tls-key-file": "{key}", "tls-auth-clients": "no", "tls-ciphersuites": "NONE"},
     "Failed to configure ciphersuites: NONE"),
    ({"tls-cert-file": "{server}", "tls-key-file": "{key}", "tls-auth-clients": "no", "tls-dh-params-file": "{key}"},
     "Failed to load {key}: ")])
def test_a_configuration_that_cannot_be_used_ends_the_start(papers, options, reason):
    names = {"server": papers.server[0], "key": papers.server[1], "ca": papers.ca}
    words = [part for name, value in options.items() for part in ("--" + name, value.format(**names))]
    with pytest.raises(peers.StartError) as failure, peers.start("pyredis", "--tls-port", str(peers.free_port()),
                                                               *words):
        pass
    assert reason.format(**names) in str(failure.value)
    assert "Failed to configure TLS. Check logs for more info." in str(failure.value)


def test_the_port_can_change_and_go_and_come(shared, papers, line):
    other = peers.free_port()
    with setting(shared, tls_port=other):
        assert shakes_hands(other, papers.context())
        assert refused(shared.tls)
        shared.call("CONFIG", "SET", "tls-port", 0)
        assert refused(other)
        assert line.call("PING") == "PONG"
    assert shakes_hands(shared.tls, papers.context())


def test_a_port_that_is_taken_changes_nothing(shared, papers):
    with socket.create_server(("127.0.0.1", 0)) as taken, \
            pytest.raises(peers.ReplyError, match=r"Unable to listen on this port\. Check server logs\."):
        shared.call("CONFIG", "SET", "tls-port", taken.getsockname()[1])
    assert shakes_hands(shared.tls, papers.context())
    assert shared.call("CONFIG", "GET", "tls-port")[1] == str(shared.tls).encode()


def test_both_ports_move_to_other_addresses_or_neither(shared, papers):
    with setting(shared, bind="127.0.0.2"), socket.create_server(("127.0.0.3", shared.tls)):
        with pytest.raises(ConnectionRefusedError):
            connect_tls(shared.tls, papers.context())
        assert connect_tls(shared.tls, papers.context(), host="127.0.0.2").call("PING") == "PONG"
        with connect(shared, "127.0.0.2") as plain:
            assert "Failed to bind to specified addresses." in str(plain.call("CONFIG", "SET", "bind", "127.0.0.3"))
        with connect(shared, "127.0.0.2") as plain:
            assert plain.call("CONFIG", "SET", "bind", "127.0.0.1") == "OK"
    assert shakes_hands(shared.tls, papers.context())


def test_certificates_can_change(shared, papers, line):
    context = papers.context()
    before = serial(shared.tls, context)
    certificate, key = papers.issue("next", "localhost")
    old = [shared.call("CONFIG", "GET", name)[1] for name in ("tls-cert-file", "tls-key-file")]
    shared.call("CONFIG", "SET", "tls-cert-file", str(certificate), "tls-key-file", str(key))
    assert serial(shared.tls, context) != before
    assert line.call("PING") == "PONG"                  # with the old one
    shared.call("CONFIG", "SET", "tls-cert-file", old[0], "tls-key-file", old[1])
    assert serial(shared.tls, context) == before


@pytest.mark.parametrize("name, value", [
    ("tls-cert-file", "/no/such"), ("tls-cert-file", ""), ("tls-key-file", "/no/such"),
    ("tls-ca-cert-file", "/no/such"), ("tls-protocols", "TLSv9"), ("tls-ciphers", "NONE-SUCH"),
    ("tls-ciphersuites", "NONE-SUCH"),
    ("tls-dh-params-file", "/no/such")])
def test_a_change_that_cannot_be_used_changes_nothing(shared, papers, name, value):
    before = shared.call("CONFIG", "GET", name)[1]
    with pytest.raises(peers.ReplyError) as failure:
        shared.call("CONFIG", "SET", name, value)
    assert str(failure.value) == (f"ERR CONFIG SET failed (possibly related to argument '{name}') - "
                                  "Unable to update TLS configuration. Check server logs.")
    assert shared.call("CONFIG", "GET", name)[1] == before
    assert shakes_hands(shared.tls, papers.context())


def test_without_a_port_nothing_is_read(server):
    with setting(server, tls_cert_file="/no/such"):
        with pytest.raises(peers.ReplyError, match="Unable to update TLS configuration"):
            server.call("CONFIG", "SET", "tls-port", peers.free_port())
        assert server.call("CONFIG", "GET", "tls-port") == [b"tls-port", b"0"]


def test_certificates_that_change_on_the_disk_are_read_again(start_tls, papers):
    certificate, key = papers.issue("renewed", "localhost")
    server = start_tls("--tls-auto-reload-interval", "1", tls_cert_file=certificate, tls_key_file=key)
    context = papers.context()
    before = serial(server.tls, context)
    certificate.write_bytes(b"not a certificate")
    eventually(lambda: "cannot be used; those in use stay" in server.log())
    assert serial(server.tls, context) == before
    papers.issue("renewed", "localhost")
    eventually(lambda: serial(server.tls, context) != before)


@pytest.mark.parametrize("password, starts", [("right", True), ("wrong", False), ("", False)])
def test_a_key_may_have_a_password(papers, password, starts):
    from cryptography.hazmat.primitives import serialization
    key = serialization.load_pem_private_key(papers.server[1].read_bytes(), None)
    locked = papers.folder / "locked.key"
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.BestAvailableEncryption(b"right")))
    port = peers.free_port()
    try:
        with peers.start("pyredis", *papers.options(port, tls_key_file=locked, tls_key_file_pass=password)):
            assert starts and shakes_hands(port, papers.context())
    except peers.StartError:
        assert not starts


def test_only_the_protocols_asked_for_are_spoken(shared, papers):
    def spoken():
        found = set()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = papers.context()
            context.minimum_version = context.maximum_version = version
            if shakes_hands(shared.tls, context):
                found.add(version.name)
        return found

    assert spoken() == {"TLSv1_2", "TLSv1_3"}
    with setting(shared, tls_protocols="tlsv1.2"):
        assert spoken() == {"TLSv1_2"}
    with setting(shared, tls_protocols="TLSv1.3 tlsv1.3"):
        assert spoken() == {"TLSv1_3"}


def test_ciphers_are_chosen_from_those_asked_for_and_by_whom_is_asked_for(shared, papers):
    def chosen(ciphers):
        context = papers.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        with connect_tls(shared.tls, context) as line:
            return line.socket.cipher()[0]

    one, two = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"
    with setting(shared, tls_ciphers=f"{one}:{two}"):
        assert chosen(f"{two}:{one}") == two
        with setting(shared, tls_prefer_server_ciphers="yes"):
            assert chosen(f"{two}:{one}") == one
    with setting(shared, tls_ciphers=one):
        assert chosen(f"{two}:{one}") == one
        with pytest.raises(OSError):
            chosen(two)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_go_on_with_tickets_unless_there_is_no_caching(shared, papers, version):
    context = papers.context()
    context.minimum_version = context.maximum_version = version

    def ticket_and_reuse():
        with connect_tls(shared.tls, context) as line:
            line.call("PING")                           # with 1.3 the ticket comes after the handshake
            session = line.socket.session
        with connect_tls(shared.tls, context, session=session) as line:
            line.call("PING")
            return session.has_ticket, line.socket.session_reused

    assert ticket_and_reuse() == (True, True)
    with setting(shared, tls_session_caching="no"):
        assert not ticket_and_reuse()[0]


def test_the_settings_are_kept_in_the_file(tmp_path, papers):
    file = tmp_path / "pyredis.conf"
    port = peers.free_port()
    options = papers.options(port)
    file.write_text("".join(f"{name[2:]} {value}\n" for name, value in zip(options[::2], options[1::2], strict=True)))
    words = peers.command("pyredis", tmp_path, 0, ())
    words.insert(words.index("--port"), str(file))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, peers.library_folders()))}
    process = subprocess.Popen(words, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: shakes_hands(port, papers.context()))
        with connect_tls(port, papers.context()) as line:
            line.call("CONFIG", "SET", "tls-protocols", "TLSv1.3", "tls-prefer-server-ciphers", "yes")
            assert line.call("CONFIG", "REWRITE") == "OK"
    finally:
        peers.end(process, 5)
    lines = file.read_text().splitlines()
    assert f'tls-cert-file "{papers.server[0]}"' in lines or f"tls-cert-file {papers.server[0]}" in lines
    assert {"tls-prefer-server-ciphers yes", f"tls-port {port}"} <= set(lines)
    assert any(line.startswith("tls-protocols") and "TLSv1.3" in line for line in lines)


def test_many_come_at_once(shared, papers):
    context = papers.context()
    socks = [socket.create_connection(("127.0.0.1", shared.tls), 20) for _ in range(100)]
    lines = [context.wrap_socket(sock, server_hostname="localhost") for sock in socks]
    for line in lines:
        line.sendall(b"PING\r\n")
    assert all(line.recv(100) == b"+PONG\r\n" for line in lines)
    for line in lines:
        line.close()
