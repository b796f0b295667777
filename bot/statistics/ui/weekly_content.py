"""Content of a weekly digest for the readers of its channel, with unanswered forum posts.

Only moderators see questions that were asked privately or in hidden channels. Roles and posts are
checked when a digest is posted.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import discord

from bot.interactions.forum_posts import is_closed
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.policy.channel_access import all_readable_by_viewers, visible_without_roles
from bot.interactions.policy.permissions import may_send
from bot.interactions.services import Services
from bot.statistics import weekly_service as service
from bot.statistics.overview import Audience
from bot.statistics.ui.overview import gather_overview
from bot.statistics.weekly_schedule import Due
from bot.statistics.weekly_service import MOST_POSTS, Readers, UnansweredPost, Week
from knowledge.values.guilds import GuildSettings
from knowledge.values.weekly_digests import Edition, WeeklyDigest

# Posts older than this are no longer reported.
_REPORTED_FOR: Final = timedelta(days=21)
# Most posts to check; each costs two requests.
_CANDIDATES: Final = 3 * MOST_POSTS
_MOST_MESSAGES: Final = 50

_logger = logging.getLogger(__name__)


async def gather_week(
    bot: Services,
    channel: discord.abc.GuildChannel,
    digest: WeeklyDigest,
    time: Due,
    settings: GuildSettings,
) -> Week:
    """Gather a digest for the readers of a channel."""
    readers = readers_of(channel, settings)
    quotes = bot.settings.answers.passages
    posts: tuple[UnansweredPost, ...] = ()
    if digest.edition is Edition.MODERATORS:
        posts = await _unanswered_posts(bot, channel.guild, time.at, digest.post_hours)
    week = await bot.worker.call(
        lambda core: service.gather_week(core, digest, time, readers, quotes=quotes, posts=posts)
    )
    if digest.edition is Edition.EVERYBODY or week.is_empty:
        return week
    audience = Audience(digest.guild_id, all_readable_by_viewers(bot, channel))
    return replace(week, overview=await gather_overview(bot, audience, time.at))


def readers_of(channel: discord.abc.GuildChannel, settings: GuildSettings) -> Readers:
    return Readers(
        open_channels(channel.guild),
        moderators_only=not visible_without_roles(channel, (settings.moderator_role_id,)),
    )


def open_channels(guild: discord.Guild) -> frozenset[int]:
    """Channels that every member may read, and their active public threads."""
    channels = {channel.id for channel in guild.channels if _is_open(channel)}
    threads = {
        thread.id
        for thread in guild.threads
        if thread.parent_id in channels and not thread.is_private()
    }
    return frozenset(channels | threads)


def _is_open(channel: discord.abc.GuildChannel) -> bool:
    """Whether everyone may read a channel; age-restricted channels don't count as open."""
    everybody = channel.permissions_for(channel.guild.default_role)
    adults = bool(getattr(channel, "nsfw", False))
    return everybody.view_channel and everybody.read_message_history and not adults


def is_writable(channel: Any) -> bool:
    """Whether a channel is a text channel in which the bot may write."""
    return isinstance(channel, discord.TextChannel) and may_send(channel)


async def _unanswered_posts(
    bot: Services, guild: discord.Guild, at: datetime, hours: int
) -> tuple[UnansweredPost, ...]:
    """Forum posts without an answer for `hours` hours, newest first.

    After a day, the store records a post as unanswered. This function checks for later answers.
    """
    until = at - timedelta(hours=hours)
    posts = await bot.worker.call(
        lambda core: service.unanswered_posts(
            core, guild.id, at - _REPORTED_FOR, until, _CANDIDATES
        )
    )
    found: list[UnansweredPost] = []
    for post in posts:
        if len(found) < MOST_POSTS and await _is_unanswered(guild, post.thread_id):
            found.append(post)
    return tuple(found)


async def _is_unanswered(guild: discord.Guild, thread_id: int) -> bool:
    """Whether a post is open, and nobody but its author and bots has written in it."""
    try:
        thread = guild.get_thread(thread_id) or await guild.fetch_channel(thread_id)
        if not isinstance(thread, discord.Thread) or is_closed(thread, archived_ok=True):
            return False
        said = [one async for one in thread.history(limit=_MOST_MESSAGES)]
    except UNREACHED as error:
        _logger.info("A post could not be checked for answers: %s", error)
        return False
    return all(one.author.bot or one.author.id == thread.owner_id for one in said)
