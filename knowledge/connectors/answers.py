"""Answers in issues: the comment by which a maintainer answered a closed issue.

The rules in `answers.toml` and their precision on judged issues are in docs/decisions.md.
"""

import re
import tomllib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from knowledge.chat.conversations import ANSWER_WORDS, Message, exchange
from knowledge.chat.intents import asks, thanks, word_count
from knowledge.chat.transcript import MESSAGE_CHARACTERS

_RULES: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def _any(kind: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in _RULES[kind]), re.IGNORECASE)


_CLOSING: Final = _any("closing")
_ASKING: Final = _any("asking")
_TROUBLE: Final = _any("trouble")
_TASKS: Final = _any("tasks")
_LABELS: Final = _any("labels")
_QUESTIONS: Final = _any("questions")
_PROGRAMS: Final = _any("programs")
# Nobody can tell the answer in a longer conversation.
MOST_COMMENTS: Final = 10

# Issue forms explain themselves in comments of HTML.
_HIDDEN: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_QUOTED: Final = re.compile(r"^>[^\n]*$", re.MULTILINE)
_PICTURE: Final = re.compile(r"!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")


def visible(body: str) -> str:
    """The Markdown of an issue or comment as readers see it."""
    return _HIDDEN.sub("", body.replace("\r\n", "\n")).strip()


def is_program(name: str) -> bool:
    """Whether an account's name is a program's."""
    return name.endswith(("[bot]", "-bot")) or _PROGRAMS.fullmatch(name) is not None


def is_question(title: str, body: str, labels: Sequence[str]) -> bool:
    """Whether an issue asks or reports trouble, and is no task."""
    if any(map(_QUESTIONS.match, labels)):
        return True
    is_task = _TASKS.match(title) is not None or any(map(_LABELS.match, labels))
    text = f"{title}\n{body}"[:MESSAGE_CHARACTERS]
    return not is_task and (asks(text) or _TROUBLE.search(text) is not None)


def maintainers_answer(
    messages: Sequence[Message], maintainers: AbstractSet[int | str]
) -> Message | None:
    """The maintainers' answer of a closed issue, whose first message is its question.

    It is the comment that was thanked for, or the only one that says something. None for issues of
    maintainers, which are tasks, and if the asker goes on asking.
    """
    question, *comments = messages
    if question.bot or question.member in maintainers or len(comments) > MOST_COMMENTS:
        return None
    told = [one for one in comments if one.member == question.member or _says_something(one.text)]
    found = exchange([question, *told], thread=True)
    theirs = [one for one in told if one.member in maintainers and not one.bot]
    answer = found.answer if found is not None else None
    if answer is None and len(theirs) == 1:
        answer = theirs[0]
    if answer not in theirs or _ASKING.search(_own(answer.text)):
        return None
    after = [one for one in comments if one.at > answer.at and one.member == question.member]
    goes_on = any(asks(one.text) and not thanks(one.text) for one in after)
    return None if goes_on else answer


def _own(text: str) -> str:
    """What is quoted of a comment, without its quotations of others."""
    return _QUOTED.sub("", text[:MESSAGE_CHARACTERS])


def _says_something(text: str) -> bool:
    """Whether a comment does more than close an issue."""
    sentences = _SENTENCE.split(_PICTURE.sub("", _own(text)))
    own = " ".join(one for one in sentences if not _CLOSING.search(one))
    return word_count(own) >= ANSWER_WORDS
