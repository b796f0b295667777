"""Zip files, most of them hostile."""

import struct
import zipfile
import zlib
from io import BytesIO

import pytest

from knowledge.formats.archive import MAX_EXPANDED_BYTES, MAX_MEMBERS
from knowledge.readers import UnreadableError, begin_parts, read_bytes
from tests.knowledge.files import docx, paragraph, pdf, zipped


def _parts(content: bytes) -> dict[str, str]:
    """What each file of a zip says: its text, or in brackets why it can't be read."""
    found = {}
    for part in begin_parts(content, name="x.zip"):
        try:
            found[part.path] = part.future.result().text
        except UnreadableError as error:
            found[part.path] = f"[{error}]"
    return found


def _bomb(names: int, size: int) -> bytes:
    """A zip whose every entry says that it is as large as `size`, all sharing one short stream."""
    content = zipped({"0.md": b"x" * 1_000})
    with zipfile.ZipFile(BytesIO(content)) as archive:
        directory = archive.start_dir
    entries = b""
    for n in range(names):
        name = f"{n}.md".encode()
        packed = struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            20,
            20,
            0,
            8,
            0,
            0,
            zlib.crc32(b""),
            20,
            size,
            len(name),
            0,
            0,
            0,
            0,
            0,
            0,
        )
        entries += packed + name
    end = struct.pack(
        "<4s4H2LH",
        b"PK\x05\x06",
        0,
        0,
        min(names, 65_535),
        min(names, 65_535),
        len(entries),
        directory,
        0,
    )
    return content[:directory] + entries + end


def test_a_zip_of_too_many_files_is_refused_before_its_directory_is_read() -> None:
    with pytest.raises(UnreadableError, match="a zip of more than 5,000 files"):
        _parts(_bomb(MAX_MEMBERS + 1, 10))


def test_a_zip_bomb_is_refused_before_anything_is_unpacked() -> None:
    with pytest.raises(UnreadableError, match="expands to 400 MB; 200 MB is the most"):
        _parts(_bomb(100, 4_000_000))


def test_one_file_may_not_expand_past_what_a_file_may_have() -> None:
    [said] = _parts(zipped({"a.md": b"x" * 11_000_000})).values()
    assert said == "[has 11.0 MB; 10 MB is the most. Split it.]"
    [said] = _parts(zipped({"a.md": b"x" * 51_000_000})).values()
    assert said == "[has 51 MB; 50 MB is the most.]"
    assert MAX_EXPANDED_BYTES > 51_000_000


def test_a_file_that_lies_about_its_size_is_torn() -> None:
    [said] = _parts(_bomb(1, 50)).values()
    assert said.startswith("[is torn")


def test_a_zip_inside_a_zip_is_refused_and_stops_nothing_else() -> None:
    inner = zipped({"b.md": "inner"})
    assert _parts(zipped({"a.md": "outer", "in.zip": inner, "disguised.md": inner})) == {
        "a.md": "outer",
        "disguised.md": "[is a zip inside a zip: unpack it.]",
        "in.zip": "[is a zip inside a zip: unpack it.]",
    }


@pytest.mark.parametrize("path", ["../../etc/a.md", "/etc/a.md", "a\\..\\b.md"])
def test_a_path_that_leads_out_of_the_zip_is_refused(path: str) -> None:
    assert _parts(zipped({path: "x"})) == {path: "[has a path that leads out of its zip.]"}


def test_a_packing_method_that_may_ask_for_any_memory_is_refused() -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.md", "x")
    assert "other than deflate" in _parts(buffer.getvalue())["a.md"]


def test_an_encrypted_file_is_refused_alone() -> None:
    content = bytearray(zipped({"a.md": "x"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert _parts(bytes(content)) == {"a.md": "[is encrypted: pack it without a password.]"}


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


def test_a_zip_of_one_file_is_that_file_and_of_several_is_none() -> None:
    assert read_bytes(zipped({"house_rules.md": "Be kind."}), name="x.zip").title == "house rules"
    with pytest.raises(UnreadableError, match="a zip of 2 files: take one of them"):
        read_bytes(zipped({"a.md": "x", "b.md": "y"}), name="x.zip")
    with pytest.raises(UnreadableError, match="a zip without a file that can be read"):
        read_bytes(zipped({"a.png": "x"}), name="x.zip")
