"""Detection of DiscordChatExporter's formats by their first bytes.

They look like ordinary JSON, text, tables and pages. But their content is only for the server it
comes from; only `knowledge.chat.export_file` reads it.
"""

import re
from enum import StrEnum
from typing import Final

# The part before the messages fits in here, whatever the channel's topic.
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
    """The format of a chat export, by its first `HEAD_BYTES` bytes; None if it is none."""
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
