"""The manifest of the append-only files: what it says, and what is refused, with the line."""

import pytest

from pyredis.persistence.manifest import Manifest, ManifestError, Part, parse

GOOD = (b"file appendonly.aof.2.base.rdb seq 2 type b\n"
        b"file appendonly.aof.1.incr.aof seq 1 type h\n"
        b"file appendonly.aof.2.incr.aof seq 2 type i\n"
        b"file appendonly.aof.3.incr.aof seq 3 type i\n")


def test_a_manifest_is_read_and_written_as_it_was():
    found = parse(GOOD)
    assert [part.name for part in found.parts] == ["appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof",
                                                   "appendonly.aof.3.incr.aof"]
    assert found.history == (Part("appendonly.aof.1.incr.aof", 1, "h"),)
    assert (found.base_number, found.increment_number) == (2, 3)
    assert found.text() == GOOD


@pytest.mark.parametrize("text", [
    b"# a comment\nfile a seq 1 type b\n", b"file a seq 1 type b startoffset 0 endoffset 9\n",
    b"  file a seq 1 type b  \r\n", b"seq 1 file a type b\n", b'file "a" seq 1 type b\n', b"FILE a SEQ 1 TYPE b\n"])
def test_forms_that_mean_the_same_are_read(text):
    assert parse(text).base == Part("a", 1, "b")


@pytest.mark.parametrize("name", ["with space", "quote\"s", "back\\slash", "\u00fc", "line\nbreak"])
def test_a_name_that_needs_it_is_quoted(name):
    manifest = Manifest(base=Part(name, 1, "b"), base_number=1)
    assert manifest.text().startswith(b'file "')
    assert parse(manifest.text()) == manifest


@pytest.mark.parametrize(("text", "reason", "line"), [
    (b"", "Found an empty AOF manifest", 0),
    (b"\n", "Invalid AOF manifest file format", 1),
    (b"file a seq 1 type b\n\nfile b seq 1 type i\n", "Invalid AOF manifest file format", 2),
    (b"file a seq 1\n", "Invalid AOF manifest file format", 1),
    (b"file a seq 1 type b x\n", "Invalid AOF manifest file format", 1),
    (b"file a seq 0 type b\n", "Invalid AOF manifest file format", 1),
    (b"file a seq -1 type b\n", "Invalid AOF manifest file format", 1),
    (b"file a seq x type b\n", "Invalid AOF manifest file format", 1),
    (b"file a seq 99999999999999999999 type b\n", "Invalid AOF manifest file format", 1),
    (b'file "a seq 1 type b\n', "Invalid AOF manifest file format", 1),
    (b"file ../a seq 1 type b\n", "File can't be a path, just a filename", 1),
    (b"file /etc/passwd seq 1 type b\n", "File can't be a path, just a filename", 1),
    (b"file .. seq 1 type b\n", "File can't be a path, just a filename", 1),
    (b"file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information", 2),
    (b"file a seq 1 type i\nfile b seq 1 type i\n", "Found a non-monotonic sequence number", 2),
    (b"file a seq 1 type x\n", "Unknown AOF file type", 1),
    (b"file a seq 1 type b", "The AOF manifest file contains too long line", 1),
    (b"file " + b"a" * 2000 + b" seq 1 type b\n", "The AOF manifest file contains too long line", 1),
    (b"file a\0b seq 1 type b\n", "Invalid AOF manifest file format", 1)])
def test_what_breaks_a_rule_is_refused_with_its_line(text, reason, line):
    with pytest.raises(ManifestError) as raised:
        parse(text)
    assert (raised.value.reason, raised.value.number) == (reason, line)


def test_no_spoilt_byte_raises_anything_else():
    for at in range(len(GOOD)):
        for byte in (0, 10, 32, 34, 255):
            spoilt = GOOD[:at] + bytes([byte]) + GOOD[at + 1:]
            try:
                parse(spoilt)
            except ManifestError:
                pass


def test_a_rewrite_makes_the_old_files_history():
    manifest = Manifest().with_base("a", "rdb").with_increment("a")
    rewriting = manifest.with_increment("a")
    done = rewriting.with_base("a", "aof").without_increments(1)
    assert [part.name for part in done.parts] == ["a.2.base.aof", "a.2.incr.aof"]
    assert [part.name for part in done.history] == ["a.1.incr.aof", "a.1.base.rdb"]
    assert parse(done.text()) == done
    assert done.without_history().history == ()
