"""Conversations in a chat: a question with its answer and replies.

A channel is one stream of interleaved conversations. Silence ends a conversation; replies, mentions
and consecutive messages continue it. Small talk (greetings, thanks, single words) is left out of
the text, but helps to find the answer. Check marks, thanks and the asker's own solution show which
reply was accepted.

The functions are pure and don't depend on Discord, so they serve exports and live channels. Memory
holds only the open conversations, whatever the channel's length.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from knowledge.chat.intents import (
    asks,
    asks_back,
    asks_only,
    is_small_talk,
    mentions,
    points_somewhere,
    tells_solution,
    thanks,
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
        for key in list(self._open):
            if message.at - self._open[key].last <= REPLY_WINDOW:
                break
            yield self._close(key)
        if message.bot:
            return
        place = self._place(message)
        if place is None:
            place, self._next = self._next, self._next + 1
            self._open[place] = _Open(message.at)
        conversation = self._open[place]
        conversation.add(message)
        self._open.move_to_end(place)
        if message.id:
            self._where[message.id] = place
        if len(conversation.messages) >= CONVERSATION_MESSAGES:
            yield self._close(place)
        if len(self._open) > OPEN_CONVERSATIONS:
            yield self._close(next(iter(self._open)))

    def rest(self) -> Iterator[list[Message]]:
        """End and yield all open conversations."""
        for key in list(self._open):
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


# Accepted answers.

# Shorter messages are no answer, unless reactions or thanks mark them.
ANSWER_WORDS: Final = 6
# A first post without a question (a guide, an announcement) is a document from this length on.
POST_WORDS: Final = 40

_CHECKED_TEXT: Final = "✅ ☑ ☑️ ✔ ✔️ white_check_mark heavy_check_mark ballot_box_with_check solved"
_LIKED_TEXT: Final = """
    👍 ❤ ❤️ 💯 ⭐ 🙏 🎉 🙌 👏 🔥 thumbsup +1 heart 100 star pray tada raised_hands clap
"""
_CHECKED: Final = frozenset(_CHECKED_TEXT.split())
_LIKED: Final = frozenset(_LIKED_TEXT.split())


def exchange(
    messages: Sequence[Message], *, thread: bool = False, solved: bool = False
) -> Exchange | None:
    """Find the question of a conversation, its answer, and the other replies.

    In a complete `thread`, the first post is the question, or a guide that needs no answer. If the
    conversation is `solved` and no reply has signs of acceptance, the last reply that could be an
    answer is chosen. Returns None if there is no question, or no reply that could be an answer.
    """
    people = [message for message in messages if not message.bot]
    worth = [place for place, message in enumerate(people) if message.worth_reading]
    if thread:
        # The author's first message with content, or else the first one.
        theirs = (place for place in worth if people[place].member == people[0].member)
        first = next(theirs, 0) if people else None
    else:
        first = next((place for place in worth if asks(people[place].text)), None)
    if first is None:
        return None
    question, after = people[first], people[first + 1 :]
    replies = [message for message in after if message.worth_reading]
    answer = _accepted_reply(question, after, solved=solved)
    others = [m for m in replies if m.member != question.member]
    own = answer is not None and answer.member == question.member
    is_post = thread and not asks(question.text) and word_count(question.text) >= POST_WORDS
    if not (own or is_post or answer or any(_could_answer(m, question) for m in others)):
        return None
    rest = tuple(m for m in replies if m is not answer)
    return Exchange(question, answer, rest)


def _could_answer(message: Message, question: Message) -> bool:
    is_long = word_count(message.text) >= ANSWER_WORDS
    is_reply = message.reply_to == question.id != 0
    may_be = is_long or is_reply or points_somewhere(message.text)
    return may_be and not asks_only(message.text)


def _accepted_reply(question: Message, after: Sequence[Message], *, solved: bool) -> Message | None:
    """The latest reply with the best score from 2 on; else, if `solved`, the last likely reply."""
    signs = _signs(question, after)
    best: Message | None = None
    most = 0
    for message in after:
        if not message.bot and signs.get(id(message), 0) >= max(most, 2):
            best, most = message, signs[id(message)]
    if best is None and solved:
        others = [m for m in after if m.worth_reading and m.member != question.member]
        answers = [m for m in others if _could_answer(m, question)]
        best = answers[-1] if answers else None
    return best


def _signs(question: Message, after: Sequence[Message]) -> dict[int, int]:
    """Score each message by signs of acceptance: reactions, thanks, the asker's own solution."""
    signs: dict[int, int] = {}
    by_id = {message.id: message for message in after if message.id}
    latest: Message | None = None
    for message in after:
        signs[id(message)] = signs.get(id(message), 0) + _reaction_signs(question, message)
        is_asker = message.member == question.member
        thanked = None
        if thanks(message.text):
            thanked = by_id.get(message.reply_to) or (latest if is_asker else None)
        if thanked is not None and thanked.member != message.member:
            weight = (8 if message.reply_to else 4) if is_asker else 2
            signs[id(thanked)] = signs.get(id(thanked), 0) + weight
        elif is_asker and tells_solution(message.text) and message.worth_reading:
            signs[id(message)] += 3
        if not is_asker and message.worth_reading:
            latest = message
    return signs


def _reaction_signs(question: Message, message: Message) -> int:
    total = 0
    for reaction in message.reactions:
        if reaction.emoji in _CHECKED:
            total += 8 if question.author_id in reaction.member_ids else 5
        elif reaction.emoji in _LIKED:
            total += min(reaction.count, 3)
    return total
