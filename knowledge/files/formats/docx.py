"""Parser of Word files (.docx): converts their styles to Markdown."""

import zipfile
import zlib
from io import BytesIO
from typing import Any, Final
from xml.parsers.expat import ExpatError

import mammoth
from bs4 import BeautifulSoup

from knowledge.files.formats.html import to_markdown
from knowledge.files.formats.text import with_label_headings
from knowledge.files.parsed_file import ParsedFile, UnreadableError, one_line

# The XML of a book of 1,000 pages has about this size; parsed, it takes twenty times as much.
MAX_XML_BYTES: Final = 20_000_000

# Flags of a part.
_ENCRYPTED: Final = 0x01 | 0x40

# Titles become headings, too; by default only headings do.
_STYLES: Final = "p[style-name='Title'] => h1.title:fresh\np[style-name='Subtitle'] => p:fresh"

# Exceptions of zipfile and mammoth for malformed files.
_TORN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    ExpatError,
    LookupError,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
)


def parse_docx(content: bytes, name: str) -> ParsedFile:
    """Parse a Word file, without its pictures.

    Raises UnreadableError if the file is damaged or encrypted, has no text, has a DOCTYPE, or
    expands too far.
    """
    try:
        _check(content)
        converted: Any = mammoth.convert_to_html(
            BytesIO(content),
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(lambda image: {"src": ""}),
        )
    except _TORN as error:
        raise UnreadableError("is a torn Word file: save it again.") from error
    soup = BeautifulSoup(converted.value, "lxml")
    headings = soup.select("h1.title") or soup.find_all("h1")
    title = one_line(headings[0].get_text()) if len(headings) == 1 else ""
    text = with_label_headings(to_markdown(soup))
    if not text:
        raise UnreadableError("is a Word file without text.")
    return ParsedFile(title or name, text)


def _check(content: bytes) -> None:
    """Refuse files that are encrypted, or could exhaust the XML parser's memory."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        parts = [part for part in archive.infolist() if part.filename.endswith((".xml", ".rels"))]
        # Python's zipfile never yields more than the declared size.
        size = sum(part.file_size for part in parts)
        if size > MAX_XML_BYTES:
            raise UnreadableError(
                f"expands to {size / 1e6:,.0f} MB of XML; the limit is "
                f"{MAX_XML_BYTES / 1e6:,.0f} MB. Split it."
            )
        if any(part.flag_bits & _ENCRYPTED for part in archive.infolist()):
            raise UnreadableError("is encrypted: save a copy without a password.")
        for part in parts:
            # No Word file has a DOCTYPE, and only a DOCTYPE can define entities. Of the encodings
            # that XML parsers know, only UTF-16 writes it in other bytes than ASCII.
            if b"<!DOCTYPE" in archive.read(part).replace(b"\0", b""):
                raise UnreadableError(
                    "is a Word file with a document type declaration, which no word processor "
                    "writes: save it again."
                )
