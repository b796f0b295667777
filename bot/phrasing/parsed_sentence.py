"""Parser of a sentence for the strict check: content words, values, clauses, scope words. Pure.

Scope words such as "only", "at least" and "if" limit a statement. They are listed in
`telling_words.toml`, in English and German. In other languages, the parser finds little more than
stems and numbers.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Final

from indexer.contradictions.quantities import Subject, Value, parse_values
from indexer.text.analyzer import is_stop_word, words
from knowledge.languages.detection import language_of
from knowledge.text import QUESTION_MARKS


@dataclass(frozen=True, slots=True)
class Item:
    """A content word or a value of a sentence.

    Attributes:
        key: the stem of a word, or a normal form of a value. Equal items have equal keys.
        clause: the number of the clause with this item, from 0.
        word: the word in lower case, or "" for a value. Names are compared by `word`, because
            different names can share a stem.
    """

    key: str
    clause: int
    word: str = ""
    is_name: bool = False
    value: Value | None = None

    @property
    def is_date(self) -> bool:
        return self.value is not None and self.value.subject is Subject.DATE


@dataclass(frozen=True, slots=True)
class Reading:
    """The comparable parts of a sentence.

    Attributes:
        items: content words and values, in order.
        clauses: the keys of the items in each clause. Dates are left out, because another sentence
            may say the same with the date in another clause. Clauses without items are left out.
        dependent: indexes in `clauses` of the clauses that depend on the clause before them.
        elliptic: the dependent clauses that share the subject of an earlier clause. They follow
            "and" or "or", or begin with a pronoun.
        is_fronted: whether the first clause only says when, where or how: "In winter, …".
        senses: the sense of each scope word, with the key of the next item.
        negated: the key of the item after each negation.
        surroundings: a triple for each item: the item's key, the small words between the previous
            item and this item, and the small words between this item and the end of the clause.
            Small words are prepositions such as "on" and "off". The last part is empty unless the
            item is the last of its clause.
        is_question: whether the sentence ends with a question mark.
    """

    items: tuple[Item, ...]
    clauses: tuple[tuple[str, ...], ...]
    dependent: frozenset[int]
    elliptic: frozenset[int]
    is_fronted: bool
    senses: tuple[tuple[str, str], ...]
    negated: tuple[str, ...]
    surroundings: frozenset[tuple[str, tuple[str, ...], tuple[str, ...]]]
    is_question: bool

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(item.key for item in self.items)


TABLES: Final[dict[str, dict[str, str]]] = tomllib.loads(
    files("bot.phrasing").joinpath("telling_words.toml").read_text(encoding="utf-8")
)
_SENSES: Final = {
    sense: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)
    for name, table in TABLES.items()
    if name != "turning"
    for sense, pattern in table.items()
}
# Matches the German word "mit", but not the name MIT.
_TURNING: Final = {
    language: re.compile(rf"\b(?![A-Z]{{2}})(?i:{pattern})\b")
    for language, pattern in TABLES["turning"].items()
}
_TOKEN: Final = re.compile(r"[^\W_]+(?:[.+#][\w+#]+)*[+#]*")
_YEARS: Final = range(1900, 2100)
# After these words, or before a name, a number in `_YEARS` is a year, not a count.
_BEFORE_YEAR: Final = re.compile(
    r"\b(?:in|im|since|seit|until|bis|by|early|late|mid|anfang|ende|jan\w*|feb\w*|mar\w*|mär\w*|apr\w*"
    r"|ma[iy]|jun\w*|jul\w*|aug\w*|sep\w*|o[ck]t\w*|nov\w*|de[cz]\w*)\s\Z",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(r"[ ,]{1,9}[A-Z]")
_DENIES: Final = re.compile(
    r"\b(?:\w+n['’]t|not|cannot|never|no|none|nobody|nothing|neither|nor|hardly|unable|refus\w+"
    r"|fail(?:s|ed)?|stop(?:s|ped)?|lack\w*|nicht|nie|niemals|niemand|nichts|kein(?:e[nmrs]?)?"
    r"|weder|kaum)\b",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(
    r"[.!?][\"”’)]*\s|[,;:()–—]\s?(?:(?:and|but|or|so|und|aber|oder)\s)?"
    r"|\b(?:and|but|or|so|that|which|who|because|und|aber|oder|dass|weil)\s",
    re.IGNORECASE,
)
_FRONTED: Final = re.compile(
    r"(?:at|in|on|for|from|with|by|between|during|under|over|among|through|inside|bei|mit|für|von"
    r"|vom|aus|auf|an|am|im|unter|zwischen|während|durch)\s",
    re.IGNORECASE,
)
_AND: Final = frozenset({"and", "or", "und", "oder"})
_RELATIVE: Final = frozenset({"which", "who", "that", "because", "dass", "weil"})
_ON_ALL: Final = "on all of it"
_FOR_ITS_SUBJECT: Final = "for its subject"
_PRONOUN: Final = re.compile(r"(?:it|they|he|she|er|sie|es)\s", re.IGNORECASE)


def is_conditional(text: str) -> bool:
    return any(_SENSES[sense].search(text) is not None for sense in TABLES["conditions"])


# Longer sentences are cut here; the rest isn't compared.
_READ_CHARACTERS: Final = 1_000


@lru_cache(maxsize=512)
def read(sentence: str) -> Reading:
    sentence = sentence[:_READ_CHARACTERS]
    language = language_of(sentence)
    joints = list(_CLAUSE.finditer(sentence))
    placed = sorted(_items_with_offsets(sentence, language, joints), key=lambda one: one[0])
    items = tuple(item for _, item in placed)
    # The same statement may have a date in another clause.
    undated_places = [one for one in placed if not one[1].is_date]
    undated = [item for _, item in undated_places]
    numbers = list(dict.fromkeys(item.clause for item in undated))
    senses = tuple(
        (sense, _behind(undated_places, match.end()))
        for sense, pattern in _SENSES.items()
        for match in pattern.finditer(sentence)
    )
    kinds = {
        place: _dependence(sentence, joints[n - 1]) for place, n in enumerate(numbers) if place
    }
    return Reading(
        items,
        tuple(tuple(item.key for item in undated if item.clause == n) for n in numbers),
        frozenset(place for place, how in kinds.items() if how),
        frozenset(place for place, how in kinds.items() if how == _FOR_ITS_SUBJECT),
        _FRONTED.match(sentence) is not None,
        senses,
        tuple(_behind(placed, match.end()) for match in _DENIES.finditer(sentence)),
        frozenset(_surroundings(sentence, language, placed, joints)),
        sentence.rstrip('"”’) ').endswith(QUESTION_MARKS),
    )


def _dependence(sentence: str, joint: re.Match[str]) -> str:
    """Return how the clause after a joint depends on the clause before the joint.

    A joint is the punctuation or the word between two clauses. The result is `_ON_ALL` if the later
    clause needs the whole earlier clause ("because …"), `_FOR_ITS_SUBJECT` if it needs only the
    subject ("and costs …"), or "" if it needs neither.
    """
    word = joint[0].strip().lower()
    if word in _RELATIVE:
        return _ON_ALL
    has_no_subject = word in _AND or _PRONOUN.match(sentence, joint.end()) is not None
    return _FOR_ITS_SUBJECT if has_no_subject else ""


def _surroundings(
    sentence: str,
    language: str,
    placed: Sequence[tuple[int, Item]],
    joints: Sequence[re.Match[str]],
) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Yield the small words around each item, as in `Reading.surroundings`."""
    small = list(_small_words(sentence, language))
    bounds = [0, *(joint.end() for joint in joints), len(sentence)]
    for at, (place, item) in enumerate(placed):
        begin, end = bounds[item.clause], bounds[item.clause + 1]
        if at and placed[at - 1][1].clause == item.clause:
            begin = placed[at - 1][0]
        is_last = at + 1 == len(placed) or placed[at + 1][1].clause != item.clause
        yield (
            item.key,
            tuple(word for start, word in small if begin <= start < place),
            tuple(word for start, word in small if is_last and place < start < end),
        )


def _small_words(sentence: str, language: str) -> Iterator[tuple[int, str]]:
    # "Up to", "have to" and the like limit a statement, and are compared as senses.
    said = [match for one in _SENSES.values() for match in one.finditer(sentence)]
    taken = [match.span() for match in said if " " in match[0]]
    pattern = _TURNING.get(language, _TURNING["en"])
    for match in pattern.finditer(sentence):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            yield match.start(), match[0].lower()


def _behind(placed: Sequence[tuple[int, Item]], place: int) -> str:
    return next((item.key for start, item in placed if start >= place), "")


def _items_with_offsets(
    sentence: str, language: str, joints: Sequence[re.Match[str]]
) -> Iterator[tuple[int, Item]]:
    """Yield the values of a sentence, then its content words, each with its offset."""

    def clause(place: int) -> int:
        return sum(joint.end() <= place for joint in joints)

    values = [_year_as_date(sentence, value) for value in parse_values(sentence, language)]
    for value in values:
        yield value.start, Item(f"={value.normal}", clause(value.start), value=value)
    lead = re.match(r"\W*", sentence)
    first = lead.end() if lead else 0
    for match in _TOKEN.finditer(sentence):
        if any(value.start <= match.start() < value.end for value in values):
            continue
        token = match[0]
        key = _key(token, language)
        if key and not (key.isalpha() and _says_how(token.lower(), key, language)):
            is_name = _looks_like_a_name(token) and match.start() > first
            yield match.start(), Item(key, clause(match.start()), token.lower(), is_name)


def _year_as_date(sentence: str, value: Value) -> Value:
    """Return a value. A number that is a year, as in "In August 2023 Google …", becomes a date."""
    digits = str(value.normal).removesuffix(".0")
    counts = value.subject in {Subject.NUMBER, Subject.VERSION}
    if not (counts and digits.isdigit() and len(digits) == 4 and int(digits) in _YEARS):
        return value
    if _NAMED.match(sentence, value.end) or _BEFORE_YEAR.search(sentence[: value.start]):
        return replace(value, subject=Subject.DATE, kind="year", normal=float(digits))
    return value


def _key(token: str, language: str) -> str:
    if any(map(str.isdigit, token)) or not token.isalpha():
        return token.lower()
    return "".join(words(token, language)[:1])


def _says_how(word: str, key: str, language: str) -> bool:
    return is_stop_word(key, language) or any(one.fullmatch(word) for one in _SENSES.values())


def _looks_like_a_name(token: str) -> bool:
    return any(map(str.isdigit, token)) or (any(map(str.isupper, token)) and len(token) > 1)
