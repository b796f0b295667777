"""Result of parsing a file, and the limits shared by all formats.

Errors:
    Exception
    └── UnreadableError    the file can't be read; the message is the sentence to show
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

# A book of 1,000 pages has about 3 MB of text. A larger file is probably a dump, and would be in
# memory whole.
MAX_BYTES: Final = 10_000_000

# PDF and Word files contain fonts and pictures; an illustrated book takes about this much.
MAX_PACKED_BYTES: Final = 50_000_000

# Nesting of tags and lists; pages made by people have about 30 levels.
MAX_DEPTH: Final = 200

# Encodings by byte-order mark. UTF-32 comes first, because its little-endian mark starts with
# UTF-16's.
WIDE: Final = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
WIDE_MARKS: Final = tuple(WIDE)

# The problem of a page that has no text, which is no failure where a service lists the page.
NO_TEXT: Final = "is a page without text."


class UnreadableError(Exception):
    """The file can't be read; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A parsed file: its title, its Markdown without front matter, and its metadata.

    `verified` is the day of a person's last check, `hidden` the file's rule against quoting it, and
    `page` the fields of front matter that determine the address on a documentation site.
    `first_line` numbers the file's line in which the text begins; 0 if their lines don't
    correspond.
    """

    title: str
    text: str
    tags: tuple[str, ...] = ()
    verified: date | None = None
    link: str = ""
    hidden: str = ""
    first_line: int = 0
    page: dict[str, str] = field(default_factory=dict)


def check_size(size: int, limit: int = MAX_BYTES) -> None:
    """Check a size in bytes; UnreadableError if the size is above the limit."""
    if size > limit:
        raise UnreadableError(
            f"has {size / 1e6:,.1f} MB; the limit is {limit / 1e6:,.0f} MB. Split it."
        )


def one_line(text: str) -> str:
    return " ".join(text.split())
