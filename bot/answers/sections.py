"""Section: the text under one heading, put together from its passages and cut into pages. Pure.

A page ends only between blocks: paragraphs, lists, tables and code. It never ends after a lead-in
("Run this:"). Only a block that is longer than a page is cut: between list items, rows, sentences,
or lines of code. Nothing is left out.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, zip_longest
from typing import Final, NamedTuple

from bot.text.markdown import safe_markdown, size, split
from bot.text.tables import is_row
from bot.text.wrapped_lines import join_lines, tighten
from indexer.index.stored_passage import StoredPassage
from indexer.text.passages import HEADING_SEPARATOR
from indexer.text.sentences import (
    FENCES,
    LIST_MARKER,
    introduces,
    passage_separator,
    sentences,
    spans_within,
    steps_and_units,
)
from knowledge.values.documents import Kind

# The largest number of characters of a quotation as shown, and of each page behind *Read on*.
QUOTED_CHARACTERS: Final = 1_200
PAGE_CHARACTERS: Final = 3_000
# A shorter rest isn't worth another page.
REST_CHARACTERS: Final = 200
# The positions before and after a passage between which its section and the headings beside it are
# looked for, so that a page of a thousand sections costs no more than others.
POSITIONS_AROUND: Final = 40

# Kinds of text typed in Discord, where line breaks are meant.
TYPED: Final = (Kind.NOTE, Kind.CHAT, Kind.CHANNEL)


class Section(NamedTuple):
    """The text under one heading, as Markdown.

    Attributes:
        text: the section's text, with the sections below it if a quotation has room for all.
        start: the offset in `text` of the passage that was asked for.
        below: the first passage of each section directly below that isn't in `text`.
        beside: the first passage of each other section near it in the document, in reading order.
    """

    text: str
    start: int
    below: tuple[StoredPassage, ...] = ()
    beside: tuple[StoredPassage, ...] = ()

    def pages(self, *, from_passage: bool) -> list[str]:
        """The section in pages: all of it, or from the block in which the passage begins.

        A section that fits into a quotation is one page, from its beginning.
        """
        blocks = _blocks(self.text)
        is_long = sum(block.length for block in blocks) > QUOTED_CHARACTERS + REST_CHARACTERS
        if from_passage and is_long:
            blocks = blocks[_first_block(blocks, self.start) :]
        return [*_pages(blocks)] or [self.text]


def section_of(own: StoredPassage, near: Sequence[StoredPassage]) -> Section:
    """The section of a passage; `near` are the passages around it in its document, in order."""
    runs: list[list[StoredPassage]] = []
    for passage in near:
        if runs and _key(passage) == _key(runs[-1][-1]):
            runs[-1].append(passage)
        else:
            runs.append([passage])
    place = next(i for i, run in enumerate(runs) if own.id in [passage.id for passage in run])
    end = place + 1
    while end < len(runs) and _is_below(runs[end][0].heading, own.heading):
        end += 1
    text, start = _joined(runs[place : place + 1], own)
    inside = runs[place + 1 : end]
    if inside:
        with_inside, whole_start = _joined(runs[place:end], own)
        if size(safe_markdown(with_inside)) <= QUOTED_CHARACTERS:
            text, start, inside = with_inside, whole_start, []
    # A section two headings below is named by the one between.
    below: dict[str, StoredPassage] = {}
    for run in inside:
        below.setdefault(_child(run[0].heading, own.heading), run[0])
    beside = (run[0] for run in (*runs[:place], *runs[end:]))
    return Section(text, start, tuple(below.values()), tuple(beside))


def passage_markdown(kind: Kind, text: str) -> str:
    """The Markdown of a text; wrapped lines are joined, except in notes and messages."""
    return tighten(text if kind in TYPED else join_lines(text)[0])[0]


def _key(passage: StoredPassage) -> tuple[int, str]:
    return passage.section, passage.heading


def _is_below(heading: str, own: str) -> bool:
    return heading.startswith(f"{own}{HEADING_SEPARATOR}") if own else bool(heading)


def _child(heading: str, own: str) -> str:
    below = heading.removeprefix(f"{own}{HEADING_SEPARATOR}") if own else heading
    return below.partition(HEADING_SEPARATOR)[0]


def _joined(runs: Sequence[Sequence[StoredPassage]], own: StoredPassage) -> tuple[str, int]:
    """The Markdown of sections, each below the first under its heading, and the offset of `own`."""
    text, start, heading = "", 0, own.heading
    for run in runs:
        if run[0].heading != heading:
            heading = run[0].heading
            text += f"\n\n**{heading.rpartition(HEADING_SEPARATOR)[2]}**\n"
        for number, passage in enumerate(run):
            if number:
                before = run[number - 1].text
                is_known = passage.section >= 0
                text += passage.separator if is_known else passage_separator(before, passage.text)
            start = len(text) if passage.id == own.id else start
            text += passage.text
    places = [start]
    if own.kind not in TYPED:
        text, places = join_lines(text, places)
    text, [start] = tighten(text, places)
    return text, start


class _Block(NamedTuple):
    """A block of a text, or a part of one that is too long for a page.

    `gap` is the text between it and the block before; `leads` says whether it leads in to the next.
    """

    start: int
    gap: str
    text: str
    leads: bool

    @property
    def length(self) -> int:
        return size(safe_markdown(self.text)) + len(self.gap)


def _blocks(text: str) -> list[_Block]:
    spans = [*_parts_of_pages(text)]
    ends = [0, *(end for _, end, _ in spans)]
    blocks = [
        _Block(start, text[before:start], text[start:end], leads)
        for (start, end, leads), before in zip(spans, ends, strict=False)
    ]
    return [part for block in blocks for part in _cut_code(block)]


def _parts_of_pages(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield the start and end of each block, and whether it leads in to the next block."""
    groups: list[list[tuple[int, int]]] = []
    for unit in steps_and_units(text):
        if groups and _is_same_block(text, groups[-1][-1], unit):
            groups[-1].append(unit)
        else:
            groups.append([unit])
    for group, following in zip_longest(groups, groups[1:]):
        start, end = group[0][0], group[-1][1]
        leads = following is not None and introduces(text, group[-1], following[0])
        if size(text[start:end]) <= QUOTED_CHARACTERS:
            yield start, end, leads
            continue
        parts = group if len(group) > 1 else _inner_spans(text, group[0])
        for part, after in zip_longest(parts, parts[1:]):
            yield *part, leads if after is None else introduces(text, part, after)


def _is_same_block(text: str, before: tuple[int, int], unit: tuple[int, int]) -> bool:
    listed = LIST_MARKER.match(text, before[0]) and LIST_MARKER.match(text, unit[0])
    apart = text.count("\n", before[1], unit[0]) > 1
    is_block = [text.startswith((*FENCES, "|"), start) for start, _ in (before, unit)]
    return bool(listed) or not (apart or any(is_block) or LIST_MARKER.match(text, unit[0]))


def _inner_spans(text: str, unit: tuple[int, int]) -> Sequence[tuple[int, int]]:
    """The sentences or rows of a long unit. A table's first row of values stays with its head."""
    inner = spans_within(sentences(text), *unit)
    if len(inner) > 3 and is_row(text[slice(*inner[0])]):
        return [(inner[0][0], inner[2][1]), *inner[3:]]
    return inner


def _cut_code(block: _Block) -> Iterator[_Block]:
    """Yield a block, or the parts of code that is too long for a page, each in fences."""
    if not block.text.startswith(FENCES) or size(block.text) <= PAGE_CHARACTERS:
        yield block
        return
    parts = split(safe_markdown(block.text), QUOTED_CHARACTERS)
    for number, part in enumerate(parts):
        gap = "\n" if number else block.gap
        yield _Block(block.start, gap, part, block.leads and number == len(parts) - 1)


def _first_block(blocks: Sequence[_Block], start: int) -> int:
    """The number of the block in which a passage begins, or of the lead-in to that block."""
    # The parts of cut code have the beginning of the whole.
    begins = max((block.start for block in blocks if block.start <= start), default=0)
    number = next((i for i, block in enumerate(blocks) if block.start >= begins), 0)
    while number and blocks[number - 1].leads:
        number -= 1
    return number


def _pages(blocks: Sequence[_Block]) -> Iterator[str]:
    """Yield the blocks as pages: the first as long as a quotation, the others longer."""
    most, rest = QUOTED_CHARACTERS, list(blocks)
    while rest:
        end = _end_of_page(rest, most)
        first, *others = rest[:end]
        yield first.text + "".join(f"{block.gap}{block.text}" for block in others)
        most, rest = PAGE_CHARACTERS, rest[end:]


def _end_of_page(blocks: Sequence[_Block], most: int) -> int:
    """The number of blocks on a page of about `most` characters."""
    lengths = [*accumulate(block.length for block in blocks)]
    if lengths[-1] <= most + REST_CHARACTERS:
        return len(blocks)
    ends = [number for number, block in enumerate(blocks, 1) if not block.leads]
    fitting = [end for end in ends if lengths[end - 1] <= most]
    # A lead-in and the block behind it may be longer than a page, but not than a message.
    return max(fitting, default=next(iter(ends), len(blocks)))
