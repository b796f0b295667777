"""Steps of tests of digests: one is set up, weeks pass, what was posted is looked at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import discord
from simcord import ChannelHandle

from bot.config.settings import PAGE_URL_CHARACTERS
from bot.gaps.service import Group
from bot.statistics import weekly
from bot.statistics.ui.weekly import DigestPoster
from bot.statistics.weekly import (
    MOST_FAILING,
    MOST_GAPS,
    MOST_POSTS,
    MOST_THANKED,
    WEEK,
    Due,
    NewNote,
    Week,
)
from knowledge.page.site import page_url
from knowledge.store.figures import Asked, Contributor
from knowledge.values.guilds import Language
from knowledge.values.questions import Evidence, OpenQuestion
from knowledge.values.settings import Edition, WeeklyDigest
from tests.bot.components import part
from tests.bot.message_parts import text_of
from tests.bot.spoken import said_in
from tests.bot.world import World

LONGEST_URL = page_url("https://" + "a" * (PAGE_URL_CHARACTERS - len("https://")), 2**63)
# Before whatever a test does.
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
AHEAD: Final = timedelta(hours=2)


async def chosen(
    world: World, channel: ChannelHandle, edition: Edition = Edition.MODERATORS
) -> WeeklyDigest:
    """A digest that is due in one or two hours, so later than any test lasts; chosen long ago."""
    now = datetime.now(UTC)
    at = now + AHEAD
    digest = WeeklyDigest(
        world.guild.id, edition, channel.id, at.weekday(), at.hour, "UTC", chosen_at=LONG_AGO
    )
    # Whatever was due before that is done with.
    last = weekly.last_time(digest, now)
    await world.core(lambda core: core.store.digests.choose(digest, world.admin.id))
    await world.core(lambda core: core.store.digests.settle(digest, last, covered=True))
    return digest


async def its_time_comes(world: World, weeks: int = 0, days: int = 0) -> None:
    """The bot looks what is due when a digest is, or so much later."""
    later = AHEAD + timedelta(weeks=weeks, days=days)
    await part(world.bot, DigestPoster).post_due(datetime.now(UTC) + later)
    await world.env.settle()


def posted(channel: ChannelHandle) -> list[discord.Message]:
    """The digests in a channel, of any week and edition, the oldest first."""
    beginnings = tuple(
        said_in(language, sentence)
        for sentence in weekly.HEADINGS.values()
        for language in Language
    )
    messages = channel.history()
    return [message for message in messages if text_of(message).startswith(beginnings)]


AT = datetime(2026, 3, 30, 7, tzinfo=UTC)
ID = 2**62
MANY = 999_999
LONG = "*_`[~<@&1>🦘|" * 400
DIGEST = WeeklyDigest(ID, Edition.MODERATORS, ID, 0, 9, "Europe/Berlin", chosen_at=AT - WEEK)


def full(edition: Edition) -> Week:
    """A week of which there is as much to tell as there can be, with hostile words."""
    question = OpenQuestion(ID, ID, ID, ID, LONG, "", AT, Evidence.PARTIAL, satisfied=False)
    gaps = (Group((question,) * 999, question, awaited=True),) * MOST_GAPS
    return Week(
        replace(DIGEST, edition=edition),
        Due(AT, AT - WEEK),
        asked=Asked(MANY, MANY, MANY, MANY),
        gaps=gaps if edition is Edition.MODERATORS else (),
        open_gaps=MANY,
        pending=MANY,
        due=MANY,
        waiting_since=AT,
        failing=(LONG,) * MOST_FAILING,
        posts=((ID, AT),) * MOST_POSTS,
        changed=(MANY, MANY),
        thanked=(Contributor(LONG, MANY, MANY),) * MOST_THANKED,
        new=(NewNote(LONG, LONG, (LONG,) * 999, LONGEST_URL),) * 99,
    )
