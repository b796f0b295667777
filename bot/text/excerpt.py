"""Excerpt of a passage around the answering sentence, sized for a phone's screen. Pure.

A text consists of units: sentences, list items, code blocks and tables. A unit of up to four lines
is one piece. A longer unit is cut into pieces: its lines of code, its rows or its sentences. An
excerpt shows or omits each piece as a whole. Some pieces only introduce the next piece, such as a
heading or "It works like this:". Such a piece is said to announce the next piece.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import filterfalse, pairwise, takewhile
from typing import Final
from unicodedata import east_asian_width

from bot.text.markdown import beginning, size
from bot.text.tables import LEFT_OUT, head_lines, is_row, shown_table
from indexer.text.passages import LEAST_ENTRIES, without_link_targets
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
    spans_within,
    units,
)
from knowledge.languages.vocabularies import alternatives, tables

# Characters in a line of a quotation on a phone, inside a container.
LINE_CHARACTERS: Final = 30
# Number of characters by which a line of a list, a table or a nested quotation is shorter.
SET_IN_CHARACTERS: Final = 3
# Characters in a line of code, which wraps anywhere.
CODE_CHARACTERS: Final = 28

# Code, tables and list items up to this many lines are never cut.
WHOLE_LINES: Final = 4
# Up to this many lines, the answering sentence is never cut, even if it exceeds the limit.
MOST_LINES: Final = 19
# Invisible parts of a text.
_UNSEEN: Final = re.compile(r"\*\*|\\(?=[^\w\s])")
# Markers of quotations and list items.
_MARKS: Final = re.compile(rf"(?:>[ \t]?)*(?:{LIST_MARKER.pattern})?")

_NUMBERED: Final = re.compile(r"\s*(\d{1,3})[.)]\s")
# A sentence that says the text is outdated, or holds for one case only.
_WARNING: Final = re.compile(
    rf"\b{alternatives('warnings', 'answers', tuple(tables()))}\b", re.IGNORECASE
)
# The signature of an entry in a reference, which may be a list item.
_SIGNATURE: Final = re.compile(rf"(?:{LIST_MARKER.pattern})?`[^`\n]+`")
# Where a sentence that is too long is cut.
_ENDS_OF_CLAUSES: Final = re.compile(r"[,;:](?=\s)|[、，；：]")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Pieces:
    """A nonempty text and the spans of its pieces. Methods take a piece's index in `pieces`.

    Attributes:
        text: a passage, or the section with the passage.
        units: the spans of the units.
        pieces: the spans of the pieces.
        own: the first and last piece of the passage. Other pieces surround the passage.
        code: the spans of the code blocks.
        repeated: pieces that tell the reader nothing new.
        signatures: pieces that are the signatures of a reference's entries.
        centre: the answering piece.
    """

    text: str
    units: Sequence[Span]
    pieces: Sequence[Span]
    own: Span
    code: Sequence[Span]
    repeated: Set[int]
    signatures: Sequence[int]
    centre: int

    def __getitem__(self, place: int) -> str:
        return self.text[slice(*self.pieces[place])]

    @property
    def head(self) -> str:
        """The head above the answering piece, unless a run shows it with the piece."""
        is_below = self.centre - 1 in self.signatures
        return "" if is_below else self.head_above(self.centre)[0]

    def room(self, first: int, last: int) -> int:
        return room(self.text[self.pieces[first][0] : self.pieces[last][1]])

    def choose_runs(self, centre: Span, limit: int, also: Sequence[int]) -> list[Span]:
        """Return the first and last piece of each run to show.

        A run is a sequence of neighbouring pieces. The first run has the answering pieces. It is
        extended to the text needed to understand it. Then each of the pieces `also` gets a run, as
        far as the limit allows. The rest of the lines extends the runs: the first one to its
        paragraph or list, then each to the whole passage and to the whole section. If the first
        sentence of the passage is still omitted but fits, it becomes another run.
        """
        top, end = self.own
        run = self._complete(
            self._item(centre[0], limit)[0], self._item(centre[1], limit)[1], limit
        )
        whole = min(run[0], top), max(run[1], end)
        # A whole passage needs no line for the "…", so it may be a line longer.
        is_enough = all(whole[0] <= place <= whole[1] for place in also)
        if is_enough and self.room(*whole) <= limit + 1 and not self._announces(whole[1]):
            return [self._grow(*whole, limit)]
        runs = [run]
        for place in also:
            # If the text that it needs doesn't fit, the piece stands alone.
            whole_run = self._complete(*self._item(place, limit), limit)
            options = (_merge([*runs, run]) for run in (whole_run, (place, place)))
            runs = next((more for more in options if self._room_of(more) <= limit), runs)
        grown = ((self._grow, place) for place in (centre[0], *also))
        steps = ((self._block, centre[0]), *grown)
        for extended, place in steps:
            for run in [run for run in runs if run[0] <= place <= run[1]]:
                left = limit - self._room_of(runs) + self.room(*run)
                runs = _merge([*runs, extended(*run, left)])
        for before, after in pairwise(runs):
            # Steps with a gap mislead, so only those beside the answer are shown.
            if 0 < self._step(before[1]) < self._step(after[0]) - 1:
                lost = after if before[0] <= centre[0] <= before[1] else before
                rest = [i for i in also if not lost[0] <= i <= lost[1] or self.warns(i)]
                if len(rest) < len(also):
                    return self.choose_runs(centre, limit, rest)
        opening = next((i for i in range(top, end) if not shows_pictures(self[i])), top)
        if self._is_prose(opening) and opening not in self.repeated:
            more = _merge([*runs, (opening, opening)])
            runs = more if self._room_of(more) <= limit else runs
        return runs

    def _room_of(self, runs: Sequence[Span]) -> int:
        # The room of the centre's head is taken off the limit. A mark alone is no more than the "…"
        # in prose, which counts nothing.
        heads = {head for head, _ in self.heads(runs)} - {self.head, f"{LEFT_OUT}\n"}
        return sum(self.room(*run) for run in runs) + sum(map(room, heads))

    def heads(self, runs: Sequence[Span]) -> Iterator[tuple[str, int]]:
        """Yield the head to show above each run, and the offset of the text that it stands for."""
        shown_to = 0
        for first, last in runs:
            yield self.head_above(first, shown_to)
            shown_to = self.pieces[last][1]

    def head_above(self, place: int, shown_to: int = 0) -> tuple[str, int]:
        """The head of a table, or the signature of an entry, with a mark for omitted text.

        Also return its offset. Without a head, return "" and the offset of the piece. A head above
        the offset `shown_to` is shown already.
        """
        start = self.pieces[place][0]
        table = next((unit for unit in self.units if unit[0] < start < unit[1]), None)
        if table is not None and self.text.startswith(ROW, table[0]):
            rows = self.text[table[0] : start].split("\n")
            if not (head := rows[: head_lines(rows)]):
                return "", start
            lines = [LEFT_OUT] if table[0] < shown_to else [*head, LEFT_OUT]
            return "".join(f"{line}\n" for line in lines), table[0]
        above = bisect_right(self.signatures, place) - 1
        signature = self.signatures[above] if above >= 0 else place
        if signature == place or self.pieces[signature][0] < shown_to:
            return "", start
        # Below a list item, only the next paragraph is about it.
        below = self.text[self.pieces[signature + 1][0] : start]
        if not self[signature].startswith("`") and "\n\n" in below:
            return "", start
        gap = ("…\n" if _is_block(self[place]) else "… ") if signature < place - 1 else ""
        return f"{self[signature]}\n\n{gap}", self.pieces[signature][0]

    def _grow(self, first: int, last: int, limit: int) -> Span:
        """Extend a run within the passage, then within the section; each time down, then up."""
        for top, end in (self.own, (0, len(self.pieces) - 1)):
            last = self._down(first, last, end, limit)
            first = self._up(first, last, top, limit)
        return first, last

    def _up(self, first: int, last: int, top: int, limit: int) -> int:
        """Return the first piece of a run after extending it upwards, at most to `top`."""
        above = range(first - 1, top - 1, -1)
        fitting = takewhile(lambda place: self.room(place, last) <= limit, above)
        return min(filter(self._may_begin, fitting), default=first)

    def _down(self, first: int, last: int, end: int, limit: int) -> int:
        """Return the last piece of a run after extending it downwards, at most to `end`."""
        below = range(last + 1, end + 1)
        fitting = takewhile(lambda place: self.room(first, place) <= limit, below)
        return max(filter(self._may_end, fitting), default=last)

    def _item(self, centre: int, limit: int) -> Span:
        """Return the first and last piece of the list item around the piece `centre`.

        If the list item doesn't fit, or there is none, return `centre` alone.
        """
        start = self.pieces[centre][0]
        unit = next(unit for unit in self.units if start < unit[1])
        parts = [i for i, one in enumerate(self.pieces) if unit[0] <= one[0] < unit[1]]
        fits = LIST_MARKER.match(self.text, *unit) and self.room(parts[0], parts[-1]) <= limit
        return (parts[0], parts[-1]) if fits else (centre, centre)

    def _complete(self, first: int, last: int, limit: int) -> Span:
        """Extend a run to the text that the run announces, and to the text to which it refers back.

        If the text above doesn't fit as a whole, the run begins with a piece that needs no earlier
        text, if there is one.
        """
        after = self._end(last, limit)
        # An announcement is never shown alone, even if that takes more lines.
        last = after if self.room(first, after) <= limit + WHOLE_LINES else last
        before = range(first - 1, self._beginning(first) - 1, -1)
        fitting = [*takewhile(lambda place: self.room(place, last) <= limit, before)]
        whole = (place for place in fitting[::-1] if not self._needs_more(place))
        return next(whole, [first, *fitting][-1]), last

    def _beginning(self, place: int) -> int:
        """Return the first piece needed to understand the piece `place`.

        A piece needs the text that announces it, and the text to which it refers back.
        """
        while place > 0 and self._needs_more(place):
            place -= 1
        return place

    def _end(self, place: int, limit: int) -> int:
        """Return the last piece needed below the piece `place`, or `place` itself.

        If a piece announces text, the announced text is needed. If this text is code, only as many
        lines are needed as fit into half of the limit, up to one that opens no block.
        """
        rest = range(place, len(self.pieces))
        last = next((i for i in rest if not self._announces(i)), place)
        if last > place and (code := self._code_of(last)) is not None:
            lines = [i for i in rest if i > place and self._code_of(i) == code]
            fits = self.room(place, last) <= limit + WHOLE_LINES
            short = takewhile(lambda i: self.room(place, i) <= limit // 2, lines)
            last = max(filterfalse(self._announces, short), default=last if fits else lines[0])
        return last

    def _announces(self, place: int) -> bool:
        """Whether a piece announces the next one, as a line of code does whose block is set in."""
        if place in self.signatures:
            return True
        code = self._code_of(place)
        if code is None:
            return announces(self[place])
        if self.pieces[place][1] >= code[1]:
            return False
        below = next(filter(str.strip, self[place + 1].splitlines()), "")
        return _indentation(self[place].rsplit("\n", 1)[-1]) < _indentation(below)

    def _refers_back(self, place: int) -> bool:
        return self._code_of(place) is None and refers_back(self[place])

    def _needs_more(self, place: int) -> bool:
        """Whether a piece needs the piece above.

        A piece needs the piece above if that piece announces it, if the piece refers back, or if
        both are in one code block. Text below a code block needs the code, unless the text
        announces something. A piece that tells nothing new isn't needed.
        """
        if place == 0 or place - 1 in self.repeated:
            return False
        code, before = self._code_of(place), self._code_of(place - 1)
        if self._announces(place - 1) or code is not None:
            return self._announces(place - 1) or code == before
        explains = before is not None and not self._announces(place)
        return explains or self._refers_back(place)

    def _code_of(self, place: int) -> Span | None:
        """Return the span of the code block that contains a piece, if any."""
        start = self.pieces[place][0]
        at = bisect_right(self.code, (start, len(self.text))) - 1
        return self.code[at] if at >= 0 and start < self.code[at][1] else None

    def _may_begin(self, place: int) -> bool:
        """Whether an excerpt may begin with a piece.

        A piece with a picture, or one that needs earlier text, may not begin an excerpt. A list
        item doesn't need the text that announces the list.
        """
        listed = self._is_listed(place) and not self._refers_back(place)
        return (listed or not self._needs_more(place)) and not shows_pictures(self[place])

    def _may_end(self, place: int) -> bool:
        """Whether an excerpt may end with a piece: it announces nothing, and shows no picture."""
        return not self._announces(place) and not shows_pictures(self[place])

    def warns(self, place: int) -> bool:
        """Whether a piece is a short warning about the text."""
        if _WARNING.search(self[place]) is None:
            return False
        return self._is_prose(place) and room(self[place]) <= WHOLE_LINES

    def _is_prose(self, place: int) -> bool:
        """Whether a piece is a sentence of prose: no code, announcement or list item."""
        is_code = self._code_of(place) is not None
        return not (is_code or self._announces(place) or self._is_listed(place))

    def _block(self, first: int, last: int, limit: int) -> Span:
        """Extend a run to its paragraph or list.

        If the beginning of the paragraph or list fits, the run is extended up to it, and then to
        the announcement above, if that fits, too. Downwards, the run is extended as far as it fits.
        """
        top = first
        while top > self.own[0] and self._continues(top - 1):
            top -= 1
        end = last
        while end + 1 < len(self.pieces) and self._continues(end):
            end += 1
        tops = (self._beginning(top), top, top + self._announces(top))
        first = next((i for i in tops if i < first and self.room(i, last) <= limit), first)
        return first, self._down(first, last, end, limit)

    def _continues(self, place: int) -> bool:
        """Whether a piece is in the same paragraph or list as the next piece.

        Code belongs to the paragraph above the code, not to the text below.
        """
        if self._code_of(place) is not None:
            return False
        listed = self._is_listed(place) and self._is_listed(place + 1)
        return listed or self._between(place).count("\n") < 2

    def _between(self, place: int) -> str:
        return self.text[self.pieces[place][1] : self.pieces[place + 1][0]]

    def _step(self, place: int) -> int:
        """Return the number of the list item with a piece; 0 outside numbered lists."""
        while (number := _NUMBERED.match(self[place])) is None:
            if place == 0 or self._between(place - 1).count("\n") > 1:
                return 0
            place -= 1
        return int(number[1])

    def _is_listed(self, place: int) -> bool:
        """Whether a piece is a list item or a row of a table."""
        return self[place].startswith(ROW) or LIST_MARKER.match(self[place]) is not None


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _piece_at(pieces: Sequence[Span], offset: int, otherwise: int) -> int:
    """Return the first piece that ends after an offset of the text."""
    return next((i for i, piece in enumerate(pieces) if offset < piece[1]), otherwise)


def _merge(runs: Sequence[Span]) -> list[Span]:
    """Return runs in order, with those that overlap or touch as one."""
    merged: list[Span] = []
    for first, last in sorted(runs):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


@lru_cache(maxsize=1_024)
def room(text: str) -> int:
    """Return how many lines of a phone's screen a text takes.

    A link takes the room of its label, and a table takes the room of its shown rows. The fence of a
    code block takes one and a half lines, and a blank line half a line.
    """
    taken, halves, in_code = 0, 0, False
    for line in without_link_targets("\n".join(_shown_lines(text))).split("\n"):
        if line.lstrip().startswith(FENCES):
            halves += 3 * (not in_code)
            in_code = not in_code
        elif not (in_code or line.strip()):
            halves += 1
        else:
            taken += (-(-size(line) // CODE_CHARACTERS) or 1) if in_code else _lines_on_phone(line)
    return taken + halves // 2


def _shown_lines(text: str) -> Iterator[str]:
    """Yield the lines of a text, with tables as Discord shows them."""
    rows: list[str] = []
    in_code = False
    for line in text.split("\n"):
        if is_row(line) and not in_code:
            rows.append(line)
            continue
        yield from _shown_rows(rows)
        rows.clear()
        in_code ^= line.lstrip().startswith(FENCES)
        yield line
    yield from _shown_rows(rows)


def _shown_rows(rows: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a shown table, without code fences and the line below the head."""
    yield from (line for line in shown_table(rows) if line.strip("`- ")) if rows else ()


@lru_cache(maxsize=4_096)
def _lines_on_phone(line: str) -> int:
    is_item, is_set_in = LIST_MARKER.match(line) is not None, line.startswith((" ", ">"))
    line = _UNSEEN.sub("", line)
    return _wrapped_lines(line, LINE_CHARACTERS - SET_IN_CHARACTERS * (is_item + is_set_in))


def _width(text: str) -> int:
    """Return a text's width in Latin letters; letters of East Asia are twice as wide."""
    wide = 0 if text.isascii() else sum(east_asian_width(sign) in "WF" for sign in text)
    return size(text) + wide


def _wrapped_lines(text: str, characters: int) -> int:
    taken, used = 1, 0
    for word in text.split():
        length = _width(word)
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
    *,
    also: Sequence[int] = (),
    is_bold: bool = True,
    repeated: Sequence[Span] = (),
) -> tuple[str, bool]:
    """Cut a passage to `limit` lines around the answering sentence, and put this sentence in bold.

    The excerpt doesn't end with a sentence that only introduces omitted text, nor begin with a
    "this" or "it" that refers to omitted text.

    Args:
        text: the passage, or the section with the passage.
        limit: the number of lines on a phone (`room`).
        deciding: the span of the answering sentences, or None if no sentence stands out.
        own: the span of the passage in `text`; None if `text` is the passage.
        most: an answering sentence with at most this many lines is shown whole, even if it exceeds
            `limit`.
        also: offsets of other sentences to show, the most important first.
        is_bold: False if the answering sentence isn't likely enough to be put in bold.
        repeated: the spans of text that only repeats the question. It is shown last.

    Returns:
        The excerpt, with … for omissions, and whether text of the passage or section is omitted.
    """
    begin, end = own or (0, len(text))
    pieces = [piece for unit in units(text) for piece in _pieces(text, unit, limit)]
    places = [i for i, piece in enumerate(pieces) if piece[1] > begin and piece[0] < end]
    if not places:
        return beginning(text[begin:end], limit * LINE_CHARACTERS), room(text[begin:end]) > limit
    at, until = deciding or (begin, begin + 1)
    centre = _piece_at(pieces, at, places[0])
    known = {
        i
        for i, (start, _) in enumerate(pieces)
        if i != centre and any(first <= start < last for first, last in repeated)
    }
    new = [i for i in places if i not in known] or [centre]
    # Above another signature, it has no text of its own: it is an overload, or in a list.
    are = [_SIGNATURE.fullmatch(text, *piece) is not None for piece in pieces]
    signatures = [
        i for i, (is_one, is_next) in enumerate(pairwise([*are, True])) if is_one and not is_next
    ]
    if len(signatures) < LEAST_ENTRIES:
        signatures.clear()
    ends = new[0], new[-1]
    found = _Pieces(text, units(text), pieces, ends, [*fences(text)], known, signatures, centre)
    if head := found.head:
        limit = max(limit - room(head.rstrip()), 1)
    limit = max(limit, min(room(found[centre]), most))
    if room(found[centre]) <= limit:
        wanted = [_piece_at(pieces, place, centre) for place in also]
        wanted = [place for place in wanted if place not in known]
        warnings = [*filter(found.warns, places)]
        last = max(_piece_at(pieces, until - 1, centre), centre)
        last = last if found.room(centre, last) <= limit else centre
        runs = found.choose_runs((centre, last), limit, [*warnings, *wanted])
        return _cut_out(found, runs, deciding if is_bold else None, (begin, end))
    # A single sentence above the limit is all there is, so bold would mark nothing.
    before = "… " if centre > places[0] else ""
    characters = limit * LINE_CHARACTERS - 1 - len(before)
    return f"{before}{_beginning_of_sentence(found[centre], characters)}…", True


def _beginning_of_sentence(sentence: str, characters: int) -> str:
    """Return about the first `characters` of a sentence, up to the end of a clause or a word."""
    most = characters * size(sentence) // max(_width(sentence), 1)
    cut = beginning(sentence, most).rstrip()
    ends = [*_ENDS_OF_CLAUSES.finditer(cut, len(cut) // 2)]
    place = ends[-1].end() if ends else cut.rfind(" ", len(cut) // 2)
    return cut[:place].rstrip() if place > 0 else cut


def _pieces(text: str, unit: Span, limit: int) -> Iterator[Span]:
    """Yield the spans of the pieces of a unit: the whole unit, or its lines, rows or sentences."""
    start, end = unit
    if room(text[start:end]) <= min(WHOLE_LINES, limit):
        yield unit
    elif text.startswith(FENCES, start):
        yield from _lines_of_code(text, unit)
    elif text.startswith(ROW, start):
        rows = spans_within(sentences(text), start, end)
        first = head_lines([text[slice(*row)] for row in rows])
        # The first piece includes the head.
        yield start, rows[min(first, len(rows) - 1)][1]
        yield from rows[first + 1 :]
    else:
        inner = spans_within(sentences(text), start, end)
        for one in inner:
            yield from _pieces(text, one, limit) if len(inner) > 1 else [unit]


def _lines_of_code(text: str, code: Span) -> Iterator[Span]:
    """Yield the spans of a code block's lines, each with the blank lines above it.

    The first span includes the opening fence, and the last span the closing fence.
    """
    start, end = code
    ends = [i for i in range(start, end) if text[i] == "\n"]
    cuts = [one for before, one in pairwise(ends) if text[before:one].strip()][:-1]
    for cut in (*cuts, end):
        yield start, cut
        start = cut + 1


def _cut_out(
    found: _Pieces, runs: Sequence[Span], deciding: Span | None, own: Span
) -> tuple[str, bool]:
    text, shown = found.text, ""
    end = min(own[0], found.pieces[runs[0][0]][0])
    for (first, last), (head, top) in zip(runs, found.heads(runs), strict=True):
        start = found.pieces[first][0]
        # The head's own mark stands for the text omitted below it.
        gap, is_cut = text[end:start], bool(text[end:top].strip())
        end = found.pieces[last][1]
        body = _emphasise(text[start:end], start, deciding)
        body = head + _fence(found, body, start, end)
        body = _mark_cuts(body, is_cut, cut_after=False)
        is_apart = head or body.startswith("…\n") or shown.endswith(FENCES)
        between = "\n\n" if "\n\n" in gap else "\n" if is_apart else " "
        shown += between * bool(shown) + body
    left_out = len(runs) > 1 or bool(text[own[0] : found.pieces[runs[0][0]][0]].strip())
    is_cut = bool(text[end:].strip())
    return _mark_cuts(shown, False, is_cut), is_cut or left_out


def _fence(found: _Pieces, body: str, start: int, end: int) -> str:
    """Add an opening or closing fence if `body` starts or ends inside a code block."""
    for first, last in found.code:
        opening = found.text[first : found.text.find("\n", first)]
        lead = found.text[found.text.rfind("\n", 0, first) + 1 : first]
        if first < start < last:
            body = f"{lead}{opening}\n{body}"
        if first < end < last:
            body = f"{body}\n{lead if not lead.strip() else ''}{fence_mark(opening)}"
    return body


def _mark_cuts(body: str, cut_before: bool, cut_after: bool) -> str:
    """Add … where text was cut: on the same line in prose, on a line of its own beside blocks."""
    top, bottom = body.split("\n", 1)[0], body.rsplit("\n", 1)[-1]
    before = "…\n" if _is_block(top) else "… "
    after = "\n…" if _is_block(bottom) or bottom.startswith(" ") else " …"
    return f"{before if cut_before else ''}{body}{after if cut_after else ''}"


def _is_block(line: str) -> bool:
    is_item = LIST_MARKER.match(line) is not None
    return is_item or line.lstrip().startswith((*FENCES, ROW, ">"))


def _emphasise(text: str, offset: int, deciding: Span | None) -> str:
    """Return the text with the answering sentences in bold, except code and table rows."""
    if deciding is None:
        return text
    first, last = deciding[0] - offset, deciding[1] - offset
    if first < 0 or last > len(text):
        return text
    for start, end in reversed(sentences(text)):
        begin, stop = max(start, first), min(end, last)
        sentence = text[begin:stop]
        if begin < stop and not sentence.startswith((*FENCES, ROW)):
            mark = _MARKS.match(sentence)
            lead = mark[0] if mark else ""
            inner = sentence[len(lead) :].replace("**", "")
            text = f"{text[:begin]}{lead}**{inner}**{text[stop:]}"
    return text
