"""Pages of search results, and messages for empty searches. Pure.

A search is stored only in its message. A page begins with the query, so that the paging buttons can
read the query there.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bot.answers.quotations import citation_line, shown_lines
from bot.search.service import Found, Nothing
from bot.text.languages import Sentence, speak
from bot.text.markdown import MESSAGE_CHARACTERS, legible, plain, plain_within, size
from bot.text.paging import Page
from knowledge.values.submissions import TAG_CHARACTERS

# A fifth of a message, if every character is escaped.
QUERY_CHARACTERS: Final = 200
PASSAGES_A_PAGE: Final = 5

NO_QUERY: Final = Sentence("Type some words to search for, or choose a title.")
ONLY_IN_SERVERS: Final = Sentence(
    "`tag` and `contributor` only work in a server. Leave them out here."
)
GONE: Final = Sentence("I no longer know what you searched for: use `/search` again.")
LABELS: Final = (Sentence("Previous"), Sentence("Next"))

_NOTHING: Final[Mapping[Nothing, Sentence]] = {
    Nothing.NO_TAG: Sentence(
        "No live note here has the tag #{tag}. Choose one that I suggest as you type."
    ),
    Nothing.NO_NOTES: Sentence("{contributor} has no live note here."),
    Nothing.NEITHER: Sentence("{contributor} has no live note here with the tag #{tag}."),
    Nothing.EMPTY: Sentence(
        "There's nothing to search here yet. Write the first note with `/note add`."
    ),
}
_PAGE: Final = Sentence("page {page} of {pages}")
_ONLY_NEAR: Final = Sentence("I found nothing that's clearly about this. The closest:")

_MARKED: Final = re.compile(r"\\([\\*_~`|<>\[\]()#@:-])")
_FIRST_LINE: Final = re.compile(r"\*\*(?P<query>.+)\*\*")


def query_of(typed: str) -> str:
    """The typed query on one line, without invisible characters."""
    return " ".join(legible(typed).split())


def problem_with(query: str) -> str:
    """The reason why a query can't be looked up, or empty for a valid query."""
    if not any(character.isalnum() for character in query):
        return NO_QUERY()
    if size(query) > QUERY_CHARACTERS:
        return speak(
            "Your search has {number} characters; the limit is {most}. Use only the words that "
            "matter, or ask the whole question with `/ask`.",
            number=size(query),
            most=QUERY_CHARACTERS,
        )
    return ""


def query_in(content: str) -> str:
    """The query in the text of a page, or an empty string for other messages."""
    match = _FIRST_LINE.fullmatch(content.partition("\n")[0])
    return _MARKED.sub(r"\1", match["query"]) if match else ""


def filter_labels(tag: str, contributor: str) -> list[str]:
    """The filters used in a search, as Markdown to show beside the page's number."""
    return [*([f"#{plain(tag)}"] if tag else []), *([contributor] if contributor else [])]


def nothing(why: Nothing, tag: str, contributor: str) -> str:
    # Room for the longest tag.
    shown = plain_within(tag, 2 * TAG_CHARACTERS)
    return _NOTHING[why](tag=shown, contributor=contributor)


def page(query: str, about: Sequence[str], result: Found, number: int) -> Page:
    """The page `number`, counting from 0, or else the last; `about` has the filters in Markdown."""
    heading = [f"**{plain(query)}**"]
    if result.only_near:
        heading.append(_ONLY_NEAR())
    # Room for the longest page number.
    last = "-# " + " · ".join([*about, _PAGE(page=99, pages=99)])
    room = MESSAGE_CHARACTERS - size("\n".join([*heading, last, ""]))
    pages = _pages(result, room)
    number = min(number, len(pages) - 1)
    below = [*about]
    if len(pages) > 1:
        below.append(_PAGE(page=number + 1, pages=len(pages)))
    lines = [*heading, *pages[number], *([f"-# {' · '.join(below)}"] if below else [])]
    return Page("\n".join(lines), number, len(pages))


def _pages(result: Found, room: int) -> list[list[str]]:
    pages: list[list[str]] = []
    left = 0
    for quote, lines in zip(result.quotes, result.lines, strict=True):
        part = "\n".join([*shown_lines(lines), citation_line(quote.citation)])
        if not pages or len(pages[-1]) == PASSAGES_A_PAGE or size(part) + 1 > left:
            pages.append([])
            left = room
        pages[-1].append(part)
        left -= size(part) + 1
    return pages
