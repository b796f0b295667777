"""Detection of questions that depend on the question before, by words alone.

"and for players?" is too short to be looked up alone. "how do i turn it off" refers to the question
before. A question that doesn't depend on another is looked up alone, even in reply to an answer.
Phrases are regular expressions in the section `follow_ups` of the tables of languages.

A follow-up that only names another detail ("linux?") is read as the question before, with that
detail in place of the last: "how do i install it on linux".
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
    # Words before the detail of a remark.
    "before_detail": r"(?:%(remarks)s\s)?",
    # Words before a detail of a question: "on the desktop".
    "marks": r"(?<=\s)(?:(?P<preposition>%(prepositions)s)(?:\s%(articles)s)?|%(articles)s)\s",
    "preposition": r"%(prepositions)s\s",
    "article": r"%(articles)s\s",
    # A reference to the question before, in a question of any length.
    "points_back": r"%(points_back)s\W*$",
    # A pronoun after another clause refers to that clause: "i installed it, how do i start it".
    "next_clause": r"[,;.?!:(]\s|[，；。？！：（]|.%(joins)s",
    # "Which one is faster", of the things before.
    "chooses": r"%(chooses)s",
    "refers": r"%(refers)s|%(chooses)s"
    r"|^(?:(?:wh\w+|how) )?(?:is|are|was|does|do|will|can)"
    r" (?:that|those|it(?! \w+ (?:to|that|if)\b))\b",
}
_PHRASES: Final = (
    "thanks", "connects", "remarks", "details", "prepositions", "articles", "clauses",
    "points_back", "joins", "chooses", "refers",
)  # fmt: skip
# The largest number of words of a question that only names a detail: "raspberry pi?".
DETAIL_WORDS: Final = 2
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
    rest, connects, rules = _read(text)
    if _is_detail(text):
        return False
    count = _topic_words(rules["refers"].sub(" ", rest))
    if count <= int(connects):
        return False
    references = rules["refers" if count <= TOPIC_WORDS else "points_back"]
    return not _refers_back(rest, references, rules["next_clause"])


def _read(text: str) -> tuple[str, bool, Mapping[str, re.Pattern[str]]]:
    """A question without its opening, whether the opening connects it to another, and the rules."""
    read = spelt_out(text)
    rules = _patterns_in(languages_spoken(text))
    opening = rules["opening"].match(read)
    rest = read[opening.end() :] if opening is not None else read
    return rest, opening is not None and bool(opening["connects"]), rules


def _is_detail(text: str) -> bool:
    """Whether a question only names another detail of the question before."""
    rest, connects, rules = _read(text)
    if rules["remarks"].match(rest.rstrip(" ?!.")):
        return True
    is_short = text.rstrip().endswith("?") and len(text.split()) <= DETAIL_WORDS
    return (connects or is_short) and not rules["clauses"].match(rest)


def may_stand_alone(text: str) -> bool:
    """Whether a question that only names a detail may be a question of its own, as "wpa3?" may."""
    rest, connects, rules = _read(text)
    return _is_detail(text) and not connects and not rules["remarks"].match(rest.rstrip(" ?!."))


def chooses(text: str) -> bool:
    """Whether a follow-up asks for one of the things in the question before."""
    rest, _, rules = _read(text)
    return rules["chooses"].match(rest) is not None


def in_full(text: str, earlier: str) -> str:
    """A follow-up with the words that it leaves out, taken from the question before.

    Args:
        text: the follow-up.
        earlier: the questions before, one a line.

    Returns:
        `text` itself, if it is more than a detail, or refers back.
    """
    *before, previous = earlier.split("\n")
    if not previous or not _is_detail(text):
        return text
    rest, _, rules = _read(text)
    leading = rules["before_detail"].match(rest)
    detail = rest[leading.end() if leading else 0 :].rstrip(" ?!.")
    if rules["refers"].search(detail):
        return text
    return with_detail(in_full(previous, "\n".join(before)), detail)


def with_detail(previous: str, detail: str) -> str:
    """A question with another detail in place of its last: "how do i install it on linux"."""
    previous, rules = previous.rstrip(" ?!."), _patterns_in(languages_spoken(detail))
    marks = [*rules["marks"].finditer(previous)]
    if not marks:
        return f"{previous.rpartition(' ')[0]} {detail}".strip()
    mark = marks[-1]
    if rules["preposition"].match(detail):
        end = mark.start() if mark["preposition"] else len(previous)
    elif rules["article"].match(detail):
        end = mark.end("preposition") if mark["preposition"] else mark.start()
    else:
        end = mark.end()
    return f"{previous[:end].rstrip()} {detail}"


def _refers_back(text: str, references: re.Pattern[str], next_clause: re.Pattern[str]) -> bool:
    """Whether the first clause has a reference. Later clauses may refer to the first clause."""
    found, beginning = references.search(text), _BEGINNING.match(text)
    clause = next_clause.search(text, beginning.end() if beginning is not None else 0)
    return found is not None and (clause is None or clause.start() >= found.start())


def _topic_words(text: str) -> int:
    """The number of topic words in a question."""
    return len(topic(text, {"en", language_of(text)}))
