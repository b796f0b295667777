"""Excerpt of a passage around the sentence that answers: whole sentences, list items, rows, code.

Pure. What is too long for Discord by itself is all that is cut: code and tables between two lines,
items between sentences, a sentence between words.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from bot.text.markdown import beginning, size
from bot.text.tables import LEFT_OUT, head_lines, shown_row
from indexer.text.passages import without_link_targets
from indexer.text.sentences import (
    FENCES,
    LIST_MARKER,
    ROW,
    announces,
    fence_mark,
    fences,
    have_head,
    meaning_begins,
    refers_back,
    sentences,
    shows_pictures,
    units,
    within,
)

# About so many characters stand in a line of a quotation on a phone, inside of a container.
LINE_CHARACTERS: Final = 26
# So many in one of a list, which a row of a table is, too, or of a quotation in a quotation.
INDENTED_CHARACTERS: Final = 22
# And so many in one of a list in a list.
NESTED_CHARACTERS: Final = 19

# A sentence or list item of no more than this is whole, whatever an excerpt may have: of a thousand
# one takes more than half of it.
WHOLE_CHARACTERS: Final = 1_300
# What the one that answers refers to, or announces, is taken along up to this.
TAKEN_ALONG_CHARACTERS: Final = 300

# What stands empty where something that no page shows was taken out.
_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n){2,}")
# What stands before the words of a quotation or a list item.
_MARKS: Final = re.compile(rf"(?:>[ \t]?)*(?:{LIST_MARKER.pattern})?")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Units:
    """A text with the spans of what an excerpt of it takes or leaves: never none."""

    text: str
    spans: Sequence[Span]

    def __getitem__(self, place: int) -> str:
        return self.text[slice(*self.spans[place])]

    def place(self, at: int) -> int:
        """Which of them a place in the text is in."""
        return next((i for i, (start, end) in enumerate(self.spans) if start <= at < end), 0)

    def room(self, first: int, last: int) -> int:
        return room(self.text[self.spans[first][0] : self.spans[last][1]])

    def _fits(self, first: int, limit: int, last: int) -> bool:
        return self.room(first, last) <= limit

    def beginning(self, place: int) -> int:
        """Where an excerpt with this one begins: with what it refers to, or is announced by."""
        return meaning_begins(self.text, self.spans, place)

    def end(self, place: int) -> int:
        """Where an excerpt with this one ends: with what it announces; -1 if there is nothing."""
        rest = range(place, len(self.spans))
        return next((i for i in rest if not announces(self[i])), -1)

    def shown(self, centre: int, limit: int, most: int) -> list[Span]:
        """The first and the last of each run that is shown: the opening, and what is around one.

        The opening says what the rest stands on, and mostly answers by itself.
        """
        behind = range(len(self.spans) - 1, centre - 1, -1)
        last = next((i for i in behind if not announces(self[i])), -1)
        # A list of which nothing is left out has no line that says so.
        spared = LINE_CHARACTERS * self._is_listed(centre)
        if last >= 0 and self.room(0, last) <= limit + spared:
            return [(0, last)]
        first, last = self._needed(centre, limit, most)
        opening = next(i for i in range(centre + 1) if not shows_pictures(self[i]) or i == centre)
        if self.room(opening, last) <= limit:
            return [(opening, self._down(opening, last, len(self.spans) - 1, limit))]
        left = limit - self.room(opening, opening)
        if not self._says(opening) or first <= opening or self.room(first, last) > left:
            return [self._around(centre, limit, most)]
        first, last = self._around(centre, left, most)
        return [(opening, last)] if first <= opening + 1 else [(opening, opening), (first, last)]

    def _says(self, place: int) -> bool:
        """Whether one is a sentence that says something by itself."""
        return not (
            announces(self[place]) or self[place].startswith(FENCES) or self._is_listed(place)
        )

    def _around(self, centre: int, limit: int, most: int) -> Span:
        """The first and the last of what is shown around one: its paragraph or list, then more."""
        first, last = self._needed(centre, limit, most)
        top, end = self._block(centre)
        if self._is_listed(centre):
            # A list or table is begun with what stands above it, or at least with its first item,
            # where that leaves room for two more below.
            below = max(last, min(centre + 2, end))
            tops = (top - 1, top, top + announces(self[top]))
            begun = (one for one in tops if 0 <= one <= first and self._fits(one, limit, below))
            first = next(begun, first)
        last = self._down(first, last, end, limit)
        first = self._up(first, last, top, limit)
        if self._needs_more(first):
            first = self._up(first, last, 0, limit)
        last = self._down(first, last, len(self.spans) - 1, limit)
        return self._up(first, last, 0, limit), last

    def _down(self, first: int, last: int, end: int, limit: int) -> int:
        """The last that fits below some, up to an end."""
        below = range(last + 1, end + 1)
        fitting = takewhile(lambda place: self._fits(first, limit, place), below)
        return max(filter(self._may_end, fitting), default=last)

    def _up(self, first: int, last: int, top: int, limit: int) -> int:
        """The first that fits above some, up to a top."""
        above = range(first - 1, top - 1, -1)
        fitting = takewhile(lambda place: self._fits(place, limit, last), above)
        return min(filter(self._may_begin, fitting), default=first)

    def _needed(self, centre: int, limit: int, most: int) -> Span:
        """The first and the last that one is shown with: what it refers to, and what it announces.

        Of what it refers to, as much as fits, and begins where nothing is referred to.
        """
        along = max(limit, TAKEN_ALONG_CHARACTERS)
        before = range(centre - 1, self.beginning(centre) - 1, -1)
        fits = takewhile(lambda place: self.room(place, centre) <= along, before)
        fitting = [*fits][::-1]
        whole = (place for place in fitting if not refers_back(self[place]))
        first = next(whole, [*fitting, centre][0])
        after = self.end(centre)
        if after > centre and (
            self.room(first, after) <= along
            or size(self.text[self.spans[first][0] : self.spans[after][1]])
            <= _allowed(self[after], most)
        ):
            return first, after
        return first, centre

    def _needs_more(self, place: int) -> bool:
        """Whether one means what stands before it: by its first word, or as code it explains."""
        explains = place > 0 and self[place - 1].startswith(FENCES)
        return explains or refers_back(self[place])

    def _may_begin(self, place: int) -> bool:
        """Whether an excerpt may begin with one: no picture, nor what something announces.

        With the first item of a list it may, where what announces that is too long.
        """
        announced = place > 0 and announces(self[place - 1]) and not self._is_listed(place)
        return not announced and not shows_pictures(self[place])

    def _may_end(self, place: int) -> bool:
        """Whether an excerpt may end with one: it announces nothing, and is no picture."""
        return not announces(self[place]) and not shows_pictures(self[place])

    def _block(self, place: int) -> Span:
        """The first and the last of the paragraph or list that one is in, with its announcement."""
        first = last = place
        while first > 0 and self._joined(first - 1):
            first -= 1
        while self._joined(last):
            last += 1
        return first, last

    def _joined(self, place: int) -> bool:
        """Whether one is in one paragraph or list with the next, or announces that."""
        if place + 1 >= len(self.spans):
            return False
        between = self.text[self.spans[place][1] : self.spans[place + 1][0]]
        return (
            between.count("\n") < 2
            or announces(self[place])
            or (self._is_listed(place) and self._is_listed(place + 1))
        )

    def _is_listed(self, place: int) -> bool:
        """Whether one is an item of a list or rows of a table."""
        return self[place].startswith(ROW) or LIST_MARKER.match(self[place]) is not None


def room(text: str) -> int:
    """How much of a phone's screen a text takes, in characters: a line begun counts as a whole one.

    Of a link, only the label is seen; of a table, neither the line below its head nor its bars; of
    the two lines with the marks of code, a frame that is as high as one.
    """
    lines = _BLANK_LINES.sub("\n\n", without_link_targets(text)).split("\n")
    marks = sum(line.lstrip().startswith(FENCES) for line in lines)
    return LINE_CHARACTERS * (sum(map(_lines, lines)) - marks // 2)


def _lines(line: str) -> int:
    """How many lines of a phone's screen one of a text takes."""
    if not line.startswith(ROW):
        return -(-size(line) // _width(line)) or 1
    return -(-size(shown_row(line)) // INDENTED_CHARACTERS)


def _width(line: str) -> int:
    is_item, is_set_in = LIST_MARKER.match(line) is not None, line.startswith((" ", ">"))
    if is_item and is_set_in:
        return NESTED_CHARACTERS
    return INDENTED_CHARACTERS if is_item or is_set_in else LINE_CHARACTERS


def excerpt(text: str, limit: int, deciding: Span | None, most: int = 0) -> tuple[str, bool]:
    """As much of a passage as fits, around the sentence that answers, that one in bold.

    It does not end with what only announces something, nor begin with "this" or "it" where what is
    meant stands before it.

    Args:
        text: the passage.
        limit: how much room it may take, in characters (`room`).
        deciding: the span of the sentence that answers, if one stands out.
        most: how many units of UTF-16 it may have where code or a table that answers takes more; a
            longer sentence or list item may take up to `WHOLE_CHARACTERS`.

    Returns:
        The excerpt, with … where something was left out, and whether anything was.
    """
    found = _Units(text, [*_shown_units(text, limit)])
    if not found.spans:
        return beginning(text, limit), size(text) > limit
    at = deciding[0] if deciding else 0
    centre = found.place(at)
    if head := _head_above(text, found.spans[centre][0]):
        limit = max(limit - room(head.rstrip()), LINE_CHARACTERS)
    whole = max(limit, _allowed(found[centre], most))
    if _measured(found[centre]) > whole:
        return _part(found, centre, limit, whole, deciding)
    return _cut_out(found, found.shown(centre, limit, most), deciding)


def _shown_units(text: str, limit: int) -> Iterator[Span]:
    """The spans of what is shown whole: the rows of a table that takes more room than there is.

    The first has the head above it.
    """
    for start, end in units(text):
        if not text.startswith(ROW, start) or room(text[start:end]) <= limit:
            yield start, end
            continue
        rows = within(sentences(text), start, end)
        first = head_lines([text[slice(*row)] for row in rows])
        yield start, rows[min(first, len(rows) - 1)][1]
        yield from rows[first + 1 :]


def _head_above(text: str, start: int) -> str:
    """The head of the table that an excerpt begins in, and that rows are left out; else nothing."""
    table = next((one for one in units(text) if one[0] < start < one[1]), None)
    if table is None or not text.startswith(ROW, table[0]):
        return ""
    rows = text[table[0] : start].split("\n")
    head = rows[: head_lines(rows)]
    return "".join(f"{row}\n" for row in [*head, LEFT_OUT]) if head else ""


def _allowed(unit: str, most: int) -> int:
    """How long a unit may be to be shown whole, where an excerpt may have so many."""
    return most if unit.startswith((*FENCES, ROW)) else min(most, WHOLE_CHARACTERS)


def _measured(unit: str) -> int:
    return size(unit) if unit.startswith((*FENCES, ROW)) else room(unit)


def _cut_out(found: _Units, runs: Sequence[Span], deciding: Span | None) -> tuple[str, bool]:
    text, shown, end = found.text, "", 0
    for first, last in runs:
        start, above = found.spans[first][0], text[end : found.spans[first][0]]
        end = found.spans[last][1]
        body = _without_blank_runs(_emphasised(text[start:end], start, deciding))
        body, _ = _marked(_head_above(text, start) + body, bool(above.strip()), cut_after=False)
        between = "\n\n" if "\n\n" in above else "\n" if body.startswith("…\n") else " "
        shown += between * bool(shown) + body
    left_out = len(runs) > 1 or bool(text[: found.spans[runs[0][0]][0]].strip())
    shown, is_cut = _marked(shown, False, bool(text[end:].strip()))
    return shown, is_cut or left_out


def _part(
    found: _Units, centre: int, limit: int, whole: int, deciding: Span | None
) -> tuple[str, bool]:
    """A part of the one unit that is too long: lines of code and tables, sentences, or words."""
    start, end = found.spans[centre]
    cut_before = centre > 0
    if found[centre].startswith(FENCES):
        return _marked(_some_lines(found[centre], whole), cut_before, cut_after=True)
    inner = within(sentences(found.text), start, end)
    parts = _Units(found.text, inner)
    at = parts.place(deciding[0] if deciding else start)
    if found[centre].startswith(ROW):
        return _marked(_some_rows(parts, at, whole), cut_before, cut_after=True)
    if room(parts[at]) <= whole:
        return _cut_out(parts, parts.shown(at, limit, whole), deciding)
    # One sentence longer than the limit: it is all there is, so bold would mark nothing.
    before = "… " if cut_before or at else ""
    return f"{before}{beginning(parts[at], limit - 1 - len(before)).rstrip()}…", True


def _some_rows(rows: _Units, at: int, limit: int) -> str:
    """The top of a table, and as many rows from the one that answers on as fit."""
    top = 2 if have_head([rows[i] for i in range(len(rows.spans))]) else 0
    kept = [rows[i] for i in range(top)]
    for place in range(max(at, top), len(rows.spans)):
        if len(kept) > top and size("\n".join([*kept, rows[place]])) > limit:
            break
        kept.append(rows[place])
    return beginning("\n".join(kept), limit)


def _some_lines(code: str, limit: int) -> str:
    """The first lines of code that fit, between its marks."""
    opening, *lines = code.split("\n")
    mark = fence_mark(opening)
    if lines and lines[-1].strip() == mark:
        lines.pop()
    room = limit - size(opening) - len(mark) - 2
    kept = beginning("\n".join(lines), room)
    if kept != "\n".join(lines) and "\n" in kept:
        kept = kept[: kept.rindex("\n")]
    return f"{opening}\n{kept}\n{mark}"


def _marked(body: str, cut_before: bool, cut_after: bool) -> tuple[str, bool]:
    """An excerpt with … where something was left out: apart from code, tables and lists."""
    before, after = "… ", " …"
    top, bottom = body.split("\n", 1)[0], body.rsplit("\n", 1)[-1]
    if top.startswith((*FENCES, ROW)):
        before = "…\n\n"
    elif top.startswith(">") or LIST_MARKER.match(top) is not None:
        before = "…\n"
    if bottom.lstrip().startswith((*FENCES, ROW)):
        after = "\n\n…"
    elif bottom.startswith((">", " ")) or LIST_MARKER.match(bottom) is not None:
        after = "\n…"
    cut = cut_before or cut_after
    return f"{before if cut_before else ''}{body}{after if cut_after else ''}", cut


def _without_blank_runs(text: str) -> str:
    """The text with one blank line where there are several, but in code."""
    parts: list[str] = []
    position = 0
    for start, end in fences(text) if _BLANK_LINES.search(text) is not None else ():
        parts += [_BLANK_LINES.sub("\n\n", text[position:start]), text[start:end]]
        position = end
    return "".join([*parts, _BLANK_LINES.sub("\n\n", text[position:])])


def _emphasised(text: str, offset: int, deciding: Span | None) -> str:
    """The text with the deciding sentence in bold, if that is not broken by what it contains."""
    if deciding is None:
        return text
    start, end = deciding[0] - offset, deciding[1] - offset
    if start < 0 or end > len(text):
        return text
    sentence = text[start:end]
    if sentence.startswith((*FENCES, ROW)) or "\n\n" in sentence:
        return text
    mark = _MARKS.match(sentence)
    lead = mark[0] if mark else ""
    inner = sentence[len(lead) :].replace("**", "")
    return f"{text[:start]}{lead}**{inner}**{text[end:]}"
