"""Parts of a question: two questions in one, or the two things whose difference is asked for.

The parts are found by words alone, so that a question with one part costs no lookup more.
Phrases are regular expressions in the section `parts` of the tables of languages. Questions with
more than two parts stay whole, and so do follow-ups.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from indexer.text.analyzer import topic
from knowledge.languages.detection import language_of, languages_spoken
from knowledge.languages.vocabularies import alternatives

# The largest numbers of words of a question to cut, and of a thing in a difference.
MOST_WORDS: Final = 40
THING_WORDS: Final = 6
# The largest number of words of a question that is only "X or Y?".
CHOICE_WORDS: Final = 8

_PATTERNS: Final = {
    # The end of a question, before another: "how do i start it? and where are the logs".
    "next_question": r"(?:[?？]|[,;]?\s%(joins)s)\s(?:%(also)s\s)?(?=%(openings)s\b)",
    # "how do i hide the boot text and show a picture" asks for two acts in the same words.
    "asks": r"%(asks)s\s",
    "next_act": r"\s%(joins)s\s(?:%(also)s\s)?(?=%(acts)s\s)",
    "between": r"\b%(between)s\s",
    "between_joins": r"\s%(between_joins)s\s",
    "versus": r"\s%(versus)s\s",
    "contrasts": r"%(contrasts)s\s",
    "from": r"\s%(from)s\s",
    "chooses": r"%(chooses)s\s",
    "or": r"\s%(or)s\s",
    "opening": r"%(openings)s\b",
    "several": r"%(several)s\b",
    "sentence": r"[.!?。！？]\s",
    "leading": r"(?:%(leading)s\s)*",
    "trailing": r"(?:[,;:?!]|\s%(trailing)s\b).*",
}
_PHRASES: Final = (
    "joins", "also", "openings", "asks", "acts", "between", "between_joins", "versus",
    "contrasts", "from", "chooses", "or", "leading", "trailing", "several",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parts:
    """The two parts of a question.

    Attributes:
        first: the first question, or the first thing.
        second: the second question, or the second thing.
        differ: whether the parts are things whose difference is asked for.
    """

    first: str
    second: str
    differ: bool = False


@cache
def _patterns_in(languages: tuple[str, ...]) -> Mapping[str, re.Pattern[str]]:
    phrases = {key: alternatives(key, "parts", languages) for key in _PHRASES}
    return {
        name: re.compile(pattern % phrases, re.IGNORECASE) for name, pattern in _PATTERNS.items()
    }


def parts_of(question: str) -> Parts | None:
    """The parts of a question with two parts, or None for a single question."""
    text = " ".join(question.split())
    if len(text.split(" ")) > MOST_WORDS:
        return None
    patterns = _patterns_in(languages_spoken(text))
    parts = _things(text, patterns) or _questions(text, patterns)
    # The title of a post may be repeated in its text.
    return None if parts and parts.first.lower() == parts.second.lower() else parts


def may_ask_for_several(question: str) -> bool:
    """Whether the answer may be several things: not to a yes-or-no question, for instance."""
    return _patterns_in(languages_spoken(question))["several"].match(question.lstrip()) is not None


def _questions(text: str, patterns: Mapping[str, re.Pattern[str]]) -> Parts | None:
    cuts = list(patterns["next_question"].finditer(text))
    languages, least = {"en", language_of(text)}, 1
    if len(cuts) == 1:
        # Before the first question, there may be sentences about the situation.
        *_, asking = patterns["sentence"].split(text[: cuts[0].start()])
        if not patterns["opening"].match(asking):
            return None
        first, second = text[: cuts[0].start()], text[cuts[0].end() :]
    else:
        asks, acts = patterns["asks"].match(text), list(patterns["next_act"].finditer(text))
        if cuts or asks is None or len(acts) != 1:
            return None
        first, second = text[: acts[0].start()], f"{asks.group()}{text[acts[0].end() :]}"
        # An act and its object: "install and update a package" has one object for both acts.
        least = 2
    first, second = first.strip(" ,;?"), second.strip(" ,;?")
    has_topics = len(topic(first, languages)) >= least and topic(second, languages)
    return Parts(first, second) if has_topics else None


def _things(text: str, patterns: Mapping[str, re.Pattern[str]]) -> Parts | None:
    """The things of a difference: "difference between X and Y", "X vs Y", "X or Y?"."""
    begins = patterns["between"].search(text)
    joins = patterns["between_joins"].search(text, begins.end()) if begins else None
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
