"""Claims made by sentences: topic, values and negations. Pure.

Only English and German are analysed. In other languages few sentences match each other, so
conflicts are missed rather than reported wrongly.
"""

import re
from dataclasses import dataclass
from typing import Final

from indexer.contradictions.quantities import Subject, Value, is_soft, parse_values
from indexer.text.analyzer import words
from indexer.text.sentences import sentences
from knowledge.languages.detection import language_of
from knowledge.text import QUESTION_MARKS, word_count

# A shorter sentence claims nothing comparable, a longer one too much.
SHORTEST_WORDS: Final = 3
LONGEST_WORDS: Final = 45


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a text, analysed for comparison.

    Attributes:
        text: the sentence.
        start: the sentence's offset in the text.
        topic: the content words of the sentence outside its values.
        names: the proper names among the topic's words.
        values: the quantities in the sentence.
        negations: the spans of the words that show `state`, such as `not` or `disabled`.
        state: the property that the sentence asserts, with `-` in front if the sentence denies
            it, such as `on` or `-on`; see `_state_and_negations`.
        condition: the words that limit the sentence to some case, such as `if` or `without`.
    """

    text: str
    start: int
    topic: frozenset[str]
    names: frozenset[str]
    values: tuple[Value, ...]
    negations: tuple[tuple[int, int], ...]
    state: str
    condition: frozenset[str]


def claims(text: str) -> list[Claim]:
    """The claims of a text: its sentences without code, tables, headings and questions."""
    language = language_of(text)
    # Blanks of the same length, so that spans stay valid.
    plain = _ADDRESS.sub(lambda match: " " * len(match[0]), text)
    found: list[Claim] = []
    for start, end in sentences(plain):
        sentence = plain[start:end]
        asks = sentence.rstrip('*_)"”’ ').endswith(QUESTION_MARKS)
        claims_nothing = asks or sentence.startswith(_NO_PROSE)
        size = word_count(sentence)
        if not claims_nothing and SHORTEST_WORDS <= size <= LONGEST_WORDS:
            found.append(_claim(text[start:end], sentence, start, language))
    return found


_ADDRESS: Final = re.compile(r"https?://[^\s<>)]+")
_NO_PROSE: Final = ("```", "~~~", "|", "#", ">")
_TOKEN: Final = re.compile(r"[^\W_](?:[\w.+#'’-]*[\w+#])?")


def _claim(text: str, sentence: str, start: int, language: str) -> Claim:
    values = tuple(parse_values(sentence, language))
    inside = {place for value in values for place in range(value.start, value.end)}
    topic: set[str] = set()
    names: set[str] = set()
    lead = re.match(r"\W*", sentence)
    first = lead.end() if lead else 0
    for match in _TOKEN.finditer(sentence):
        if match.start() in inside:
            continue
        word = match[0]
        is_name = _is_name(word, language, is_first=match.start() <= first)
        stems = [word.lower()] if any(map(str.isdigit, word)) else words(word, language)[:1]
        if not stems or (not is_name and _says_how(word.lower(), stems[0], language)):
            continue
        topic.update(stems)
        if is_name:
            names.update(stems)
    topic.update(word for value in values for word in _noun_or_product(value))
    state, negations = _state_and_negations(sentence)
    condition = frozenset(match[0].lower() for match in _CONDITION.finditer(sentence))
    return Claim(
        text, start, frozenset(topic), frozenset(names), values, negations, state, condition
    )


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


def _says_how(word: str, stem: str, language: str) -> bool:
    return is_soft(word, stem, language) or word in _NEGATIONS or word in _STATES


def _noun_or_product(value: Value) -> list[str]:
    """The noun that a number counts, or the product of a version; empty for other values."""
    return value.kind.split(" ")[1:] if value.subject in {Subject.NUMBER, Subject.VERSION} else []


# Negation.

_NEGATION_WORDS: Final = """not never no cannot nor neither
    kein keine keinen keinem keiner keines nicht nie niemals"""
_NEGATIONS: Final = frozenset(_NEGATION_WORDS.split())
_NEGATION: Final = re.compile(
    r"\b(?:can(?:no|['’])t|\w+n['’]t|not|never|no longer|no(?![,:.!])|nicht|niemals|nie"
    r"|kein(?:e[nmrs]?)?)\b",
    re.IGNORECASE,
)
_STATES: Final = {
    "enabled": "on", "disabled": "-on", "aktiviert": "on", "deaktiviert": "-on",
    "required": "must", "mandatory": "must", "optional": "-must", "erforderlich": "must",
    "permitted": "may", "forbidden": "-may", "prohibited": "-may", "erlaubt": "may",
    "verboten": "-may", "supported": "works", "unsupported": "-works",
    "possible": "can", "impossible": "-can", "möglich": "can", "unmöglich": "-can",
    "included": "in", "excluded": "-in",
}  # fmt: skip
_STATE: Final = re.compile(rf"\b(?:{'|'.join(_STATES)})\b", re.IGNORECASE)
_CONDITION: Final = re.compile(
    r"\b(?:if|unless|when|while|until|without|except|instead|otherwise|but|although|whether"
    r"|or(?! (?:newer|later|higher|more|less|fewer|older|above|below))"
    r"|wenn|falls|ohne|außer|sonst|aber|obwohl|sondern|ob|bis)\b",
    re.IGNORECASE,
)


def _state_and_negations(sentence: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The state of a sentence, and the spans of the words that show this state.

    "It is enabled" has the state `on`. "It is not enabled" and "It is disabled" have the state
    `-on`. A sentence without a word of `_STATES` has the state `-` if it is negated, and an empty
    state otherwise. Two sentences with states that differ only in the `-` contradict each other.
    """
    negations = [match.span() for match in _NEGATION.finditer(sentence)]
    states = list(_STATE.finditer(sentence))
    positive = len(negations) % 2 == 0
    if not states:
        return "" if positive else "-", tuple(negations)
    state = _STATES[states[0][0].lower()]
    positive = positive == (not state.startswith("-"))
    spans = (*negations, *(match.span() for match in states))
    return ("" if positive else "-") + state.lstrip("-"), spans
