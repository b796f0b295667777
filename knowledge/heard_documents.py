"""What the messages of a followed channel come to: documents, as an export of it would give them.

A thread is a document if it answers something; so is each message of an announcement channel, and
each pinned one, that says something by itself. Everybody who may read the channel may be shown
them, and nobody else: their scope is the channel's.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from knowledge.channels import Reads
from knowledge.chat import Message
from knowledge.heard import ChannelState, Heard
from knowledge.heard_messages import Written
from knowledge.heard_threads import Thread
from knowledge.model import Document, Kind, Scope, channel_scope
from knowledge.transcript import (
    SOMEONE,
    STEP_MESSAGES,
    Channel,
    Withheld,
    documents,
    post,
    readable,
)

_PREFIX: Final = "channel:"


def prefix(channel_id: int, thread_id: int | None = None) -> str:
    """What the ids of a channel's or a thread's documents begin with."""
    thread = "" if thread_id is None else f"{thread_id}:"
    return f"{_PREFIX}{channel_id}:{thread}"


def message_document(channel_id: int, message_id: int) -> str:
    """The id of the document that a message of a channel comes to by itself."""
    return f"{prefix(channel_id, channel_id)}{message_id}"


def thread_of(document_id: str) -> int | None:
    """The thread that a document was made of; None for other documents."""
    parts = document_id.split(":")
    is_ours = document_id.startswith(_PREFIX) and len(parts) > 2 and parts[2].isdecimal()
    return int(parts[2]) if is_ours else None


def thread_documents(
    heard: Heard, state: ChannelState, thread: Thread, withheld: Withheld
) -> Iterator[Document | None]:
    """The documents of a thread, and a None now and then.

    Args:
        heard: what was read.
        state: the channel that the thread is in, or is.
        thread: the thread; of posts and pinned messages, the channel itself.
        withheld: who must not be named. Their own messages are not kept.
    """
    messages = (_message(written, withheld) for written in heard.messages.read(thread.id))
    made = (
        _threads(state, thread, messages)
        if state.reads is Reads.THREADS
        else _posts(state, messages)
    )
    for document in made:
        if document is None:
            yield None
            continue
        yield replace(document, id=f"{prefix(state.id)}{document.id}", kind=Kind.CHANNEL)


def _threads(
    state: ChannelState, thread: Thread, messages: Iterator[Message]
) -> Iterator[Document | None]:
    first = next(messages, None)
    # What a thread is about is its first post, whose id it has. Without that one there is nothing
    # that the others answer, and its title was that member's, too.
    if first is None or first.id != thread.id:
        return
    channel = Channel(
        guild_id=state.guild_id,
        id=thread.id,
        name=thread.name,
        parent=state.name,
        thread=True,
        solved=thread.solved,
    )
    yield from documents(channel, chain([first], messages), _scope(state))


def _posts(state: ChannelState, messages: Iterator[Message]) -> Iterator[Document | None]:
    channel = Channel(guild_id=state.guild_id, id=state.id, name=state.name)
    for number, message in enumerate(messages):
        if number % STEP_MESSAGES == 0:
            yield None
        yield post(channel, message, _scope(state))


def _scope(state: ChannelState) -> Scope:
    return channel_scope(state.id)


def _message(written: Written, withheld: Withheld) -> Message:
    """The message with those who are mentioned in it by name, where they may be named."""
    text = written.message.text
    if "<" not in text and "@" not in text:
        return written.message
    members = {
        key: SOMEONE if key in withheld.member_ids else name
        for key, name in written.members.items()
    }
    return replace(written.message, text=readable(text, members, written.channels))
