"""Cache of the messages that threads were started from, shared by all features.

A thread and its starter message have the same id. Discord counts refused requests, so a starter is
fetched once, and never without the permission to read the channel's history.
"""

import logging
from typing import Any, Final

import discord
from cachetools import LRUCache

from bot.interactions.kit.errors import UNREACHED

# The largest number of cached threads, to bound the memory of a long-running process.
_THREADS: Final = 4_096

_logger = logging.getLogger(__name__)


class ThreadStarters:
    """The starter messages of threads and forum posts."""

    def __init__(self) -> None:
        self._found: LRUCache[int, discord.Message | None] = LRUCache(_THREADS)

    async def of(self, thread: discord.Thread) -> discord.Message | None:
        """Return the message that a thread was started from, or the first message of a post.

        None if it was deleted, or can't be fetched now. Only the former is cached.
        """
        if thread.id in self._found:
            return self._found[thread.id]
        found: discord.Message | None = thread.starter_message
        parent = thread.parent
        if found is None and parent is not None:
            place: Any = thread if isinstance(parent, discord.ForumChannel) else parent
            if not place.permissions_for(thread.guild.me).read_message_history:
                return None
            try:
                found = await place.fetch_message(thread.id)
            except discord.NotFound:
                pass
            except UNREACHED as error:
                _logger.info("What a thread was started from could not be looked up: %s", error)
                return None
        self._found[thread.id] = found
        return found
