"""Threads of forums and trackers as documents: the question, its answer, and the replies.

The text is formatted like a Discord thread (`knowledge.chat`). Messages of people who asked not to
be quoted are left out, and mentions of them become "someone".
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from knowledge.chat.accepted_answers import exchange
from knowledge.chat.conversations import Exchange, Message
from knowledge.chat.intents import without_solved_mark
from knowledge.chat.transcript import (
    SOMEONE,
    Channel,
    exchange_text,
    without_message_secrets,
)
from knowledge.sources.source import Content, Service, Visit

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
    """The document of a thread, whose first message is the question.

    Args:
        place: the thread.
        messages: all messages of the thread, oldest first.
        answer: the accepted answer, or None to look for it as in a Discord thread.
        without: the names of people to leave out, casefolded.
        tags: the thread's tags.

    Returns:
        The document; None if nobody answered, or if the question or `answer` is left out.
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
