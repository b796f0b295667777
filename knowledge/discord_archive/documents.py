"""Documents made of a synced channel's messages, equal to the documents made of a chat export.

A thread with an answer becomes a document. Small talk aside, so does each message of an
announcement channel, and each pinned message of a channel synced for its pins. A document's scope
is its channel, so the bot quotes the document only to the channel's readers.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from knowledge.chat.conversations import Message
from knowledge.chat.transcript import (
    SOMEONE,
    STEP_MESSAGES,
    Channel,
    documents,
    post_document,
    readable,
)
from knowledge.discord_archive.archive import ChannelArchive
from knowledge.discord_archive.messages import ArchivedMessage
from knowledge.discord_archive.sync_state import ArchivedChannel
from knowledge.discord_archive.threads import Thread
from knowledge.store.erasure.quote_opt_outs import Withheld
from knowledge.values.documents import Document, Kind, Scope, channel_scope
from knowledge.values.synced_channels import SyncedContent

_PREFIX: Final = "channel:"


def prefix(channel_id: int, thread_id: int | None = None) -> str:
    """The common prefix of ids of a channel's or thread's documents."""
    thread = "" if thread_id is None else f"{thread_id}:"
    return f"{_PREFIX}{channel_id}:{thread}"


def message_document(channel_id: int, message_id: int) -> str:
    return f"{prefix(channel_id, channel_id)}{message_id}"


def thread_of(document_id: str) -> int | None:
    parts = document_id.split(":")
    is_ours = document_id.startswith(_PREFIX) and len(parts) > 2 and parts[2].isdecimal()
    return int(parts[2]) if is_ours else None


def thread_documents(
    archive: ChannelArchive, channel: ArchivedChannel, thread: Thread, withheld: Withheld
) -> Iterator[Document | None]:
    """The documents of a thread. Yields None at times, so the caller can do other work.

    A channel synced for its posts or pins counts as one thread. Mentions of members in `withheld`
    become "someone"; their messages aren't in the archive.
    """
    messages = (quotable(written, withheld) for written in archive.messages.read(thread.id))
    made = (
        _threads(channel, thread, archive.threads.opener(thread.id), messages)
        if channel.reads is SyncedContent.THREADS
        else _posts(channel, messages)
    )
    for document in made:
        if document is None:
            yield None
            continue
        yield replace(document, id=f"{prefix(channel.id)}{document.id}", kind=Kind.CHANNEL)


def documents_of_thread(
    archive: ChannelArchive, thread_id: int, withheld: Withheld
) -> Iterator[Document | None]:
    thread = archive.threads.get(thread_id)
    channel = archive.channel(thread.channel_id) if thread is not None else None
    if thread is not None and channel is not None:
        yield from thread_documents(archive, channel, thread, withheld)


def _threads(
    channel: ArchivedChannel, thread: Thread, opener: int, messages: Iterator[Message]
) -> Iterator[Document | None]:
    first = next(messages, None)
    # The opening message is the thread's subject. Without it no reply can be an answer, and its
    # author wrote the title, too.
    if first is None or first.id != opener:
        return
    place = Channel(
        guild_id=channel.guild_id,
        id=thread.id,
        name=thread.name,
        parent=channel.name,
        thread=True,
        solved=thread.solved,
    )
    yield from documents(place, chain([first], messages), _scope(channel))


def _posts(channel: ArchivedChannel, messages: Iterator[Message]) -> Iterator[Document | None]:
    place = Channel(guild_id=channel.guild_id, id=channel.id, name=channel.name)
    for number, message in enumerate(messages):
        if number % STEP_MESSAGES == 0:
            yield None
        yield post_document(place, message, _scope(channel))


def _scope(channel: ArchivedChannel) -> Scope:
    return channel_scope(channel.id)


def quotable(written: ArchivedMessage, withheld: Withheld) -> Message:
    """A copy of the message with readable mentions; withheld members become "someone"."""
    text = written.message.text
    if "<" not in text and "@" not in text:
        return written.message
    members = {
        key: SOMEONE if key in withheld.member_ids else name
        for key, name in written.members.items()
    }
    return replace(written.message, text=readable(text, members, written.channels))
