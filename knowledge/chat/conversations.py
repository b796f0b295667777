"""Conversations in a chat: a question with its answer and replies.

A channel is one stream of interleaved conversations. Silence ends a conversation; replies, mentions
and consecutive messages continue it. Small talk (greetings, thanks, single words) is left out of
the text, but helps to find the answer.

The functions are pure and don't depend on Discord, so they serve exports and live channels. Memory
holds only the open conversations, whatever the channel's length.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from knowledge.chat.intents import (
    asks,
    asks_back,
    is_small_talk,
    mentions,
    word_count,
)

# After half an hour of silence the topic has usually changed. python-discord closes its help
# channels after the same time.
SILENCE: Final = timedelta(minutes=30)
# A reply within this time joins its message's conversation.
REPLY_WINDOW: Final = timedelta(hours=24)
# The limit for channels without silence.
CONVERSATION_MESSAGES: Final = 200
OPEN_CONVERSATIONS: Final = 64
# A longer thread is split into conversations, like a channel.
THREAD_MESSAGES: Final = 500
# A newcomer's shorter question asks for details ("Which version?"); a longer one opens a
# conversation.
OWN_QUESTION_WORDS: Final = 8
# Of a message, a document shows half of the text kept here. So a secret at the end of what it shows
# is whole when secrets are looked for.
TEXT_CHARACTERS: Final = 8_000
AUTHOR_CHARACTERS: Final = 255


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji below a message, with the number of reactions and the known members who reacted."""

    emoji: str
    count: int = 1
    member_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Message:
    """A message. `id`, `author_id` and `reply_to` are 0 if unknown.

    `text` is Markdown with readable mentions. `author` is the shown name; without an `author_id`,
    the name identifies the author. Both are cut to what may be quoted.
    """

    id: int
    author_id: int
    author: str
    at: datetime
    text: str
    reply_to: int = 0
    reactions: tuple[Reaction, ...] = ()
    bot: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "author", self.author[:AUTHOR_CHARACTERS])
        object.__setattr__(self, "text", self.text[:TEXT_CHARACTERS])

    @property
    def member(self) -> int | str:
        """The author's id, or the shown name if the id is unknown."""
        return self.author_id or self.author

    @property
    def worth_reading(self) -> bool:
        """Whether the message is neither small talk nor by a bot."""
        return not self.bot and not is_small_talk(self.text)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its answer and replies.

    `answer` is the message with signs of acceptance, if any. `replies` are the other messages with
    content, in order, including the asker's messages.
    """

    question: Message
    answer: Message | None
    replies: tuple[Message, ...]


# Splitting a channel into conversations.


@dataclass(slots=True)
class _Open:
    """An open conversation; `spoke` is the time of each author's last message."""

    last: datetime
    messages: list[Message] = field(default_factory=list)
    spoke: dict[int | str, datetime] = field(default_factory=dict)

    def add(self, message: Message) -> None:
        self.messages.append(message)
        self.last = message.at
        self.spoke[message.member] = message.at


class ConversationSplitter:
    """Splits a stream of messages into conversations by silence, replies and mentions."""

    def __init__(self) -> None:
        # In the order of their last messages, the latest last.
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._where: dict[int, int] = {}
        self._next = 0

    def add(self, message: Message) -> Iterator[list[Message]]:
        """Add a message; yields the conversations that have ended."""
        yield from self._end_conversations(message.at)
        if message.bot:
            return
        key = self._place(message)
        if key is None:
            key, self._next = self._next, self._next + 1
            self._open[key] = _Open(message.at)
        conversation = self._open[key]
        conversation.add(message)
        self._open.move_to_end(key)
        if message.id:
            self._where[message.id] = key
        if len(conversation.messages) >= CONVERSATION_MESSAGES:
            yield self._close(key)
        if len(self._open) > OPEN_CONVERSATIONS:
            yield self._close(next(iter(self._open)))

    def rest(self) -> Iterator[list[Message]]:
        """End and yield all open conversations."""
        for key in list(self._open):
            yield self._close(key)

    def _end_conversations(self, now: datetime) -> Iterator[list[Message]]:
        for key in list(self._open):
            if now - self._open[key].last <= REPLY_WINDOW:
                return
            yield self._close(key)

    def _close(self, key: int) -> list[Message]:
        messages = self._open.pop(key).messages
        for message in messages:
            self._where.pop(message.id, None)
        return messages

    def _place(self, message: Message) -> int | None:
        """The key of the conversation that a message continues; None for a new conversation."""
        if message.reply_to in self._where:
            return self._where[message.reply_to]
        earliest = message.at - SILENCE
        recent = [key for key, its in reversed(self._open.items()) if its.last >= earliest]
        named = mentions(message.text)
        for key in recent:
            if named and any(self._is_named(m, named) for m in self._open[key].messages):
                return key
        for key in recent:
            spoke = self._open[key].spoke.get(message.member)
            if spoke is not None and message.at - spoke <= SILENCE:
                return key
        if not recent or self._asks_own_question(message):
            return None
        return recent[0]

    @staticmethod
    def _is_named(message: Message, named: set[str]) -> bool:
        # A mention matches the first word of a name.
        return message.author.casefold().partition(" ")[0] in named

    @staticmethod
    def _asks_own_question(message: Message) -> bool:
        """Whether a message asks a question of its own, not for details of another question."""
        return (
            asks(message.text)
            and not asks_back(message.text)
            and word_count(message.text) >= OWN_QUESTION_WORDS
        )
