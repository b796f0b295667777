"""Forum posts that nobody has answered: those of which the helper knows, as they stand now.

The helper looks at each a day after it was written (`bot.ask.unasked`). Somebody may have answered
since then, or before, or the post may be solved, so each that is told is looked at once more.
"""

import logging
from datetime import datetime, timedelta
from typing import Final

import discord

from bot.interactions.forum_posts import is_closed
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.services import Services
from bot.statistics.weekly_service import MOST_POSTS, UnansweredPost

# A post is told of as unanswered for so long after it was written.
_TOLD_FOR: Final = timedelta(days=21)
# So many posts are looked at, each with two requests, and so many messages in each.
_MOST_POSTS: Final = 3 * MOST_POSTS
_MOST_MESSAGES: Final = 50

_logger = logging.getLogger(__name__)


async def unanswered_posts(
    bot: Services, guild: discord.Guild, at: datetime, hours: int
) -> tuple[UnansweredPost, ...]:
    """The newest posts of a guild that nobody has answered for so many hours, the newest first."""
    until = at - timedelta(hours=hours)
    posts = await bot.worker.call(
        lambda core: core.store.period_figures.unanswered_posts(
            guild.id, at - _TOLD_FOR, until, _MOST_POSTS
        )
    )
    found: list[UnansweredPost] = []
    for thread_id, asked_at in posts:
        if len(found) < MOST_POSTS and await _is_unanswered(guild, thread_id):
            found.append(UnansweredPost(thread_id, asked_at))
    return tuple(found)


async def _is_unanswered(guild: discord.Guild, thread_id: int) -> bool:
    """Whether a post is there, open, and nobody but who wrote it and bots has written in it."""
    try:
        thread = guild.get_thread(thread_id) or await guild.fetch_channel(thread_id)
        if not isinstance(thread, discord.Thread) or is_closed(thread, later=True):
            return False
        said = [one async for one in thread.history(limit=_MOST_MESSAGES)]
    except UNREACHED as error:
        _logger.info("Whether a post is answered could not be looked up: %s", error)
        return False
    return all(one.author.bot or one.author.id == thread.owner_id for one in said)
