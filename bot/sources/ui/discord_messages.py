"""Conversion of Discord's messages, threads and channels to values of the archive.

A message is converted to the same value, whether it comes from a page of history or from a live
event. The value has the author's global name, because only live events contain the author's name in
the guild.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import discord

from bot.interactions.threads import says_solved
from knowledge.chat.conversations import Message, Reaction
from knowledge.discord_archive.messages import ArchivedMessage, Thread
from knowledge.values.guilds import SyncedContent

# All other types are system messages, such as a join or a pin.
_SAID: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})


def archived_message(message: discord.Message) -> ArchivedMessage | None:
    """Convert a message; None for system messages."""
    if message.type not in _SAID:
        return None
    # Attachment links expire within a day, so keep the names.
    attached = (f"(attached: {one.filename})" for one in message.attachments)
    text = "\n".join([message.content, *attached]).strip()
    reference = message.reference
    return ArchivedMessage(
        Message(
            id=message.id,
            author_id=message.author.id,
            author=_name(message.author),
            at=message.created_at,
            text=text,
            reply_to=(reference.message_id or 0) if reference is not None else 0,
            reactions=tuple(
                Reaction(getattr(reaction.emoji, "name", str(reaction.emoji)), reaction.count)
                for reaction in message.reactions
            ),
            # Announcements from other servers come by webhook, but people wrote them.
            bot=message.author.bot and not message.flags.is_crossposted,
        ),
        message.edited_at,
        {user.id: _name(user) for user in message.mentions},
        {channel.id: channel.name for channel in _mentions(message)},
    )


def _name(user: discord.abc.User) -> str:
    return " ".join((user.global_name or user.name).split())


def _mentions(message: discord.Message) -> Iterable[Any]:
    if message.guild is None:
        return ()
    found = map(message.guild.get_channel_or_thread, message.raw_channel_mentions)
    return (channel for channel in found if channel is not None)


def archived_thread(thread: discord.Thread) -> Thread:
    tags = thread.applied_tags
    return Thread(
        thread.id,
        thread.parent_id,
        thread.name,
        says_solved(tags),
        thread.last_message_id or 0,
    )


def updated_thread(event: discord.RawThreadUpdateEvent, parent: object) -> Thread:
    """Convert a thread's update event."""
    tags: list[discord.ForumTag] = []
    if isinstance(parent, discord.ForumChannel):
        found = (parent.get_tag(int(tag_id)) for tag_id in event.data.get("applied_tags", ()))
        tags = [tag for tag in found if tag is not None]
    return Thread(
        event.thread_id,
        event.parent_id,
        event.data["name"],
        says_solved(tags),
        int(event.data.get("last_message_id") or 0),
    )


def find_opener(thread_id: int, messages: Sequence[discord.Message]) -> tuple[int, list[Any]]:
    """Find the id of a text channel thread's opener, and the opener itself if it's in the channel.

    The opener is usually the first message in the thread; 0 if nobody has written yet. But a thread
    may start from a message of the channel, whose id is also the thread's. Discord puts a system
    message with a reference to it into such a thread. Its list is empty if it was deleted.
    """
    for message in messages:
        if message.type is discord.MessageType.thread_starter_message:
            begun = message.reference.resolved if message.reference is not None else None
            return thread_id, [begun] if isinstance(begun, discord.Message) else []
        if message.type in _SAID:
            return message.id, []
    return 0, []


def content_to_sync(channel: object, *, threads: bool = False) -> SyncedContent | None:
    """Return which content of a channel is synced, or None if the channel can't be synced.

    The content is a forum's threads, an announcement channel's messages, or another text channel's
    pins. If `threads` is true, the threads are synced in all these channels.
    """
    if not isinstance(channel, discord.ForumChannel | discord.TextChannel):
        return None
    if threads or isinstance(channel, discord.ForumChannel):
        return SyncedContent.THREADS
    return SyncedContent.POSTS if channel.is_news() else SyncedContent.PINS


def missing_permissions(channel: discord.abc.GuildChannel) -> list[str]:
    have = channel.permissions_for(channel.guild.me)
    needed = ("view_channel", "read_message_history")
    return [name for name in needed if not getattr(have, name)]
