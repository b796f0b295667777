"""Highlighter: finds the sentence of a section that answers the question, and says how sure it is.

A conditional logit model: each sentence has a few features, and the softmax of their weighted sums
is the probability that the sentence is the one. The weights are fitted on the labelled sentences of
the judged sets (`benchmarks/answering_sentences.py`). The excerpt is centred on the likeliest
sentence. Up to three sentences in a row are set in bold if the passage answers, and the answer is
among them, with a probability above a bar. Repetitions of the question and printed errors never
are.

The highlighter is pure and calls no model: the search has computed the cosines.

Source:
    McFadden, "Conditional logit analysis of qualitative choice behavior", 1974.
"""

import itertools
import math
import re
from collections.abc import Iterator, Sequence, Set
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.text.analyzer import word_set
from indexer.text.passages import without_link_targets
from indexer.text.sentences import (
    FENCES,
    LIST_MARKER,
    ROW,
    announces,
    sentences,
    shows_pictures,
    window_runs,
)
from knowledge.languages.vocabularies import ENGLISH, alternatives, tables, values, words
from knowledge.text import QUESTION_MARKS, word_count

# The weight of each feature of `sentence_features`, fitted on the default model.
WEIGHTS: Final = {
    "cosine": 4.15,
    "late": 9.62,
    "pooled": 7.72,
    "repeats": -5.26,
    "imperative": 1.02,
    "value": 1.69,
    "decides": 0.51,
    "circumstance": -2.11,
    "last": -0.44,
    "aside": -2.1,
    "solves": 0.65,
    "code": 1.27,
}
# The least probability that the passage answers, and by the sentences in bold.
BOLD: Final = 0.65
# Several sentences in bold are at most this many, of this length, and this share of the section.
BOLD_SENTENCES: Final = 3
BOLD_CHARACTERS: Final = 400
BOLD_SHARE: Final = 0.67

# So many other sentences, of at least this probability, are shown if they fit.
MOST_OTHERS: Final = 6
LIKELY: Final = 0.03

# A sentence repeats the question if it has at least `REPEATED_WORDS` words, and this share of them
# is from question and heading.
REPEATED: Final = 0.8
REPEATED_WORDS: Final = 3
# Half the credit for a word in the sentence before or in the heading: "It was built in 1889."
CARRIED: Final = 0.5
# Without tokens, coverage in place of the late score. It varies about four times as much.
COVERAGE_AS_LATE: Final = 0.25
# Code with this many consecutive words of the question was pasted by the asker.
PASTED_WORDS: Final = 4

_WORDS: Final = re.compile(r"\w+")
_RULE: Final = re.compile(r"\|[\s:|-]+$")
# A line about the author and date of the following text, or a mere announcement.
_LABEL: Final = re.compile(r"\*\*[^*\s]+(?: [^*\s]+){0,3}\*\*[^.!?\n]{0,40}$")


_LANGUAGES: Final = tuple(tables())
_IMPERATIVES, _BEFORE_IMPERATIVES, _NEGATIONS, _YES_OR_NO = (
    words(key, "answers", _LANGUAGES)
    for key in ("imperatives", "before_imperatives", "negations", "yes_or_no")
)
_ASIDES: Final = frozenset(itertools.chain(*values("asides", "answers").values()))
_ASKS_YES_OR_NO: Final = re.compile(
    alternatives("asks_yes_or_no", "answers", _LANGUAGES), re.IGNORECASE
)
_ASKS_VALUE: Final = re.compile(
    rf"\b{alternatives('asks_value', 'answers', _LANGUAGES)}\b", re.IGNORECASE
)
_CIRCUMSTANCE: Final = re.compile(
    rf"\b{alternatives('circumstances', 'answers', _LANGUAGES)}\b", re.IGNORECASE
)
_SOLUTION: Final = re.compile(
    rf"\b{alternatives('solutions', 'answers', _LANGUAGES)}\b", re.IGNORECASE
)
_SHOWN_ERROR: Final = re.compile(
    rf"\b(?:{alternatives('shown_errors', 'answers', _LANGUAGES)})", re.IGNORECASE
)
# Signs of a command or a program. An error in it is no output.
_PROGRAM: Final = re.compile(r"\n *[$#>] |\w\(|\w = ")
_VALUE: Final = re.compile(r"\d")
# A line of a log, or of a stack trace of Java, JavaScript or Python.
_LOGGED: Final = re.compile(
    r"^[ \t]*(?:at [\w.$/<>]+[ (:]|File \"[^\"\n]+\", line \d|Caused by: "
    r"|\[?(?:[\d-]{8,10}[ T])?\d\d:\d\d:\d\d\b[^\n]{0,60}"
    r"\b(?:DEBUG|ERROR|FATAL|INFO|SEVERE|WARN(?:ING)?)\b)",
    re.MULTILINE,
)
# Words with apostrophes, and the marks before which a command may begin.
_TOKENS: Final = re.compile(r"[\w'’]+|[,;:]")


class Deciding(NamedTuple):
    """The span of the answering sentence, or of the sentences in bold.

    Offsets count from the passage's beginning; they are negative in the text before the passage.

    Attributes:
        is_bold: whether the answer is likely enough in the span for bold.
        others: the offsets of other possible answers, the likeliest first.
        repeated: the spans outside that only repeat the question, or show an error.
    """

    start: int
    end: int
    is_bold: bool = True
    others: tuple[int, ...] = ()
    repeated: tuple[tuple[int, int], ...] = ()


class TokenCosines(NamedTuple):
    """The tokens of a passage compared with the question (`indexer.retrieval.late_interaction`).

    For each sentence, the late score (0 if the model didn't read it), and the mean cosine of its
    tokens with the question's vector.
    """

    late: Sequence[float]
    pooled: Sequence[float]


class Comparison(NamedTuple):
    """A question, normalized and in lower case, compared with a passage.

    Attributes:
        heading: the passage's title and heading.
        windows: the cosines of the passage's windows.
        weights: the forms and the IDF of each word of the question.
        start: the offset of its text, counted from the beginning of the found passage.
        language: its document's language.
    """

    question: str
    text: str
    heading: str
    windows: Sequence[float]
    weights: Sequence[tuple[tuple[str, ...], float]]
    tokens: TokenCosines | None = None
    start: int = 0
    language: str = ENGLISH


class _Sentence(NamedTuple):
    """A possible answer: the number of its passage, and its own number in it."""

    passage: int
    number: int


def highlight(
    section: Sequence[Comparison],
    probability: float = 1.0,
    weights: Sequence[float] = tuple(WEIGHTS.values()),
) -> Deciding | None:
    """The likeliest answering sentence of a section's passages, to centre an excerpt on.

    Return None if the text is a single sentence, or if no sentence can answer.

    Args:
        section: the comparisons of the question with the passages.
        probability: the chance of an answer in the found passage.
        weights: of the features, in the order of `WEIGHTS`.
    """
    places, features = sentence_features(section)
    if not places or sum(len(sentences(passage.text)) for passage in section) < 2:
        return None
    scores = features @ np.array(weights)
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable").tolist()
    passages = [section[place.passage] for place in places]
    spans = [
        _marked_span(passage, place.number) for passage, place in zip(passages, places, strict=True)
    ]
    repeats = features[:, [*WEIGHTS].index("repeats")] > 0
    # Code and tables have no bold.
    is_code = [
        passage.text.startswith((*FENCES, ROW), start - passage.start)
        for passage, (start, _) in zip(passages, spans, strict=True)
    ]
    most = BOLD_SHARE * sum(len(passage.text) for passage in section)
    bold = _run_in_bold(places, spans, probability * chances, repeats | is_code, most)
    first, last = bold or (order[0], order[0])
    others = [i for i in order if not first <= i <= last and chances[i] >= LIKELY]
    return Deciding(
        spans[first][0],
        spans[last][1],
        bold is not None,
        tuple(spans[i][0] for i in others[:MOST_OTHERS]),
        tuple(spans[i] for i in np.flatnonzero(repeats).tolist() if not first <= i <= last),
    )


def _run_in_bold(
    places: Sequence[_Sentence],
    spans: Sequence[tuple[int, int]],
    chances: NDArray[np.float64],
    is_barred: NDArray[np.bool_],
    most: float,
) -> tuple[int, int] | None:
    """The first and last of the fewest sentences in a row with a likely answer.

    Several sentences have at most `most` characters.
    """
    # Without another possible answer, the only one would be certain.
    if len(places) < 2:
        return None
    for count in range(1, BOLD_SENTENCES + 1):
        runs = []
        for first in range(len(places) - count + 1):
            last = first + count - 1
            passage, number = places[first]
            is_row = places[last] == (passage, number + count - 1)
            length = spans[last][1] - spans[first][0]
            is_short = count == 1 or length <= min(BOLD_CHARACTERS, most)
            if is_row and is_short and not is_barred[first : last + 1].any():
                runs.append((float(chances[first : last + 1].sum()), first, last))
        chance, first, last = max(runs, default=(0.0, 0, 0))
        if chance >= BOLD:
            return first, last
    return None


def _marked_span(passage: Comparison, number: int) -> tuple[int, int]:
    spans, plain, _ = _sentences_and_windows(passage.text)
    start, end = span_to_mark(plain, spans, number)
    return passage.start + start, passage.start + end


def sentence_features(section: Sequence[Comparison]) -> tuple[list[_Sentence], NDArray[np.float64]]:
    """The possible answers of a section, and their features in the order of `WEIGHTS`.

    * `cosine`, `pooled`: the mean cosine of the sentence's windows, and of its tokens, above the
      section's mean.
    * `late`: the sentence's late score below the best sentence's. Without tokens, its coverage.
    * `repeats`: whether nearly all its words are in question and heading, or it is pasted code,
      or an error's output.
    * `imperative`: 1 if it begins with an imperative, 0.5 if another part of it does.
    * `value`: whether it has a number, and the question asks for one.
    * `decides`: whether it says yes, no or not, and the question asks for that.
    * `circumstance`: whether it only tells a case or a wish ("You may want to ...").
    * `last`, `aside`: whether it is the last sentence, or begins as a side remark.
    * `solves`: whether it has a word of solutions or causes ("instead", "caused by").
    * `code`: whether it announces code ("Run this:").

    Returns:
        The sentences, and the features, (n, 12).
    """
    rows = [
        (_Sentence(number, place), row)
        for number, compared in enumerate(section)
        for place, row in _rows(compared)
    ]
    features = np.array([row for _, row in rows], np.float64).reshape(len(rows), len(WEIGHTS))
    cosine, late, pooled, repeats, last = map(
        [*WEIGHTS].index, ("cosine", "late", "pooled", "repeats", "last")
    )
    if rows:
        known = ~np.isnan(features[:, cosine])
        features[known, cosine] -= features[known, cosine].sum() / max(known.sum(), 1)
        features[~known, cosine] = 0.0
        # The sentence below a printed error is about it.
        printed = features[:, repeats] > 0
        for row in np.flatnonzero(printed[:-1] & ~printed[1:]).tolist():
            passage, number = rows[row][0]
            if plain_sentences(section[passage].text)[number].startswith(FENCES):
                nearest = features[row : row + 2, [late, pooled]].max(axis=0)
                features[row + 1, [late, pooled]] = nearest
        features[:, pooled] -= features[:, pooled].mean()
        features[:, late] -= features[:, late].max()
        features[-1, last] = 1.0
    return [sentence for sentence, _ in rows], features


def _rows(compared: Comparison) -> Iterator[tuple[int, tuple[float, ...]]]:
    """Yield the sentences of a passage able to answer, with their features by themselves."""
    question, text, heading, windows, weights, tokens, _, language = compared
    spans, plain, runs = _sentences_and_windows(text)
    places = candidate_sentences(plain, [text[start:end] for start, end in spans])
    asked = word_set(question) | word_set(heading, language)
    pasted = _pasted_sentences(question, plain)
    asks_yes_or_no = _ASKS_YES_OR_NO.match(question) is not None
    asks_value = _ASKS_VALUE.search(question) is not None
    cosines = _cosines_of_sentences(windows, runs, len(spans))
    if tokens is not None:
        late, pooled = tokens
    else:
        covered = coverage(plain, weights, word_set(heading, language), language)
        late, pooled = [COVERAGE_AS_LATE * share for share in covered], [0.0] * len(plain)
    for place in places:
        sentence = plain[place]
        start = marker.end() if (marker := LIST_MARKER.match(sentence)) is not None else 0
        tokens_said = _TOKENS.findall(sentence.lower(), start) or [""]
        yield (
            place,
            (
                cosines[place],
                late[place],
                pooled[place],
                place in pasted or _repeats(sentence, asked, language),
                _imperative(tokens_said),
                asks_value and _VALUE.search(sentence, start) is not None,
                asks_yes_or_no and _says_yes_or_no(tokens_said),
                _CIRCUMSTANCE.search(sentence) is not None,
                0.0,
                tokens_said[0] in _ASIDES or " ".join(tokens_said[:2]) in _ASIDES,
                _SOLUTION.search(sentence) is not None,
                _announces_code(plain, place),
            ),
        )


def coverage(
    sentences: Sequence[str],
    weights: Sequence[tuple[tuple[str, ...], float]],
    titled: Set[str],
    language: str = "",
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
        known = own | carried
        covered = sum(
            weight * (1.0 if not own.isdisjoint(forms) else CARRIED)
            for forms, weight in weights
            if not known.isdisjoint(forms)
        )
        found.append(covered / total)
        carried = own | titled
    return found


def _imperative(tokens: Sequence[str]) -> float:
    """1 if a sentence begins with an imperative, 0.5 if another part of it does, else 0."""
    if tokens[0] in _IMPERATIVES:
        return 1.0
    begins = (
        token in _IMPERATIVES and (before in _BEFORE_IMPERATIVES or before in ",;:")
        for before, token in itertools.pairwise(tokens)
    )
    return 0.5 if any(begins) else 0.0


def _says_yes_or_no(tokens: Sequence[str]) -> bool:
    return tokens[0] in _YES_OR_NO or any(
        token in _NEGATIONS or token.endswith(("n't", "n’t")) for token in tokens
    )


# A passage is likely to answer several questions.
@lru_cache(maxsize=512)
def _sentences_and_windows(
    text: str,
) -> tuple[list[tuple[int, int]], list[str], list[tuple[int, int]]]:
    """The spans of a passage's sentences, their texts without link targets, and its windows."""
    spans = sentences(text)
    plain = [without_link_targets(text[start:end]) for start, end in spans]
    return spans, plain, window_runs(without_link_targets(text))


def plain_sentences(text: str) -> Sequence[str]:
    """The sentences of a passage without link targets, for each of which `TokenCosines` has one."""
    return _sentences_and_windows(text)[1]


def _cosines_of_sentences(
    windows: Sequence[float], runs: Sequence[tuple[int, int]], count: int
) -> list[float]:
    """For each sentence the mean cosine of the windows that contain it.

    A sentence that no window contains gets the smallest cosine. If the windows have no cosines,
    because a short passage is only embedded as a whole, no sentence has one (NaN).
    """
    if len(runs) != len(windows):
        return [math.nan] * count
    held: list[list[float]] = [[] for _ in range(count)]
    for cosine, (first, last) in zip(windows, runs, strict=True):
        for found in held[first:last]:
            found.append(cosine)
    return [sum(found) / len(found) if found else min(windows) for found in held]


def candidate_sentences(sentences: Sequence[str], written: Sequence[str]) -> list[int]:
    """The indices of the sentences that can answer.

    Headings, labels, questions, pictures, header rows and sentences without letters can't. A last
    sentence that only announces something ("Do this:") can't either, unless no other sentence can.
    `written` are the same sentences with link targets.
    """
    found = [
        i
        for i, sentence in enumerate(sentences)
        if not sentence.startswith("#")
        and not sentence.rstrip("*_ \n").endswith(QUESTION_MARKS)
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
        announced = chosen > 0 and _announces_code(sentences, chosen - 1)
        return spans[chosen - 1] if announced else spans[chosen]
    if word_count(sentences[chosen]) == 1 and chosen + 1 < len(spans):
        following_start, following_end = spans[chosen + 1]
        if following_start - end <= 1:
            return start, following_end
    return start, end


def _announces_code(sentences: Sequence[str], place: int) -> bool:
    following = sentences[place + 1 : place + 2]
    return announces(sentences[place]) and any(code.startswith(FENCES) for code in following)


def _repeats(sentence: str, asked: Set[str], language: str) -> bool:
    """Whether nearly all words of a sentence are in the question and the heading."""
    own = word_set(sentence, language)
    return len(own) >= REPEATED_WORDS and len(own & asked) >= REPEATED * len(own)


def _pasted_sentences(question: str, sentences: Sequence[str]) -> set[int]:
    """The indices of the sentences with an error's output, or with code pasted into the question.

    A sentence that announces such code is included. Inline code may extend over several sentences.
    """
    asked = _runs(question)
    found: set[int] = set()
    goes_on = False
    for i, sentence in enumerate(sentences):
        is_block = sentence.startswith(FENCES)
        code = [sentence] if is_block else ("`" * goes_on + sentence).split("`")[1::2]
        is_shown = is_block or sentence.startswith(">")
        is_error = is_shown and (
            _LOGGED.search(sentence)
            or (_SHOWN_ERROR.search(sentence) and not _PROGRAM.search(sentence))
        )
        is_pasted = any(not asked.isdisjoint(_runs(line)) for line in code)
        if is_error or is_pasted or (goes_on and i - 1 in found):
            found |= {i, i - 1} if i and announces(sentences[i - 1]) else {i}
        goes_on ^= not is_block and sentence.count("`") % 2 == 1
    return found


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORDS.findall(text.lower())
    return {tuple(words[i : i + PASTED_WORDS]) for i in range(len(words) - PASTED_WORDS + 1)}
