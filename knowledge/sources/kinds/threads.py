"""Threads of forums and trackers as documents: the question, its answer, and the replies.

The text is formatted like a Discord thread (`knowledge.chat`). Messages of people who asked not to
be quoted are left out, and mentions of them become "someone". The rules for the comment that
answers a closed issue are in `answers.toml`; docs/decisions.md has their precision.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from knowledge.chat.conversations import ANSWER_WORDS, Exchange, Message, exchange
from knowledge.chat.intents import asks, thanks, without_solved_mark, word_count
from knowledge.chat.transcript import (
    MESSAGE_CHARACTERS,
    SOMEONE,
    Channel,
    exchange_text,
    without_message_secrets,
)
from knowledge.sources.source import Content, Service, Visit

_RULES: Final = tomllib.loads(Path(__file__).with_name("answers.toml").read_text(encoding="utf-8"))


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
    """Find the answer to a closed issue among its messages, whose first is the question.

    The answer is the maintainers' comment accepted by the asker, or the maintainers' only
    informative comment. An issue opened by a maintainer has no answer, because it is a task. If the
    asker asks again after that comment, the issue has no answer, either. `maintainers` are ids or
    names.
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


# Longer titles are cut; forums and trackers allow 255 characters.
TITLE_CHARACTERS: Final = 300

_MENTION: Final = re.compile(r"(?<![\w@])@(?P<name>\w(?:[\w.-]*\w)?)")
_SPEAKER: Final = re.compile(r"^\*\*\[(?P<name>[^\n\]]{1,200})\]\(", re.MULTILINE)


class ThreadService(Service):
    """A service whose documents are threads, in which people can be left out."""

    has_threads = True

    def open(self, visit: Visit) -> None:
        self.without = frozenset(name.casefold() for name in visit.without)
        super().open(visit)

    def has_named(self, text: str) -> bool:
        return names_someone(text, self.without)


@dataclass(frozen=True, slots=True)
class Place(Channel):
    """A topic or an issue as a `Channel`; `links` are the links to its messages by message id."""

    url: str = ""
    links: Mapping[int, str] = field(default_factory=dict)

    def link(self, message: Message | None = None) -> str:
        """The link to a message, or to the thread."""
        return self.links.get(message.id, self.url) if message is not None else self.url


def post(
    number: int, member: int, author: str, written_at: str, text: str, *, bot: bool = False
) -> Message:
    """A post of a forum or tracker."""
    return Message(number, member, author, datetime.fromisoformat(written_at), text, bot=bot)


def thread_content(
    place: Place,
    messages: Sequence[Message],
    answer: Message | None,
    *,
    without: AbstractSet[str] = frozenset(),
    tags: Sequence[str] = (),
) -> Content | None:
    """The document of a thread's messages, oldest first; the first is the question.

    Without an `answer`, it is looked for as in a Discord thread. Returns None if nobody answered,
    or if the question or `answer` is by a person in `without` (casefolded).
    """
    kept = [
        replace(
            without_message_secrets(message),
            text=without_mentions(without_message_secrets(message).text, without),
        )
        for message in messages
        if message.author.casefold() not in without
    ]
    if not kept or kept[0].id != messages[0].id:
        return None
    found: Exchange | None
    if answer is None:
        found = exchange(kept, thread=True)
    else:
        chosen = next((message for message in kept if message.id == answer.id), None)
        rest = tuple(
            message for message in kept[1:] if message is not chosen and message.worth_reading
        )
        found = Exchange(kept[0], chosen, rest) if chosen is not None else None
    if found is None:
        return None
    return Content(
        title=without_solved_mark(place.name[:TITLE_CHARACTERS]),
        body=exchange_text(place, found).encode(),
        link=place.url,
        content_type="text/markdown",
        verified=(found.answer or kept[-1]).at.date(),
        tags=tuple(tags),
    )


def names_someone(body: str, without: AbstractSet[str]) -> bool:
    """Whether the text of a thread names a person to leave out, as an author or in a mention."""
    plain = body.replace("\\", "")
    named = (found["name"] for form in (_SPEAKER, _MENTION) for found in form.finditer(plain))
    return any(name.casefold() in without for name in named)


def without_mentions(text: str, without: AbstractSet[str]) -> str:
    """Replace mentions of people to leave out by "someone"."""

    def word(found: re.Match[str]) -> str:
        return f"@{SOMEONE}" if found["name"].casefold() in without else found[0]

    return _MENTION.sub(word, text) if without and "@" in text else text
