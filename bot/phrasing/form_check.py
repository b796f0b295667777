"""Form of a sentence that a model wrote: what is never shown, whatever it is about. Pure.

Nothing that leads anywhere or calls anybody, no markup, no code that the named sentences lack, no
other language, nothing of the instructions, no repetition. Addresses and mentions were never sent,
so one that comes back is invented, or comes from somewhere else.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Final

from bot.phrasing.prompts import INSTRUCTIONS, sendable
from indexer.text.analyzer import language_of, language_of_question, words
from indexer.text.sentences import refers_back
from knowledge.review.prompt_injection import instructions

SENTENCE_CHARACTERS: Final = 400
# So many words in a row of the instructions are no accident.
RECITED_WORDS: Final = 5


class Fault(StrEnum):
    """What is wrong with the form of a sentence."""

    EMPTY = "empty"
    ANNOUNCES = "announces"
    LONG = "too long"
    FOREIGN = "foreign"
    LANGUAGE = "language"
    RECITED = "recited"
    REPEATED = "repeated"
    REFERS_BACK = "refers back"


# Faults for which what the sentence names is not shown in its place either.
DROPPED: Final = frozenset({Fault.EMPTY, Fault.ANNOUNCES, Fault.RECITED, Fault.REPEATED})

_CODE: Final = re.compile(r"`+[^`]*`*|```.*", re.DOTALL)
_LEADS_SOMEWHERE: Final = re.compile(
    r"@\S+|#\w+|(?<!\S)/\w+|:\w{2,32}:|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,10}(?:/\S*)?\b", re.IGNORECASE
)
_MARKUP: Final = re.compile(
    r"\A\s*(?:#{1,3}\s|-#\s|>|\||[-*+•]\s)|\*\*|__|\|\||~~|\]\(|\((?:link|mention)\)|<|\\"
)


def fault(text: str, named: Sequence[str], shown: Sequence[str]) -> Fault | None:
    """What is wrong with the form of a sentence, if anything.

    Args:
        text: as the model wrote it.
        named: the sentences that it names, as somebody wrote them.
        shown: what is shown before it of the same passages.
    """
    whole = "\n".join(named)
    if not any(map(str.isalnum, text)):
        return Fault.EMPTY
    # Before whatever would read all of it.
    if len(text) > SENTENCE_CHARACTERS:
        return Fault.LONG
    if text.rstrip("*_ )").endswith(":"):
        return Fault.ANNOUNCES
    if _is_recited(text, whole):
        return Fault.RECITED
    if any(_same_words(text, other) for other in shown):
        return Fault.REPEATED
    if _is_foreign(text, whole):
        return Fault.FOREIGN
    language = language_of_question(text)
    if language and language != language_of(whole):
        return Fault.LANGUAGE
    return Fault.REFERS_BACK if refers_back(text) and not shown else None


def _is_foreign(text: str, whole: str) -> bool:
    if sendable(text) != text or _MARKUP.search(text) is not None:
        return True
    found = [*_CODE.findall(text), *_LEADS_SOMEWHERE.findall(text)]
    signs = {sign for sign in text if not (sign.isalnum() or sign in _PLAIN)}
    return any(piece not in whole for piece in (*found, *signs))


# Signs that a model may set where the sentence that it names has none.
_PLAIN: Final = frozenset(" .,;:!?-'\"()/%&+–—“”„‘’‚…")


def _is_recited(text: str, whole: str) -> bool:
    """Whether a sentence speaks to a model, or says what the instructions say and nobody else."""
    if next(instructions(text), None) is not None:
        return True
    return bool((_runs(words(text, "en")) & _instructed()) - _runs(words(whole, "en")))


@cache
def _instructed() -> frozenset[tuple[str, ...]]:
    return frozenset().union(*(_runs(words(text, "en")) for text in INSTRUCTIONS.values()))


def _runs(read: Sequence[str]) -> frozenset[tuple[str, ...]]:
    ends = range(RECITED_WORDS, len(read) + 1)
    return frozenset(tuple(read[end - RECITED_WORDS : end]) for end in ends)


def _same_words(text: str, other: str) -> bool:
    """Whether a sentence says no word that the other one does not have."""
    return set(words(text)) <= set(words(other))
