"""Contradiction detector: pairs of sentences from two texts that disagree, and where they differ.

Sentences disagree about a number, an amount, a version, a date or a negation. Opposites ("enabled",
"disabled") are missed. Only English and German are analysed; in other languages few sentences match
each other, so conflicts are missed rather than reported wrongly.

Nobody reads a warning that is often wrong. So two sentences contradict each other only if:

- They have the same topic: nearly the same words, no name or condition that only one of them has,
  and similar vectors.
- They differ in one thing: one kind of value, or a negation. Sentences that differ in two things
  mostly have two topics ("Python 3.11 came in 2022." and "Python 3.12 came in 2023.").
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.contradictions.quantities import BARE, Subject, Value, is_soft, parse_values
from indexer.text.analyzer import names, word_set, words
from indexer.text.sentences import sentences
from knowledge.languages.detection import language_of
from knowledge.text import QUESTION_MARKS, word_count

# The least cosine of two sentences about the same thing; measured on tests/judged and on notes of
# the same topics (docs/decisions.md).
LEAST_COSINE: Final = 0.6
# Only pairs with nearly the same words are embedded, the most alike first: eight sentences take
# about 40 ms.
MOST_PAIRS: Final = 4
# How many sentences of a text are compared.
MOST_CLAIMS: Final = 400
# A sentence is compared with at most this many others, those with the most words in common.
# Otherwise 400 near-copies would be compared with 400.
MOST_ALIKE: Final = 16

# Sentences with fewer topic words in common ("The meetup is on …") must have the same topic.
LEAST_COMMON: Final = 2
# Words of one sentence that the other lacks; with more they are about different things.
MOST_EXTRA: Final = 1
# A shorter sentence claims nothing comparable, a longer one too much.
SHORTEST_WORDS: Final = 3
LONGEST_WORDS: Final = 45

_ADDRESS: Final = re.compile(r"https?://[^\s<>)]+")
_NO_PROSE: Final = ("```", "~~~", "|", "#", ">")
_TOKEN: Final = re.compile(r"[^\W_](?:[\w.+#'’-]*[\w+#])?")
_NEGATION_WORDS: Final = """not never no cannot nor neither
    kein keine keinen keinem keiner keines nicht nie niemals"""
_NEGATIONS: Final = frozenset(_NEGATION_WORDS.split())
_NEGATION: Final = re.compile(
    r"\b(?:can(?:no|['’])t|\w+n['’]t|not|never|no longer|no(?![,:.!])|nicht|niemals|nie"
    r"|kein(?:e[nmrs]?)?)\b",
    re.IGNORECASE,
)
_CONDITION: Final = re.compile(
    r"\b(?:if|unless|when|while|until|without|except|instead|otherwise|but|although|whether"
    r"|or(?! (?:newer|later|higher|more|less|fewer|older|above|below))"
    r"|wenn|falls|ohne|außer|sonst|aber|obwohl|sondern|ob|bis)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Titled:
    """A text with its title."""

    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence with its span in a text, and the spans in it that another sentence contradicts."""

    text: str
    start: int
    end: int
    differing: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two sentences that disagree about the same thing."""

    subject: Subject
    left: Statement
    right: Statement
    cosine: float


Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to vectors, (n, d) float32 with rows of unit length."""


def contradictions(left: Titled, right: Titled, embed: Embed, k: int = 3) -> list[Contradiction]:
    """Pairs of sentences that disagree, the most similar pair first; at most `k`.

    Texts with different names in their titles ("Lisbon meetup", "Porto meetup") never disagree.
    `embed` is called only if sentences might disagree, and never twice for one sentence.
    """
    if _own_names(left, right) and _own_names(right, left):
        return []
    found = _disagreeing(_claims(left.text), _claims(right.text))
    pairs = sorted(found, key=lambda pair: -pair.likeness)
    chosen = _each_once(pairs)[:MOST_PAIRS]
    if not chosen:
        return []
    vectors = embed([text for pair in chosen for text in (pair.left.text, pair.right.text)])
    cosines = np.sum(vectors[0::2] * vectors[1::2], axis=1).tolist()
    return [
        Contradiction(pair.subject, pair.left, pair.right, cosine)
        for pair, cosine in zip(chosen, cosines, strict=True)
        if cosine >= LEAST_COSINE
    ][:k]


@dataclass(frozen=True, slots=True)
class _Pair:
    subject: Subject
    left: Statement
    right: Statement
    likeness: float


@dataclass(frozen=True, slots=True)
class _Claim:
    """A sentence of a text, analysed for comparison; `start` is its offset in the text.

    Attributes:
        topic: the content words outside the values.
        names: the proper names among the topic's words.
        negations: the spans of words such as `not`.
        condition: the words that limit the sentence to some case, such as `if` or `without`.
    """

    text: str
    start: int
    topic: frozenset[str]
    names: frozenset[str]
    values: tuple[Value, ...]
    negations: tuple[tuple[int, int], ...]
    condition: frozenset[str]


# Quoted passages and documents near a note come again and again.
@lru_cache(maxsize=256)
def _claims(text: str) -> tuple[_Claim, ...]:
    """The claims of a text: its sentences without code, tables, headings and questions."""
    language = language_of(text)
    # Blanks of the same length, so that spans stay valid.
    plain = _ADDRESS.sub(lambda match: " " * len(match[0]), text)
    found: list[_Claim] = []
    for start, end in sentences(plain):
        sentence = plain[start:end]
        asks = sentence.rstrip('*_)"”’ ').endswith(QUESTION_MARKS)
        claims_nothing = asks or sentence.startswith(_NO_PROSE)
        size = word_count(sentence)
        if not claims_nothing and SHORTEST_WORDS <= size <= LONGEST_WORDS:
            found.append(_claim(text[start:end], sentence, start, language))
    return tuple(found[:MOST_CLAIMS])


def _claim(text: str, sentence: str, start: int, language: str) -> _Claim:
    values = tuple(parse_values(sentence, language))
    inside = {place for value in values for place in range(value.start, value.end)}
    topic: set[str] = set()
    named: set[str] = set()
    lead = re.match(r"\W*", sentence)
    first = lead.end() if lead else 0
    for match in _TOKEN.finditer(sentence):
        if match.start() in inside:
            continue
        word = match[0]
        is_name = _is_name(word, language, is_first=match.start() <= first)
        stems = [word.lower()] if any(map(str.isdigit, word)) else words(word, language)[:1]
        if not stems:
            continue
        lower = word.lower()
        if not is_name and (lower in _NEGATIONS or is_soft(lower, stems[0], language)):
            continue
        topic.update(stems)
        if is_name:
            named.update(stems)
    for value in values:
        # The noun that a number counts, or the product of a version.
        if value.subject in {Subject.NUMBER, Subject.VERSION}:
            topic.update(value.kind.split(" ")[1:])
    negations = tuple(match.span() for match in _NEGATION.finditer(sentence))
    condition = frozenset(match[0].lower() for match in _CONDITION.finditer(sentence))
    return _Claim(text, start, frozenset(topic), frozenset(named), values, negations, condition)


def _is_name(word: str, language: str, *, is_first: bool) -> bool:
    """Whether a word is written like a proper name: with a digit, or with a capital letter.

    A capital letter means nothing in the first word of a sentence (`is_first`). In German the whole
    word must be in capitals, because every noun is capitalized.
    """
    if any(sign.isdigit() for sign in word):
        return True
    if is_first:
        return False
    if language == "de":
        return len(word) > 1 and word.isupper()
    return word[0].isupper() and word != "I" and not word.startswith(("I'", "I’"))


def _own_names(own: Titled, other: Titled) -> frozenset[str]:
    """The names in the title of `own` that neither the title nor the text of `other` contains."""
    language = language_of(f"{own.title}\n{own.text}")
    titled = frozenset(words(own.title, language))
    named = frozenset(name for claim in _claims(own.text) for name in claim.names)
    inside = frozenset(word for name in names(f"{own.title}?") for word in words(name, language))
    said = word_set(f"{other.title}\n{other.text}")
    return (titled & (named | inside)) - said


def _each_once(pairs: Sequence[_Pair]) -> list[_Pair]:
    taken: set[tuple[str, int]] = set()
    kept: list[_Pair] = []
    for pair in pairs:
        keys = {("left", pair.left.start), ("right", pair.right.start)}
        if taken.isdisjoint(keys):
            taken |= keys
            kept.append(pair)
    return kept


def _disagreeing(left: Sequence[_Claim], right: Sequence[_Claim]) -> Iterator[_Pair]:
    """Yield the pairs of claims with the same topic and one difference, without using vectors."""
    having: dict[str, list[int]] = {}
    for place, claim in enumerate(right):
        for word in claim.topic:
            having.setdefault(word, []).append(place)
    for sentence in left:
        common = Counter(place for word in sentence.topic for place in having.get(word, ()))
        for place, count in common.most_common(MOST_ALIKE):
            other = right[place]
            if _same_topic(sentence, other, count):
                found = _difference(sentence, other)
                if found is not None:
                    subject, mine, theirs = found
                    likeness = 2 * count / (len(sentence.topic) + len(other.topic))
                    yield _Pair(
                        subject, _statement(sentence, mine), _statement(other, theirs), likeness
                    )


def _same_topic(claim: _Claim, other: _Claim, common: int) -> bool:
    """Whether two claims have the same topic; `common` is the number of topic words in both."""
    extra, missing = len(claim.topic) - common, len(other.topic) - common
    if min(extra, missing) > 0 or max(extra, missing) > MOST_EXTRA:
        return False
    if common < LEAST_COMMON and (extra or missing):
        return False
    if claim.condition != other.condition:
        return False
    return not (claim.names ^ other.names) - (claim.topic & other.topic)


_Spans = tuple[tuple[int, int], ...]


def _difference(claim: _Claim, other: _Claim) -> tuple[Subject, _Spans, _Spans] | None:
    """The one difference between two claims with the same topic.

    Returns the subject of the difference, and the differing spans in each claim; None if the claims
    differ in nothing, in several things, or in a label such as "step 3".
    """
    mine, theirs = _by_kind(claim, other), _by_kind(other, claim)
    differing = [
        kind
        for kind in mine.keys() & theirs.keys()
        if {value.normal for value in mine[kind]}.isdisjoint(v.normal for v in theirs[kind])
    ]
    turned = (len(claim.negations) + len(other.negations)) % 2 == 1
    if turned and not differing and mine.keys() == theirs.keys():
        return Subject.NEGATION, _spans_of_negation(claim, other), _spans_of_negation(other, claim)
    if turned or len(differing) != 1 or differing[0].startswith("label"):
        return None
    [kind] = differing
    ours, others = mine[kind], theirs[kind]
    return ours[0].subject, _spans(ours, others), _spans(others, ours)


def _by_kind(claim: _Claim, other: _Claim) -> dict[str, list[Value]]:
    """The values of `claim` by kind (`Value.kind`).

    A bare number ("We expect 20") gets the kind of a number with a noun in `other` ("We expect 30
    people"), unless `other` has numbers with different nouns.
    """
    found: dict[str, list[Value]] = {}
    for value in claim.values:
        kind = value.kind
        if kind == BARE:
            named = {theirs.kind for theirs in other.values if theirs.kind.startswith(f"{BARE} ")}
            kind = named.pop() if len(named) == 1 else kind
        found.setdefault(kind, []).append(value)
    return found


def _spans(values: Sequence[Value], others: Sequence[Value]) -> _Spans:
    known = {value.normal for value in others}
    return tuple((value.start, value.end) for value in values if value.normal not in known)


def _spans_of_negation(claim: _Claim, other: _Claim) -> _Spans:
    """The spans of the negations in `claim`.

    Without negations, the span of a word that `other` has after a negation ("enabled" in "not
    enabled"), or else of the whole sentence.
    """
    if claim.negations:
        return claim.negations
    denied = other.text[other.negations[0][1] :].split() if other.negations else []
    for word in denied:
        plain = word.strip(".,;:!*_`")
        place = claim.text.lower().find(plain.lower()) if words(plain) else -1
        if place >= 0 and len(plain) > 2:
            return ((place, place + len(plain)),)
    return ((0, len(claim.text)),)


def _statement(claim: _Claim, differing: _Spans) -> Statement:
    return Statement(claim.text, claim.start, claim.start + len(claim.text), differing)
