"""Result of parsing a file, and the limits shared by all formats.

Errors:
    Exception
    └── UnreadableError    the file can't be read; the message is the sentence to show
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

# A book of 1,000 pages has about 3 MB of text. Above this a file is more likely to be a dump than
# something to quote from, and it would be held in memory whole.
MAX_BYTES: Final = 10_000_000

# A PDF or Word file is mostly fonts and pictures: a book with many of them takes about this much.
MAX_PACKED_BYTES: Final = 50_000_000

# Tags inside tags, lists inside lists. A page made by people has about 30 levels.
MAX_DEPTH: Final = 200


class UnreadableError(Exception):
    """The file can't be read; the message gives the finding and the remedy."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A parsed file: its title, its Markdown without front matter, and its metadata.

    Attributes:
        verified: the day of the last check by a person.
        link: its origin.
        hidden: its rule against being shown, if any.
        first_line: the line of the file on which the text begins, if lines correspond one by one;
            else 0.
        page: the fields of its front matter that move its page on a documentation site.
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
    """Refuse more bytes than the limit.

    Raises:
        UnreadableError: naming both.
    """
    if size > limit:
        raise UnreadableError(
            f"has {size / 1e6:,.1f} MB; {limit / 1e6:,.0f} MB is the most. Split it."
        )


def one_line(text: str) -> str:
    return " ".join(text.split())
