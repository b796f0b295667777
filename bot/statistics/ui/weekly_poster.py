"""Delivery of digests: each guild's by itself, each week's once.

A digest is claimed in the database before it is sent, with a nonce by which Discord drops a second
copy for some minutes. Whatever else can have cut that off (a crash, a backup that was restored),
the channel is looked at first: what stands there already is not posted again.
"""

import asyncio
import functools
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Final

import discord
from cachetools import TTLCache

from bot.interactions.kit.errors import UNREACHED, worth_retrying
from bot.interactions.kit.layouts import text_of
from bot.interactions.kit.retries import resent
from bot.interactions.services import Services
from bot.statistics import weekly_messages as messages
from bot.statistics import weekly_schedule as schedule
from bot.statistics import weekly_service as service
from bot.statistics.ui.unanswered_posts import unanswered_posts
from bot.statistics.ui.weekly_layout import digest_message
from bot.statistics.ui.weekly_readers import readers_of, writable
from bot.statistics.weekly_schedule import Due
from bot.statistics.weekly_service import UnansweredPost, Week
from knowledge.values.guilds import GuildSettings
from knowledge.values.weekly_digests import Edition, WeeklyDigest

# How often is looked whether a digest is due: a comparison of times for each.
ROUND_SECONDS: Final = 60
# So many guilds are at it together; one whose channel Discord makes wait keeps the others from
# nothing, and is tried again in the next round.
_AT_ONCE: Final = 4
_STEP_SECONDS: Final = 120
# So many messages since its time are looked at for one that was posted already.
_LOOKED_AT: Final = 200
_HOUR: Final = 3_600
# Discord says "a few minutes"; a round comes within one.
_NONCE_SECONDS: Final = 120
_SENT_CACHED: Final = 10_000

_logger = logging.getLogger(__name__)


class _Came(Enum):
    """What came of posting a digest."""

    TOLD = auto()
    IMPOSSIBLE = auto()
    LATER = auto()


class DigestPoster:
    """Posts digests that are due."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        # What was sent lately: Discord knows its nonce still, whatever became of it.
        self._sent: TTLCache[tuple[int, Edition, datetime], bool] = TTLCache(
            _SENT_CACHED, _NONCE_SECONDS
        )

    async def round(self) -> None:
        await self.post_due(datetime.now(UTC))

    async def post_due(self, now: datetime) -> None:
        """Post what is due then; what goes wrong in one guild stops nothing in another."""
        mine = self._bot.serves
        digests = await self._bot.worker.call(lambda core: core.store.digests.all(mine))
        due = [(one, schedule.due(one, now)) for one in digests]
        turns = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._step(one, time, turns) for one, time in due if time))

    async def _step(self, digest: WeeklyDigest, time: Due, turns: asyncio.Semaphore) -> None:
        async with turns:
            self._bot.take()
            try:
                async with asyncio.timeout(_STEP_SECONDS):
                    await self._post(digest, time)
            except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
                self._bot.explanation(error)

    async def _post(self, digest: WeeklyDigest, time: Due) -> None:
        guild = self._bot.get_guild(digest.guild_id)
        # One that is only unavailable comes back.
        if guild is None or guild.unavailable:
            return
        came = _Came.IMPOSSIBLE if time.missed else await self._deliver(guild, digest, time)
        if came is not _Came.LATER:
            told = came is _Came.TOLD
            await self._bot.worker.call(
                lambda core: core.store.digests.settle(digest, time.at, told=told)
            )

    async def _deliver(self, guild: discord.Guild, digest: WeeklyDigest, time: Due) -> _Came:
        """Post a digest in its channel; that of moderators else where they review."""
        settings = await self._bot.guild_settings.settings(guild.id)
        await self._bot.worker.run_slices(lambda core: service.prepared(core, digest))
        for channel in _places(guild, digest, settings):
            try:
                await self._post_in(channel, digest, time, settings)
            except UNREACHED as error:
                _logger.warning("A digest could not be posted: %s", error)
                if worth_retrying(error):
                    return _Came.LATER
            else:
                return _Came.TOLD
        await self._warn(guild, digest, settings)
        return _Came.IMPOSSIBLE

    async def week(
        self, channel: discord.TextChannel, digest: WeeklyDigest, time: Due, settings: GuildSettings
    ) -> Week:
        """What a digest tells those who read a channel."""
        readers = readers_of(channel, settings)
        quotes = self._bot.settings.answers.passages
        posts: tuple[UnansweredPost, ...] = ()
        if digest.edition is Edition.MODERATORS:
            posts = await unanswered_posts(self._bot, channel.guild, time.at, digest.post_hours)
        return await self._bot.worker.call(
            lambda core: service.week(core, digest, time, readers, quotes=quotes, posts=posts)
        )

    async def _post_in(
        self, channel: discord.TextChannel, digest: WeeklyDigest, time: Due, settings: GuildSettings
    ) -> None:
        week = await self.week(channel, digest, time, settings)
        if week.is_empty:
            return
        claimed = await self._bot.worker.call(
            lambda core: core.store.digests.claim(digest, time.at)
        )
        sent = (digest.guild_id, digest.edition, time.at)
        unknown = not claimed and sent not in self._sent
        if await self._is_there(channel, digest, time, unknown=unknown):
            return
        language = await self._bot.guild_settings.language_in(channel)
        below = messages.moved(digest, language) if channel.id != digest.channel_id else ""
        shown = digest_message(week, language, below)
        # 25 characters are the most.
        nonce = f"d{digest.edition[0]}{channel.guild.id:x}{int(time.at.timestamp()) // _HOUR:x}"
        self._sent[sent] = True
        await resent(functools.partial(channel.send, **shown, silent=True, nonce=nonce))
        await self._bot.worker.call(lambda core: core.store.digests.warn(digest, warned=False))

    async def _is_there(
        self, channel: discord.TextChannel, digest: WeeklyDigest, time: Due, *, unknown: bool
    ) -> bool:
        """Whether a digest was posted before; `unknown` where its channel's past can't be read."""
        if not channel.permissions_for(channel.guild.me).read_message_history:
            return unknown
        async for message in channel.history(limit=_LOOKED_AT, after=time.at, oldest_first=False):
            mine = message.author == self._bot.user
            if mine and messages.is_digest(text_of(message), digest.edition, time.at):
                return True
        return False

    async def _warn(
        self, guild: discord.Guild, digest: WeeklyDigest, settings: GuildSettings
    ) -> None:
        """Tell administrators once that a digest has no channel.

        They are told where notes are reviewed; where that can't be, the server's owner is.
        """
        news = await self._bot.worker.call(
            lambda core: core.store.digests.warn(digest, warned=True)
        )
        if not news:
            return
        said = messages.can_not_post(digest, guild.name, settings.language)
        review = guild.get_channel(settings.review_channel_id or 0)
        try:
            place: Any = review
            if not writable(review):
                place = await self._bot.fetch_user(guild.owner_id or 0)
            nonce = f"w{digest.edition[0]}{guild.id:x}"
            await resent(functools.partial(place.send, said, nonce=nonce))
        except UNREACHED as error:
            _logger.warning("Administrators could not be told of a digest: %s", error)


def _places(
    guild: discord.Guild, digest: WeeklyDigest, settings: GuildSettings
) -> Iterator[discord.TextChannel]:
    """The channels in which a digest may be posted, the chosen one first."""
    others = {settings.review_channel_id} if digest.edition is Edition.MODERATORS else set()
    for channel_id in (digest.channel_id, *(others - {digest.channel_id, None})):
        channel = guild.get_channel(channel_id or 0)
        if isinstance(channel, discord.TextChannel) and writable(channel):
            yield channel
