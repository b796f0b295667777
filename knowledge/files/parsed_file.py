"""Result of parsing a file, and the limits that every format shares.

Errors:
    Exception
    └── UnreadableError    the file can't be read; the message is the sentence to show
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

# A book of 1,000 pages has about 3 MB of text. Above this a file is more likely to be a dump than
# something to quote from, and it would be held in memory whole.
MAX_BYTES: Final = 10_000_000

# A PDF or Word file is mostly fonts and pictures: a book with many of them has about this much.
MAX_PACKED_BYTES: Final = 50_000_000

# Tags inside tags, lists inside lists. A page made by people has about 30 levels.
MAX_DEPTH: Final = 200


class UnreadableError(Exception):
    """The file can't be read; the message says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a file says: its title, its Markdown without front matter, and what that says of it.

    `verified` is when somebody last checked the text, `link` where it comes from, and `hidden` by
    which rule it asks programs not to show it. `first_line` is the line of the file on which the
    text begins, where each line of the one is a line of the other; else 0.
    """

    title: str
    text: str
    tags: tuple[str, ...] = ()
    verified: date | None = None
    link: str = ""
    hidden: str = ""
    first_line: int = 0


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
