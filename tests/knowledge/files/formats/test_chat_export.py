"""The formats of chat exports."""

import json
from pathlib import Path

import pytest

from knowledge.chat.export_file import is_export
from knowledge.files.formats.chat_export import ExportFormat, export_format
from tests.knowledge.exporting import (
    CHANNEL_ID,
    SOLVED,
    as_json,
    export,
)

TEXT_HEAD = """\
==============================================================
Guild: Harbour
Channel: support / help / Password reset mail never arrives
==============================================================

"""

TEXT = (
    TEXT_HEAD
    + """\
[03/28/2026 9:05\u202fPM] mira
I asked for a new password and no mail comes. What can I do?

{Attachments}
https://cdn.discordapp.com/attachments/1/2/screen.png?ex=1


[03/28/2026 9:06\u202fPM] bo#1234 (pinned)
My log says:

[12:00:01] started

[12:00:02] failed
and nothing else.


[03/28/2026 9:07\u202fPM] bo#1234
Joined the server.


[03/28/2026 9:10\u202fPM] ada
Mail to that provider is held back: ask again under Security.

{Reactions}
✅ (2) 👍


==============================================================
Exported 4 message(s)
==============================================================
"""
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
