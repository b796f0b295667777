"""Detection of a file's format by its bytes; its suffix selects only among text formats.

The bytes of a text can be ambiguous: a `#` starts a heading in Markdown and a comment elsewhere. So
the suffix selects Markdown, plain text or CSV, unless the content clearly has another format.
DiscordChatExporter's formats are told apart, because an export may be quoted only in its own
server: only `knowledge.chat.export_file` reads it.
"""

import json
import re
from enum import StrEnum
from typing import Final

from knowledge.files.formats.text import decode
from knowledge.files.parsed_file import WIDE_MARKS, UnreadableError


class Format(StrEnum):
    """Readable formats."""

    MARKDOWN = "markdown"
    PLAIN = "plain text"
    RST = "reStructuredText"
    HTML = "HTML"
    PDF = "PDF"
    DOCX = "Word"
    CSV = "CSV"
    JSON = "JSON"
    ZIP = "zip"


# The suffixes taken from a folder, and the format of each.
ENDINGS: Final = {
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".mdx": Format.MARKDOWN,
    ".txt": Format.PLAIN,
    ".text": Format.PLAIN,
    ".rst": Format.RST,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".pdf": Format.PDF,
    ".docx": Format.DOCX,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSON,
    ".zip": Format.ZIP,
}

BOM: Final = b"\xef\xbb\xbf"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Other formats based on zip, by a file name inside, and what to do.
_PACKED: Final = {
    b"xl/workbook.xml": "is an Excel workbook: save its sheets as CSV.",
    b"ppt/presentation.xml": "is a PowerPoint presentation: save it as PDF.",
    b"application/vnd.oasis.opendocument": "is an OpenDocument file: save it as .docx or PDF.",
    b"application/epub+zip": "is an e-book (EPUB): save it as PDF or HTML.",
    b"META-INF/MANIFEST.MF": "is a Java archive, not a document.",
}
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_TAG = re.compile(rb"</(?:p|div|h[1-6]|ul|ol|table|span|a|pre|section|article)\s*>", re.IGNORECASE)
# No comment and no declaration goes on behind its end, so there is one way to read a row of them.
_BEFORE_A_PAGE = re.compile(
    rb"\A(?:\xef\xbb\xbf)?"
    rb"(?:\s|<\?xml(?:[^?]|\?+[^?>])*\?+>|<!--(?:[^-]|-[^-]|-{2,}[^->])*-{2,}>)*\Z"
)

_DIRECTIVE = re.compile(r"^\.\. (?:[\w:-]+::|_[^\n]+:)", re.MULTILINE)
_UNDERLINED = re.compile(
    r"^(?P<title>\S[^\n]*)\n(?P<line>([=~^\"'*#+.-])\3{2,})[ \t]*$", re.MULTILINE
)
_MARKDOWN = re.compile(r"^(?:#{1,6} \S|```)", re.MULTILINE)


def format_of(content: bytes, ending: str = "") -> Format:
    """The format of a file's content; `ending` is the file's suffix in lower case, or empty.

    Raises UnreadableError if the format can't be read; the message names it if known.
    """
    packed = packed_format(content)
    if packed is not None:
        return packed
    promised = ENDINGS.get(ending)
    if content.startswith(WIDE_MARKS):
        content = decode(content).encode()
    page = _PAGE.search(content[:4096])
    if page is not None and _BEFORE_A_PAGE.match(content[: page.start()]):
        return Format.HTML
    if promised is Format.HTML and (
        content[:4096].removeprefix(BOM).lstrip().startswith(b"<") or _TAG.search(content)
    ):
        return Format.HTML
    text = decode(content)
    if promised is Format.JSON or (text.lstrip()[:1] in ("{", "[") and _is_json(text)):
        return Format.JSON
    if promised in (Format.RST, Format.PLAIN) and _is_rst(text, promised):
        return Format.RST
    return promised if promised in (Format.CSV, Format.PLAIN) else Format.MARKDOWN


def packed_format(content: bytes) -> Format | None:
    """The format of binary content (PDF, Word, zip) by its bytes; None if it may be text.

    Raises UnreadableError if this binary format can't be read; the message names the format.
    """
    if b"%PDF-" in content[:1024]:
        return Format.PDF
    if content.startswith(_OLD_OFFICE):
        raise UnreadableError(
            "is an old or an encrypted Office file: save it as .docx or PDF, without a password."
        )
    if content.startswith(b"{\\rtf"):
        raise UnreadableError("is a rich-text file (RTF): save it as .docx or PDF.")
    if not content.startswith(_ZIP):
        return None
    if b"word/document.xml" in content:
        return Format.DOCX
    for mark, sentence in _PACKED.items():
        if mark in content:
            raise UnreadableError(sentence)
    return Format.ZIP


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_rst(text: str, promised: Format) -> bool:
    """Whether text is reStructuredText; `promised` is the format of its file's suffix."""
    underlined = any(
        len(match["line"]) >= len(match["title"].rstrip()) for match in _UNDERLINED.finditer(text)
    )
    directive = _DIRECTIVE.search(text) is not None
    if promised is Format.RST:
        return underlined or directive or _MARKDOWN.search(text) is None
    return underlined and directive


# Enough for the part before the messages, with the longest topic of a channel.
HEAD_BYTES: Final = 65_536

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
