"""Which sentence of a passage answers the question: the one to put in bold. Pure.

The choice costs no model call: the cosines of the windows are known from the search, and a
sentence takes the mean of the windows that hold it.
"""

from collections.abc import Sequence
from typing import Final

from indexer.signals import fitting
from indexer.words import word_set

# Half the credit for a word that the sentence before or the heading has: "It was built in 1889."
CARRIED: Final = 0.5
FIT: Final = 0.05
LEAD: Final = 0.05
# A note that repeats its question does not answer it there.
ASKS: Final = 0.5


def deciding_sentence(
    question: str,
    sentences: Sequence[str],
    cosines: Sequence[float],
    weights: Sequence[tuple[tuple[str, ...], float]],
    heading: str,
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
    """
    asked = word_set(question)
    titled = word_set(heading)
    total = sum(weight for _, weight in weights) or 1.0
    carried = titled
    scores: list[float] = []
    for position, sentence in enumerate(sentences, start=1):
        own = word_set(sentence)
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
