"""Answer detection: decides whether a reply to a question is worth a note. Pure.

The rules match words only, in English and German, with the phrases and points of
`answer_detection.toml`. Some phrases rule a reply out. Of other replies, those that tell something
and fit the kind of question get points: a time fits "when", a place fits "where". In doubt, a reply
is possibly an answer, and its author is asked.
"""

import itertools
import re
import tomllib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from bot.answers.follow_ups import stands_alone
from indexer.text.analyzer import topic
from knowledge.chat.intents import is_small_talk, prose, thanks, word_count
from knowledge.chat.transcript import title_of
from knowledge.languages.detection import language_of

# A shorter reply says too little, even to its question.
_FEWEST_WORDS: Final = 2
# From this length on, a question inside a reply is rhetorical.
_RHETORICAL_WORDS: Final = 30
# Phrases count in the beginning of a long reply.
_BEGINNING_CHARACTERS: Final = 300
# A question with fewer words lacks its topic.
_FEWEST_QUESTION_WORDS: Final = 4
# From these numbers on, topic words of a reply, and those shared with the question, give points.
_TOPIC_WORDS: Final = 5
_SHARED_WORDS: Final = 3

_RULES: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_POINTS: Final = _RULES["points"]
_SMILES: Final = re.compile(
    r"[:;]-?[)(DPpdO/\\|]|(?<!\w)xD|[\U0001F300-\U0001FAFF™]|!!|!$", re.IGNORECASE
)
_QUESTION_MARK: Final = re.compile(r"[?？؟]")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])|\n+")
_CLAUSE: Final = re.compile(r"[,:;]|\s[-–—]\s")


def _pattern(phrases: Sequence[str], before: str = r"(?<!\w)") -> re.Pattern[str]:
    # A phrase may end with a blank or a sign.
    ends = r"(?:(?<=\W)|(?!\w))"
    return re.compile(f"{before}(?:{'|'.join(phrases)}){ends}", re.IGNORECASE)


def _any(kind: str, before: str = r"(?<!\w)") -> re.Pattern[str]:
    return _pattern(_RULES[kind], before)


_ASKS: Final = _any("asks", r"\W*")
_UNCLEAR: Final = _any("unclear")
_GOES_ON: Final = _any("goes_on", r"\W*")
_PERSONAL: Final = _any("personal")
_UNSURE: Final = _any("unsure")
_NO_ANSWER: Final = [_any(kind) for kind in ("elsewhere", "later", "stock", "jokes")]
_HOW: Final = _any("how")
_NEGATES: Final = _any("negates")
_OPINES: Final = _any("opines")
# The words of a kind of question, and those of the replies that fit.
_KINDS: Final = [(_pattern(kind["asked"]), _pattern(kind["fits"])) for kind in _RULES["kinds"]]
# "what" and "is" are in questions of all kinds, so the last kinds count only alone.
_SPECIFIC: Final = len(_KINDS) - 2


class Judgement(StrEnum):
    """Whether a reply answers its question: surely, possibly or not."""

    ANSWER = "answer"
    POSSIBLE = "possible"
    TALK = "talk"


def title_of_question(text: str, *, is_known: bool = False) -> str:
    """The first question of a message that can be understood alone, as the title of a note.

    Empty if there is none. With `is_known`, the text is surely a question, such as a post's title,
    and needs no question words.
    """
    plain = prose(text).strip()
    asking = (sentence.strip() for sentence in _SENTENCE_END.split(plain) if _asks(sentence))
    question = next(filter(_names_topic, asking), "")
    if not question and is_known and stands_alone(plain) and not _UNCLEAR.search(plain):
        question = plain
    return title_of(question)


def _asks(sentence: str) -> bool:
    return any(_ASKS.match(part) for part in _CLAUSE.split(sentence))


def _names_topic(question: str) -> bool:
    return (
        word_count(question) >= _FEWEST_QUESTION_WORDS
        and stands_alone(question)
        and _UNCLEAR.search(question) is None
    )


def judge(question: str, title: str, reply: str) -> Judgement:
    """Judge a reply to a question, whose text as a note's title is `title`."""
    plain = prose(reply)
    beginning = plain[:_BEGINNING_CHARACTERS]
    if (
        word_count(reply) < _FEWEST_WORDS
        or is_small_talk(reply)
        or thanks(reply)
        or _asks_back(plain)
        or any(phrases.search(beginning) for phrases in _NO_ANSWER)
    ):
        return Judgement.TALK
    points = _points_of(question, title, reply)
    if points < _POINTS["offered"]:
        return Judgement.TALK
    first = next((part for part in _SENTENCE_END.split(beginning) if word_count(part) > 2), plain)
    in_doubt = _UNSURE.search(beginning) or _GOES_ON.match(beginning) or _PERSONAL.search(first)
    sure = points >= _POINTS["proposed"] and not in_doubt
    return Judgement.ANSWER if sure else Judgement.POSSIBLE


def _asks_back(plain: str) -> bool:
    """Whether a reply asks a question, in a long reply by its first or last sentence."""
    if word_count(plain) < _RHETORICAL_WORDS:
        return _QUESTION_MARK.search(plain) is not None
    first, *_, last = [part for part in _SENTENCE_END.split(plain) if word_count(part)] * 2
    return _QUESTION_MARK.search(first + last) is not None


def _points_of(question: str, title: str, reply: str) -> int:
    asked, said = _topic(question), _topic(reply)
    shared = {*itertools.chain(*asked)} & {*itertools.chain(*said)}
    signs = {
        "topic_words": len(said) >= _TOPIC_WORDS,
        "shared": len(shared) >= _SHARED_WORDS,
        "fits": _fits(title, reply),
        "how": _HOW.search(title),
        "negates": _NEGATES.search(reply),
        "opines": _OPINES.search(reply),
        "trails_off": ".." in reply,
        "smiles": _SMILES.search(reply),
    }
    return sum(_POINTS[name] for name, sign in signs.items() if sign)


def _fits(question: str, reply: str) -> bool:
    """Whether a reply has words of the kind that the question asks for, such as a time."""
    matching = [at for at, (asked, _) in enumerate(_KINDS) if asked.search(question)]
    specific = [at for at in matching if at < _SPECIFIC]
    return any(_KINDS[at][1].search(reply) for at in specific or matching)


def _topic(text: str) -> tuple[tuple[str, ...], ...]:
    return topic(text, {"en", language_of(text)})
