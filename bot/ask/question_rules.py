"""Intent rules for messages among people: new questions, and answers to questions. Pure.

The rules judge by words alone, in English and German. In doubt, a message counts as part of a
conversation and not as a question, because people can still answer a missed question.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.answers.pipeline import QUESTION_CHARACTERS, response_without_lookup
from knowledge.chat.intents import is_small_talk, prose, word_count

# A shorter message depends on its context.
_FEWEST_WORDS: Final = 4
# A reply has its context, but a question of two words asks its author back: "which one?"
_FEWEST_WORDS_IN_REPLY: Final = 3

_PHRASES: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_SENTENCE: Final = re.compile(r"[^.!?？\n]+[.!?？]*")
_CLAUSE: Final = re.compile(r"[,:;]|\s[-–—]\s")
_MARK: Final = re.compile(r"[?？]\s*$")


def _any(kind: str) -> str:
    return rf"\b(?:{'|'.join(_PHRASES[kind])})\b"


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_GREETING: Final = rf"\W*(?:(?:{_any('greetings')})\W+)*"
_ASKS: Final = _compiled(_GREETING + _any("asks"))
_ASKS_MARKED: Final = _compiled(_GREETING + _any("asks_marked"))
_ASKS_IN_ORDER: Final = _compiled(_GREETING + _any("asks_in_order"))
_ASKS_NEXT: Final = _compiled(_GREETING + _any("asks_next"))
_SUPPOSES: Final = _compiled(_any("supposes"))
_DETAILS: Final = _compiled(rf"{_any('details')}\W*$")
_FIRST_PERSON: Final = _compiled(_any("first_person"))
_CONFIRMS: Final = _compiled(rf"{_any('confirms')}\W*$")
_GOES_ON: Final = _compiled(rf"\s*(?:[>@]|<@|{_any('goes_on')})")
_TO_SOMEBODY: Final = _compiled(_any("to_somebody"))
_POINTS_BACK: Final = _compiled(
    rf"\W*(?:{_any('question_words')}\s+){{0,2}}{_any('points_back')}"
    rf"(?!\s+{_any('points_nowhere')})"
)
_SETTLED: Final = _compiled(_any("settled"))
_NOT_SETTLED: Final = _compiled(rf"{_any('not_settled')}|n['’]t\b")
# Messages within this time of a question in a text channel count as answers to it.
ANSWERED_WITHIN_SECONDS: Final = 900
# A longer message from the asker doesn't just say that all is settled.
_MOST_SETTLED_WORDS: Final = 14


def begins_question(text: str) -> bool:
    """Whether a message asks a question that can be understood without other messages."""
    plain = prose(text).strip()
    if response_without_lookup(text) or is_small_talk(text) or word_count(text) < _FEWEST_WORDS:
        return False
    if _GOES_ON.match(text.lstrip()) or "<@" in text:
        return False
    sentences = [one.strip() for one in _SENTENCE.findall(plain) if one.strip()]
    asking = next((one for one in sentences if _asks(one)), None)
    if asking is None:
        # Without a question mark, only the first sentence counts.
        return bool(_ASKS.match(plain)) and not (
            _TO_SOMEBODY.search(sentences[0]) or _POINTS_BACK.match(plain)
        )
    # Earlier sentences may hold the antecedent of a reference back.
    return asking != sentences[0] or not _POINTS_BACK.match(asking)


def _asks(sentence: str) -> bool:
    """Whether a sentence is a question that names a topic and addresses everybody."""
    return (
        _MARK.search(sentence) is not None
        and word_count(sentence) >= _FEWEST_WORDS
        and any(_ASKS_MARKED.match(part) for part in _CLAUSE.split(sentence))
        and not (_TO_SOMEBODY.search(sentence) or _CONFIRMS.search(sentence))
    )


def is_question(text: str) -> bool:
    """Whether a reply to somebody else's question is a question itself, and not to that asker.

    It must be one in form. A guess, a suggestion and a question with a statement beside it are
    none, unless the statement is about the writer: "I need it, too. Is it open on Sundays?"
    """
    sentences = [part.strip() for part in _SENTENCE.findall(prose(text)) if part.strip()]
    others = [part for part in sentences if not _asks_in_reply(part)]
    return len(others) < len(sentences) and all(
        word_count(part) < _FEWEST_WORDS_IN_REPLY or _FIRST_PERSON.search(part) for part in others
    )


def _asks_in_reply(sentence: str) -> bool:
    if (
        word_count(sentence) < _FEWEST_WORDS_IN_REPLY
        or _TO_SOMEBODY.search(sentence)
        or _CONFIRMS.search(sentence)
        or _SUPPOSES.search(sentence)
        or (_DETAILS.search(sentence) and not _FIRST_PERSON.search(sentence))
    ):
        return False
    if _MARK.search(sentence) is None:
        return _ASKS_IN_ORDER.match(sentence) is not None and sentence[-1] not in ".!"
    return _ASKS_NEXT.match(sentence) is not None or any(
        word_count(part) > 1 and _ASKS_MARKED.match(part) for part in _CLAUSE.split(sentence)
    )


def says_settled(text: str) -> bool:
    """Whether an asker's message says that no answer is needed."""
    plain = prose(text)
    return (
        word_count(text) <= _MOST_SETTLED_WORDS
        and "?" not in plain
        and _SETTLED.search(plain) is not None
        and _NOT_SETTLED.search(plain) is None
    )


def questions_of_post(title: str, text: str) -> list[str]:
    """Two questions of a forum post: its title, and its title with the first message."""
    whole = f"{title}\n{text}".strip()[:QUESTION_CHARACTERS]
    return list(dict.fromkeys([title, whole]))


@dataclass(frozen=True, slots=True)
class LaterMessage:
    """A message `seconds` after a question.

    `by_bot` is whether this bot wrote the message. `refers` is whether the message replies to the
    question or mentions the asker.
    """

    author_id: int
    text: str
    seconds: float
    by_bot: bool = False
    refers: bool = False


def is_settled(asker_id: int, later: Iterable[LaterMessage], *, in_post: bool) -> bool:
    """Whether a question needs no answer by the bot: the asker says so, or somebody has answered.

    Messages of the bot, replies to the question and mentions of the asker count as answers. Other
    messages count as answers, too, unless they are small talk or new questions. Outside of posts,
    these other messages count only within `ANSWERED_WITHIN_SECONDS` after the question.
    """
    return any(
        says_settled(one.text)
        if one.author_id == asker_id
        else one.by_bot
        or one.refers
        or (
            (in_post or one.seconds <= ANSWERED_WITHIN_SECONDS)
            and not (is_small_talk(one.text) or begins_question(one.text))
        )
        for one in later
    )
