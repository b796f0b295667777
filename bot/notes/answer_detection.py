"""Answer detection: decides whether a reply to a question is worth a note. Pure.

The rules match words only, in English and German, with the phrases and points of
`answer_detection.toml`. Some phrases rule a reply out; other signs add or subtract points. An
answer needs the required points. In doubt, a reply is no answer: members can still use
*Save as note*.
"""

import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.answers.follow_ups import stands_alone
from indexer.text.analyzer import language_of, topic
from knowledge.chat.intents import is_small_talk, points_somewhere, prose, thanks, word_count
from knowledge.chat.transcript import title_of

# A shorter reply needs its question, and often the rest of the conversation.
_FEWEST_WORDS: Final = 5
# From this length on, a question inside a reply is rhetorical.
_RHETORICAL_WORDS: Final = 30
# Phrases count in the beginning of a long reply.
_BEGINNING_CHARACTERS: Final = 300
# Shorter questions lack their topic, or name it in a word.
_FEWEST_QUESTION_WORDS: Final = 4
_SHORT_QUESTION_WORDS: Final = 7

_RULES: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_POINTS: Final = _RULES["points"]
# Code, or a path, flag or setting outside of code.
_CODE: Final = re.compile(r"`[^`\n]+`|```|(?<![\w/:])(?:/\w+|--?\w\w|\$\w)|\w[_.]\w{1,40}\(")
_QUESTION_MARK: Final = re.compile(r"[?？]")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?？])\s+|\n+")
_CLAUSE: Final = re.compile(r"[,:;]|\s[-–—]\s")


def _any(kind: str, before: str = r"(?<!\w)") -> re.Pattern[str]:
    # A phrase may end with a blank.
    ends = r"(?:(?<=\s)|(?!\w))"
    return re.compile(f"{before}(?:{'|'.join(_RULES[kind])}){ends}", re.IGNORECASE)


_ASKS: Final = _any("asks", r"\W*")
_UNCLEAR: Final = _any("unclear")
_GOES_ON: Final = _any("goes_on", r"\W*")
_PERSONAL: Final = _any("personal")
_NO_ANSWER: Final = [_any(kind) for kind in ("unsure", "elsewhere", "later", "stock", "jokes")]
_INSTRUCTS: Final = _any("instructs", r"\W*(?:(?:<@!?\d+>|@\w+)\W*)?")
_HOW: Final = _any("how")
_POINTS_BACK: Final = _any("points_back")
_NEGATES: Final = _any("negates")
_OPINES: Final = _any("opines")


def title_of_question(text: str, *, is_known: bool = False) -> str:
    """The first question of a message that can be understood alone, as the title of a note.

    Empty if there is none. With `is_known`, the text is surely a question, such as a post's title,
    and needs no question words.
    """
    plain = prose(text).strip()
    asking = (one.strip() for one in _SENTENCE_END.split(plain) if _asks(one))
    found = next(filter(_names_topic, asking), "")
    if not found and is_known and stands_alone(plain) and not _UNCLEAR.search(plain):
        found = plain
    return title_of(found)


def _asks(sentence: str) -> bool:
    return any(_ASKS.match(part) for part in _CLAUSE.split(sentence))


def _names_topic(question: str) -> bool:
    return (
        word_count(question) >= _FEWEST_QUESTION_WORDS
        and stands_alone(question)
        and _UNCLEAR.search(question) is None
    )


def is_answer(question: str, title: str, reply: str) -> bool:
    """Whether a reply contains enough information for a note.

    `title` is the question as the title of a note, `question` the whole message.
    """
    if word_count(reply) < _FEWEST_WORDS or is_small_talk(reply) or thanks(reply):
        return False
    plain = prose(reply)
    beginning = plain[:_BEGINNING_CHARACTERS]
    first = next((one for one in _SENTENCE_END.split(beginning) if word_count(one) > 2), "")
    ruled_out = (
        _asks_back(plain)
        or _GOES_ON.match(beginning)
        or _PERSONAL.search(first)
        or any(phrases.search(beginning) for phrases in _NO_ANSWER)
    )
    return not ruled_out and sum(_points_of(question, title, reply)) >= _POINTS["required"]


def _asks_back(plain: str) -> bool:
    """Whether a reply asks a question, in a long reply by its first or last sentence."""
    if word_count(plain) < _RHETORICAL_WORDS:
        return _QUESTION_MARK.search(plain) is not None
    first, *_, last = [one for one in _SENTENCE_END.split(plain) if word_count(one)] * 2
    return _QUESTION_MARK.search(first + last) is not None


def _points_of(question: str, title: str, reply: str) -> Iterator[int]:
    """Yield the points that a reply gets for each sign of an answer."""
    asked, said = _topic(question), _topic(reply)
    yield sum(_POINTS["topic_words"][str(least)] for least in (5, 8) if len(said) >= least)
    shared = len({*itertools.chain(*asked)} & {*itertools.chain(*said)})
    yield sum(_POINTS["shared"][str(least)] for least in (1, 2, 3) if shared >= least)
    signs = {
        "code": _CODE.search(reply),
        "link": points_somewhere(reply),
        "instructs": _INSTRUCTS.match(reply),
        "lists": reply.count(",") > 1,
        "how": _HOW.search(title),
        "negates": _NEGATES.search(reply),
        "trails_off": ".." in reply,
        "opines": _OPINES.search(reply),
        # Titles of posts and questions to the bot are often a few words.
        "short_question": _asks(title) and word_count(title) < _SHORT_QUESTION_WORDS,
        "points_back": _POINTS_BACK.search(title),
    }
    yield from (_POINTS[name] for name, sign in signs.items() if sign)


def _topic(text: str) -> tuple[tuple[str, ...], ...]:
    return topic(text, {"en", language_of(text)})
