"""Excerpt of a passage around the sentence that answers: as much as a phone's screen shows.

Pure. It is cut between sentences, list items, code and tables. Of what takes more than half of the
room, it is cut between lines of code, rows, and the sentences of an item.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, takewhile
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
    refers_back,
    sentences,
    shows_pictures,
    units,
    within,
)

# So many characters stand in a line of a quotation on a phone, inside of a container.
LINE_CHARACTERS: Final = 30
# So many fewer in a list, which a row of a table is, too, or in a quotation in a quotation.
SET_IN_CHARACTERS: Final = 3
# Code breaks anywhere.
CODE_CHARACTERS: Final = 28

# Code, tables and list items of no more lines are whole.
WHOLE_LINES: Final = 4
# And what answers, whatever room there is.
MOST_LINES: Final = 19
# What is not seen of a text.
_UNSEEN: Final = re.compile(r"\*\*|\\(?=[^\w\s])")
# What stands before the words of a quotation or a list item.
_MARKS: Final = re.compile(rf"(?:>[ \t]?)*(?:{LIST_MARKER.pattern})?")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Units:
    """A text with the spans of what an excerpt of it takes or leaves: never none.

    `own` are the first and the last that are of the passage; the others stand around it. `units`
    and `code` are the spans of sentences, items and so on, which one can be a part of.
    """

    text: str
    units: Sequence[Span]
    spans: Sequence[Span]
    own: Span
    code: Sequence[Span]

    def __getitem__(self, place: int) -> str:
        return self.text[slice(*self.spans[place])]

    def room(self, first: int, last: int) -> int:
        return room(self.text[self.spans[first][0] : self.spans[last][1]])

    def shown(self, centre: int, limit: int) -> list[Span]:
        """The first and the last of each run that is shown.

        That is one with what it needs, its paragraph or list, and what follows; then what is above,
        and more of the section. In what is left stands the opening of the passage.
        """
        top, end = self.own
        first, last = self._block(*self._needed(*self._item(centre, limit), limit), limit)
        whole = min(first, top), max(last, end)
        # Where nothing is left out, no sign says so.
        if self.room(*whole) <= limit + 1 and not self._announces(whole[1]):
            return [self._grown(*whole, limit)]
        first, last = self._grown(first, last, limit)
        said = (i for i in range(top, first) if not shows_pictures(self[i]))
        opening = next(said, first)
        left = limit - self.room(first, last)
        if opening < first and self._says(opening) and self.room(opening, opening) <= left:
            return [(opening, opening), (first, last)]
        return [(first, last)]

    def _grown(self, first: int, last: int, limit: int) -> Span:
        """The same with what fits below, and then above: of the passage, then of its section."""
        for top, end in (self.own, (0, len(self.spans) - 1)):
            last = self._down(first, last, end, limit)
            first = self._up(first, last, top, limit)
        return first, last

    def _up(self, first: int, last: int, top: int, limit: int) -> int:
        """The first that fits above some, up to a top."""
        above = range(first - 1, top - 1, -1)
        fitting = takewhile(lambda place: self.room(place, last) <= limit, above)
        return min(filter(self._may_begin, fitting), default=first)

    def _down(self, first: int, last: int, end: int, limit: int) -> int:
        """The last that fits below some, up to an end."""
        below = range(last + 1, end + 1)
        fitting = takewhile(lambda place: self.room(first, place) <= limit, below)
        return max(filter(self._may_end, fitting), default=last)

    def _item(self, centre: int, limit: int) -> Span:
        """The first and the last of the item of a list that one is a part of, if that fits."""
        start = self.spans[centre][0]
        unit = next(one for one in self.units if start < one[1])
        parts = [i for i, one in enumerate(self.spans) if unit[0] <= one[0] < unit[1]]
        fits = LIST_MARKER.match(self.text, *unit) and self.room(parts[0], parts[-1]) <= limit
        return (parts[0], parts[-1]) if fits else (centre, centre)

    def _needed(self, first: int, last: int, limit: int) -> Span:
        """The same with what it announces, and what it refers to.

        Of what it refers to, as much as fits, from where nothing is referred to.
        """
        after = self._end(last, limit)
        # Nothing is announced that is not shown, even if that takes some lines more.
        last = after if self.room(first, after) <= limit + WHOLE_LINES else last
        before = range(first - 1, self._beginning(first) - 1, -1)
        fitting = [*takewhile(lambda place: self.room(place, last) <= limit, before)]
        whole = (place for place in fitting[::-1] if not self._needs_more(place))
        return next(whole, [first, *fitting][-1]), last

    def _beginning(self, place: int) -> int:
        """Where an excerpt with this one begins: with what it refers to, or is announced by."""
        while place > 0 and self._needs_more(place):
            place -= 1
        return place

    def _end(self, place: int, limit: int) -> int:
        """Where an excerpt with this one ends: with what it announces, of code with some lines."""
        rest = range(place, len(self.spans))
        last = next((i for i in rest if not self._announces(i)), place)
        if last > place and (code := self._code_of(last)) is not None:
            lines = (i for i in range(last, len(self.spans)) if self.spans[i][1] <= code[1])
            last = max(takewhile(lambda i: self.room(place, i) <= limit // 2, lines), default=last)
        return last

    def _announces(self, place: int) -> bool:
        return self._code_of(place) is None and announces(self[place])

    def _refers_back(self, place: int) -> bool:
        return self._code_of(place) is None and refers_back(self[place])

    def _needs_more(self, place: int) -> bool:
        """Whether one means what stands before it: by its first word, or beside code."""
        if place == 0:
            return False
        code, before = self._code_of(place), self._code_of(place - 1)
        if self._announces(place - 1) or code is not None:
            return self._announces(place - 1) or code == before
        explains = before is not None and not self._announces(place)
        return explains or self._refers_back(place)

    def _code_of(self, place: int) -> Span | None:
        """The code that one is, or is a line of."""
        start = self.spans[place][0]
        at = bisect_right(self.code, (start, len(self.text))) - 1
        return self.code[at] if at >= 0 and start < self.code[at][1] else None

    def _may_begin(self, place: int) -> bool:
        """Whether an excerpt may begin with one: neither a picture, nor what means something else.

        With the first item of a list it may, where what announces that is too long.
        """
        listed = self._is_listed(place) and not self._refers_back(place)
        return (listed or not self._needs_more(place)) and not shows_pictures(self[place])

    def _may_end(self, place: int) -> bool:
        """Whether an excerpt may end with one: it announces nothing, and is no picture."""
        return not self._announces(place) and not shows_pictures(self[place])

    def _says(self, place: int) -> bool:
        """Whether one is a sentence that says something by itself."""
        is_code = self._code_of(place) is not None
        return not (is_code or self._announces(place) or self._is_listed(place))

    def _block(self, first: int, last: int, limit: int) -> Span:
        """The same with the paragraph or list around it, as far as that fits.

        That is from its top, of a list from what announces it, or at least from its first item; and
        to its end.
        """
        top = first
        while top > self.own[0] and self._joined(top - 1):
            top -= 1
        end = last
        while end + 1 < len(self.spans) and self._joined(end):
            end += 1
        tops = (self._beginning(top), top, top + self._announces(top))
        first = next((i for i in tops if i < first and self.room(i, last) <= limit), first)
        return first, self._down(first, last, end, limit)

    def _joined(self, place: int) -> bool:
        """Whether one is in one paragraph or list with the next; code is with what is above it."""
        if self._code_of(place) is not None:
            return False
        listed = self._is_listed(place) and self._is_listed(place + 1)
        return listed or self._between(place).count("\n") < 2

    def _between(self, place: int) -> str:
        return self.text[self.spans[place][1] : self.spans[place + 1][0]]

    def _is_listed(self, place: int) -> bool:
        """Whether one is an item of a list or rows of a table."""
        return self[place].startswith(ROW) or LIST_MARKER.match(self[place]) is not None


def room(text: str) -> int:
    """How many lines of a phone's screen a text takes.

    Of a link, only the label is seen; of a table, neither the line below its head nor its bars; of
    the lines with the marks of code, a frame that is as high as one and a half. Two blank lines
    are as high as one with words.
    """
    taken, halves, in_code = 0, 0, False
    for line in without_link_targets(text).split("\n"):
        if line.lstrip().startswith(FENCES):
            halves += 3 * (not in_code)
            in_code = not in_code
        elif not (in_code or line.strip()):
            halves += 1
        else:
            taken += (-(-size(line) // CODE_CHARACTERS) or 1) if in_code else _lines(line)
    return taken + halves // 2


@lru_cache(maxsize=4_096)
def _lines(line: str) -> int:
    """How many lines of a phone's screen one of a text takes."""
    if line.startswith(ROW):
        row = shown_row(line)
        return _wrapped(row, LINE_CHARACTERS - SET_IN_CHARACTERS) if row else 0
    is_item, is_set_in = LIST_MARKER.match(line) is not None, line.startswith((" ", ">"))
    line = _UNSEEN.sub("", line)
    return _wrapped(line, LINE_CHARACTERS - SET_IN_CHARACTERS * (is_item + is_set_in))


def _wrapped(text: str, characters: int) -> int:
    """How many lines of so many characters a text takes, wrapped between words: one at least."""
    taken, used = 1, 0
    for word in text.split():
        length = size(word)
        if used and used + 1 + length > characters:
            taken, used = taken + 1, 0
        used += length + (used > 0)
        taken, used = taken + (used - 1) // characters, (used - 1) % characters + 1
    return taken


def excerpt(
    text: str,
    limit: int,
    deciding: Span | None,
    own: Span | None = None,
    most: int = MOST_LINES,
) -> tuple[str, bool]:
    """As much of a passage as fits, around the sentence that answers, that one in bold.

    It does not end with what only announces something, nor begin with "this" or "it" where what is
    meant stands before it.

    Args:
        text: the passage, or its section.
        limit: how many lines of a phone it may take (`room`).
        deciding: the span of the sentence that answers, if one stands out.
        own: the span of the passage in its section.
        most: how many lines a sentence that answers has at most where it is whole all the same.

    Returns:
        The excerpt, with … where something of the passage was left out or follows in its section,
        and whether anything was or does.
    """
    begin, end = own or (0, len(text))
    spans = [piece for unit in units(text) for piece in _pieces(text, unit, limit)]
    places = [i for i, span in enumerate(spans) if span[1] > begin and span[0] < end]
    if not places:
        return beginning(text[begin:end], limit * LINE_CHARACTERS), room(text[begin:end]) > limit
    found = _Units(text, units(text), spans, (places[0], places[-1]), [*fences(text)])
    at = deciding[0] if deciding else begin
    centre = next((i for i in places if at < spans[i][1]), places[0])
    if head := _head_above(text, spans[centre][0]):
        limit = max(limit - room(head.rstrip()), 1)
    limit = max(limit, min(room(found[centre]), most))
    if room(found[centre]) <= limit:
        return _cut_out(found, found.shown(centre, limit), deciding, (begin, end))
    # One sentence longer than the limit: it is all there is, so bold would mark nothing.
    before = "… " if centre > places[0] else ""
    characters = limit * LINE_CHARACTERS - 1 - len(before)
    return f"{before}{beginning(found[centre], characters).rstrip()}…", True


def _pieces(text: str, unit: Span, limit: int) -> Iterator[Span]:
    """The spans of what a unit is cut into that takes more than half of the room."""
    start, end = unit
    if room(text[start:end]) <= min(WHOLE_LINES, limit):
        yield unit
    elif text.startswith(FENCES, start):
        yield from _lines_of_code(text, unit)
    elif text.startswith(ROW, start):
        rows = within(sentences(text), start, end)
        first = head_lines([text[slice(*row)] for row in rows])
        # The first has the head above it.
        yield start, rows[min(first, len(rows) - 1)][1]
        yield from rows[first + 1 :]
    else:
        inner = within(sentences(text), start, end)
        for one in inner:
            yield from _pieces(text, one, limit) if len(inner) > 1 else [unit]


def _lines_of_code(text: str, code: Span) -> Iterator[Span]:
    """The spans of lines of code, with the blank ones above; the first and the last have marks."""
    start, end = code
    ends = [i for i in range(start, end) if text[i] == "\n"]
    cuts = [one for before, one in pairwise(ends) if text[before:one].strip()][:-1]
    for cut in (*cuts, end):
        yield start, cut
        start = cut + 1


def _head_above(text: str, start: int) -> str:
    """The head of the table that an excerpt begins in, and that rows are left out; else nothing."""
    table = next((one for one in units(text) if one[0] < start < one[1]), None)
    if table is None or not text.startswith(ROW, table[0]):
        return ""
    rows = text[table[0] : start].split("\n")
    head = rows[: head_lines(rows)]
    return "".join(f"{row}\n" for row in [*head, LEFT_OUT]) if head else ""


def _cut_out(
    found: _Units, runs: Sequence[Span], deciding: Span | None, own: Span
) -> tuple[str, bool]:
    text, shown = found.text, ""
    end = min(own[0], found.spans[runs[0][0]][0])
    for first, last in runs:
        start, above = found.spans[first][0], text[end : found.spans[first][0]]
        end = found.spans[last][1]
        body = _emphasised(text[start:end], start, deciding)
        body = _head_above(text, start) + _marked_code(found, body, start, end)
        body = _marked(body, bool(above.strip()), cut_after=False)
        between = "\n\n" if "\n\n" in above else "\n" if body.startswith("…\n") else " "
        shown += between * bool(shown) + body
    left_out = len(runs) > 1 or bool(text[own[0] : found.spans[runs[0][0]][0]].strip())
    is_cut = bool(text[end:].strip())
    return _marked(shown, False, is_cut), is_cut or left_out


def _marked_code(found: _Units, body: str, start: int, end: int) -> str:
    """A part of a text with the marks of code that it begins or ends inside of."""
    for first, last in found.code:
        opening = found.text[first : found.text.find("\n", first)]
        lead = found.text[found.text.rfind("\n", 0, first) + 1 : first]
        if first < start < last:
            body = f"{lead}{opening}\n{body}"
        if first < end < last:
            body = f"{body}\n{lead if not lead.strip() else ''}{fence_mark(opening)}"
    return body


def _marked(body: str, cut_before: bool, cut_after: bool) -> str:
    """An excerpt with … where something was left out: apart from code, tables and lists."""
    top, bottom = body.split("\n", 1)[0], body.rsplit("\n", 1)[-1]
    before = "…\n" if _is_block(top) else "… "
    after = "\n…" if _is_block(bottom) or bottom.startswith(" ") else " …"
    return f"{before if cut_before else ''}{body}{after if cut_after else ''}"


def _is_block(line: str) -> bool:
    is_item = LIST_MARKER.match(line) is not None
    return is_item or line.lstrip().startswith((*FENCES, ROW, ">"))


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
