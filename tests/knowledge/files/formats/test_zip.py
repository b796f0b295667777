"""Zip files, most of them hostile."""

import stat
import struct
import threading
import time
import tracemalloc
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from knowledge.chat.export_file import ExportFile, export_documents
from knowledge.files import reader
from knowledge.files.formats import zip
from knowledge.files.formats.zip import MAX_MEMBERS, Archive
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import begin_parsing, parse_bytes
from knowledge.files.sandbox import Sandbox
from tests.knowledge.exporting import ASKER, SOLVED, as_json, export, message
from tests.knowledge.made_files import docx, paragraph, pdf, zipped
from tests.processes import suspend


def _parts(content: bytes) -> dict[str, str]:
    """What each file of a zip says: its text, or in brackets why it can't be read."""
    found = {}
    for part in begin_parsing(content, name="x.zip"):
        try:
            found[part.path] = part.future.result().text
        except UnreadableError as error:
            found[part.path] = f"[{error}]"
    return found


def test_later_file_of_a_name_is_read() -> None:
    buffer = BytesIO(zipped({"a.md": "Old.", "b.md": "Other."}))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.md", "New.")
    assert [
        (part.path, part.future.result().text)
        for part in begin_parsing(buffer.getvalue(), name="x.zip")
    ] == [("a.md", "New."), ("b.md", "Other.")]


def test_links_in_a_zip_are_passed_over() -> None:
    buffer = BytesIO(zipped({"a.md": "Text."}))
    link = zipfile.ZipInfo("link.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert _parts(buffer.getvalue()) == {"a.md": "Text."}


def _bomb(names: int, size: int) -> bytes:
    """A zip whose every entry says that it is as large as `size`, all sharing one short stream."""
    content = zipped({"0.md": b"x" * 1_000})
    with zipfile.ZipFile(BytesIO(content)) as archive:
        directory = archive.start_dir
    entries = b""
    for n in range(names):
        name = f"{n}.md".encode()
        fields = (20, 20, 0, 8, 0, 0, zlib.crc32(b""), 20, size, len(name), *[0] * 6)
        entries += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *fields) + name
    counts = (0, 0, min(names, 65_535), min(names, 65_535))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", *counts, len(entries), directory, 0)
    return content[:directory] + entries + end


def test_zip_of_too_many_files_is_refused_unread() -> None:
    with pytest.raises(UnreadableError, match="a zip of more than 5,000 files"):
        _parts(_bomb(MAX_MEMBERS + 1, 10))


def test_a_zip_bomb_is_refused_before_anything_is_unpacked() -> None:
    with pytest.raises(UnreadableError, match="expands to 400 MB; the limit is 200 MB"):
        _parts(_bomb(100, 4_000_000))


def test_file_of_a_zip_keeps_a_files_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip, "MAX_PACKED_BYTES", 12_000_000)
    [said] = _parts(zipped({"a.md": b"x" * 11_000_000})).values()
    assert said == "[has 11.0 MB; the limit is 10 MB. Split it.]"
    [said] = _parts(zipped({"a.md": b"x" * 13_000_000})).values()
    assert said == "[has 13 MB; the limit is 12 MB.]"


def test_a_file_that_lies_about_its_size_is_torn() -> None:
    [said] = _parts(_bomb(1, 50)).values()
    assert said.startswith("[is torn")


def test_zip_inside_a_zip_is_refused_alone() -> None:
    inner = zipped({"b.md": "inner"})
    assert _parts(zipped({"a.md": "outer", "in.zip": inner, "disguised.md": inner})) == {
        "a.md": "outer",
        "disguised.md": "[is a zip inside a zip: unpack it.]",
        "in.zip": "[is a zip inside a zip: unpack it.]",
    }


@pytest.mark.parametrize("path", ["../../etc/a.md", "/etc/a.md", "a\\..\\b.md"])
def test_a_path_that_leads_out_of_the_zip_is_refused(path: str) -> None:
    assert _parts(zipped({path: "x"})) == {path: "[has a path that leads out of its zip.]"}


def test_packing_of_any_memory_is_refused() -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.md", "x")
    assert "other than deflate" in _parts(buffer.getvalue())["a.md"]


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        (0x01, "is encrypted: pack it without a password."),
        (0x40, "is encrypted: pack it without a password."),
        (0x20, "is packed by a method other than deflate: pack it again."),
    ],
)
def test_encrypted_file_is_refused_alone(flag: int, told: str) -> None:
    content = bytearray(zipped({"a.md": "x", "b.json": "[]", "c.md": "Words."}))
    for name in (b"a.md", b"b.json"):
        # The directory is at the end, and a name stands 46 bytes into its entry.
        content[content.rindex(name) - 46 + 8] |= flag
    assert _parts(bytes(content)) == {"a.md": f"[{told}]", "b.json": f"[{told}]", "c.md": "Words."}


@pytest.mark.parametrize("keep", [10, 40, 80])
def test_a_torn_zip_is_refused(keep: int) -> None:
    with pytest.raises(UnreadableError, match="a torn zip file"):
        _parts(zipped({"a.md": "Some words.", "b.md": "More."})[:keep])


def test_every_format_is_read_and_the_rest_passed_over() -> None:
    files: dict[str, str | bytes] = {
        "a/one.md": "Markdown.",
        "b.html": "<!doctype html><p>A page.",
        "c.pdf": pdf(["A print."]),
        "d.docx": docx(paragraph("A letter.")),
        "bad.md": b"\x00",
        "e.png": b"\x89PNG",
        ".git/f.md": "hidden",
        "__MACOSX/g.md": "hidden",
    }
    found = _parts(zipped(files))
    assert found.pop("bad.md").startswith("[is not text")
    assert found == {
        "a/one.md": "Markdown.",
        "b.html": "A page.",
        "c.pdf": "## Page 1\n\nA print.",
        "d.docx": "A letter.",
    }


def test_zip_of_one_file_is_that_file() -> None:
    assert parse_bytes(zipped({"house_rules.md": "Be kind."}), name="x.zip").title == "House rules"
    with pytest.raises(UnreadableError, match="a zip of 2 files: take one of them"):
        parse_bytes(zipped({"a.md": "x", "b.md": "y"}), name="x.zip")
    with pytest.raises(UnreadableError, match="a zip without a file that can be read"):
        parse_bytes(zipped({"a.png": "x"}), name="x.zip")


def test_refused_zips_files_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip of 95 KB once left 600 threads that waited to read its pages."""
    begun: list[str] = []
    monkeypatch.setattr(reader, "_begin_document", lambda content, name: begun.append(name))
    before = set(threading.enumerate())
    pages: dict[str, str | bytes] = {f"{n}.html": f"<!doctype html><p>{n}" for n in range(600)}
    with pytest.raises(UnreadableError, match="a zip of 600 files: take one of them"):
        parse_bytes(zipped(pages), name="x.zip")
    assert begun == []
    assert set(threading.enumerate()) <= before


def test_files_of_a_zip_are_begun_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox()
    monkeypatch.setattr(reader, "sandbox", sandbox)
    parse_bytes(b"Text.", name="x.md")
    assert sandbox._process is not None
    suspend(sandbox._process.pid)
    parts = begin_parsing(zipped({f"{n}.md": f"Text {n}." for n in range(600)}), name="x.zip")
    first, second = next(parts), next(parts)
    while not first.future.running():
        time.sleep(0.01)
    assert sandbox._jobs.qsize() <= 2
    parts.close()
    assert second.future.cancelled()
    sandbox.close()
    with pytest.raises(UnreadableError):
        first.future.result()


# Chat exports, which are streams.


def _zipped_export(padding: int) -> bytes:
    """A zip of one export that expands to so many megabytes, written without holding them."""
    buffer = BytesIO()
    beginning, _, end = as_json(export(SOLVED)).rpartition(b"]")
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("thread.json", "w", force_zip64=True) as member,
    ):
        member.write(beginning)
        for _ in range(padding):
            member.write(b" " * 1_000_000)
        member.write(b"]" + end)
    return buffer.getvalue()


def test_zipped_export_may_expand_further(monkeypatch: pytest.MonkeyPatch) -> None:
    # Data of the real limits takes seconds to pack.
    monkeypatch.setattr(zip, "MAX_EXPANDED_BYTES", 1_000_000)
    monkeypatch.setattr(zip, "MAX_EXPORT_BYTES", 3_000_000)
    [member] = Archive(_zipped_export(2)).members()
    assert member.export is not None
    with member.export() as stream:
        assert stream.read(12).startswith(b"{")
    with pytest.raises(
        UnreadableError, match="zip of chat exports that expands to 4 MB; the limit is 3"
    ):
        list(Archive(_zipped_export(4)).members())


def test_export_in_a_zip_is_no_text() -> None:
    with pytest.raises(UnreadableError, match="is a chat export: import it as a source"):
        parse_bytes(_zipped_export(0), name="x.zip")


@pytest.mark.slow
def test_zipped_export_costs_little_memory() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    talk = [
        message(0, ASKER, "word " * 300, timestamp=(start + timedelta(hours=n)).isoformat())
        for n in range(500)
    ]
    packed = zipped({"talk.json": as_json(export(talk, type="GuildTextChat"))})
    [member] = Archive(packed).members()
    assert member.export is not None
    del talk
    tracemalloc.start()
    try:
        found = export_documents(ExportFile("talk.json", member.export), "file:x")
        assert sum(1 for made in found if made is None) > 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 800_000
