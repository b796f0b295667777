"""Sentences of a Markdown text, windows of sentences, and the units that are quoted whole.

All functions are pure.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from knowledge.languages.vocabularies import alternatives, tables, words
from knowledge.text import word_count

# The best size on four question sets (docs/decisions.md, retrieval): about one thought.
WINDOW_WORDS: Final = 50
WHOLE_WORDS: Final = 60

# A larger indent counts as this.
_INDENT_CHARACTERS: Final = 1_000

FENCES: Final = ("```", "~~~")
ROW: Final = "|"
# In a list item, code is indented.
_FENCE = re.compile(
    r"^[ \t]{0,12}(?P<fence>`{3,60}|~{3,60}).*?(?:^[ \t]{0,12}(?P=fence)[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
# Thai, Lao, Burmese and Khmer have no blanks between words, but between sentences.
_BLANKS_BETWEEN_SENTENCES: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
# Possessive, so that a long run of points is read once and matching stays linear.
_SENTENCE_END = re.compile(
    r"(?<![.!?…؟\u06d4।॥])[.!?…؟\u06d4।॥]++[)\]\"'”’»*_`]*+(?=\s)"
    # Without a blank behind. Japanese goes on with a particle behind a quotation.
    r"|(?<![。！？｡])[。！？｡]++(?:(?![」』】》])[”）*_]*+|[」』】》”）*_]++(?![\u3040-\u309f、，]))"
    rf"|(?<=[{_BLANKS_BETWEEN_SENTENCES}])(?=[ \t]++[{_BLANKS_BETWEEN_SENTENCES}])"
)
# Within these, a sentence of a quotation ends, not the one around it.
_OPENING_QUOTES: Final = "「『《"
_CLOSING_QUOTES: Final = "」』》"
_QUOTED_CHARACTERS: Final = 1_000
_WORD_BEGIN = re.compile(r"\S")
_LANGUAGES: Final = tuple(tables())
_ABBREVIATIONS: Final = sorted(words("abbreviations", "sentences", _LANGUAGES))
_ABBREVIATION_FORMS: Final = "|".join(map(re.escape, _ABBREVIATIONS)).replace(r"\.", r"\. ?")
_ABBREVIATION = re.compile(
    rf"(?:\b(?:{_ABBREVIATION_FORMS})"
    r"|\b[A-Za-z]|(?<=[\s*])\d{1,2}|^\d{1,2})\.$",
    re.IGNORECASE,
)
# The most characters that `_ABBREVIATION` matches, boundary included.
_ABBREVIATION_CHARACTERS: Final = 12
# Last words of abbreviations, checked first at a tenth of the cost.
_LAST_OF_ABBREVIATION: Final = frozenset(word.rpartition(".")[2] for word in _ABBREVIATIONS)
LIST_MARKER: Final = re.compile(r"\s{0,99}(?:[-*+•]|\d{1,3}[.)]|\*\*\d{1,3}[.)]\*\*)\s+")
# A label: a short line in bold, without a full stop.
_LABEL = re.compile(r"\s*(?:\*\*[^*\n]{1,80}(?<![.!])\*\*|__[^_\n]{1,80}(?<![.!])__)[ \t]*+:?\s*\Z")
# A number in bold with its point, the beginning of one of several rules.
_NUMBERED = re.compile(r"\s*\*\*\d{1,3}[.)]\s")
# Pictures, and links without a label, which show no text either.
_PICTURES = re.compile(r"\s*(?:(?:!\[[^\]\n]{0,1000}\]|\[\])\([^)\n]{0,2000}\)\s*)+\Z")
# Markdown's hard line break.
_LINE_BREAK: Final = " " * 2
_HEADING = re.compile(r"#{1,6}\s[^\n]*\Z")
_EXAMPLES = re.compile(
    rf"\W*{alternatives('examples', 'sentences', _LANGUAGES)}\W*\Z", re.IGNORECASE
)
# A sentence without a colon that only announces the next one.
_SHOWN_NEXT: Final = "(?:steps?|instructions?|commands?|examples?)"
_ANNOUNCEMENT = re.compile(
    r"[^\n]*?\b(?:as follows|the following(?: [\w-]+){0,3}"
    r"|(?:looks?|something|somewhat|appears?|done) like (?:this|so)"
    r"|(?:as|per|see|with|like|of|use|try|run|do|follow|perform|are|is)"
    r" (?:(?!it |them )[\w-]+ ){0,3}below)[*_]{0,3}[.…]{0,3}[*_]{0,3}\Z"
    rf"|[^\n]*?\bthe following(?: {_SHOWN_NEXT})? (?:should|will|may|might|can) [^.!?\n]{{1,60}}\."
    r"[*_]{0,3}\Z"
    r"|\W*below (?:is|are) [^.!?\n]{1,100}\.?[*_]{0,3}\Z",
    re.IGNORECASE,
)
_ANNOUNCING: Final = ("follow", "below", "like this", "like so")
_ANNOUNCING_CHARACTERS: Final = 130
# First words of a sentence that refer to something said before.
_REFERS_BACK = re.compile(
    rf"\W*{alternatives('refers_back', 'sentences', _LANGUAGES)}\b", re.IGNORECASE
)


def text_windows(text: str) -> list[str]:
    """The windows of a text; a short text is its own window."""
    return [text] if word_count(text) <= WHOLE_WORDS else sentence_windows(text)


def sentence_windows(text: str) -> list[str]:
    """Runs of sentences of about `WINDOW_WORDS` words, half overlapping."""
    pieces = [text[start:end] for start, end in sentences(text)]
    return [" ".join(pieces[first:last]) for first, last in window_runs(text)]


def window_runs(text: str) -> list[tuple[int, int]]:
    """The windows of a text as ranges [first, last) of sentence numbers."""
    sizes = [word_count(text[start:end]) for start, end in sentences(text)]
    runs: list[tuple[int, int]] = []
    first = 0
    while first < len(sizes):
        last, words = first, 0
        while last < len(sizes) and (words == 0 or words + sizes[last] <= WINDOW_WORDS):
            words += sizes[last]
            last += 1
        runs.append((first, last))
        if last == len(sizes):
            break
        step, skipped = first, 0
        while step < last and skipped < words / 2:
            skipped += sizes[step]
            step += 1
        first = max(step, first + 1)
    return runs


def sentences(text: str) -> list[tuple[int, int]]:
    """The spans (start, end) of the sentences of a Markdown text, in order, trimmed.

    A code fence and a table row are one sentence each, because marking or quoting a part would
    break them. A list item begins a sentence, and Markdown's hard line break ends a sentence. The
    points of abbreviations, initials and item numbers don't end one.
    """
    return list(_sentences(text))


def spans_within(
    spans: Sequence[tuple[int, int]], start: int, end: int
) -> Sequence[tuple[int, int]]:
    """The spans that begin in [`start`, `end`); `spans` are in order."""
    return spans[bisect_left(spans, (start, 0)) : bisect_left(spans, (end, 0))]


# Windows, quotation and excerpt of a passage all need its sentences.
@lru_cache(maxsize=1_024)
def _sentences(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(_spans(text))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    for start, end in fences(text):
        yield from _prose_sentences(text, position, start)
        yield start, end
        position = end
    yield from _prose_sentences(text, position, len(text))


def fences(text: str) -> Iterator[tuple[int, int]]:
    """The spans of code fences, from the opening mark to the end of the closing line."""
    # The pattern looks at every line, and hardly any text has a fence.
    if not any(mark in text for mark in FENCES):
        return iter(())
    return ((fence.start("fence"), fence.end()) for fence in _FENCE.finditer(text))


def fence_mark(opening: str) -> str:
    """The mark (three or more backticks or tildes) of a line that opens code."""
    return opening[: len(opening) - len(opening.lstrip(opening[:1]))]


def _prose_sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for block_start, block_end in _blocks(text, start, end):
        position = block_start
        marker = LIST_MARKER.match(text, block_start, block_end)
        first = marker.end() if marker is not None else block_start
        if text[block_start:block_end].lstrip().startswith("|"):
            first = block_end
        for match in _SENTENCE_END.finditer(text, first, block_end):
            ending = max(position, match.end() - _ABBREVIATION_CHARACTERS)
            following = _WORD_BEGIN.search(text, match.end(), block_end)
            if (
                (following is not None and following[0].islower())
                or _ends_abbreviated(text[ending : match.end()])
                or _is_within_quotation(text, max(position, first), match.end())
            ):
                continue
            yield from _trim(text, position, match.end())
            position = match.end()
        yield from _trim(text, position, block_end)


def _is_within_quotation(text: str, start: int, end: int) -> bool:
    """Whether a quotation in Chinese or Japanese marks is open from `start` to `end`."""
    said = text[max(start, end - _QUOTED_CHARACTERS) : end]
    if said.isascii():
        return False
    opened = sum(map(said.count, _OPENING_QUOTES))
    return opened > sum(map(said.count, _CLOSING_QUOTES))


def _ends_abbreviated(piece: str) -> bool:
    """Whether the full stop at the end may belong to an abbreviation."""
    if not piece.endswith("."):
        return False
    start = len(piece) - 1
    # No abbreviation is longer than nine characters with its boundary.
    while start > 0 and len(piece) - start <= 8 and piece[start - 1].isalnum():
        start -= 1
    last = piece[start:-1].lower()
    if len(last) > 2 and last not in _LAST_OF_ABBREVIATION:
        return False
    return _ABBREVIATION.search(piece, len(piece) - 9) is not None


def _blocks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The spans of blocks: paragraphs, and single lines.

    A table row, a line of pictures or a label is a block of its own. A list item begins a block.
    """
    position = start
    block = start
    broken = False
    for line in text[start:end].splitlines(keepends=True):
        alone = line.lstrip().startswith("|") or not line.strip() or shows_pictures(line)
        # After a hard line break, a small letter continues the sentence.
        begins = broken and not line.lstrip()[:1].islower()
        if alone or begins or LIST_MARKER.match(line) or _NUMBERED.match(line):
            yield block, position
            block = position
        # A line in bold in the middle of a paragraph is a part of it.
        alone = alone or (block == position and _LABEL.match(line) is not None)
        position += len(line)
        broken = line.rstrip("\n").endswith(_LINE_BREAK)
        if alone:
            yield block, position
            block = position
    yield block, end


def shows_pictures(line: str) -> bool:
    """Whether a line or a sentence has nothing but pictures."""
    return "](" in line and _PICTURES.match(line) is not None


def _trim(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if piece.strip():
        left = len(piece) - len(piece.lstrip())
        yield start + left, start + len(piece.rstrip())


@lru_cache(maxsize=1_024)
def units(text: str) -> tuple[tuple[int, int], ...]:
    """The spans of units that are quoted whole: sentences, list items, code, tables, in order.

    A list item includes the indented text and code below it, but not the items below it. Code
    indented by four spaces is one unit.
    """
    found: list[tuple[int, int]] = []
    for start, end in sentences(text):
        if found and _continues(text, found[-1], start):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)


def _continues(text: str, unit: tuple[int, int], start: int) -> bool:
    """Whether the sentence that begins at `start` belongs to the unit before it."""
    new_paragraph = text.count("\n", unit[1], start) > 1
    if text.startswith("|", unit[0]):
        return text.startswith("|", start) and not new_paragraph
    if text.startswith("|", start) or _is_item(text, start):
        return False
    indent, unit_indent = _indent(text, start), _indent(text, unit[0])
    if _is_item(text, unit[0]):
        # Without a blank line or code between, unindented text belongs to it, too.
        apart = new_paragraph or text.startswith(FENCES, start)
        return not apart or indent > unit_indent
    return min(indent, unit_indent) >= 4


def _is_item(text: str, start: int) -> bool:
    return _indent(text, start) >= 0 and LIST_MARKER.match(text, start) is not None


def _indent(text: str, start: int) -> int:
    """The number of spaces before `start` in its line; -1 if other text is before `start`."""
    # Bounded: in an endless line, every sentence would search back to its beginning.
    before = text[max(start - _INDENT_CHARACTERS, 0) : start]
    lead = before[before.rfind("\n") + 1 :]
    return len(lead) if not lead.strip() else -1


# A list of steps of up to this many characters is never cut: it is followed as a whole.
STEPS_CHARACTERS: Final = 1_000
_STEP: Final = re.compile(r"\s{0,99}(?:\d{1,3}[.)]|\*\*\d{1,3}[.)]\*\*)\s+")


@lru_cache(maxsize=1_024)
def steps_and_units(text: str) -> tuple[tuple[int, int], ...]:
    """The spans of `units`, with each list of steps of at most `STEPS_CHARACTERS` as one.

    Code below a step, and units set in below it, are parts of the list.
    """
    found: list[tuple[int, int]] = []
    steps: list[tuple[int, int]] = []
    for unit in units(text):
        is_step = _is_item(text, unit[0]) and _STEP.match(text, unit[0]) is not None
        is_below = steps and (
            text.startswith(FENCES, unit[0]) or _indent(text, unit[0]) > _indent(text, steps[0][0])
        )
        if not (is_step or is_below):
            found += _whole_if_short(steps)
            steps = []
        (steps if is_step or is_below else found).append(unit)
    return (*found, *_whole_if_short(steps))


def _whole_if_short(steps: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    if not steps or steps[-1][1] - steps[0][0] > STEPS_CHARACTERS:
        return steps
    return [(steps[0][0], steps[-1][1])]


def is_steps(text: str, unit: tuple[int, int]) -> bool:
    """Whether a span of `steps_and_units` is a list of steps that is short enough to stay whole."""
    return unit[1] - unit[0] <= STEPS_CHARACTERS and _STEP.match(text, unit[0]) is not None


def introduces(text: str, unit: tuple[int, int], following: tuple[int, int]) -> bool:
    """Whether a unit only leads in to the following one.

    It announces something (`announces`), or its sentence goes on in code, a table, a quotation or a
    list: "Replace the line", "with".
    """
    said = text[slice(*unit)]
    if announces(said):
        return True
    goes_on = text.startswith((*FENCES, ROW, ">"), following[0]) or (
        _is_item(text, following[0]) and not _is_item(text, unit[0])
    )
    return (
        goes_on
        and not said.startswith((*FENCES, ROW, ">"))
        and said.rstrip("*_ ")[-1:] not in _ENDS_A_THOUGHT
        and not shows_pictures(said)
    )


# A sentence that ends in one of these doesn't go on in the next block.
_ENDS_A_THOUGHT: Final = frozenset(".!?…。！？)]\"'”’»`>")


def announces(text: str) -> bool:
    """Whether a unit only announces the next one.

    Such a unit ends in a colon, is a heading or label, or says that something follows.
    """
    if text.startswith((*FENCES, ROW)):
        return False
    if text.rstrip("*_ )").endswith(":"):
        return True
    if _LABEL.match(text) or _HEADING.match(text) or _EXAMPLES.match(text):
        return True
    ending = text[-_ANNOUNCING_CHARACTERS:].lower()
    return any(word in ending for word in _ANNOUNCING) and _ANNOUNCEMENT.match(text) is not None


def refers_back(text: str) -> bool:
    """Whether a unit is an example, or its first word refers to something before ("This …")."""
    return _REFERS_BACK.match(text) is not None or _EXAMPLES.match(text) is not None


def passage_separator(before: str, after: str) -> str:
    """The separator between two passages of a section.

    It is a line end before a table row or list item, and an empty line after a list. Otherwise it
    is a hard line break, because the passages may be parts of one paragraph.
    """
    if after.startswith(ROW) or LIST_MARKER.match(after) is not None:
        return "\n"
    last = before.rpartition("\n\n")[2].split("\n")
    is_below = any(LIST_MARKER.match(line) is not None for line in last)
    return "\n\n" if is_below else f"{_LINE_BREAK}\n"


def has_header(rows: Sequence[str]) -> bool:
    """Whether a table begins with a header: its second row has only dashes."""
    return len(rows) > 2 and not rows[1].strip("|:- \t\n")
