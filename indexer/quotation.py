"""Which sentence of a passage answers the question: the one to put in bold. Pure.

The choice costs no model call: the cosines of the windows are known from the search, and a
sentence takes the mean of the windows that hold it.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from indexer.passages import sentences, window_runs, without_link_targets
from indexer.signals import fitting
from indexer.words import word_set

# Half the credit for a word that the sentence before or the heading has: "It was built in 1889."
CARRIED: Final = 0.5
FIT: Final = 0.05
LEAD: Final = 0.05
# A note that repeats its question does not answer it there.
ASKS: Final = 0.5


# Code, tables and headings can't be marked without breaking them.
UNMARKED: Final = ("```", "~~~", "|", "#")


# A passage that answers one question answers others, too.
@lru_cache(maxsize=512)
def sentences_and_windows(
    text: str,
) -> tuple[list[tuple[int, int]], list[str], list[tuple[int, int]]]:
    """The spans of a passage's sentences, their texts without link targets, and its windows."""
    spans = sentences(text)
    plain = [without_link_targets(text[start:end]) for start, end in spans]
    return spans, plain, window_runs(without_link_targets(text))


def cosines_of_sentences(
    windows: Sequence[float], runs: Sequence[tuple[int, int]], count: int
) -> list[float]:
    """For each sentence the mean cosine of the windows that hold it, the least if none does.

    A short passage is its own window, and says nothing about its sentences.
    """
    if len(runs) != len(windows):
        return [0.0] * count
    held = [
        [cosine for cosine, (first, last) in zip(windows, runs, strict=True) if first <= i < last]
        for i in range(count)
    ]
    return [sum(found) / len(found) if found else min(windows) for found in held]


def deciding_sentence(
    question: str,
    sentences: Sequence[str],
    cosines: Sequence[float],
    weights: Sequence[tuple[tuple[str, ...], float]],
    heading: str,
    language: str = "",
) -> int:
    """The position of the sentence that most likely answers.

        cosine + covered + 0.05 · fit + 0.05 / position - 0.5 if it ends with "?"

    `covered` is the share of the question's words, by rarity, that the sentence has; half counts
    what the sentence before or the heading has. `fit` is 1 if the sentence has a new span of the
    kind asked for (a date, number, name or reason), -1 if not, 0 if no kind is known.

    Args:
        question: as the member wrote it.
        sentences: of the passage, in order; at least one.
        cosines: of each sentence: the mean over the windows that hold it.
        weights: the question's words, each by its forms, with their inverse document frequency.
        heading: title and heading of the passage.
        language: that the passage is in; else it is told of each sentence by itself.
    """
    asked = word_set(question)
    titled = word_set(heading, language)
    total = sum(weight for _, weight in weights) or 1.0
    carried = titled
    scores: list[float] = []
    for position, sentence in enumerate(sentences, start=1):
        own = word_set(sentence, language)
        known = own | carried
        covered = sum(
            weight * (1.0 if not own.isdisjoint(forms) else CARRIED)
            for forms, weight in weights
            if not known.isdisjoint(forms)
        )
        scores.append(
            cosines[position - 1]
            + covered / total
            + FIT * fitting(question, asked, sentence)
            + LEAD / position
            - ASKS * sentence.rstrip().endswith("?")
        )
        carried = own | titled
    return max(range(len(scores)), key=lambda i: (scores[i], -i))
