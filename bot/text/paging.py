"""Page numbers of a list, and the labels of the buttons to its pages. Pure."""

from typing import Final

from bot.text.languages import Plural, Sentence

NOT_HERE: Final = Sentence("This belongs to a server: use it there.")

PAGE_LABELS: Final = (Sentence("Previous"), Sentence("Next"))

_PAGE: Final = Sentence(" · page {number} of {count}")

_TIMES: Final = Plural("{number:,} time", "{number:,} times")

_QUOTED: Final = Sentence("“{text}”")


def _page_count(number: int, each: int) -> int:
    return max(1, -(-number // each))


def _page_number(page: int, number: int, each: int) -> int:
    return min(page, _page_count(number, each) - 1)
