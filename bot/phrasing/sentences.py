"""Numbered sentences of the quoted passages, and the text shown for them. Pure.

A unit is a sentence, a list item, a code block or a table. A model chooses among numbered units,
which the prompt calls sentences. A chosen unit is shown verbatim. If the unit refers back ("This
…"), earlier units are shown, too. If the unit only introduces the next, both are shown.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from bot.answers.phrased import Line, Mode
from bot.text.markdown import size
from indexer.text.sentences import FENCES, LIST_MARKER, announces, refers_back, units
from knowledge.text import word_count

MOST_PASSAGES: Final = 3
MOST_SENTENCES: Final = 24
# Longer units could not be shown whole, so they are not offered.
UNIT_CHARACTERS: Final = 1_500
# Characters of everything sent: about 2,500 tokens, which fit a small model's 4,096.
SENT_CHARACTERS: Final = 8_000
# Bounds on sentences and UTF-16 units shown; the first sentence may exceed them.
MOST_SHOWN: Final = 6
SHOWN_CHARACTERS: Final = 1_200
# The largest number of earlier sentences shown with a chosen sentence.
MOST_ALONG: Final = 3

# Starts of a sentence that continues another, besides the starts known to `refers_back`.
_CONTINUES: Final = re.compile(
    r"\W*(?:(?:but|however|so|also|then|therefore|thus|hence|otherwise|instead|likewise|similarly|and"
    r"|or|yet|still|neither|either|both|his|her|aber|jedoch|doch|sonst|stattdessen|auch|und|oder"
    r"|außerdem|danach|dann|also|beide|er|ihre?|hierbei|hierfür|dafür|davon)\b|(?:yes|no|ja|nein)[,.!])",
    re.IGNORECASE,
)


class Quoted(NamedTuple):
    """A quoted passage: Markdown, with its title and heading."""

    text: str
    title: str
    heading: str = ""


class Task(NamedTuple):
    """A question, the one before it, or "", and its answer's quotations, numbered from 1."""

    question: str
    quotes: tuple[Quoted, ...]
    mode: Mode
    earlier: str = ""


class Numbered(NamedTuple):
    """A unit of a passage, offered to a model as a sentence.

    `id` has the numbers of the passage and of the unit in it, both from 1, such as `2.3`. The
    indexes `passage` and `unit` count from 0. Units that aren't offered count, too.
    """

    id: str
    passage: int
    unit: int
    text: str


def number_sentences(quotes: Sequence[Quoted]) -> list[Numbered]:
    """Return the sentences to offer from the first passages, without repeats.

    Each passage gets an equal share. The unused part of a share goes to the first passage with more
    sentences, then to the next passage.
    """
    seen: set[str] = set()
    found: list[list[Numbered]] = []
    for passage, quoted in enumerate(quotes[:MOST_PASSAGES]):
        own: list[Numbered] = []
        for unit, span in enumerate(units(quoted.text)):
            text = quoted.text[slice(*span)]
            key = " ".join(text.split()).casefold()
            if any(map(str.isalnum, text)) and size(text) <= UNIT_CHARACTERS and key not in seen:
                seen.add(key)
                own.append(Numbered(f"{passage + 1}.{unit + 1}", passage, unit, text))
        found.append(own)
    even = MOST_SENTENCES // max(len(found), 1)
    shares = [min(len(own), even) for own in found]
    for place, own in enumerate(found):
        shares[place] += min(len(own) - shares[place], MOST_SENTENCES - sum(shares))
    offered = [sentence for own, most in zip(found, shares, strict=True) for sentence in own[:most]]
    sent = accumulate(size(sentence.text) for sentence in offered)
    room = zip(offered, sent, strict=True)
    return [sentence for sentence, total in room if total <= SENT_CHARACTERS]


class _Run(NamedTuple):
    """A run of neighbouring units of a passage, from the `first` to the `last` index."""

    passage: int
    first: int
    last: int


def lines(quotes: Sequence[Quoted], chosen: Iterable[Numbered]) -> tuple[list[Line], list[str]]:
    """Return lines for the chosen sentences in the given order, and the ids of the shown sentences.

    Neighbouring sentences form one line. A sentence further down in the same passage is added to
    the line after "…". Nothing is shown twice. Sentences that exceed the limits are dropped.
    """
    runs: list[_Run] = []
    shown: set[tuple[int, int]] = set()
    ids: list[str] = []
    room = SHOWN_CHARACTERS
    for sentence in chosen:
        passage, unit = sentence.passage, sentence.unit
        if (passage, unit) in shown:
            continue
        text = quotes[passage].text
        spans = units(text)
        first, last = _with_context(text, spans, unit)
        while first < unit and any((passage, at) in shown for at in range(first, unit)):
            first += 1
        last = unit if (passage, last) in shown else last
        needed = size(text[spans[first][0] : spans[last][1]])
        if ids and (needed > room or len(shown) + last + 1 - first > MOST_SHOWN):
            continue
        room -= needed
        shown.update((passage, at) for at in range(first, last + 1))
        ids.append(sentence.id)
        if runs and runs[-1].passage == passage and runs[-1].last + 1 == first:
            runs[-1] = runs[-1]._replace(last=last)
        else:
            runs.append(_Run(passage, first, last))
    return _lines_of_runs(quotes, runs), ids


def _lines_of_runs(quotes: Sequence[Quoted], runs: Sequence[_Run]) -> list[Line]:
    lines: list[Line] = []
    before = _Run(-1, 0, 0)
    for run in runs:
        text = quotes[run.passage].text
        spans = units(text)
        piece = text[spans[run.first][0] : spans[run.last][1]]
        if before.passage == run.passage and before.last < run.first:
            whole = lines.pop().text
            piece = whole + _gap(whole, piece) + piece
        lines.append(Line(piece, (run.passage + 1,), verbatim=True))
        before = run
    return lines


def _gap(before: str, after: str) -> str:
    """Return "…" for omitted units, on a line of its own beside lists, code and tables."""
    last, first = before.rsplit("\n", 1)[-1].lstrip(), after.split("\n", 1)[0]
    if last.startswith((*FENCES, "|")) or first.startswith((*FENCES, "|")):
        return "\n\n…\n\n"
    if any(LIST_MARKER.match(line) or line.startswith((">", "#")) for line in (last, first)):
        return "\n…\n"
    return " … "


def _with_context(text: str, spans: Sequence[tuple[int, int]], unit: int) -> tuple[int, int]:
    """Return the first and the last unit needed to understand the unit with the index `unit`."""
    first = last = unit
    while first > max(unit - MOST_ALONG, 0) and _needs_before(text, spans, first):
        if size(text[spans[first - 1][0] : spans[unit][1]]) > SHOWN_CHARACTERS:
            break
        first -= 1
    said = text[slice(*spans[unit])]
    if unit + 1 < len(spans) and (announces(said) or word_count(said) == 1):
        whole = text[spans[first][0] : spans[unit + 1][1]]
        last = unit + 1 if size(whole) <= UNIT_CHARACTERS else last
    return first, last


def _needs_before(text: str, spans: Sequence[tuple[int, int]], place: int) -> bool:
    said = text[slice(*spans[place])]
    if place and announces(text[slice(*spans[place - 1])]):
        return True
    code = said.startswith((*FENCES, "|"))
    return not code and (refers_back(said) or _CONTINUES.match(said) is not None)


def lead_in(text: str, unit: int) -> str:
    """Return the passage's text that a unit refers back to, or an empty string."""
    spans = units(text)
    first, _ = _with_context(text, spans, unit)
    return text[spans[first][0] : spans[unit - 1][1]] if first < unit else ""
