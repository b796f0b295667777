"""Features of a text as an answer to a question: negation, names, the kind of answer. Pure.

Signals read English; in another language they say nothing, which is what an absent sign means.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from importlib.resources import files
from typing import Final

from indexer.text.analyzer import words

# Does the window say the opposite?

_NEGATION: Final = re.compile(
    r"\b(?:not|never|no|nor|neither|none|nobody|nothing|without|cannot|least|unable|except|unlike"
    r"|lack\w*|fail\w*|refus\w*|\w+n['’]t|(?:did|does|is|was|do|are|were|wo|ca|could|would|should"
    r"|has|have|had)nt)\b",
    re.IGNORECASE,
)
# "Why does it not start?" is answered by how to start it; "who did not sign?" is not answered
# by who signed. So only questions that ask for a thing count.
_ASKS_FOR_A_THING: Final = re.compile(
    r"\b(?:who|whom|whose|what|which|when|where)\b", re.IGNORECASE
)
_ASKS_FOR_A_WAY: Final = re.compile(r"\b(?:why|how)\b", re.IGNORECASE)

# Not "in", "im", "dis": they would make opposites of form and inform, port and import.
_PREFIXES: Final = ("un", "non", "ir", "il")


def _opposites() -> Mapping[str, frozenset[str]]:
    """The words of the pairs in `opposites.txt`, each with its opposites."""
    table: dict[str, set[str]] = {}
    text = files("indexer.text").joinpath("opposites.txt").read_text(encoding="utf-8")
    for pair in text.splitlines():
        left, right = words(pair, "en")
        table.setdefault(left, set()).add(right)
        table.setdefault(right, set()).add(left)
    return {word: frozenset(others) for word, others in table.items()}


_OPPOSITES: Final = _opposites()


def opposed(question: str, asked: AbstractSet[str], text: str, window: AbstractSet[str]) -> float:
    """The number of ways, 0 to 2, in which a window turns the question's meaning round.

    One: the question denies ("who did not ...?") and the window does not. Two: a word of the
    question is missing and its opposite is there, by list (`first`, `last`) or by prefix
    (`legal`, `illegal`).
    """
    denied = (
        _ASKS_FOR_A_THING.search(question) is not None
        and _ASKS_FOR_A_WAY.search(question) is None
        and _NEGATION.search(question) is not None
        and _NEGATION.search(text) is None
    )
    turned = any(_is_turned(word, asked, window) for word in asked if word not in window)
    return float(denied) + float(turned)


def _is_turned(word: str, asked: AbstractSet[str], window: AbstractSet[str]) -> bool:
    others = _OPPOSITES.get(word, frozenset())
    if others & window and not others & asked:
        return True
    if len(word) > 3 and "un" + word in window:
        return True
    return any(
        word.startswith(prefix) and len(word) > len(prefix) + 3 and word[len(prefix) :] in window
        for prefix in _PREFIXES
    )


# Names and numbers.

_TOKEN: Final = re.compile(r"\w[\w.'’-]*")


def names(question: str) -> list[str]:
    """Capitalised words other than the first, and words with digits.

    A question in capitals, Or In Title Case, tells nothing by them: only digits count then.
    """
    tokens = _TOKEN.findall(question)
    capitals = sum(token[0].isupper() for token in tokens)
    telling = capitals <= 0.7 * len(tokens)
    return [
        name
        for i, name in enumerate(tokens)
        if any(character.isdigit() for character in name)
        or (telling and i > 0 and name[0].isupper() and name != "I")
    ]


def missing(found: Sequence[str], passage: AbstractSet[str]) -> float:
    """The share of names and symbols that share no word with the passage; 0 if there are none."""
    if not found:
        return 0.0
    return sum(passage.isdisjoint((name, *words(name))) for name in found) / len(found)


# The kind of answer.

_NUMBER: Final = re.compile(
    r"\d[\d.,]*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty"
    r"|thirty|forty|fifty|hundreds?|thousands?|millions?|billions?|half|third|quarter|twice"
    r"|first|second|single|double|both|none|zero)\b",
    re.IGNORECASE,
)
_DATE: Final = re.compile(
    r"\b(?:\d{1,4}(?:st|nd|rd|th|s)?|january|february|march|april|may|june|july|august|september"
    r"|october|november|december|(?:mon|tues|wednes|thurs|fri|satur|sun)day|century|centuries"
    r"|today|ago|spring|summer|autumn|winter)\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w'’-]+")
_REASON: Final = re.compile(
    r"\b(?:because|since|due to|owing|so that|in order to|as a result|caus\w+|led to|leads to"
    r"|results? (?:of|in|from)|reasons?|therefore|thus|hence|to (?:avoid|prevent|allow|make|keep"
    r"|reduce|protect|ensure|provide|increase)|which means?|if you)\b",
    re.IGNORECASE,
)
_KINDS: Final = (
    (re.compile(r"\b(?:how (?:many|much|long|far|old|tall|big|large|high|often|fast|deep|heavy)"
                r"|(?:what|which) (?:percent\w*|number|proportion|fraction|amount|population|age"
                r"|height|length|distance|temperature|price|cost|score|size|ratio))\b"), _NUMBER),
    (re.compile(r"\b(?:when|(?:what|which) (?:years?|date|day|month|century|decade))\b"), _DATE),
    (re.compile(r"\b(?:who|whom|whose|where|(?:what|which) (?:country|city|state|person|company"
                r"|organi[sz]ation|university|school|team|king|queen|president|river))\b"), _NAME),
    (re.compile(r"\b(?:why|what (?:is|was|are|were) the (?:reason|cause)s?|what caused)\b"),
     _REASON),
)  # fmt: skip


def fitting(question: str, asked: AbstractSet[str], text: str) -> float:
    """1 if a text has a new span of the kind asked for, -1 if none, 0 if no kind is known."""
    span = _span_asked_for(question)
    if span is None:
        return 0.0
    found = (match.group() for match in span.finditer(text))
    return 1.0 if any(asked.isdisjoint(words(new)) for new in found) else -1.0


# Every sentence that may be quoted is asked whether it has one.
@lru_cache(maxsize=256)
def _span_asked_for(question: str) -> re.Pattern[str] | None:
    lowered = question.lower()
    return next((span for asks, span in _KINDS if asks.search(lowered)), None)
