"""Conversion of Discord's messages, threads and channels to the values that are kept of them.

The same message is the same value however it came: in a page of a channel's history, or as news.
Therefore members are called what they call themselves everywhere: their name in one guild comes
with news alone.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import discord

from bot.interactions.forum_posts import says_solved
from knowledge.channels.messages import ArchivedMessage
from knowledge.channels.threads import Thread
from knowledge.chat.conversations import Message, Reaction
from knowledge.values.synced_channels import SyncedContent

# Everything else is what Discord itself says: that somebody joined, pinned, began a thread.
_SAID: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})


def written(message: discord.Message) -> ArchivedMessage | None:
    """A message as it is kept; None if nobody said it."""
    if message.type not in _SAID:
        return None
    # The addresses of attachments end within a day; the name says what there was.
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
            reactions=tuple(Reaction(_emoji(one.emoji), one.count) for one in message.reactions),
            # What another server announced is published by a webhook, and said by people.
            bot=message.author.bot and not message.flags.is_crossposted,
        ),
        message.edited_at,
        {user.id: _name(user) for user in message.mentions},
        {channel.id: channel.name for channel in _mentioned(message)},
    )


def _name(user: discord.abc.User) -> str:
    return " ".join((user.global_name or user.name).split())


def _emoji(emoji: discord.PartialEmoji | discord.Emoji | str) -> str:
    return emoji if isinstance(emoji, str) else emoji.name


def _mentioned(message: discord.Message) -> Iterable[Any]:
    if message.guild is None:
        return ()
    found = map(message.guild.get_channel_or_thread, message.raw_channel_mentions)
    return (channel for channel in found if channel is not None)


def listed(thread: discord.Thread) -> Thread:
    tags = thread.applied_tags
    return Thread(
        thread.id,
        thread.parent_id,
        thread.name,
        says_solved(tags),
        thread.last_message_id or 0,
    )


def changed(event: discord.RawThreadUpdateEvent, parent: object) -> Thread:
    """A thread as Discord says that it is now, whether or not it was known."""
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


def opening(thread_id: int, messages: Sequence[discord.Message]) -> tuple[int, list[Any]]:
    """What a text channel's thread opens with, by its first messages.

    It may have been begun from a message of the channel, which Discord gives along with a message
    that nobody wrote. That message has the thread's id, and may be gone.

    Returns:
        Its id, 0 where nobody has written yet; and the message of the channel, if there is one.
    """
    for message in messages:
        if message.type is discord.MessageType.thread_starter_message:
            begun = message.reference.resolved if message.reference is not None else None
            return thread_id, [begun] if isinstance(begun, discord.Message) else []
        if message.type in _SAID:
            return message.id, []
    return 0, []


def reads_of(channel: object, *, threads: bool = False) -> SyncedContent | None:
    """What is read of a channel; of a text channel its `threads`, if that is wanted."""
    if isinstance(channel, discord.ForumChannel):
        return SyncedContent.THREADS
    if isinstance(channel, discord.TextChannel) and threads:
        return SyncedContent.THREADS
    if isinstance(channel, discord.TextChannel):
        return SyncedContent.POSTS if channel.is_news() else SyncedContent.PINS
    return None


def lacking(channel: discord.abc.GuildChannel) -> list[str]:
    """The permissions that reading a channel needs, and that the bot lacks there."""
    have = channel.permissions_for(channel.guild.me)
    needed = ("view_channel", "read_message_history")
    return [name for name in needed if not getattr(have, name)]
