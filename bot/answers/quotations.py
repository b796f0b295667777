"""Quotations and citations as members read them. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from bot.answers.outcome import Citation, Quote
from bot.answers.sections import Section, passage_markdown
from bot.text.languages import Sentence, language_name, spoken_language
from bot.text.markdown import plain, quotation, safe_markdown, shorten
from bot.text.place_names import as_seen, heading_name
from bot.text.tables import is_row, shown_row
from knowledge.languages.detection import language_of, language_of_question
from knowledge.values.documents import Kind, channel_mention

# A best line that has no end of a sentence within this many characters is cut.
LINE_CHARACTERS: Final = 260

ADDRESS = re.compile(r"https?://[^\s<>]{1,504}")


def section_of_quote(quote: Quote) -> Section:
    """The section that a quote shows; without one, its passage."""
    return quote.section or Section(passage_markdown(quote.citation.kind, quote.text), 0)


def quoted_page(quote: Quote) -> tuple[str, bool]:
    """The first page of a quote's section as Markdown, and whether the section ends there."""
    page, *more = section_of_quote(quote).pages(from_passage=True)
    return page, not more


def shown_quotation(markdown: str) -> str:
    """Markdown as a quotation that is safe to show."""
    return quotation(safe_markdown(markdown))


def shown_lines(lines: Sequence[str]) -> list[str]:
    """The best lines of a passage, each a quotation on one line; rows of tables as text."""
    said = (shown_row(line) if is_row(line) else line for line in lines)
    kept = (shorten(line, LINE_CHARACTERS) for line in said if line.strip())
    return [shown_quotation(line) for line in kept]


def other_language(question: str, text: str) -> str:
    """The language of a text, if it is certain and not the question's; otherwise empty.

    A question that doesn't tell its language counts as one in the spoken language.
    """
    written = language_of_question(text)
    return "" if written == language_of(question, spoken_language.get().value) else written


_WRITTEN_IN: Final = Sentence("in {name}", context="language")
_BY: Final = Sentence("by {name}")
_VERIFIED: Final = Sentence("verified {day:%d %b %Y}")
_DUE: Final = Sentence("**due for review**")


def citation_line(cited: Citation, written_in: str = "") -> str:
    """The citation of a passage: title, heading, link, contributor, and date of verification.

    For a web page, the source and its licence are named instead of a contributor. `written_in` is
    the passage's language, if readers may not expect it.
    """
    mention = channel_mention(cited.document_id)
    parts = [mention or place(cited.title, cited.heading, cited.link)]
    if written_in:
        parts.append(_WRITTEN_IN(name=language_name(written_in)))
    if cited.kind is Kind.NOTE and cited.contributor:
        parts.append(_BY(name=plain(shorten(cited.contributor, 40))))
    elif cited.kind is Kind.PAGE and cited.contributor:
        parts.append(plain(shorten(cited.contributor, 100)))
    if cited.verified:
        parts.append(_VERIFIED(day=cited.verified))
    if cited.due:
        parts.append(_DUE())
    return "-# " + " · ".join(parts)


def place(title: str, heading: str, link: str) -> str:
    """A title and heading, linked if `link` is a web address."""
    where = " › ".join(map(plain, _place_parts(title, heading)))
    return f"[{where}](<{link}>)" if ADDRESS.fullmatch(link) else f"**{where}**"


def _place_parts(title: str, heading: str) -> list[str]:
    title, heading = as_seen(title), as_seen(heading)
    return [*filter(None, (shorten(title, 100), heading_name(heading, 100)))]
