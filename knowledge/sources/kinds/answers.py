"""Detection of the comment that answers a closed issue.

The rules are in `answers.toml`. Their precision on judged issues is in docs/decisions.md.
"""

import re
import tomllib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from knowledge.chat.accepted_answers import ANSWER_WORDS, exchange
from knowledge.chat.conversations import Message
from knowledge.chat.intents import asks, thanks, word_count
from knowledge.chat.transcript import MESSAGE_CHARACTERS

_RULES: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def _any(kind: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{rule})" for rule in _RULES[kind]), re.IGNORECASE)


_CLOSING: Final = _any("closing")
_ASKING: Final = _any("asking")
_TROUBLE: Final = _any("trouble")
_TASKS: Final = _any("tasks")
_LABELS: Final = _any("labels")
_QUESTIONS: Final = _any("questions")
_PROGRAMS: Final = _any("programs")
# In longer conversations the rules can't find the answer reliably.
MOST_COMMENTS: Final = 10

# GitLab's own limit; GitHub's is lower.
BODY_CHARACTERS: Final = 1_000_000
# Issue forms contain their instructions as HTML comments.
_HIDDEN: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_QUOTED: Final = re.compile(r"^>[^\n]*$", re.MULTILINE)
_PICTURE: Final = re.compile(r"!\[[^\[\]\n]{0,200}\]\((?:[^)\n\]]|\](?!\()){0,500}\)")
_SENTENCE: Final = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])|\n+")


def visible(body: str) -> str:
    """The Markdown of an issue, comment or release without hidden HTML comments, up to a limit."""
    return _HIDDEN.sub("", body[:BODY_CHARACTERS].replace("\r\n", "\n")).strip()


def is_program(name: str) -> bool:
    """Whether an account belongs to a program, by its name."""
    return name.endswith(("[bot]", "-bot")) or _PROGRAMS.fullmatch(name) is not None


def is_question(title: str, body: str, labels: Sequence[str]) -> bool:
    """Whether an issue is a question or a problem report, and not a task."""
    if any(map(_QUESTIONS.match, labels)):
        return True
    is_task = _TASKS.match(title) is not None or any(map(_LABELS.match, labels))
    text = f"{title}\n{body}"[:MESSAGE_CHARACTERS]
    return not is_task and (asks(text) or _TROUBLE.search(text) is not None)


def maintainers_answer(
    messages: Sequence[Message], maintainers: AbstractSet[int | str]
) -> Message | None:
    """Find the maintainers' answer to a closed issue.

    The answer is the maintainers' comment accepted by the asker, or the maintainers' only
    informative comment. An issue opened by a maintainer has no answer, because it is a task. If the
    asker asks again after that comment, the issue has no answer, either.

    Args:
        messages: the issue's question, then its comments.
        maintainers: the maintainers' ids or names.
    """
    question, *comments = messages
    if question.bot or question.member in maintainers or len(comments) > MOST_COMMENTS:
        return None
    told = [
        comment
        for comment in comments
        if comment.member == question.member or _is_informative(comment.text)
    ]
    found = exchange([question, *told], thread=True)
    theirs = [comment for comment in told if comment.member in maintainers and not comment.bot]
    answer = found.answer if found is not None else None
    if answer is None and len(theirs) == 1:
        answer = theirs[0]
    if answer not in theirs or _ASKING.search(_without_quotations(answer.text)):
        return None
    after = [
        comment
        for comment in comments
        if comment.at > answer.at and comment.member == question.member
    ]
    goes_on = any(asks(comment.text) and not thanks(comment.text) for comment in after)
    return None if goes_on else answer


def _without_quotations(text: str) -> str:
    """A comment's text without quoted lines."""
    return _QUOTED.sub("", text[:MESSAGE_CHARACTERS])


def _is_informative(text: str) -> bool:
    """Whether a comment has enough words besides those about closing the issue."""
    sentences = _SENTENCE.split(_PICTURE.sub("", _without_quotations(text)))
    own = " ".join(sentence for sentence in sentences if not _CLOSING.search(sentence))
    return word_count(own) >= ANSWER_WORDS
