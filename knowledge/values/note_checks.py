"""Checks of live notes with their writers: reasons, states, the rule of newer releases. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple
from urllib.parse import urlsplit

# The writer's time to answer; the period of quotations of an urgent overdue note.
WEEK: Final = timedelta(days=7)
# The verdicts *Not helpful* in a row for a question, and their period.
UNHELPFUL_IN_A_ROW: Final = 3
VERDICTS_COUNT_FOR: Final = timedelta(days=30)
# The most open questions to one member of a guild.
MOST_ASKED: Final = 3

# Signs around words, but for those within names and versions.
_WITHOUT_SIGNS: Final = str.maketrans(dict.fromkeys(",:;!?()[]{}\"'`*“”„«»", " "))


class CheckReason(StrEnum):
    """Reasons to ask whether a note is still true."""

    DATE = "date"
    UNHELPFUL = "unhelpful"
    RELEASE = "release"


class CheckState(StrEnum):
    """States of a check: the writer is asked, the moderators are, or it is settled."""

    ASKED = "asked"
    MODERATORS = "moderators"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class NoteCheck:
    """A question to the writer of a live note: is it still true?

    Attributes:
        cause: the review date, the time of the last verdict, or the release's product and version.
            One cause raises one question.
    """

    id: int
    note_id: int
    reason: CheckReason
    cause: str
    asked_at: datetime
    state: CheckState


class Release(NamedTuple):
    """A version of a product, such as `("qbittorrent", (5, 1, 2))`."""

    product: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"


def release_at(link: str) -> Release | None:
    """The release at an address of GitHub or GitLab, from its repository and tag.

    The tag is a version, as in `…/name/releases/tag/v1.2` or `…/name/-/releases/1.2`.
    """
    parts = [part for part in urlsplit(link).path.split("/") if part not in ("", "-")]
    if len(parts) > 3 and parts[-2] == "tag":
        del parts[-2]
    version = _version(parts[-1]) if len(parts) > 2 and parts[-2] == "releases" else ()
    return Release(parts[-3].casefold(), version) if version else None


def newer_release(text: str, releases: Mapping[str, tuple[int, ...]]) -> Release | None:
    """The first release newer than every version of its product in a text.

    A text names a version by the product's word right before it: `qBittorrent 5.0`, `qBittorrent
    v5.0` or `qBittorrent version 5.0`. Versions are compared as exactly as the text names them, so
    5.0 includes 5.0.2. The result is shortened to two numbers, so patches raise no question.
    """
    words = text.casefold().translate(_WITHOUT_SIGNS).split()
    if releases.keys().isdisjoint(words):
        return None
    named: dict[str, tuple[int, ...]] = {}
    for product, word in pairwise(word for word in words if word != "version"):
        if product in releases and (version := _version(word.rstrip("."))):
            named[product] = max(version, named.get(product, ()))
    for product, version in named.items():
        if releases[product][: len(version)] > version:
            return Release(product, releases[product][:2])
    return None


def _version(word: str) -> tuple[int, ...]:
    """The numbers of a version such as `v1.2.3`; empty for other words."""
    numbers = word.casefold().removeprefix("v").split(".")
    are_numbers = all(part.isascii() and part.isdecimal() and len(part) < 10 for part in numbers)
    return tuple(map(int, numbers)) if are_numbers and len(numbers) > 1 else ()
