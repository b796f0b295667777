"""Parts of a question: two questions in one, or the two things whose difference is asked for.

The parts are found by words alone, so that a question with one part costs no lookup more.
Phrases are regular expressions in the section `parts` of the tables of languages. Questions with
more than two parts stay whole, and so do follow-ups. A second part keeps the words that it shares
with the first: "delete the theme on my phone and on my tablet" asks for two deletions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from bot.answers.follow_ups import with_detail
from indexer.text.analyzer import topic
from knowledge.languages.detection import language_of, languages_spoken
from knowledge.languages.vocabularies import alternatives

# The largest numbers of words of a question to cut, and of a thing in a difference.
MOST_WORDS: Final = 40
THING_WORDS: Final = 6
# The largest number of words of a question that is only "X or Y?".
CHOICE_WORDS: Final = 8
# The largest numbers of words of a first part without a verb, and of another detail.
FRAGMENT_WORDS: Final = 6
DETAIL_WORDS: Final = 5

_PATTERNS: Final = {
    # The end of a question, before another: "how do i start it? and where are the logs".
    "next_question": r"(?:[?？]|[,;]?\s%(joins)s)\s(?:%(also)s\s)?(?=%(openings)s\b)",
    # "how do i hide the boot text and show a picture" asks for two acts in the same words.
    "asks": r"%(asks)s\s",
    "next_act": r"\s(?:%(joins)s\s(?:%(also)s\s)?|%(also)s\s)(?=%(acts)s\s)",
    # "set a host name and then my time zone" asks for another detail of the same question.
    "next_detail": r"(?P<comma>[,;])?\s%(joins)s\s(?P<also>%(also)s\s)?",
    "act": r"%(acts)s\s",
    "article": r"%(articles)s\s",
    "preposition": r"%(prepositions)s\s",
    "clause": r"\b%(clauses)s\b",
    "between": r"\b%(between)s\s",
    "between_joins": r"\s%(between_joins)s\s",
    "versus": r"\s%(versus)s\s",
    "contrasts": r"%(contrasts)s\s",
    "differ": r"[,:;?]?\s%(differ)s\W*$",
    "stand_in": r"\s%(stand_in)s$",
    "from": r"\s%(from)s\s",
    "chooses": r"%(chooses)s\s",
    "or": r"\s%(or)s\s",
    "opening": r"%(openings)s\b",
    "several": r"%(several)s\b",
    "lists": r"\b%(lists)s\b",
    "class": r"%(class)s\s(?P<things>\w+)",
    "sentence": r"[.!?。！？]\s",
    "leading": r"(?:%(leading)s\s)*",
    "trailing": r"(?:[,;:?!]|\s%(trailing)s\b).*",
}
_PHRASES: Final = (
    "joins", "also", "openings", "asks", "acts", "between", "between_joins", "versus",
    "contrasts", "differ", "stand_in", "from", "chooses", "or", "leading", "trailing", "several",
    "lists", "class",
)  # fmt: skip
_OF_FOLLOW_UPS: Final = ("articles", "prepositions", "clauses")


@dataclass(frozen=True, slots=True)
class Parts:
    """The two parts of a question.

    Attributes:
        first: the first question, or the first thing.
        second: the second question, or the second thing.
        differ: whether the parts are things whose difference is asked for.
        detail: the words of the second question that an answer to it has to name; empty if it is
            worded on its own.
    """

    first: str
    second: str
    differ: bool = False
    detail: str = ""


@cache
def _patterns_in(languages: tuple[str, ...]) -> Mapping[str, re.Pattern[str]]:
    phrases = {key: alternatives(key, "parts", languages) for key in _PHRASES}
    phrases |= {key: alternatives(key, "follow_ups", languages) for key in _OF_FOLLOW_UPS}
    return {
        name: re.compile(pattern % phrases, re.IGNORECASE) for name, pattern in _PATTERNS.items()
    }


def parts_of(question: str) -> Parts | None:
    """The parts of a question with two parts, or None for a single question."""
    text = " ".join(question.split())
    if len(text.split(" ")) > MOST_WORDS:
        return None
    patterns = _patterns_in(languages_spoken(text))
    parts = _things(text, patterns) or _questions(text, patterns) or _details(text, patterns)
    # The title of a post may be repeated in its text.
    return None if parts and parts.first.lower() == parts.second.lower() else parts


def may_ask_for_several(question: str) -> bool:
    """Whether the answer may be several things: not to a yes-or-no question, for instance."""
    return _patterns_in(languages_spoken(question))["several"].match(question.lstrip()) is not None


def asks_for_list(question: str) -> bool:
    """Whether a question asks for all of several things: "what ways are there to …"."""
    return _patterns_in(languages_spoken(question))["lists"].search(question) is not None


def class_asked(question: str) -> str:
    """The word for the things asked for, such as "images" in "which images can i download"."""
    found = _patterns_in(languages_spoken(question))["class"].match(question.lstrip())
    return found["things"] if found else ""


def _questions(text: str, patterns: Mapping[str, re.Pattern[str]]) -> Parts | None:
    cuts = list(patterns["next_question"].finditer(text))
    languages, least = {"en", language_of(text)}, 1
    if len(cuts) == 1:
        first, second = text[: cuts[0].start()], text[cuts[0].end() :]
        # Before the first question, there may be sentences about the situation.
        *_, asking = patterns["sentence"].split(first)
        # "Firewall with ufw and how do i block ads" begins with words to look up.
        clauses = patterns["clause"]
        is_short = len(asking.split()) <= FRAGMENT_WORDS and not clauses.search(asking)
        has_clause = len(clauses.findall(second)) > 1
        is_fragment = has_clause and (is_short or asking.endswith("?"))
        if not (is_fragment or patterns["opening"].match(asking)):
            return None
    else:
        asks, acts = patterns["asks"].match(text), list(patterns["next_act"].finditer(text))
        if cuts or len(acts) != 1 or not (asks or patterns["act"].match(text)):
            return None
        shared = asks.group() if asks else ""
        first, second = text[: acts[0].start()], f"{shared}{text[acts[0].end() :]}"
        # An act and its object: "install and update a package" has one object for both acts.
        least = 2
    first, second = first.strip(" ,;?"), second.strip(" ,;?")
    has_topics = len(topic(first, languages)) >= least and topic(second, languages)
    return Parts(first, second) if has_topics else None


def _details(text: str, patterns: Mapping[str, re.Pattern[str]]) -> Parts | None:
    """A question and the same question with another detail: "on my phone and on my tablet"."""
    cuts = list(patterns["next_detail"].finditer(text))
    if len(cuts) != 1:
        return None
    first, (detail, *_) = text[: cuts[0].start()], text[cuts[0].end() :].split(",", 1)
    detail = detail.rstrip(" ?!.")
    preposition = patterns["preposition"].match(detail)
    asks = any(patterns[name].match(first) for name in ("opening", "asks", "act"))
    is_parallel = asks and preposition is not None and f" {preposition.group()}" in first
    is_marked = bool(asks or cuts[0]["comma"] or cuts[0]["also"])
    is_named = is_marked and patterns["article"].match(detail) is not None
    languages = {"en", language_of(text)}
    if not (
        (is_parallel or is_named)
        and len(detail.split()) <= DETAIL_WORDS
        and len(topic(first, languages)) > 1
        and topic(detail, languages)
    ):
        return None
    return Parts(first, with_detail(first, detail), detail=detail)


def _things(text: str, patterns: Mapping[str, re.Pattern[str]]) -> Parts | None:
    """The things of a difference: "difference between X and Y", "X vs Y", "X or Y?"."""
    begins = patterns["between"].search(text)
    joins = patterns["between_joins"].search(text, begins.end()) if begins else None
    if joins is None and (asks := patterns["differ"].search(text)):
        text, begins = text[: asks.start()], None
        joins = patterns["between_joins"].search(text)
    if joins is None:
        begins = patterns["contrasts"].match(text)
        joins = patterns["from"].search(text, begins.end()) if begins else None
    if joins is None:
        begins = patterns["chooses"].match(text)
        joins = patterns["or"].search(text, begins.end() if begins else 0)
        is_short = len(text.split(" ")) <= CHOICE_WORDS and not patterns["opening"].match(text)
        if joins is not None and not begins and (not is_short or "," in text[: joins.start()]):
            joins = None
    if joins is None and not patterns["opening"].match(text):
        begins, joins = None, patterns["versus"].search(text)
    if joins is None:
        return None
    first = _thing(text[begins.end() if begins else 0 : joins.start()], patterns)
    second = _thing(text[joins.end() :], patterns)
    # "A PDM microphone and an I2S one".
    second = patterns["stand_in"].sub(lambda _: f" {first.rpartition(' ')[2]}", second)
    languages = {"en", language_of(text)}
    if not all(
        len(thing.split()) <= THING_WORDS and topic(thing, languages) for thing in (first, second)
    ):
        return None
    return Parts(first, second, differ=True)


def _thing(text: str, patterns: Mapping[str, re.Pattern[str]]) -> str:
    """The name of a thing, without words around it: "should i use the X" names X."""
    text = text.strip()
    leading = patterns["leading"].match(text)
    begin = leading.end() if leading else 0
    trailing = patterns["trailing"].search(text, begin)
    return text[begin : trailing.start() if trailing else len(text)].strip(" \"'`.,;:?!")
