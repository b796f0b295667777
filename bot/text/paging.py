"""Pages of a list: text, numbers, and labels of their buttons. Pure."""

from dataclasses import dataclass
from typing import Final

from bot.text.languages import Plural, Sentence

NOT_HERE: Final = Sentence("This only works in a server.")

PAGE_LABELS: Final = (Sentence("Previous"), Sentence("Next"))

PAGE: Final = Sentence(" · page {number} of {count}")

TIMES: Final = Plural("{number:,} time", "{number:,} times")

QUOTED: Final = Sentence("“{text}”")


def page_count(number: int, each: int) -> int:
    return max(1, -(-number // each))


def page_number(page: int, number: int, each: int) -> int:
    return min(page, page_count(number, each) - 1)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: the text, the number from 0, and the number of all pages."""

    content: str
    number: int
    count: int


def neighbours(page: int, pages: int, before: str, after: str) -> list[tuple[int, str]]:
    """Return the numbers of the pages before and after, if they exist, with their buttons' labels.

    Args:
        page: number of the page shown, from 0.
        pages: number of all pages.
        before: label of the button to the previous page.
        after: label of the button to the next page.
    """
    beside = ((page - 1, before), (page + 1, after))
    return [(number, label) for number, label in beside if 0 <= number < pages]
