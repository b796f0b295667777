"""Features of a text as an answer to a question: names, and the kind of answer. Pure.

Signals read English; in another language they say nothing, which is what an absent sign means.
"""

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

from indexer.text.analyzer import words

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
