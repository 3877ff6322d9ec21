"""What is said about the machine, and when."""

import resource

import pytest

from bench import peers
from pyredis import host
from pyredis.cli.server import main
from tests.demand import demand


@pytest.fixture
def file(tmp_path):
    def write(text: str) -> str:
        (tmp_path / "setting").write_text(text)
        return str(tmp_path / "setting")
    return write


@pytest.mark.parametrize(("text", "word"), [("0\n", "overcommit"), ("2\n", "overcommit"), ("1\n", ""), ("", "")])
def test_overcommit_must_be_on(file, text, word):
    assert word in host.overcommit(file(text))
    assert bool(host.overcommit(file(text))) == bool(word)


@pytest.mark.parametrize(("text", "bad"), [("[always] madvise never\n", True), ("always [madvise] never\n", False)])
def test_huge_pages_for_all_are_told(file, text, bad):
    assert host.huge_pages(file(text)).startswith("WARNING Transparent huge pages") == bad


def test_a_backlog_that_the_kernel_cuts_is_told(file):
    assert host.backlog(511, file("128\n")) == (
        "WARNING: The TCP backlog setting of 511 cannot be enforced because /proc/sys/net/core/somaxconn is set to "
        "the lower value of 128.")
    assert host.backlog(511, file("511\n")) == host.backlog(511, file("x")) == ""


def test_a_clock_that_costs_a_system_call_is_told(file):
    assert "'hpet' is slow" in host.clock(file("hpet\n"))
    assert host.clock(file("tsc\n")) == ""


def test_what_cannot_be_known_is_well(tmp_path):
    path = str(tmp_path / "none")
    assert host.overcommit(path) == host.huge_pages(path) == host.backlog(1, path) == host.clock(path) == ""


def test_too_few_open_files_are_told_to_whom_cannot_raise_them(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (100, 1000))
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    assert "969 clients need 1001 open files, and the hard limit is 1000" in host.open_files(969)
    assert host.open_files(968) == ""
    monkeypatch.setattr(host.os, "geteuid", lambda: 0)
    assert host.open_files(969) == ""


def test_the_report_names_each_check_and_whether_all_is_well(monkeypatch):
    monkeypatch.setattr(host, "overcommit", lambda: "WARNING Do this.")
    monkeypatch.setattr(host, "clock", lambda: "")
    text, well = host.report(1, 1)
    assert text.startswith("[slow-clocksource]...OK\n[overcommit]...WARNING:\nDo this.\n[THP]...")
    assert not well
    monkeypatch.setattr(host, "overcommit", lambda: "")
    monkeypatch.setattr(host, "huge_pages", lambda: "")
    assert host.report(1, 1)[1]


def test_check_system_prints_it(monkeypatch, capsys):
    for advice, code in (("WARNING Do this.", 1), ("", 0)):
        monkeypatch.setattr(host, "report", lambda *limits, advice=advice: (advice, not advice))
        assert main(["--check-system"]) == code
        assert capsys.readouterr().out == advice


@pytest.mark.socket
@pytest.mark.parametrize("name", ["pyredis", "redis8"])
def test_a_server_logs_at_its_start_what_the_machine_lacks(name):
    demand(name)
    with peers.start(name, "--tcp-backlog", str(2**31 - 1)) as server:
        log = server.log()
    assert f"# {host.backlog(2**31 - 1)}\n" in log
    assert ("# WARNING Memory overcommit must be enabled!" in log) == bool(host.overcommit())
