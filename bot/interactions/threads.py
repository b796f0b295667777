"""Threads and forum posts: whether a post is solved or closed, and the cache of starter messages.

A thread and its starter message have the same id. Discord counts refused requests, so a starter is
fetched once, and never without the permission to read the channel's history.
"""

import logging
from collections.abc import Iterable
from typing import Any, Final

import discord
from cachetools import LRUCache

from bot.interactions.kit.errors import UNREACHED
from knowledge.chat.intents import is_marked_solved


def says_solved(tags: Iterable[discord.ForumTag]) -> bool:
    return any(is_marked_solved(f"{tag.emoji or ''} {tag.name}") for tag in tags)


def is_closed(thread: discord.Thread, *, archived_ok: bool = False) -> bool:
    """Whether a post needs no answer: it is solved, locked or archived.

    With `archived_ok`, archived posts count as open: Discord archives quiet posts by itself.
    """
    solved = is_marked_solved(thread.name) or says_solved(thread.applied_tags)
    return solved or thread.locked or (thread.archived and not archived_ok)


# The largest number of cached threads, to bound the memory of a long-running process.
_THREADS: Final = 4_096

_logger = logging.getLogger(__name__)


class ThreadStarters:
    """The starter messages of threads and forum posts."""

    def __init__(self) -> None:
        self._starters: LRUCache[int, discord.Message | None] = LRUCache(_THREADS)

    async def of(self, thread: discord.Thread) -> discord.Message | None:
        """The message that a thread was started from, unless deleted or out of reach."""
        if thread.id in self._starters:
            return self._starters[thread.id]
        starter: discord.Message | None = thread.starter_message
        parent = thread.parent
        if starter is None and parent is not None:
            place: Any = thread if isinstance(parent, discord.ForumChannel) else parent
            if not place.permissions_for(thread.guild.me).read_message_history:
                return None
            try:
                starter = await place.fetch_message(thread.id)
            except discord.NotFound:
                pass
            except UNREACHED as error:
                _logger.info("What a thread was started from could not be looked up: %s", error)
                return None
        self._starters[thread.id] = starter
        return starter
