"""Delivery of weekly digests, once a week for each guild.

A digest is claimed in the database, then sent with a nonce. Discord drops a second message with the
same nonce for some minutes. After a crash or a restored backup, the poster looks for the digest in
the channel before it posts again.
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
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.services import Services
from bot.statistics import weekly_messages as messages
from bot.statistics import weekly_service as service
from bot.statistics.ui.overview import draw_overview
from bot.statistics.ui.weekly_content import gather_week, is_writable
from bot.statistics.ui.weekly_layout import digest_message
from bot.statistics.weekly_schedule import Due
from knowledge.values.guilds import GuildSettings
from knowledge.values.weekly_digests import Edition, WeeklyDigest

# Interval of checking for due digests, which only compares times.
ROUND_SECONDS: Final = 60
# Digests posted concurrently. A rate-limited one times out and is retried in the next round.
_AT_ONCE: Final = 4
_STEP_SECONDS: Final = 120
# Most messages searched for a digest posted already.
_LOOKED_AT: Final = 200
_HOUR: Final = 3_600
# Discord checks nonces for "a few minutes", and the next round comes within one.
_NONCE_SECONDS: Final = 120
_SENT_CACHED: Final = 10_000

_logger = logging.getLogger(__name__)


class _Outcome(Enum):
    """Outcome of posting a digest."""

    DONE = auto()
    IMPOSSIBLE = auto()
    LATER = auto()


class DigestPoster:
    """Posts due digests."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        # Digests sent lately, whose copies Discord still drops by their nonce.
        self._sent: TTLCache[tuple[int, Edition, datetime], bool] = TTLCache(
            _SENT_CACHED, _NONCE_SECONDS
        )

    async def round(self) -> None:
        await self.post_due(datetime.now(UTC))

    async def post_due(self, now: datetime) -> None:
        """Post all digests that are due; an error in one guild doesn't affect the others."""
        mine = self._bot.serves
        due = await self._bot.worker.call(lambda core: service.due(core, mine, now))
        turns = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._step(one, time, turns) for one, time in due))

    async def _step(self, digest: WeeklyDigest, time: Due, turns: asyncio.Semaphore) -> None:
        async with turns:
            self._bot.track()
            try:
                async with asyncio.timeout(_STEP_SECONDS):
                    await self._post(digest, time)
            except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
                self._bot.explanation(error)

    async def _post(self, digest: WeeklyDigest, time: Due) -> None:
        guild = self._bot.get_guild(digest.guild_id)
        # An unavailable guild comes back, and is served with a later round.
        if guild is None or guild.unavailable:
            return
        outcome = _Outcome.IMPOSSIBLE if time.missed else await self._deliver(guild, digest, time)
        if outcome is not _Outcome.LATER:
            covered = outcome is _Outcome.DONE
            await self._bot.worker.call(
                lambda core: service.settle(core, digest, time.at, covered=covered)
            )

    async def _deliver(self, guild: discord.Guild, digest: WeeklyDigest, time: Due) -> _Outcome:
        """Post a digest in its channel; the moderators' digest falls back to the review channel."""
        settings = await self._bot.guild_settings.settings(guild.id)
        await self._bot.worker.run_slices(lambda core: service.close_answered_gaps(core, digest))
        for channel in _places(guild, digest, settings):
            try:
                await self._post_in(channel, digest, time, settings)
            except UNREACHED as error:
                _logger.warning("A digest could not be posted: %s", error)
                if worth_retrying(error):
                    return _Outcome.LATER
            else:
                return _Outcome.DONE
        await self._warn(guild, digest, settings)
        return _Outcome.IMPOSSIBLE

    async def _post_in(
        self, channel: discord.TextChannel, digest: WeeklyDigest, time: Due, settings: GuildSettings
    ) -> None:
        week = await gather_week(self._bot, channel, digest, time, settings)
        if week.is_empty:
            return
        claimed = await self._bot.worker.call(lambda core: service.claim(core, digest, time.at))
        sent = (digest.guild_id, digest.edition, time.at)
        default = not claimed and sent not in self._sent
        if await self._is_posted(channel, digest, time, default=default):
            return
        language = await self._bot.guild_settings.language_in(channel)
        below = messages.moved(digest, language) if channel.id != digest.channel_id else ""
        attach = channel.permissions_for(channel.guild.me).attach_files
        overview = await draw_overview(week.overview, language, attach=attach)
        message = digest_message(week, language, below, overview)
        # Discord's limit is 25 characters.
        nonce = f"d{digest.edition[0]}{channel.guild.id:x}{int(time.at.timestamp()) // _HOUR:x}"
        self._sent[sent] = True
        await send_with_retries(
            functools.partial(
                channel.send, **message, files=overview.files, silent=True, nonce=nonce
            )
        )
        await self._bot.worker.call(lambda core: service.record_warning(core, digest, warned=False))

    async def _is_posted(
        self, channel: discord.TextChannel, digest: WeeklyDigest, time: Due, *, default: bool
    ) -> bool:
        """Whether the digest is in the channel, or `default` if the bot can't read the history."""
        if not channel.permissions_for(channel.guild.me).read_message_history:
            return default
        async for message in channel.history(limit=_LOOKED_AT, after=time.at, oldest_first=False):
            mine = message.author == self._bot.user
            if mine and messages.is_digest(text_of(message), digest.edition, time.at):
                return True
        return False

    async def _warn(
        self, guild: discord.Guild, digest: WeeklyDigest, settings: GuildSettings
    ) -> None:
        """Tell administrators once that a digest can't be posted.

        The message goes to the review channel, or else to the server's owner.
        """
        is_new = await self._bot.worker.call(
            lambda core: service.record_warning(core, digest, warned=True)
        )
        if not is_new:
            return
        said = messages.can_not_post(digest, guild.name, settings.language)
        review = guild.get_channel(settings.review_channel_id or 0)
        try:
            place: Any = review
            if not is_writable(review):
                place = await self._bot.fetch_user(guild.owner_id or 0)
            nonce = f"w{digest.edition[0]}{guild.id:x}"
            await send_with_retries(functools.partial(place.send, said, nonce=nonce))
        except UNREACHED as error:
            _logger.warning(
                "Administrators could not be told that a digest has no channel: %s", error
            )


def _places(
    guild: discord.Guild, digest: WeeklyDigest, settings: GuildSettings
) -> Iterator[discord.TextChannel]:
    """Writable channels for a digest, the chosen one first."""
    others = {settings.review_channel_id} if digest.edition is Edition.MODERATORS else set()
    for channel_id in (digest.channel_id, *(others - {digest.channel_id, None})):
        channel = guild.get_channel(channel_id or 0)
        if isinstance(channel, discord.TextChannel) and is_writable(channel):
            yield channel
