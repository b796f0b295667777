"""Page numbers and button labels of a list. Pure."""

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
