"""The formats of chat exports."""

import json
from pathlib import Path

import pytest

from knowledge.chat.export_file import is_export
from knowledge.files.formats.detection import ExportFormat, export_format
from tests.knowledge.exporting import (
    CHANNEL_ID,
    SOLVED,
    TEXT,
    as_json,
    export,
)


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
def test_an_export_is_told_by_its_first_bytes(
    path: Path, content: bytes, kind: ExportFormat | None
) -> None:
    path.write_bytes(content)
    assert export_format(content) is kind
    assert is_export(path) is (kind is not None)
