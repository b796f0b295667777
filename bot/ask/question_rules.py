"""Intent rules for messages among people: new questions, and answers to questions. Pure.

The rules judge by words alone, by the section `questions` of the tables of languages. In doubt, a
message counts as part of a conversation and not as a question, because people can still answer a
missed question. Each phrase is a regular expression between the ends of words. Case counts in none.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from bot.answers.question_checks import QUESTION_CHARACTERS, needs_lookup
from knowledge.chat.intents import is_small_talk, prose, word_count
from knowledge.languages.detection import languages_spoken
from knowledge.languages.vocabularies import alternatives

# A shorter message depends on its context.
_FEWEST_WORDS: Final = 4
# A reply has its context, but a question of two words asks its author back: "which one?"
_FEWEST_WORDS_IN_REPLY: Final = 3

_SENTENCE: Final = re.compile(r"[^.!?。！？؟\n]+[.!?。！？؟]*")
_CLAUSE: Final = re.compile(r"[,:;，、：；]|\s[-–—]\s")
_MARK: Final = re.compile(r"[?？؟]\s*$")

# Each pattern, with the phrases of its name and of others between the ends of words.
_GREETING: Final = r"\W*(?:(?:%(greetings)s)\W+)*"
_PATTERNS: Final = {
    **{
        kind: f"{_GREETING}%({kind})s"
        for kind in ("asks", "asks_marked", "asks_in_order", "asks_next")
    },
    **{
        kind: f"%({kind})s"
        for kind in ("supposes", "first_person", "to_somebody", "settled", "not_settled")
    },
    "details": r"%(details)s\W*$",
    "confirms": r"%(confirms)s\W*$",
    "goes_on": r"\s*(?:[>@]|<@|%(goes_on)s)",
    "points_back": r"\W*(?:%(question_words)s\s+){0,2}%(points_back)s(?!\s+%(points_nowhere)s)",
}


_Rules = Mapping[str, re.Pattern[str]]


@cache
def _rules_in(languages: tuple[str, ...]) -> _Rules:
    """The patterns by name, with the phrases of some languages."""
    phrases = {
        key: rf"\b{alternatives(key, 'questions', languages)}\b"
        for key in (*_PATTERNS, "greetings", "question_words", "points_nowhere")
    }
    return {
        name: re.compile(pattern % phrases, re.IGNORECASE) for name, pattern in _PATTERNS.items()
    }


# Messages within this time of a question in a text channel count as answers to it.
ANSWERED_WITHIN_SECONDS: Final = 900
# A longer message from the asker doesn't just say that all is settled.
_MOST_SETTLED_WORDS: Final = 14


def begins_question(text: str) -> bool:
    """Whether a message asks a question that can be understood without other messages."""
    plain = prose(text).strip()
    if not needs_lookup(text) or is_small_talk(text) or word_count(text) < _FEWEST_WORDS:
        return False
    rules = _rules_in(languages_spoken(text))
    if rules["goes_on"].match(text.lstrip()) or "<@" in text:
        return False
    sentences = [part.strip() for part in _SENTENCE.findall(plain) if part.strip()]
    asking = next((sentence for sentence in sentences if _asks(sentence, rules)), None)
    if asking is None:
        # Without a question mark, only the first sentence counts.
        return bool(rules["asks"].match(plain)) and not (
            rules["to_somebody"].search(sentences[0]) or rules["points_back"].match(plain)
        )
    # Earlier sentences may hold the antecedent of a reference back.
    return asking != sentences[0] or not rules["points_back"].match(asking)


def _asks(sentence: str, rules: _Rules) -> bool:
    """Whether a sentence is a question that names a topic and addresses everybody."""
    return (
        _MARK.search(sentence) is not None
        and word_count(sentence) >= _FEWEST_WORDS
        and any(rules["asks_marked"].match(clause) for clause in _CLAUSE.split(sentence))
        and not (rules["to_somebody"].search(sentence) or rules["confirms"].search(sentence))
    )


def is_question(text: str) -> bool:
    """Whether a reply to somebody else's question is a question itself, and not to that asker.

    It must be one in form. A guess, a suggestion and a question with a statement beside it are
    none, unless the statement is about the writer: "I need it, too. Is it open on Sundays?"
    """
    sentences = [part.strip() for part in _SENTENCE.findall(prose(text)) if part.strip()]
    rules = _rules_in(languages_spoken(text))
    others = [part for part in sentences if not _asks_in_reply(part, rules)]
    return len(others) < len(sentences) and all(
        word_count(part) < _FEWEST_WORDS_IN_REPLY or rules["first_person"].search(part)
        for part in others
    )


def _asks_in_reply(sentence: str, rules: _Rules) -> bool:
    if (
        word_count(sentence) < _FEWEST_WORDS_IN_REPLY
        or any(rules[kind].search(sentence) for kind in ("to_somebody", "confirms", "supposes"))
        or (rules["details"].search(sentence) and not rules["first_person"].search(sentence))
    ):
        return False
    if _MARK.search(sentence) is None:
        return rules["asks_in_order"].match(sentence) is not None and sentence[-1] not in ".!。！"
    return rules["asks_next"].match(sentence) is not None or any(
        word_count(part) > 1 and rules["asks_marked"].match(part)
        for part in _CLAUSE.split(sentence)
    )


def says_settled(text: str) -> bool:
    """Whether an asker's message says that no answer is needed."""
    plain, rules = prose(text), _rules_in(languages_spoken(text))
    return (
        word_count(text) <= _MOST_SETTLED_WORDS
        and not set("?？؟") & set(plain)
        and rules["settled"].search(plain) is not None
        and rules["not_settled"].search(plain) is None
    )


def questions_of_post(title: str, text: str) -> list[str]:
    """Two questions of a forum post: its title, and its title with the first message."""
    whole = f"{title}\n{text}".strip()[:QUESTION_CHARACTERS]
    return list(dict.fromkeys([title, whole]))


@dataclass(frozen=True, slots=True)
class LaterMessage:
    """A message `seconds` after a question; `refers`: it replies to that, or mentions its asker."""

    author_id: int
    text: str
    seconds: float
    by_bot: bool = False
    refers: bool = False


def is_settled(asker_id: int, later: Iterable[LaterMessage], *, in_post: bool) -> bool:
    """Whether a question needs no answer by the bot: the asker says so, or somebody has answered.

    The bot's messages, replies and mentions of the asker are answers; so are other messages, unless
    they are small talk or new questions, or outside of posts later than `ANSWERED_WITHIN_SECONDS`.
    """
    return any(
        says_settled(message.text)
        if message.author_id == asker_id
        else message.by_bot
        or message.refers
        or (
            (in_post or message.seconds <= ANSWERED_WITHIN_SECONDS)
            and not (is_small_talk(message.text) or begins_question(message.text))
        )
        for message in later
    )
