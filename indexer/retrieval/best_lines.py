"""Best lines of a passage for a question: whole sentences, list items, rows or lines of code. Pure.

The lines have the most of the question's words by IDF. Among equal lines, those in the window
nearest to the question come first. A lead-in is shown with the line behind it.
"""

import re
from collections.abc import Iterator, Sequence, Set
from typing import Final, NamedTuple

from indexer.text.analyzer import word_set
from indexer.text.passages import without_link_targets
from indexer.text.sentences import (
    FENCES,
    announces,
    refers_back,
    sentences,
    shows_pictures,
    window_runs,
)

# About three lines on a phone.
CHARACTERS: Final = 160
# The longest line that is shown behind its lead-in, whatever room is left.
LED_CHARACTERS: Final = 200
# A word in the heading or in the line before counts half: "It was built in 1889."
CARRIED: Final = 0.5
# The gain of a line in the nearest window, as a share of the question's words.
NEAREST_WINDOW: Final = 0.25

_RULE: Final = re.compile(r"[\s|:-]+\Z")

Weights = Sequence[tuple[tuple[str, ...], float]]


class _Line(NamedTuple):
    text: str
    sentence: int


def best_lines(
    text: str,
    weights: Weights,
    *,
    heading: str = "",
    window: int = 0,
    language: str = "",
    characters: int = CHARACTERS,
) -> list[str]:
    """Lines in a row that say most on a question, as Markdown; code in marks of inline code.

    Args:
        text: the passage.
        weights: the forms and the IDF of each word of the question.
        heading: the title and heading of the passage.
        window: the number of its window nearest to the question.
        language: the language of the passage.
        characters: the length of several lines together.
    """
    lines = [*_lines(text)]
    if not lines:
        return []
    runs = window_runs(without_link_targets(text))
    nearest = range(*runs[window]) if window < len(runs) else range(0)
    total = sum(weight for _, weight in weights) or 1.0
    titled = word_set(heading, language)
    best: tuple[float, int, int] = (-1.0, 0, 1)
    for first in range(len(lines)):
        end = _end_of_run(lines, first, characters)
        said = word_set(" ".join(line.text for line in lines[first:end]), language)
        score = _share(weights, said, titled) / total
        score += NEAREST_WINDOW * any(line.sentence in nearest for line in lines[first:end])
        # A lead-in alone, and a line that refers to the line before, say little.
        says_little = (end - first == 1 and announces(lines[first].text)) or (
            first > 0 and refers_back(lines[first].text)
        )
        score -= NEAREST_WINDOW * says_little
        if score > best[0]:
            best = score, first, end
    _, first, end = best
    # A run begins with a line on the question, if it has any.
    own = [_share(weights, word_set(line.text, language), frozenset()) for line in lines[first:end]]
    first += next((number for number, share in enumerate(own) if share), 0)
    end = _end_of_run(lines, first, characters)
    return [without_link_targets(line.text) for line in lines[first:end]]


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines that can be shown alone, with the numbers of their sentences."""
    for number, (start, end) in enumerate(sentences(text)):
        said = text[start:end]
        if said.startswith(FENCES):
            for code in said.split("\n")[1:]:
                if code.strip() and not code.lstrip().startswith(FENCES):
                    yield _Line(f"`{code.strip().replace('`', '')}`", number)
        elif any(map(str.isalnum, said)) and not (
            said.startswith("#") or shows_pictures(said) or _RULE.match(said)
        ):
            yield _Line(said, number)


def _end_of_run(lines: Sequence[_Line], first: int, characters: int) -> int:
    """The number of the line behind a run that begins at `first`, of about `characters`."""
    end, room = first + 1, characters - len(lines[first].text)
    while end < len(lines) and len(lines[end].text) <= room:
        room -= len(lines[end].text)
        end += 1
    led = end < len(lines) and announces(lines[end - 1].text)
    end += led and len(lines[end].text) <= LED_CHARACTERS
    while end - first > 1 and announces(lines[end - 1].text):
        end -= 1
    return end


def _share(weights: Weights, said: Set[str], titled: Set[str]) -> float:
    return sum(
        weight * (1.0 if not said.isdisjoint(forms) else CARRIED * (not titled.isdisjoint(forms)))
        for forms, weight in weights
    )


def coverage(
    sentences: Sequence[str], weights: Weights, titled: Set[str], language: str = ""
) -> list[float]:
    """Each sentence's share of the question's words, weighted by IDF.

    A word missing from the sentence counts half if the heading (`titled`) or the previous sentence
    has it. By default the language of each sentence is guessed.
    """
    total = sum(weight for _, weight in weights) or 1.0
    carried = titled
    found: list[float] = []
    for sentence in sentences:
        own = word_set(sentence, language)
        found.append(_share(weights, own, carried) / total)
        carried = own | titled
    return found
