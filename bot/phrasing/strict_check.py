"""Strict comparison of a model's sentence with its sources. Pure.

For each sentence, the model names sources, which are sentences of passages. A sentence passes if a
source says the same in the same words and clauses. This doesn't prove the sentence, but everything
doubtful fails. The source must contain each content word, name, negation and scope word, each
number with its unit, and each small word that could reverse the meaning ("on", "off"). If the
source is a statement, the sentence can't be a question. Each clause must be a whole clause of the
source, so that no limitation is lost. Only dates may move to another clause. If a sentence has two
halves, each may have a source of its own.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import Final

from bot.phrasing.parsed_sentence import TABLES, Item, Reading, is_conditional, read
from indexer.contradictions.quantities import BARE, VERSION, Value

# Content words needed for a comparison.
LEAST_ITEMS: Final = 2


class Mismatch(StrEnum):
    """Reason why a sentence doesn't follow from a source.

    The first member is the greatest difference, the last member the smallest.
    """

    SHORT = "too short"
    WORDS = "words"
    NAMES = "names"
    NUMBERS = "numbers"
    DENIAL = "denial"
    LIMITS = "limits"
    ORDER = "order"
    TURNED = "turned round"


_CLOSENESS: Final = {one: place for place, one in enumerate(Mismatch)}
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
        best = max(best, found, key=_CLOSENESS.__getitem__)
    return None if _follows_in_halves(sentence, candidates) else best


def _candidates(source: str) -> Iterator[str]:
    """Yield a source, then its independent parts; a part after a condition isn't independent."""
    yield source
    parts = _PART.split(source)
    if len(parts) > 1:
        yield parts[0]
        for before, part in pairwise(parts):
            if is_conditional(before):
                return
            yield part


def _follows_in_halves(sentence: str, candidates: Sequence[Reading]) -> bool:
    """Whether each half of a sentence follows from a source; the two sources may differ.

    Each half must have the same subject as its source.
    """
    joints = list(_JOINT.finditer(sentence))
    if len(joints) > _MOST_JOINTS:
        return False
    for joint in joints:
        halves = (read(sentence[: joint.start()]), read(sentence[joint.end() :]))
        if all(any(_follows_with_subject(half, one) for one in candidates) for half in halves):
            return True
    return False


def _follows_with_subject(half: Reading, candidate: Reading) -> bool:
    same = (
        half.clauses[:1]
        and candidate.clauses[:1]
        and (half.clauses[0][0] == candidate.clauses[0][0])
    )
    return bool(same) and _difference(half, candidate) is None


def _difference(own: Reading, source: Reading) -> Mismatch | None:
    if len(own.items) < LEAST_ITEMS:
        return Mismatch.SHORT
    if (new := _unsupported(own, source)) is not None:
        return new
    if not _denies_alike(own, source):
        return Mismatch.DENIAL
    if not _has_same_scope(own, source):
        return Mismatch.LIMITS
    if not (_says_whole_clauses(own, source) and _dates_stay(own, source)):
        return Mismatch.ORDER
    is_alike = own.is_question == source.is_question and own.surroundings <= source.surroundings
    return None if is_alike else Mismatch.TURNED


def _unsupported(own: Reading, source: Reading) -> Mismatch | None:
    keys, known = source.keys, {item.word for item in source.items}
    if any(item.is_name and item.word not in known for item in own.items):
        return Mismatch.NAMES
    if any(item.value is None and item.key not in keys for item in own.items):
        return Mismatch.WORDS
    theirs = [item.value for item in source.items if item.value is not None]
    for item in own.items:
        if item.value is not None and not any(_same(item.value, other) for other in theirs):
            return Mismatch.NUMBERS
    return None


def _same(value: Value, other: Value) -> bool:
    """Whether two values are equal and count the same thing. A bare number may count anything."""
    bare = value.kind in {BARE, VERSION} and other.subject is value.subject
    return value.normal == other.normal and (value.kind == other.kind or bare)


def _denies_alike(own: Reading, source: Reading) -> bool:
    return sorted(own.negated) == sorted(source.negated)


def _has_same_scope(own: Reading, source: Reading) -> bool:
    """Whether no scope word was added or moved, and no limitation was lost.

    A condition such as "if" limits the whole source, so it can't be omitted. A word such as "only"
    or "about" limits the next item or value, and can be omitted only together with this item.
    """
    mine, keys = set(own.senses), own.keys
    if mine - set(source.senses):
        return False
    for sense, behind in source.senses:
        whole = sense in TABLES["conditions"]
        local = sense in TABLES["limiting"] and behind in keys
        near = sense in TABLES["approximate"] and behind.startswith("=") and behind in keys
        if (whole or local or near) and (sense, behind) not in mine:
            return False
    return True


# Clauses.


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


def _companions(one: Reading, date: Item) -> frozenset[str]:
    """Return the other items in a date's clause, or else in the nearest clauses with items."""
    for near in range(1 + max(item.clause for item in one.items)):
        found = frozenset(
            item.key
            for item in one.items
            if not item.is_date and abs(item.clause - date.clause) <= near
        )
        if found:
            return found
    return frozenset()
