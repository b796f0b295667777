"""What a file is comes from its bytes; its name decides only between kinds of text."""

import json
from pathlib import Path

import pytest

from knowledge.chat.export_file import is_export
from knowledge.files.formats.detection import ExportFormat, Format, export_format, format_of
from knowledge.files.parsed_file import UnreadableError
from tests.knowledge.exporting import CHANNEL_ID, SOLVED, TEXT, as_json, export
from tests.knowledge.made_files import docx, paragraph, pdf, zipped

PAGE = b"<!DOCTYPE html>\n<html><body><p>Hi.</p></body></html>"
RST = b"Title\n=====\n\n.. note::\n   Careful.\n"


@pytest.mark.parametrize(
    ("content", "ending", "found"),
    [
        (pdf(["Hi."]), ".md", Format.PDF),
        (docx(paragraph("Hi.")), ".txt", Format.DOCX),
        (zipped({"a.md": "Hi."}), ".docx", Format.ZIP),
        (PAGE, ".md", Format.HTML),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><html>", ".txt", Format.HTML),
        (b"<p>Hi.</p>", ".html", Format.HTML),
        (b"<p align=center>Hi.</p>\n\n# Title\n", ".md", Format.MARKDOWN),
        (b"How `<html>` begins a page.", ".md", Format.MARKDOWN),
        (b"Only words.", ".html", Format.MARKDOWN),
        (b'[{"a": 1}]', ".txt", Format.JSON),
        (b"[a](b) is a link", ".md", Format.MARKDOWN),
        (RST, ".txt", Format.RST),
        (RST, ".md", Format.MARKDOWN),
        (b"# Title\n\nMarkdown.\n", ".rst", Format.MARKDOWN),
        (b"Only words.", ".rst", Format.RST),
        (b"a,b\n1,2\n", ".csv", Format.CSV),
        (b"Only words.", ".txt", Format.PLAIN),
        (b"Only words.", "", Format.MARKDOWN),
        (b"Only words.", ".py", Format.MARKDOWN),
    ],
)
def test_content_says_what_a_file_is(content: bytes, ending: str, found: Format) -> None:
    assert format_of(content, ending) is found


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50), "an old or an encrypted Office file"),
        (b"{\\rtf1 Hi.}", "a rich-text file"),
        (zipped({"xl/workbook.xml": "x"}), "save its sheets as CSV"),
        (zipped({"ppt/presentation.xml": "x"}), "a PowerPoint presentation: save it as PDF"),
        (
            zipped({"mimetype": "application/vnd.oasis.opendocument.text"}, stored=True),
            "an OpenDocument file",
        ),
        (b"\x7fELF\x00\x01", "is not text: byte 4 is 0x00. Text, Markdown"),
    ],
)
def test_what_can_not_be_read_is_called_by_its_name(content: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableError, match=sentence):
        format_of(content, ".md")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"Harbour - help - Password [{CHANNEL_ID}].json"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (as_json(export(SOLVED)), ExportFormat.JSON),
        (json.dumps(export(SOLVED)).encode(), ExportFormat.JSON),
        (json.dumps(export(SOLVED), sort_keys=True).encode(), ExportFormat.JSON),
        (b"\xef\xbb\xbf" + as_json(export(SOLVED)), ExportFormat.JSON),
        (TEXT.encode(), ExportFormat.TEXT),
        (TEXT.replace("\n", "\r\n").encode(), ExportFormat.TEXT),
        (b"AuthorID,Author,Date,Content,Attachments,Reactions\n1,a,b,c,,", ExportFormat.CSV),
        (
            b'<!DOCTYPE html>\n<html lang="en"> .preamble__entry .chatlog__message',
            ExportFormat.HTML,
        ),
        (b'{"guild": "a", "messages": []}', None),
        (b'[{"question": "a", "answer": "b"}]', None),
        (b"Guild: x", None),
        (b"=" * 62 + b"\nA title\n", None),
        (b"", None),
    ],
)
def test_first_bytes_tell_an_export(path: Path, content: bytes, kind: ExportFormat | None) -> None:
    path.write_bytes(content)
    assert export_format(content) is kind
    assert is_export(path) is (kind is not None)
