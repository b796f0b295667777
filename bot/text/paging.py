"""How pages of a list are counted and called. Pure."""

from typing import Final

from bot.text.languages import Both, Counted

NOT_HERE: Final = Both(
    "This belongs to a server: use it there.", "Das gehört zu einem Server: Benutze es dort."
)

PAGE_LABELS: Final = (Both("Previous", "Zurück"), Both("Next", "Weiter"))

_PAGE: Final = Both(" · page {number} of {count}", " · Seite {number} von {count}")

_TIMES: Final = Counted(
    Both("{number} time", "{number}-mal"), Both("{number} times", "{number}-mal")
)

_QUOTED: Final = Both("“{text}”", "„{text}“")


def _page_count(number: int, each: int) -> int:
    return max(1, -(-number // each))


def _page_number(page: int, number: int, each: int) -> int:
    return min(page, _page_count(number, each) - 1)
