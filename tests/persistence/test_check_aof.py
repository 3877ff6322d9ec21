"""pyredis-check-aof finds what redis-check-aof finds, says it in the same words, and cuts at the same place."""

import io
import re
import shutil
import subprocess

import pytest

from pyredis.cli import check_aof
from tests.demand import absent
from tests.session import encode

GOOD = b"".join(encode(*words) for words in (
    ("SELECT", 0), ("SET", "a", 1), ("MULTI",), ("SET", "b", 2), ("SET", "c", 3), ("EXEC",), ("SET", "d", 4)))
STAMPED = b"#TS:100\r\n" + encode("SET", "a", 1) + b"#TS:200\r\n" + encode("SET", "b", 1) + b"#TS:300\r\n" \
    + encode("SET", "c", 1)
ANALYZED = re.compile(r"ok_up_to=(\d+), ok_up_to_line=(\d+), diff=(\d+)")


def ours(path, *options, answer="y\n", monkeypatch=None, capsys=None):
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    code = check_aof.run([*options, str(path)])
    return code, capsys.readouterr().out


def theirs(path, *options):
    program = shutil.which("redis-check-aof")
    if program is None:
        absent("redis-check-aof")
    done = subprocess.run([program, *options, str(path)], input="y\n", capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout


@pytest.mark.parametrize("data", [
    GOOD, GOOD[:-3], GOOD[:60], GOOD[:GOOD.index(b"EXEC") - 5], GOOD[:10] + b"x" + GOOD[10:], b"*1\r\n",
    GOOD + b"garbage\r\n", GOOD + b"*2\r\n$3\r\nGET\r\n$99\r\nx\r\n", GOOD.replace(b"EXEC", b"MULT"), STAMPED,
    encode("EXEC") + GOOD])
def test_both_find_the_same_and_cut_the_same(tmp_path, monkeypatch, capsys, data):
    for options in ((), ("--fix",)):
        found = []
        for run in (ours, theirs):
            path = tmp_path / f"{run.__name__}.aof"
            path.write_bytes(data)
            code, out = run(path, *options, **({"monkeypatch": monkeypatch, "capsys": capsys} if run is ours else {}))
            found.append((code, ANALYZED.findall(out)[0][0::2], path.read_bytes()))
        assert found[0] == found[1]


def test_cutting_to_a_time(tmp_path, monkeypatch, capsys):
    for until, left in ((250, STAMPED[:STAMPED.index(b"#TS:300")]), (100, STAMPED[:STAMPED.index(b"#TS:200")]),
                        (999, STAMPED), (50, STAMPED)):
        found = []
        for run in (ours, theirs):
            path = tmp_path / f"{run.__name__}.aof"
            path.write_bytes(STAMPED)
            code, _ = run(path, "--truncate-to-timestamp", str(until),
                          **({"monkeypatch": monkeypatch, "capsys": capsys} if run is ours else {}))
            found.append((code, path.read_bytes()))
        assert found[0] == found[1]
        assert found[0][1] == left


def manifest_of(folder, *files):
    text = b""
    for number, (kind, data) in enumerate(files, 1):
        name = f"a.{number}.{'base' if kind == 'b' else 'incr'}.aof"
        (folder / name).write_bytes(data)
        text += f"file {name} seq {number} type {kind}\n".encode()
    path = folder / "a.manifest"
    path.write_bytes(text)
    return path


def test_all_files_of_a_manifest_are_checked(tmp_path, monkeypatch, capsys):
    path = manifest_of(tmp_path, ("b", GOOD), ("i", GOOD), ("i", b""))
    code, out = ours(path, monkeypatch=monkeypatch, capsys=capsys)
    known = re.compile("ok_up_to_line=[0-9]+")     # redis-check-aof counts on from file to file
    assert (code, known.sub("", out)) == (0, known.sub("", theirs(path)[1]))


def test_only_the_last_file_is_cut(tmp_path, monkeypatch, capsys):
    path = manifest_of(tmp_path, ("b", GOOD[:-2]), ("i", GOOD))
    code, out = ours(path, "--fix", monkeypatch=monkeypatch, capsys=capsys)
    assert code == 1
    assert "Failed to truncate AOF a.1.base.aof because it is not the last file" in out
    path = manifest_of(tmp_path, ("b", GOOD), ("i", GOOD[:-2]))
    code, out = ours(path, "--fix", monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert "Successfully truncated AOF a.2.incr.aof" in out
    assert (tmp_path / "a.2.incr.aof").read_bytes() == GOOD[:-len(encode("SET", "d", 4))]


def test_nothing_is_cut_without_a_yes(tmp_path, monkeypatch, capsys):
    path = tmp_path / "a.aof"
    path.write_bytes(GOOD[:-2])
    code, out = ours(path, "--fix", answer="\n", monkeypatch=monkeypatch, capsys=capsys)
    assert code == 1
    assert out.endswith("Aborting...\n")
    assert path.read_bytes() == GOOD[:-2]


@pytest.mark.parametrize(("words", "says"), [
    ([], "Usage:"), (["--fix"], "Usage:"), (["a", "b"], "Usage:"), (["--truncate-to-timestamp", "x", "a"], "Invalid"),
    (["/nonexistent/a"], "Cannot open file")])
def test_wrong_usage_is_explained(words, says, capsys):
    assert check_aof.run(words) == 1
    assert capsys.readouterr().out.startswith(says)


def test_a_preamble_is_checked(tmp_path, monkeypatch, capsys):
    from tests.session import R
    r = R()
    r("SET", "a", 1)
    rdb = r.session.rdb_file()
    path = tmp_path / "a.aof"
    path.write_bytes(rdb + GOOD)
    code, out = ours(path, monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert "RDB preamble is OK, proceeding with AOF tail..." in out
    path.write_bytes(rdb[:-12] + b"\1" * 12 + GOOD)
    code, out = ours(path, monkeypatch=monkeypatch, capsys=capsys)
    assert code == 1
    assert out.endswith("RDB preamble of AOF file is not sane, aborting.\n")
