"""Parser of one document of any format but zip: format detection, then the format's parser.

Runs in the sandbox for files of unknown origin. Chat exports are refused:
`knowledge.chat.export_file` reads them. Libraries are imported when they are first needed.
"""

import re
from dataclasses import asdict, replace
from datetime import date
from pathlib import PurePath
from typing import Any, Final

from knowledge.files.formats.detection import ENDINGS, Format, export_format, format_of
from knowledge.files.formats.site_markup import without_mdx
from knowledge.files.formats.tables import has_csv_pairs, parse_csv, parse_json
from knowledge.files.formats.text import decode, is_generic, parse_markdown, parse_plain
from knowledge.files.parsed_file import (
    MAX_BYTES,
    MAX_PACKED_BYTES,
    ParsedFile,
    UnreadableError,
    check_size,
)
from knowledge.text import storable
from knowledge.values.documents import TITLE_CHARACTERS

EXPORT: Final = (
    "is a chat export: import it as a source, under the ending that it was exported with."
)

# Longer metadata is cut.
LINK_CHARACTERS: Final = 2_000
TAGS: Final = 100

_PACKED: Final = frozenset({Format.PDF, Format.DOCX})
# Behind the names of pages and databases in Notion's exports.
_NOTION_ID: Final = re.compile(r" [0-9a-f]{32}(?:_all)?\Z")
_NO_SIGN: Final = re.compile("[\ud800-\udfff\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CONTROLS: Final = bytes((*range(9), *range(14, 27), *range(28, 32)))


def parse_document(content: bytes, name: str) -> ParsedFile:
    """Parse a file that is one document.

    JSON, PDF and UTF-16 can contain lone surrogates and control characters. Databases and Discord
    refuse them, so they become the replacement character. The suffix of `name` selects among text
    formats. The rest of `name` becomes the title if the document has no title. Raises
    UnreadableError if the file is too large, empty, damaged, of no known format, or a zip.
    """
    check_size(len(content), MAX_PACKED_BYTES)
    kind = format_of(content, PurePath(name).suffix.lower())
    if kind is Format.ZIP:
        raise UnreadableError("is a zip inside a zip: unpack it.")
    if export_format(content) is not None:
        # As ordinary text it would be quoted in every server.
        raise UnreadableError(EXPORT)
    if kind not in _PACKED:
        check_size(len(content))
    found = _parse(kind, content, name)
    return replace(
        found,
        title=_NO_SIGN.sub("\ufffd", found.title)[:TITLE_CHARACTERS].strip(),
        text=_NO_SIGN.sub("\ufffd", found.text),
        tags=tuple(tag[:TITLE_CHARACTERS] for tag in found.tags[:TAGS]),
        link=found.link if len(found.link) <= LINK_CHARACTERS else "",
        hidden=found.hidden[:TITLE_CHARACTERS],
        page={key: _NO_SIGN.sub("", said)[:LINK_CHARACTERS] for key, said in found.page.items()},
    )


def _parse(kind: Format, content: bytes, name: str) -> ParsedFile:
    title = _name_as_title(name)
    if kind is Format.PDF:
        from knowledge.files.formats.pdf import parse_pdf

        return parse_pdf(content, title)
    if kind is Format.DOCX:
        from knowledge.files.formats.docx import parse_docx

        return parse_docx(content, title)
    if kind is Format.HTML:
        from knowledge.files.formats.html import parse_html

        return parse_html(content, title)
    if kind is Format.RST:
        from knowledge.files.formats.rst import parse_rst

        return parse_rst(decode(content), title)
    return _parse_text(kind, decode(content), title, name)


def _parse_text(kind: Format, text: str, title: str, name: str) -> ParsedFile:
    if not text.strip():
        raise UnreadableError("is empty.")
    promised = ENDINGS.get(PurePath(name).suffix.lower())
    if kind is Format.JSON:
        try:
            return parse_json(text, title)
        except UnreadableError:
            # A text file may happen to be valid JSON.
            if promised is Format.JSON:
                raise
            kind = promised or Format.MARKDOWN
    if kind is Format.CSV or has_csv_pairs(text):
        return parse_csv(text, title)
    if kind is Format.PLAIN:
        return parse_plain(text, title)
    return parse_markdown(without_mdx(text) if name.lower().endswith(".mdx") else text, title)


def _name_as_title(name: str) -> str:
    """Make a title from the file name, or from the folder name if the file name is generic."""
    path = PurePath(name)
    stem = _NOTION_ID.sub("", path.stem if path.suffix.lower() in ENDINGS else path.name)
    if is_generic(stem) and path.parent.name:
        stem = _NOTION_ID.sub("", path.parent.name)
    # A name with blanks consists of words already, and keeps its hyphens.
    title = (stem if " " in stem.strip() else re.sub("[-_+]+", " ", stem)).strip()
    first = title.split(" ", 1)[0]
    # Names such as iPhone and README keep their capitals.
    return (title[:1].upper() + title[1:] if first.islower() else title) or "Untitled"


# Protocol between the sandbox's process and this program.


def parse_in_sandbox(content: bytes, name: str) -> tuple[dict[str, Any], str]:
    """Run `parse_document` in the sandbox's process; returns JSON values and the text."""
    values = asdict(parse_document(content, name))
    values["verified"] = values["verified"] and values["verified"].isoformat()
    return values, values.pop("text")


def checked_document(values: dict[str, Any], text: str) -> ParsedFile:
    """Convert the result of the sandbox; ValueError, TypeError or LookupError if malformed."""
    verified = values["verified"]
    page = dict(values["page"])
    texts = [values["title"], values["link"], values["hidden"], *values["tags"]]
    texts += [*page, *page.values()]
    if not all(isinstance(each, str) and len(each) <= LINK_CHARACTERS for each in texts):
        raise ValueError("What a document says of itself is longer than it can be.")
    # A regex search would hold the GIL four times as long; a text may have ten million characters.
    encoded = text.encode()
    if len(text) > MAX_BYTES or len(encoded.translate(None, _CONTROLS)) < len(encoded):
        raise ValueError("The text holds what no document is left with.")
    return ParsedFile(
        title=storable(values["title"]),
        text=storable(text),
        tags=tuple(map(storable, values["tags"])),
        verified=date.fromisoformat(verified) if verified else None,
        link=values["link"],
        hidden=values["hidden"],
        first_line=int(values["first_line"]),
        page=page,
    )
