"""LASTSAVE, ROLE, LOLWUT and SHUTDOWN; what SHUTDOWN saves is in tests/persistence."""

import pytest

import pyredis
from tests.session import R, raises_reply


def test_role_of_a_server_alone_is_master(r):
    assert r("ROLE") == [b"master", 0, []]


def test_lastsave_is_the_start_while_nothing_is_saved(r):
    assert r("LASTSAVE") == int(r.server.started)


@pytest.mark.parametrize("version", [[], ["VERSION", 5], ["VERSION", 6, 10, 3]])
def test_lolwut_draws_and_ends_with_the_version(r, version):
    text = r("LOLWUT", *version).decode()
    assert len(text.splitlines()) > 3
    assert text.endswith(f"pyredis ver. {pyredis.__version__}\n")


def test_lolwut_draws_to_measure(r):
    picture = r("LOLWUT", "VERSION", 5, 12, 4).decode().splitlines()
    assert len(picture) == 6
    assert all(len(line) <= 12 for line in picture[:4])


def test_lolwut_of_an_unknown_version_tells_only_its_own(r):
    assert r("LOLWUT", "VERSION", 99) == f"pyredis ver. {pyredis.__version__}\n".encode()


def test_lolwut_wants_numbers(r):
    with raises_reply("ERR value is not an integer or out of range"):
        r("LOLWUT", "VERSION", "x")


@pytest.mark.parametrize("words", ["FOO", "SAVE NOSAVE", "NOW ABORT", "NOSAVE SAVE ABORT"])
def test_shutdown_refuses_words_that_contradict(r, words):
    with raises_reply("ERR syntax error"):
        r("SHUTDOWN", *words.split())


def test_there_is_no_shutdown_to_abort(r):
    with raises_reply("ERR No shutdown in progress."):
        r("SHUTDOWN", "ABORT")


def test_shutdown_answers_nothing_and_closes(r):
    assert r.raw("SHUTDOWN", "NOSAVE") == b""
    assert r.session.closed


def test_shutdown_without_save_points_has_nothing_to_say():
    r = R(save=())
    lines = []
    r.server.log.write = lambda level, message: lines.append(message)
    r.raw("SHUTDOWN")
    assert lines == ["User requested shutdown..."]
