"""Strict comparison of a sentence that a model wrote with the sentences it names. Pure.

A filter, no proof: it lets through what says the same in the same words and clauses, and fails what
it can't tell. Every word that carries meaning stands in the named sentence; so do names, denials,
the words that say how far a statement goes, small words that would turn it round ("on", "off"), and
numbers with what they count. A question follows no statement. Each clause is a whole clause there,
only dates may move; so nothing that limits it is lost. A sentence of two halves may say each after
another named sentence.
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

# How many words that carry meaning say enough to be compared.
LEAST_ITEMS: Final = 2


class Mismatch(StrEnum):
    """In what a sentence differs from what it names; the later, the more of it agrees."""

    SHORT = "too short"
    WORDS = "words"
    NAMES = "names"
    NUMBERS = "numbers"
    DENIAL = "denial"
    LIMITS = "limits"
    ORDER = "order"
    TURNED = "turned round"


_CLOSENESS: Final = {one: place for place, one in enumerate(Mismatch)}
# Where a sentence may be halved, and which parts of a named one may be named without the rest.
_JOINT: Final = re.compile(r"[;,]\s(?:and\s|but\s|so\s|und\s|aber\s)?|\s(?:and|und)\s")
_PART: Final = re.compile(r";\s|,\s(?=but\b|aber\b)")
# Both halves are read anew for each place, and a sentence with more of them has not two halves.
_MOST_JOINTS: Final = 12


def mismatch(sentence: str, sources: Sequence[str]) -> Mismatch | None:
    """What a sentence has against all of some sentences and their parts; None if it follows one.

    Args:
        sentence: as a model wrote it.
        sources: what it names, each a sentence, or one with what it refers back to.
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
    """A sentence, and its parts that say something by themselves: no condition stands before."""
    yield source
    parts = _PART.split(source)
    if len(parts) > 1:
        yield parts[0]
        for before, part in pairwise(parts):
            if is_conditional(before):
                return
            yield part


def _follows_in_halves(sentence: str, candidates: Sequence[Reading]) -> bool:
    """Whether a sentence can be halved so that each half follows a named one with its subject."""
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
    if (new := _new(own, source)) is not None:
        return new
    if not _denies_alike(own, source):
        return Mismatch.DENIAL
    if not _goes_as_far(own, source):
        return Mismatch.LIMITS
    if not (_says_whole_clauses(own, source) and _dates_stay(own, source)):
        return Mismatch.ORDER
    return None if own.asks == source.asks and own.turned <= source.turned else Mismatch.TURNED


def _new(own: Reading, source: Reading) -> Mismatch | None:
    """What a sentence has that the source has not: a name, another word, a number of something."""
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
    """Whether a value is the other one, and of the same; a bare number may count what that does."""
    bare = value.of in {BARE, VERSION} and other.subject is value.subject
    return value.normal == other.normal and (value.of == other.of or bare)


def _denies_alike(own: Reading, source: Reading) -> bool:
    return sorted(own.denied) == sorted(source.denied)


def _goes_as_far(own: Reading, source: Reading) -> bool:
    """Whether no telling word is added or moved, and none is lost that limits what is said."""
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


# How many words of a clause are tried as the subject of one that leans on it.
_SUBJECT_ITEMS: Final = 3


def _says_whole_clauses(own: Reading, source: Reading) -> bool:
    """Whether a sentence is put together of whole clauses of the source.

    They stand in their order, but where a clause of the sentence begins, and but for one in front
    that only says when or where, which may move to the end, as its own may from there. What leans
    on the clause before it ("and costs …") follows that, or has its subject in front.
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
        if at in source.leaning:
            return at == last + 1
        return at > last or begins_one or (ends and at == 0 and source.is_fronted)

    return goes_on(0, -1)


def _with_subject(source: Reading, leaning: int) -> Iterator[tuple[str, ...]]:
    """A clause that leans on another one with what may be its subject, the beginning of that."""
    whole = max(at for at in range(leaning) if at not in source.leaning)
    subject = source.clauses[whole][:_SUBJECT_ITEMS]
    for count in range(1, len(subject) + 1):
        yield subject[:count] + source.clauses[leaning]


def _dates_stay(own: Reading, source: Reading) -> bool:
    """Whether dates are in their order, and each belongs to what it belongs to there.

    That is told by what is in its clause: of two dates, the one with more of it is meant.
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
    """How much of what a date belongs to belongs to each date of its kind in the source, by key."""
    near, common = _companions(own, date), Counter[str]()
    for other in source.items:
        if other.value is not None and date.value is not None and other.value.of == date.value.of:
            size = len(near & _companions(source, other))
            common[other.key] = max(common[other.key], size)
    return common


def _companions(one: Reading, date: Item) -> frozenset[str]:
    """What a date belongs to: what else is in its clause, or in those beside it."""
    for near in range(1 + max(item.clause for item in one.items)):
        found = frozenset(
            item.key
            for item in one.items
            if not item.is_date and abs(item.clause - date.clause) <= near
        )
        if found:
            return found
    return frozenset()
