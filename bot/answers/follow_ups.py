"""Detection of questions that depend on the question before, by words alone.

"and for players?" is too short to be looked up alone. "how do i turn it off" refers to the question
before. A question that doesn't depend on another is looked up alone, even in reply to an answer.
Phrases are regular expressions in the section `follow_ups` of the tables of languages.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from indexer.text.analyzer import topic
from indexer.text.query_normalization import spelt_out
from knowledge.languages.detection import language_of, languages_spoken
from knowledge.languages.vocabularies import alternatives

# A question with more topic words than this contains the antecedent of "it".
TOPIC_WORDS: Final = 3

# Each pattern, with the phrases of its name and of others between the ends of words.
_PATTERNS: Final = {
    "opening": r"\W*(?:%(thanks)s\W*)?(?P<connects>(?:%(connects)s\W*)*)",
    # Asks the previous question again with another detail: "what about windows", "on a phone?".
    "remarks": r"%(remarks)s|any \w+$|%(details)s(?: \S+){1,3}$",
    # The first word of a whole question or statement.
    "clauses": "%(clauses)s",
    # A reference to the question before, in a question of any length.
    "points_back": r"%(points_back)s\W*$",
    # A pronoun after another clause refers to that clause: "i installed it, how do i start it".
    "next_clause": r"[,;.?!:(]\s|[，；。？！：（]|.%(joins)s",
    "refers": r"%(refers)s"
    r"|^(?:(?:wh\w+|how) )?(?:is|are|was|does|do|will|can)"
    r" (?:that|those|it(?! \w+ (?:to|that|if)\b))\b",
}
_PHRASES: Final = ("thanks", "connects", "remarks", "details", "clauses", "points_back", "joins",
                   "refers")  # fmt: skip
# The first words, within which no clause ends: "which file do i need".
_BEGINNING: Final = re.compile(r"(?:\S+\s+){0,3}")


@cache
def _patterns_in(languages: tuple[str, ...]) -> Mapping[str, re.Pattern[str]]:
    phrases = {key: rf"(?:\b{alternatives(key, 'follow_ups', languages)}\b)" for key in _PHRASES}
    return {
        name: re.compile(pattern % phrases, re.IGNORECASE) for name, pattern in _PATTERNS.items()
    }


def stands_alone(text: str) -> bool:
    """Whether a question can be understood without the question before it."""
    read = spelt_out(text)
    rules = _patterns_in(languages_spoken(text))
    opening = rules["opening"].match(read)
    rest = read[opening.end() :] if opening is not None else read
    connects = opening is not None and bool(opening["connects"])
    if rules["remarks"].match(rest.rstrip(" ?!.")) or (
        connects and not rules["clauses"].match(rest)
    ):
        return False
    count = _topic_words(rules["refers"].sub(" ", rest))
    if count <= int(connects):
        return False
    references = rules["refers" if count <= TOPIC_WORDS else "points_back"]
    return not _refers_back(rest, references, rules["next_clause"])


def _refers_back(text: str, references: re.Pattern[str], next_clause: re.Pattern[str]) -> bool:
    """Whether the first clause has a reference. Later clauses may refer to the first clause."""
    found, beginning = references.search(text), _BEGINNING.match(text)
    clause = next_clause.search(text, beginning.end() if beginning is not None else 0)
    return found is not None and (clause is None or clause.start() >= found.start())


def _topic_words(text: str) -> int:
    """The number of topic words in a question."""
    return len(topic(text, {"en", language_of(text)}))
