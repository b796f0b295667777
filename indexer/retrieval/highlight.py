"""Highlighter: finds the sentence of a passage that answers the question, to be set in bold.

The highlighter is pure and calls no model: a sentence gets the mean of the cosines that the search
has computed for the windows with this sentence.
"""

import re
from collections.abc import Sequence, Set
from functools import lru_cache
from typing import Final

from indexer.text.analyzer import word_set
from indexer.text.passages import without_link_targets
from indexer.text.sentences import (
    FENCES,
    LIST_MARKER,
    announces,
    sentences,
    shows_pictures,
    window_runs,
)
from knowledge.languages.detection import language_of
from knowledge.text import QUESTION_MARKS, word_count

# Half the credit for a word in the sentence before or in the heading: "It was built in 1889."
CARRIED: Final = 0.5
LEAD: Final = 0.05
# The more of a question its heading has, the likelier the text below answers from its beginning.
NAMED: Final = 0.15
# The penalty of a sentence that is a question.
ASKS: Final = 1.0
# A sentence repeats the question if it has at least `REPEATED_WORDS` words, and this share of them
# is from question and heading.
REPEATED: Final = 0.8
REPEATED_WORDS: Final = 3
# Code with this many consecutive words of the question is the part that the asker pasted.
PASTED_WORDS: Final = 4
# Scores closer than this are the same.
_SAME: Final = 1e-9

_WORDS: Final = re.compile(r"\w+")
_RULE: Final = re.compile(r"\|[\s:|-]+$")
# A line about the author and date of the following text, or one that only announces it.
_LABEL: Final = re.compile(r"\*\*[^*\s]+(?: [^*\s]+){0,3}\*\*[^.!?\n]{0,40}$")


def highlighted(
    question: str,
    text: str,
    windows: Sequence[float],
    weights: Sequence[tuple[tuple[str, ...], float]],
    heading: str,
) -> tuple[int, int] | None:
    """The span of the answering sentence in a passage's text.

    Return None if the text is a single sentence, if no sentence can answer, or if
    `deciding_sentence` returns None. `windows` are the cosines of the passage's windows. For the
    other arguments see `sentence_scores`.
    """
    spans, plain, runs = _sentences_and_windows(text)
    places = candidate_sentences(plain, [text[start:end] for start, end in spans])
    if len(spans) < 2 or not places:
        return None
    cosines = _cosines_of_sentences(windows, runs, len(spans))
    chosen = deciding_sentence(
        question,
        [plain[i] for i in places],
        [cosines[i] for i in places],
        weights,
        heading,
        # The index has the words of the whole passage in one language, too.
        language_of(text),
    )
    return None if chosen is None else span_to_mark(plain, spans, places[chosen])


# A passage is likely to answer several questions.
@lru_cache(maxsize=512)
def _sentences_and_windows(
    text: str,
) -> tuple[list[tuple[int, int]], list[str], list[tuple[int, int]]]:
    """The spans of a passage's sentences, their texts without link targets, and its windows."""
    spans = sentences(text)
    plain = [without_link_targets(text[start:end]) for start, end in spans]
    return spans, plain, window_runs(without_link_targets(text))


def _cosines_of_sentences(
    windows: Sequence[float], runs: Sequence[tuple[int, int]], count: int
) -> list[float]:
    """For each sentence the mean cosine of the windows that contain it.

    A sentence that no window contains gets the smallest cosine. If the windows have no cosines,
    because a short passage is only embedded as a whole, every sentence gets 0.
    """
    if len(runs) != len(windows):
        return [0.0] * count
    held: list[list[float]] = [[] for _ in range(count)]
    for cosine, (first, last) in zip(windows, runs, strict=True):
        for found in held[first:last]:
            found.append(cosine)
    return [sum(found) / len(found) if found else min(windows) for found in held]


def candidate_sentences(sentences: Sequence[str], written: Sequence[str]) -> list[int]:
    """The indices of the sentences that can answer.

    Headings, labels, pictures, header rows and sentences without letters can't. A last sentence
    that only announces something ("Do this:") can't either, unless no other sentence can.

    Args:
        sentences: the passage's sentences in order, without link targets.
        written: the same sentences with link targets.
    """
    found = [
        i
        for i, sentence in enumerate(sentences)
        if not sentence.startswith("#")
        and any(map(str.isalpha, sentence))
        and _LABEL.match(sentence) is None
        and not shows_pictures(written[i])
        and not (
            sentence.startswith("|")
            and any(_RULE.match(following) for following in sentences[i + 1 : i + 2])
        )
    ]
    last = len(sentences) - 1
    return [i for i in found if i < last or not announces(written[i])] or found


def span_to_mark(
    sentences: Sequence[str], spans: Sequence[tuple[int, int]], chosen: int
) -> tuple[int, int]:
    """The span to show in bold for a chosen sentence.

    If the sentence is code and the sentence before it announces the code ("Run this:"), the span is
    that of the announcement. If the sentence is a single word ("Yes."), the span includes the next
    sentence.
    """
    start, end = spans[chosen]
    if sentences[chosen].startswith(FENCES):
        announced = chosen > 0 and announces(sentences[chosen - 1])
        return spans[chosen - 1] if announced else spans[chosen]
    if word_count(sentences[chosen]) == 1 and chosen + 1 < len(spans):
        following_start, following_end = spans[chosen + 1]
        if following_start - end <= 1:
            return start, following_end
    return start, end


def deciding_sentence(
    question: str,
    sentences: Sequence[str],
    cosines: Sequence[float],
    weights: Sequence[tuple[tuple[str, ...], float]],
    heading: str,
    language: str = "",
) -> int | None:
    """The index of the sentence that most likely answers, by `sentence_scores`.

    If the best sentence only repeats the question, as a quoted error message does, the next one
    that says more is chosen. Return None if the best sentence is the first item of a list, but is
    the best only because scores favour early sentences.
    """
    scores = sentence_scores(sentences, cosines, weights, heading, language)
    chosen = max(range(len(scores)), key=lambda i: (scores[i], -i))
    if chosen == 0 and LIST_MARKER.match(sentences[0]) is not None:
        said = [score - LEAD / position for position, score in enumerate(scores, start=1)]
        return None if max(said[1:], default=-ASKS) > said[0] - _SAME else 0
    asked, pasted = word_set(question) | word_set(heading, language), _pasted(question, sentences)
    behind = (i for i in range(chosen, len(sentences)) if i not in pasted)
    return next((i for i in behind if not _repeats(sentences[i], asked, language)), chosen)


def _repeats(sentence: str, asked: Set[str], language: str) -> bool:
    """Whether nearly all words of a sentence are in the question and the heading."""
    own = word_set(sentence, language)
    return len(own) >= REPEATED_WORDS and len(own & asked) >= REPEATED * len(own)


def _pasted(question: str, sentences: Sequence[str]) -> set[int]:
    """The indices of the sentences whose code the asker has pasted into the question.

    A sentence that announces such code is included. Inline code may extend over several sentences.
    """
    asked = _runs(question)
    found: set[int] = set()
    goes_on = False
    for i, sentence in enumerate(sentences):
        is_block = sentence.startswith(FENCES)
        code = [sentence] if is_block else ("`" * goes_on + sentence).split("`")[1::2]
        if (goes_on and i - 1 in found) or any(not asked.isdisjoint(_runs(one)) for one in code):
            found |= {i, i - 1} if i and announces(sentences[i - 1]) else {i}
        goes_on ^= not is_block and sentence.count("`") % 2 == 1
    return found


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORDS.findall(text.lower())
    return {tuple(words[i : i + PASTED_WORDS]) for i in range(len(words) - PASTED_WORDS + 1)}


def sentence_scores(
    sentences: Sequence[str],
    cosines: Sequence[float],
    weights: Sequence[tuple[tuple[str, ...], float]],
    heading: str,
    language: str = "",
) -> list[float]:
    """A score for each sentence of a passage: the larger, the likelier it answers.

        cosine + covered + (0.05 + 0.15 · named) / position

    A sentence that ends with "?" scores 1 less. `covered` is the share of the question's words,
    weighted by IDF, that the sentence has. A word missing from the sentence counts half if the
    heading or the previous sentence has it. `named` is the share of words that the heading has.

    Args:
        sentences: the passage's sentences, in order.
        cosines: the cosine of each sentence.
        weights: the forms and the IDF of each word of the question.
        heading: the passage's title and heading.
        language: the passage's language; by default the language of each sentence is guessed.
    """
    titled = word_set(heading, language)
    total = sum(weight for _, weight in weights) or 1.0
    named = sum(weight for forms, weight in weights if not titled.isdisjoint(forms)) / total
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
            + (LEAD + NAMED * named) / position
            - ASKS * sentence.rstrip().endswith(QUESTION_MARKS)
        )
        carried = own | titled
    return scores
