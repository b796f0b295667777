"""Quotations as members read them: excerpts of passages that fit a phone, and citations. Pure."""

import re
from collections.abc import Sequence, Set
from itertools import chain
from typing import Final

from bot.answers.outcome import Answer, Citation, Quote, as_likely
from bot.text.excerpt import MOST_LINES, excerpt
from bot.text.excerpt import room as room_on_screen
from bot.text.languages import Sentence, language_name, spoken_language
from bot.text.markdown import plain, quotation, quoted_parts, safe_markdown, shorten, size
from bot.text.place_names import as_seen, heading_name
from bot.text.wrapped_lines import join_lines, tighten
from knowledge.languages.detection import language_of, language_of_question
from knowledge.values.documents import Kind, channel_mention

# An answer with its buttons fits a phone's screen of 390 by 700 px. This many lines are left for
# question, evidence, quotations and citations.
SCREEN_LINES: Final = 23
LEAST_LINES: Final = 4
# Of the lines for two likely answers, the share of the first.
FIRST_OF_TWO: Final = 0.6
# With less room than this, a quotation is left out.
LEAST_CHARACTERS: Final = 100

# Stands for a question of two lines and a line of evidence.
_USUAL_HEAD: Final = "\n" * 2
# Kinds of text typed in Discord, where line breaks are meant.
TYPED: Final = (Kind.NOTE, Kind.CHAT, Kind.CHANNEL)

ADDRESS = re.compile(r"https?://[^\s<>]{1,504}")


def lines_of_each(outcome: Answer, above: str, places: Sequence[int]) -> list[int]:
    """The number of lines on a phone's screen for each quotation below the text `above`.

    The citations get their lines first. A warning about a contradiction counts as a quotation. The
    first of two likely answers gets more lines. A section that needs fewer leaves them to others.
    """
    cited = (outcome.quotes[number].citation for number in places)
    below = sum(room_on_screen(citation_line(one)) for one in cited)
    left = SCREEN_LINES - room_on_screen(above) - below - (len(places) - 1)
    warnings = sum(one.left in places and one.right in places for one in outcome.conflicts)
    share = max(left / (len(places) + warnings), LEAST_LINES)
    lines = [int(share)] * len(places)
    if len(places) == 2 and not (outcome.parts or warnings):
        lines = [int(2 * share * FIRST_OF_TWO), int(2 * share * (1 - FIRST_OF_TWO))]
    quotes = [outcome.quotes[number] for number in places]
    spare = [
        given - room_on_screen(f"{quote.before}{quote.text}{quote.after}")
        for given, quote in zip(lines, quotes, strict=True)
    ]
    for number in [i for i, count in enumerate(spare) if count < 0][:1]:
        lines[number] += sum(count for count in spare if count > 0)
    return lines


def shown_places(outcome: Answer) -> list[int]:
    """The indexes of the quotes to show."""
    places = list(range(max(outcome.parts, 1)))
    for number in range(len(places), len(outcome.quotes)):
        if _is_shown_too(outcome, number, frozenset(places)):
            places.append(number)
    return places


def excerpts(outcome: Answer) -> list[tuple[Quote, str]]:
    """The quotes to show, each with the Markdown of its excerpt."""
    places = shown_places(outcome)
    quotes = [outcome.quotes[number] for number in places]
    lines = lines_of_each(outcome, _USUAL_HEAD, places)
    return [(quote, _excerpt(quote, count)) for quote, count in zip(quotes, lines, strict=True)]


def _is_shown_too(outcome: Answer, number: int, shown: Set[int]) -> bool:
    """Whether to show a further quote, as a contradiction or as the second likely answer."""
    if any(one.right == number and one.left in shown for one in outcome.conflicts):
        return True
    best, other = outcome.quotes[0].hit, outcome.quotes[number].hit
    return len(shown) == 1 and as_likely(best, other, outcome.evidence)


def fitting_quote(quote: Quote, lines: int, room: int, *, question: str = "") -> str:
    """An excerpt of `lines` lines with its citation, shortened to `room` characters if possible.

    The citation names the language of a text in another language than the `question`.
    """
    written_in = _other_language(question, quote.text) if question else ""
    cited = citation_line(quote.citation, written_in)
    part = _quote(quote, lines, MOST_LINES, cited)
    while size(part) + 1 > room and lines > 1:
        lines -= 1
        part = _quote(quote, lines, lines, cited)
    most = room - size(cited) - 2
    if size(part) + 1 > room and most >= LEAST_CHARACTERS:
        # One line of signs without a place to cut, such as thousands of backslashes.
        first = quoted_parts(safe_markdown(_excerpt(quote, 1, 1)), most)[0]
        return f"{first}\n{cited}"
    return part


def _quote(quote: Quote, lines: int, most: int, cited: str) -> str:
    return f"{quotation(safe_markdown(_excerpt(quote, lines, most)))}\n{cited}"


def _excerpt(quote: Quote, lines: int, most: int = MOST_LINES) -> str:
    text = f"{quote.before}{quote.text}{quote.after}"
    begin = len(quote.before)
    deciding = quote.deciding
    # The first sentence of a note or an article's section may say what the rest is about.
    opens = quote.citation.kind in (Kind.NOTE, Kind.ARTICLE)
    also = [0] * opens + [*(deciding.others if deciding else ())]
    spans = [deciding[:2], *deciding.repeated] if deciding else []
    bounds = chain(also, chain.from_iterable(spans))
    places = [begin, begin + len(quote.text), *(begin + place for place in bounds)]
    if quote.citation.kind not in TYPED:
        text, places = join_lines(text, places)
    text, places = tighten(text, places)
    own, also, ends = (places[0], places[1]), places[2 : 2 + len(also)], places[2 + len(also) :]
    spans = [*zip(ends[::2], ends[1::2], strict=True)]
    return excerpt(
        text,
        lines,
        spans[0] if spans else None,
        own,
        most,
        also=also,
        is_bold=deciding is not None and deciding.is_bold,
        repeated=spans[1:],
    )[0]


def _other_language(question: str, text: str) -> str:
    """The language of a text, if it is certain and not the question's; otherwise empty.

    A question that doesn't tell its language counts as one in the spoken language.
    """
    written = language_of_question(text)
    return "" if written == language_of(question, spoken_language.get().value) else written


def passage_markdown(kind: Kind, text: str) -> str:
    """The Markdown of a whole passage; wrapped lines are joined, except in notes and messages."""
    return tighten(text if kind in TYPED else join_lines(text)[0])[0]


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
