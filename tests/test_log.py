"""The log: its line formats, levels and places."""

import json
import os
import re
import syslog
import time

import pytest

from pyredis.config import Config
from pyredis.log import MONTHS, Log, logo, timestamp

NOW = 1795363682.4199


@pytest.fixture
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC0")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def log_to(path, **parameters) -> Log:
    return Log(Config(logfile=str(path), **parameters), now=lambda: NOW)


def test_a_line_has_the_form_of_redis(tmp_path, utc):
    log = log_to(tmp_path / "log")
    log.notice("one")
    log.role = "M"
    log.warning("two")
    pid = os.getpid()
    assert (tmp_path / "log").read_text() == (
        f"{pid}:C 22 Nov 2026 16:08:02.419 * one\n{pid}:M 22 Nov 2026 16:08:02.419 # two\n")


@pytest.mark.parametrize(("loglevel", "written"), [
    ("debug", ".-*#"), ("verbose", "-*#"), ("notice", "*#"), ("warning", "#"), ("nothing", "")])
def test_only_messages_of_the_level_and_above_are_written(tmp_path, loglevel, written):
    log = log_to(tmp_path / "log", loglevel=loglevel)
    for write in (log.debug, log.verbose, log.notice, log.warning):
        write("x")
    log.raw("")
    text = (tmp_path / "log").read_text() if written else ""
    assert "".join(re.findall(r" ([-.*#]) x\n", text)) == written
    assert (tmp_path / "log").exists() == bool(written)


def test_a_change_of_level_counts_from_the_next_message(tmp_path):
    log = log_to(tmp_path / "log")
    log.debug("one")
    log.config.set_many([(b"loglevel", b"debug")])
    log.debug("two")
    assert re.findall("one|two", (tmp_path / "log").read_text()) == ["two"]


def test_without_a_file_the_log_goes_to_stdout(capfd):
    Log(Config()).notice("hello")
    assert capfd.readouterr().out.endswith(" * hello\n")


def test_a_file_that_was_moved_away_is_made_anew(tmp_path):
    log = log_to(tmp_path / "log")
    log.notice("one")
    os.rename(tmp_path / "log", tmp_path / "log.1")
    log.notice("two")
    assert "two" in (tmp_path / "log").read_text()


def test_a_log_that_cannot_be_written_is_no_error(tmp_path):
    log_to(tmp_path / "no" / "log").warning("x")


def test_the_other_formats_are_those_of_valkey(tmp_path, utc):
    log = log_to(tmp_path / "log", log_format="json", log_timestamp_format="iso8601")
    log.role = "M"
    log.notice('a "b"\n')
    assert json.loads((tmp_path / "log").read_text()) == {
        "pid": os.getpid(), "role": "primary", "timestamp": "2026-11-22T16:08:02.419+00:00",
        "level": "notice", "message": 'a "b"\n'}
    log = log_to(tmp_path / "log2", log_format="logfmt")
    log.warning("x y")
    assert (tmp_path / "log2").read_text() == (
        f'pid={os.getpid()} role=child timestamp="22 Nov 2026 16:08:02.419" level=warning message="x y"\n')


def test_milliseconds_are_cut_and_not_rounded(utc):
    assert timestamp(1795363682.9999, "legacy") == "22 Nov 2026 16:08:02.999"
    assert timestamp(1795363682.9999, "milliseconds") == "1795363682999"
    assert MONTHS[10] == "Nov"


def test_bytes_that_are_not_text_reach_the_file(tmp_path):
    log_to(tmp_path / "log").notice(b"\xff".decode("utf-8", "surrogateescape"))
    assert (tmp_path / "log").read_bytes().endswith(b"* \xff\n")


def test_data_of_users_is_hidden_if_so_configured():
    assert Log(Config()).user_data("secret") == "secret"
    assert Log(Config(hide_user_data_from_log=True)).user_data("secret") == "*redacted*"


def test_syslog_gets_the_message_with_its_priority(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(syslog, "openlog", lambda *words: calls.append(words))
    monkeypatch.setattr(syslog, "syslog", lambda *words: calls.append(words))
    log = log_to(tmp_path / "log", syslog_enabled=True, syslog_ident="me", syslog_facility="local3")
    log.warning("one")
    log.debug("not written")
    log.notice("two")
    options = syslog.LOG_PID | syslog.LOG_NDELAY | syslog.LOG_NOWAIT
    assert calls == [("me", options, syslog.LOG_LOCAL3),
                     (syslog.LOG_WARNING, "one"), (syslog.LOG_NOTICE, "two")]


def test_the_logo_tells_the_pid_as_test_runners_expect():
    assert re.search(rf" PID: {os.getpid()}\n", logo("0.1", "standalone", 6379))
    assert "Port: 6379" in logo("0.1", "standalone", 6379)
