"""Result of parsing a file, and the limits that every format shares.

Errors:
    Exception
    └── UnreadableError    the file can't be read; the message is the sentence to show
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

# A book of 1,000 pages has about 3 MB of text. Above this a file is more likely to be a dump than
# something to quote from, and it would be held in memory whole.
MAX_BYTES: Final = 10_000_000

# A PDF or Word file is mostly fonts and pictures: a book with many of them has about this much.
MAX_PACKED_BYTES: Final = 50_000_000

# Tags inside tags, lists inside lists. A page made by people has about 30 levels.
MAX_DEPTH: Final = 200

_NO_SIGN: Final = re.compile("[\ud800-\udfff\x00-\x08\x0e-\x1a\x1c-\x1f]")


class UnreadableError(Exception):
    """The file can't be read; the message says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a file says: its title, its Markdown without front matter, and the front matter.

    JSON, PDF and UTF-16 can name halves of pairs of surrogates and control characters, which are
    no signs: hardly anything could store or show them, so they become the sign for that.
    """

    title: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("title", "text"):
            object.__setattr__(self, name, _NO_SIGN.sub("\ufffd", getattr(self, name)))

    @property
    def tags(self) -> tuple[str, ...]:
        """The front matter's tags, whatever YAML made of them."""
        tags = self.metadata.get("tags") or ()
        if isinstance(tags, str):
            tags = re.split(r"[,\s]+", tags)
        return tuple(str(tag) for tag in tags) if isinstance(tags, list | tuple) else ()

    @property
    def verified(self) -> date | None:
        """When the front matter says somebody last checked the text."""
        value = self.metadata.get("verified")
        if isinstance(value, datetime):
            return value.date()
        return value if isinstance(value, date) else None

    @property
    def link(self) -> str:
        """Where the text comes from: the front matter's `link`, `url` or first source."""
        for key in ("link", "url", "source"):
            value = self.metadata.get(key)
            if isinstance(value, str) and value.startswith(("http://", "https://")):
                return value
        sources = self.metadata.get("sources")
        if isinstance(sources, list):
            for source in sources:
                if isinstance(source, dict) and str(source.get("url", "")).startswith("http"):
                    return str(source["url"])
        return ""


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
