"""Steps of tests of digests: one is set up, weeks pass, what was posted is looked at."""

from datetime import UTC, datetime, timedelta
from typing import Final

import discord
from simcord import ChannelHandle

from bot.digest import messages, schedule
from knowledge.model.digests import Digest, Edition
from knowledge.model.guilds import Language
from tests.bot.world import World, text_of

# Before whatever a test does.
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)


async def chosen(
    world: World, channel: ChannelHandle, edition: Edition = Edition.MODERATORS
) -> Digest:
    """A digest that is due at the next full hour, and was chosen long ago."""
    at = datetime.now(UTC) + timedelta(hours=1)
    digest = Digest(world.guild.id, edition, channel.id, at.weekday(), at.hour, "UTC", LONG_AGO)
    # Whatever was due before that is done with.
    last = schedule.last_time(digest, datetime.now(UTC))
    await world.core(lambda core: core.store.digests.choose(digest, world.admin.id))
    await world.core(lambda core: core.store.digests.settle(digest, last, told=True))
    return digest


async def an_hour_passes(world: World, weeks: int = 0, days: int = 0) -> None:
    """The bot looks what is due soon after the next full hour, or so much later."""
    later = timedelta(hours=1, weeks=weeks, days=days)
    await world.bot.digests.post_due(datetime.now(UTC) + later)
    await world.env.settle()


def posted(channel: ChannelHandle) -> list[discord.Message]:
    """The digests in a channel, of any week and edition, the oldest first."""
    beginnings = tuple(
        sentence(language) for sentence in messages.HEADINGS.values() for language in Language
    )
    return [one for one in channel.history() if text_of(one).startswith(beginnings)]
