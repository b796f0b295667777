"""Strict comparison of a model's sentence with its sources. Pure.

For each sentence, the model names sources, which are sentences of passages. A sentence passes if a
source says the same in the same words and clauses. This doesn't prove the sentence, but everything
doubtful fails. The source must contain each content word, name, negation and scope word, each
number with its unit, and each small word that could reverse the meaning ("on", "off"). If the
source is a statement, the sentence can't be a question. Each clause must be a whole clause of the
source, so that no limitation is lost. Only dates may move to another clause. If a sentence has two
halves, each may have a source of its own.

Scope words such as "only", "at least" and "if" limit a statement. They are listed in
`telling_words.toml`, in English and German. In other languages, the check finds little more than
stems and numbers.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Final, NamedTuple

from indexer.contradictions.quantities import BARE, VERSION, Subject, Value, parse_values
from indexer.text.analyzer import is_stop_word, words
from knowledge.languages.detection import language_of
from knowledge.text import QUESTION_MARKS

# Reading of a sentence.


class Item(NamedTuple):
    """A content word or a value of a sentence.

    Equal items have equal keys: the stem of a word, or a normal form of a value. Names are compared
    by `word`, in lower case and "" for a value, because different names can share a stem.
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


_TABLES: Final[dict[str, dict[str, str]]] = tomllib.loads(
    files("bot.phrasing").joinpath("telling_words.toml").read_text(encoding="utf-8")
)
_SENSES: Final = {
    sense: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)
    for name, table in _TABLES.items()
    if name != "turning"
    for sense, pattern in table.items()
}
# Matches the German word "mit", but not the name MIT.
_TURNING: Final = {
    language: re.compile(rf"\b(?![A-Z]{{2}})(?i:{pattern})\b")
    for language, pattern in _TABLES["turning"].items()
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


# Longer sentences are cut here; the rest isn't compared.
_READ_CHARACTERS: Final = 1_000


@lru_cache(maxsize=512)
def read(sentence: str) -> Reading:
    sentence = sentence[:_READ_CHARACTERS]
    language = language_of(sentence)
    joints = list(_CLAUSE.finditer(sentence))
    placed = sorted(_items_with_offsets(sentence, language, joints), key=lambda pair: pair[0])
    # The same statement may have a date in another clause.
    undated_places = [(place, item) for place, item in placed if not item.is_date]
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
        tuple(item for _, item in placed),
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
    # "Up to", "have to" and the like limit a statement, and are compared as senses.
    phrases = [match for pattern in _SENSES.values() for match in pattern.finditer(sentence)]
    taken = [match.span() for match in phrases if " " in match[0]]
    small = [
        (match.start(), match[0].lower())
        for match in _TURNING.get(language, _TURNING["en"]).finditer(sentence)
        if not any(start < match.end() and match.start() < end for start, end in taken)
    ]
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
        token, word = match[0], match[0].lower()
        key = "".join(words(token, language)[:1]) if token.isalpha() else word
        # Stop words and scope words tell how something is said.
        says_how = key.isalpha() and (
            is_stop_word(key, language)
            or any(pattern.fullmatch(word) for pattern in _SENSES.values())
        )
        if key and not says_how:
            signs = [*map(str.isdigit, token), len(token) > 1 and any(map(str.isupper, token))]
            is_name = any(signs) and match.start() > first
            yield match.start(), Item(key, clause(match.start()), word, is_name)


def _year_as_date(sentence: str, value: Value) -> Value:
    """Return a value. A number that is a year, as in "In August 2023 Google …", becomes a date."""
    digits = str(value.normal).removesuffix(".0")
    counts = value.subject in {Subject.NUMBER, Subject.VERSION}
    if not (counts and digits.isdigit() and len(digits) == 4 and int(digits) in _YEARS):
        return value
    if _NAMED.match(sentence, value.end) or _BEFORE_YEAR.search(sentence[: value.start]):
        return replace(value, subject=Subject.DATE, kind="year", normal=float(digits))
    return value


# Comparison.

# Content words needed for a comparison.
LEAST_ITEMS: Final = 2


class Mismatch(StrEnum):
    """Why a sentence doesn't follow from a source; the first member is the greatest difference."""

    SHORT = "too short"
    WORDS = "words"
    NAMES = "names"
    NUMBERS = "numbers"
    DENIAL = "denial"
    LIMITS = "limits"
    ORDER = "order"
    TURNED = "turned round"


_CLOSENESS: Final = [*Mismatch]
# Joints between the halves of a sentence, and joints between the independent parts of a source.
_JOINT: Final = re.compile(r"[;,]\s(?:and\s|but\s|so\s|und\s|aber\s)?|\s(?:and|und)\s")
_PART: Final = re.compile(r";\s|,\s(?=but\b|aber\b)")
# Each joint costs a parse of both halves; a sentence with more joints has more than two parts.
_MOST_JOINTS: Final = 12


def mismatch(sentence: str, sources: Sequence[str]) -> Mismatch | None:
    """Return why a sentence follows from none of its sources, or None if it follows.

    A sentence may follow from a whole source, from an independent part of a source, or in two
    halves from two sources. Otherwise the result is the smallest mismatch found.

    Args:
        sentence: as the model wrote it.
        sources: the sentences that the model names. A source that refers back is given twice:
            alone, and after the text to which the source refers.
    """
    candidates = [read(part) for source in sources for part in _candidates(source)]
    own = read(sentence)
    best = Mismatch.SHORT
    for candidate in candidates:
        found = _difference(own, candidate)
        if found is None:
            return None
        best = max(best, found, key=_CLOSENESS.index)
    return None if _follows_in_halves(sentence, candidates) else best


def _candidates(source: str) -> Iterator[str]:
    """Yield a source, then its independent parts; a part after a condition isn't independent."""
    yield source
    parts = _PART.split(source)
    if len(parts) > 1:
        yield parts[0]
        for before, part in pairwise(parts):
            if any(_SENSES[sense].search(before) for sense in _TABLES["conditions"]):
                return
            yield part


def _follows_in_halves(sentence: str, candidates: Sequence[Reading]) -> bool:
    """Whether each half of a sentence follows from a source with the same subject."""
    joints = list(_JOINT.finditer(sentence))
    if len(joints) > _MOST_JOINTS:
        return False
    for joint in joints:
        halves = (read(sentence[: joint.start()]), read(sentence[joint.end() :]))
        if all(
            any(
                half.clauses
                and candidate.clauses
                and half.clauses[0][0] == candidate.clauses[0][0]
                and _difference(half, candidate) is None
                for candidate in candidates
            )
            for half in halves
        ):
            return True
    return False


def _difference(own: Reading, source: Reading) -> Mismatch | None:
    if len(own.items) < LEAST_ITEMS:
        return Mismatch.SHORT
    keys, known = source.keys, {item.word for item in source.items}
    if any(item.is_name and item.word not in known for item in own.items):
        return Mismatch.NAMES
    if any(item.value is None and item.key not in keys for item in own.items):
        return Mismatch.WORDS
    theirs = [item.value for item in source.items if item.value is not None]
    values = [item.value for item in own.items if item.value is not None]
    if not all(any(_is_equal(value, other) for other in theirs) for value in values):
        return Mismatch.NUMBERS
    if sorted(own.negated) != sorted(source.negated):
        return Mismatch.DENIAL
    if not _has_same_scope(own, source):
        return Mismatch.LIMITS
    if not (_says_whole_clauses(own, source) and _dates_stay(own, source)):
        return Mismatch.ORDER
    is_alike = own.is_question == source.is_question and own.surroundings <= source.surroundings
    return None if is_alike else Mismatch.TURNED


def _is_equal(value: Value, other: Value) -> bool:
    """Whether two values are equal and count the same thing. A bare number may count anything."""
    bare = value.kind in {BARE, VERSION} and other.subject is value.subject
    return value.normal == other.normal and (value.kind == other.kind or bare)


def _has_same_scope(own: Reading, source: Reading) -> bool:
    """Whether no scope word was added or moved, and no limitation was lost.

    A condition such as "if" limits the whole source, so it can't be omitted. A word such as "only"
    or "about" limits the next item or value, and can be omitted only together with this item.
    """
    mine, keys = set(own.senses), own.keys
    if mine - set(source.senses):
        return False
    for sense, behind in source.senses:
        whole = sense in _TABLES["conditions"]
        local = sense in _TABLES["limiting"] and behind in keys
        near = sense in _TABLES["approximate"] and behind.startswith("=") and behind in keys
        if (whole or local or near) and (sense, behind) not in mine:
            return False
    return True


# Words of a clause tried as the subject of the next.
_SUBJECT_ITEMS: Final = 3


def _says_whole_clauses(own: Reading, source: Reading) -> bool:
    """Whether a sentence consists of whole clauses of the source.

    One clause of the sentence may join several clauses of the source, in their order. The clauses
    of the sentence may have any order, except dependent clauses ("and costs …"). A dependent clause
    must follow the same clause as in the source, or begin with the subject of the main clause. An
    introductory clause of time or place may move to the end.
    """
    if _is_made_of(own.clauses, source):
        return True
    first, *rest = own.clauses or ((),)
    return own.is_fronted and bool(rest) and _is_made_of((rest[0] + first, *rest[1:]), source)


def _is_made_of(clauses: Sequence[tuple[str, ...]], source: Reading) -> bool:
    keys = tuple(key for clause in clauses for key in clause)
    begins = {sum(map(len, clauses[:place])) for place in range(len(clauses))}
    pieces = [(at, clause, False) for at, clause in enumerate(source.clauses)]
    pieces += [(at, clause, True) for at in source.elliptic for clause in _with_subject(source, at)]

    @cache
    def goes_on(place: int, last: int) -> bool:
        return place == len(keys) or any(
            keys[place : place + len(piece)] == piece
            and _may_stand(
                at, last, place in begins and len(piece) > 1, place + len(piece) == len(keys), alone
            )
            and goes_on(place + len(piece), at)
            for at, piece, alone in pieces
        )

    def _may_stand(at: int, last: int, begins_one: bool, ends: bool, alone: bool) -> bool:
        if alone:
            return begins_one
        if at in source.dependent:
            return at == last + 1
        return at > last or begins_one or (ends and at == 0 and source.is_fronted)

    return goes_on(0, -1)


def _with_subject(source: Reading, dependent: int) -> Iterator[tuple[str, ...]]:
    """Yield a dependent clause once with each possible subject, taken from the main clause."""
    whole = max(at for at in range(dependent) if at not in source.dependent)
    subject = source.clauses[whole][:_SUBJECT_ITEMS]
    for count in range(1, len(subject) + 1):
        yield subject[:count] + source.clauses[dependent]


def _dates_stay(own: Reading, source: Reading) -> bool:
    """Whether dates keep their order, and each date stays with its companions.

    The companions of a date are the other items around the date. A date must share companions with
    the equal date of the source, and must not share more with another date.
    """
    rest = iter([item.key for item in source.items if item.is_date])
    if not all(item.key in rest for item in own.items if item.is_date):
        return False
    for item in own.items:
        if item.is_date:
            common = _in_common(own, item, source)
            if not 0 < common[item.key] == max(common.values()):
                return False
    return True


def _in_common(own: Reading, date: Item, source: Reading) -> Counter[str]:
    """Count the companions that a date shares with each date of the source, by that date's key."""
    near, common = _companions(own, date), Counter[str]()
    for other in source.items:
        if (
            other.value is not None
            and date.value is not None
            and other.value.kind == date.value.kind
        ):
            size = len(near & _companions(source, other))
            common[other.key] = max(common[other.key], size)
    return common


def _companions(reading: Reading, date: Item) -> frozenset[str]:
    """Return the other items in a date's clause, or else in the nearest clauses with items."""
    for near in range(1 + max(item.clause for item in reading.items)):
        found = frozenset(
            item.key
            for item in reading.items
            if not item.is_date and abs(item.clause - date.clause) <= near
        )
        if found:
            return found
    return frozenset()
