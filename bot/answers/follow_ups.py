"""What of a conversation a question is looked up with, and when what that finds may answer. Pure.

A question may be understood only after the ones before it ("and its licence?"). So it is looked up
by itself, with the question before it, and with the two before it, and evidence chooses. That would
hold a new topic to the old one, whose passages are near to any text that names it: what is found
with earlier questions counts only if this question refers back, or is about the same thing.
"""

import re
from collections.abc import Mapping
from typing import Final

from indexer.text.analyzer import is_stop_word, language_of, language_of_question, query_words
from knowledge.model.questions import Evidence, Question

# How many earlier questions a question is looked up with, and how long they may be together:
# longer ones are cut off by the model.
EARLIER_QUESTIONS: Final = 2
EARLIER_CHARACTERS: Final = 500

# A question of fewer words than these is no question without what it follows.
TOPIC_WORDS: Final = 2
# Which share of a question's own words, by rarity, the passage must have that is found with earlier
# questions where nothing refers back to them.
OWN_SHARE: Final = 1 / 3

_REFERS: Final = {
    "en": re.compile(
        r"\b(?:its?|they|them|theirs?|he|him|his|she|hers?|this|that|these|those|there|then|ones?"
        r"|same|else|another|also|too|instead|such|so)\b|^\W*(?:and|but|or|what about|how about)\b",
        re.IGNORECASE,
    ),
    # "Sie" with a capital is how a stranger is spoken to.
    "de": re.compile(
        r"\b(?:es|er|sie|ihn|ihm|ihnen|ihre?[mnrs]?|seine?[mnrs]?|diese?[mnrs]?|dort|danach|dabei"
        r"|davon|dazu|damit|dafür|darin|daran|auch|sonst|stattdessen)\b"
        r"|^\W*(?:[Uu]nd|[Aa]ber|[Oo]der)\b|\b(?:das|die|der)\W*$"
    ),
}


def context_after(question: Question) -> str:
    """With which questions the one that follows this one up is looked up: a line each, in order.

    A refused question has nothing to do with what was asked before it, or that would have answered.
    """
    own = " ".join(question.text.split())
    if question.evidence is Evidence.NONE or not question.earlier or not own:
        return own
    kept = [*question.earlier.split("\n"), own][-EARLIER_QUESTIONS:]
    chain = "\n".join(kept)
    return chain if len(chain) <= EARLIER_CHARACTERS else own


def queries(text: str, earlier: str) -> list[str]:
    """What a question is looked up by: itself, with the question before it, with all of them."""
    if not earlier:
        return [text]
    last = earlier.split("\n")[-1]
    return list(dict.fromkeys([text, f"{last}\n{text}", f"{earlier}\n{text}"]))


def counts(text: str, query: str, signals: Mapping[str, float]) -> bool:
    """Whether what a query found may answer a question that it holds among earlier ones.

    Args:
        text: the question.
        query: one of its `queries`.
        signals: what the evidence was judged by, the question's own words among it; may be empty.
    """
    if query == text or not signals or signals["coverage"] >= OWN_SHARE:
        return True
    # Which words refer back is not known of other languages.
    if (language_of_question(text) or "en") not in _REFERS:
        return True
    refers = any(pattern.search(text) for pattern in _REFERS.values())
    return refers or _topic_words(text) < TOPIC_WORDS


def _topic_words(text: str) -> int:
    """How many words of a question say what it is about."""
    grammar = {"en", language_of(text)}
    return sum(
        not word.optional
        and not any(is_stop_word(form, language) for form in word.forms for language in grammar)
        for word in query_words(text)
    )
