"""Sentences of a Markdown text, the windows made of them, and the units that are quoted whole.

All functions are pure.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

# A window is about one thought: found best on four question sets (docs/decisions.md, retrieval).
WINDOW_WORDS: Final = 50
WHOLE_WORDS: Final = 60

# In a step of a list, code is indented.
_FENCE = re.compile(
    r"^[ \t]{0,12}(?P<fence>`{3,}|~{3,}).*?(?:^[ \t]{0,12}(?P=fence)[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_SENTENCE_END = re.compile(r"[.!?…]+[)\]\"'”’»*_`]*(?=\s)|[。！？]+[」』”）]*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|approx|no|nos|fig|eq|sec|ch|vol|ed|eds|pp?|al|inc|ltd|co|corp|"
    r"dr|mr|mrs|ms|prof|st|jr|sr|z\.b|d\.h|u\.a|bzw|ca|nr|usw|evtl|ggf)|\b[A-Za-z]|(?<=\s)\d{1,2}|^\d{1,2})"
    r"\.$",
    re.IGNORECASE,
)
# What such a text can end with before its point: checked first, because it costs a tenth.
_LAST_OF_ABBREVIATION_TEXT: Final = """etc approx nos fig sec vol eds inc ltd corp mrs prof
    bzw usw evtl ggf"""
_LAST_OF_ABBREVIATION: Final = frozenset(_LAST_OF_ABBREVIATION_TEXT.split())
_LIST_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")


def text_windows(text: str) -> list[str]:
    """The windows of a text; a short one is its own."""
    return [text] if len(text.split()) <= WHOLE_WORDS else sentence_windows(text)


def sentence_windows(text: str) -> list[str]:
    """Runs of sentences of about `WINDOW_WORDS` words, half overlapping."""
    pieces = [text[start:end] for start, end in sentences(text)]
    return [" ".join(pieces[first:last]) for first, last in window_runs(text)]


def window_runs(text: str) -> list[tuple[int, int]]:
    """The windows of a text as runs of its sentences, [first, last) by number."""
    sizes = [len(text[start:end].split()) for start, end in sentences(text)]
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
    """The spans (start, end) of the sentences of a Markdown text, in order, without blanks.

    A code fence is one sentence, and so is each line of a list or table: that is what can be
    marked or quoted without breaking it. Abbreviations, initials and numbered items don't end
    a sentence.
    """
    return list(_sentences(text))


# A passage that is quoted is cut into sentences by its windows, its quotation and its excerpt.
@lru_cache(maxsize=1_024)
def _sentences(text: str) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    position = 0
    for fence in _FENCE.finditer(text):
        spans.extend(_prose_sentences(text, position, fence.start()))
        spans.append((fence.start("fence"), fence.end()))
        position = fence.end()
    spans.extend(_prose_sentences(text, position, len(text)))
    return tuple(spans)


def _prose_sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for block_start, block_end in _blocks(text, start, end):
        position = block_start
        for match in _SENTENCE_END.finditer(text, block_start, block_end):
            piece = text[position : match.end()]
            following = text[match.end() : block_end].lstrip()
            if following[:1].islower() or _ends_abbreviated(piece):
                continue
            yield from _trimmed(text, position, match.end())
            position = match.end()
        yield from _trimmed(text, position, block_end)


def _ends_abbreviated(piece: str) -> bool:
    """Whether the point at the end of a text may belong to its last word."""
    if not piece.endswith("."):
        return False
    start = len(piece) - 1
    # No abbreviation is longer than nine characters with what bounds it.
    while start > 0 and len(piece) - start <= 8 and piece[start - 1].isalnum():
        start -= 1
    last = piece[start:-1].lower()
    if len(last) > 2 and last not in _LAST_OF_ABBREVIATION:
        return False
    return _ABBREVIATION.search(piece, len(piece) - 9) is not None


def _blocks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Paragraphs, and the single lines of lists and tables."""
    position = start
    block = start
    for line in text[start:end].splitlines(keepends=True):
        alone = line.lstrip().startswith("|") or _LIST_ITEM.match(line) is not None
        if alone or not line.strip():
            yield block, position
            block = position
        position += len(line)
        if line.lstrip().startswith("|") or not line.strip():
            yield block, position
            block = position
    yield block, end


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if piece.strip():
        left = len(piece) - len(piece.lstrip())
        yield start + left, start + len(piece.rstrip())
