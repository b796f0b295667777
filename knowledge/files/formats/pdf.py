"""Parser of PDF files: the pages' text under headings of the outline, or under page numbers."""

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

from pypdf import PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from knowledge.files.parsed_file import MAX_BYTES, ParsedFile, UnreadableError, one_line

MAX_PAGES: Final = 2_000
MAX_OUTLINE: Final = 5_000

# A first or last line on at least this share of the pages is a running head or foot.
_RUNNING_SHARE: Final = 0.5
_RUNNING_PAGES: Final = 4

_HYPHENATED = re.compile(r"(?<=[^\W\d_])-\n(?=[a-zà-ÿ])")
_DIGITS = re.compile(r"\d+")

_MISUNDERSTOOD: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
_ENCRYPTED: Final = "is encrypted: save a copy without a password."


def parse_pdf(content: bytes, name: str) -> ParsedFile:
    """Parse a PDF; the headings contain page numbers.

    Raises UnreadableError if the PDF is damaged, encrypted or too long, or has only pictures.
    """
    try:
        reader = PdfReader(BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableError(_ENCRYPTED)
        count = len(reader.pages)
        if count > MAX_PAGES:
            raise UnreadableError(f"has {count:,} pages; the limit is {MAX_PAGES:,}. Split it.")
        pages: list[str] = []
        size = 0
        for page in reader.pages:
            text = page.extract_text()
            pages.append(_HYPHENATED.sub("", text.replace("\x00", "")))
            size += len(text)
            if size > MAX_BYTES:
                raise UnreadableError(
                    f"has more than {MAX_BYTES / 1e6:,.0f} million characters of text. Split it."
                )
        outline = _outline(reader)
        title = one_line(reader.metadata.title or "") if reader.metadata is not None else ""
    except DependencyError as error:
        raise UnreadableError(_ENCRYPTED) from error
    except LimitReachedError as error:
        raise UnreadableError("expands too far when it is unpacked: split it.") from error
    except (PyPdfError, zlib.error, AssertionError, *_MISUNDERSTOOD) as error:
        # pypdf's exceptions for malformed objects; their messages don't help members.
        raise UnreadableError("is a damaged PDF: save it again.") from error
    if not any(page.strip() for page in pages):
        raise UnreadableError(
            "has no text, only pictures of pages: run text recognition (OCR) over it first."
        )
    if re.search(r"\.\w{2,4}$|^untitled|^microsoft word", title, re.I):
        # The name of a file.
        title = ""
    return ParsedFile(title[:200] or name, _with_headings(_without_running_lines(pages), outline))


def _outline(reader: PdfReader) -> dict[int, list[tuple[int, str]]]:
    """The outline's entries as (level, title), by the index of the page that they lead to."""
    found: dict[int, list[tuple[int, str]]] = {}
    waiting: list[tuple[int, Any]] = [(1, entry) for entry in reversed(reader.outline)]
    taken = 0
    while waiting and taken < MAX_OUTLINE:
        level, entry = waiting.pop()
        if isinstance(entry, list):
            waiting.extend((level + 1, inner) for inner in reversed(entry))
            continue
        taken += 1
        page = reader.get_destination_page_number(entry)
        title = one_line(str(entry.title or ""))
        if page is not None and page >= 0 and title:
            found.setdefault(page, []).append((min(level + 1, 6), title[:200]))
    return found


def _without_running_lines(pages: Sequence[str]) -> list[str]:
    """Remove running headers and footers: lines that most pages share, apart from numbers."""
    if len(pages) < _RUNNING_PAGES:
        return list(pages)
    split = [[line.strip() for line in page.strip().split("\n")] for page in pages]
    kept = split
    for end in (0, -1):
        counts = Counter(_DIGITS.sub("#", lines[end]) for lines in kept if lines)
        running = {line for line, n in counts.items() if line and n > len(pages) * _RUNNING_SHARE}
        kept = [
            (lines[1:] if end == 0 else lines[:-1])
            if lines and _DIGITS.sub("#", lines[end]) in running
            else lines
            for lines in kept
        ]
    return ["\n".join(lines) for lines in kept]


def _with_headings(pages: Sequence[str], outline: dict[int, list[tuple[int, str]]]) -> str:
    parts: list[str] = []
    for number, page in enumerate(pages):
        text = _plain(page)
        if not outline:
            if text.strip():
                parts.append(f"## Page {number + 1}\n\n{text}")
            continue
        for level, title in outline.get(number, ()):
            heading = f"{'#' * level} {title} (page {number + 1})"
            before, found, after = _split_at_line(text, title)
            if found and before.strip():
                parts.append(before)
            if found:
                text = after
            parts.append(heading)
        if text.strip():
            parts.append(text)
    return "\n\n".join(parts)


def _split_at_line(text: str, title: str) -> tuple[str, bool, str]:
    """Split a text at the line with the title: (text before, whether found, text after)."""
    wanted = _letters(title)
    lines = text.split("\n")
    for position, line in enumerate(lines):
        if wanted and _letters(line) == wanted:
            return "\n".join(lines[:position]), True, "\n".join(lines[position + 1 :])
    return "", False, text


def _letters(text: str) -> str:
    """The letters of a line in lower case, for comparison with a title."""
    return "".join(character for character in text.casefold() if character.isalpha())


def _plain(page: str) -> str:
    """Escape the lines of a page that would be headings, fences or rules in Markdown."""
    lines = (line.strip() for line in page.split("\n"))
    return "\n".join(
        f"\\{line}" if line.startswith(("#", "```", "~~~", "---", "===")) else line
        for line in lines
    ).strip()
