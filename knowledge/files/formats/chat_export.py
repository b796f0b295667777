"""Detection of DiscordChatExporter's formats by their first bytes.

The formats are JSON, text, CSV and HTML. An export may be quoted only in its own server, so only
`knowledge.chat.export_file` reads it.
"""

import re
from enum import StrEnum
from typing import Final

# Enough for the part before the messages, with the longest topic of a channel.
HEAD_BYTES: Final = 65_536

BOM: Final = b"\xef\xbb\xbf"

# DiscordChatExporter's suffixes. With another suffix, an export is refused.
EXPORT_SUFFIXES: Final = frozenset({".json", ".txt", ".html", ".csv"})

_JSON_HEAD: Final = re.compile(rb'\s*\{\s*"(?:guild|channel)"\s*:\s*\{')
_TEXT_HEAD: Final = re.compile(rb"={62}\r?\nGuild: ")
_CSV_HEAD: Final = b"AuthorID,Author,Date,Content,Attachments,Reactions"


class ExportFormat(StrEnum):
    """DiscordChatExporter's formats."""

    JSON = "JSON"
    TEXT = "TXT"
    HTML = "HTML"
    CSV = "CSV"


def export_format(head: bytes) -> ExportFormat | None:
    """The format of a chat export, by its first `HEAD_BYTES` bytes; None for other files."""
    head = head[:HEAD_BYTES].removeprefix(BOM)
    if _JSON_HEAD.match(head) and b'"guild"' in head and b'"channel"' in head:
        return ExportFormat.JSON if b'"messages"' in head else None
    if _TEXT_HEAD.match(head):
        return ExportFormat.TEXT
    if head.startswith(_CSV_HEAD):
        return ExportFormat.CSV
    if b"<html" in head[:2_000] and b"chatlog__" in head and b"preamble__" in head:
        return ExportFormat.HTML
    return None
