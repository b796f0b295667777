"""Digest cog: `/digest set`, `show`, `off` and `preview`, for administrators."""

from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

import discord
from discord import app_commands
from discord.ext import commands

from bot.interactions.kit.localisation import described, viewer_language
from bot.interactions.policy.permissions import SHOWN_TO_ADMINISTRATORS, manages
from bot.interactions.services import Interaction, Services
from bot.statistics import weekly_messages as messages
from bot.statistics import weekly_schedule as schedule
from bot.statistics.ui.weekly_layout import digest_message
from bot.statistics.ui.weekly_poster import DigestPoster
from bot.statistics.ui.weekly_readers import readers_of, writable
from bot.statistics.weekly_schedule import Due
from knowledge.values.weekly_digests import Edition, WeeklyDigest

_ZONE_CHARACTERS: Final = 60
_CHOICES: Final = 25
_ZONE: Final = "UTC"
# Two weeks; posts are told of for three.
_MOST_HOURS: Final = 336

_EDITIONS = [
    app_commands.Choice(name=described(*name), value=edition.value)
    for edition, name in messages.EDITIONS.items()
]
_WEEKDAYS = [
    app_commands.Choice(name=described(*name), value=number)
    for number, name in enumerate(messages.WEEKDAYS)
]


@cache
def _zones() -> dict[str, str]:
    """The time zones that this computer knows, by their names in lower case."""
    return {name.lower(): name for name in sorted(available_timezones() | {_ZONE})}


async def _zones_like(_: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    wanted = typed.strip().lower().replace(" ", "_")
    # Continents first: other names (GMT+2, EST) are kept for what was written with them.
    fitting = sorted(
        (name for key, name in _zones().items() if wanted in key),
        key=lambda name: ("/" not in name or name.startswith("Etc/"), name),
    )
    return [app_commands.Choice(name=name, value=name) for name in fitting[:_CHOICES]]


class DigestCog(commands.Cog):
    """The `/digest` commands."""

    digest = app_commands.Group(
        name="digest",
        description=described("What moderators, or everybody, are told once a week."),
        guild_only=True,
        default_permissions=SHOWN_TO_ADMINISTRATORS,
    )

    def __init__(self, bot: Services, poster: DigestPoster) -> None:
        self.bot = bot
        self._poster = poster

    @digest.command(
        name="set",
        description=described("Post a digest every week; what you leave out stays as it is."),
    )
    @app_commands.describe(
        edition=described("Who it is for; moderators, unless you say otherwise."),
        channel=described("Where it is posted; for moderators, the review channel at first."),
        day=described("On which day of the week; Monday at first."),
        hour=described("At which full hour, from 0 to 23; 9 at first."),
        time_zone=described("By which clock, such as Europe/Berlin; UTC at first."),
        unanswered_hours=described(
            "After how many hours an unanswered forum post is named; 24 at first."
        ),
    )
    @app_commands.choices(edition=_EDITIONS)
    @app_commands.choices(day=_WEEKDAYS)
    @app_commands.autocomplete(time_zone=_zones_like)
    async def choose(
        self,
        interaction: Interaction,
        edition: str = Edition.MODERATORS.value,
        channel: discord.TextChannel | None = None,
        day: int | None = None,
        hour: app_commands.Range[int, 0, 23] | None = None,
        time_zone: app_commands.Range[str, 1, _ZONE_CHARACTERS] | None = None,
        unanswered_hours: app_commands.Range[int, 1, _MOST_HOURS] | None = None,
    ) -> None:
        guild = await self._administered(interaction)
        if guild is None:
            return
        zone = None
        if time_zone is not None:
            zone = _zones().get(time_zone.strip().lower().replace(" ", "_"))
            if zone is None:
                language = await viewer_language(interaction)
                said = messages.no_zone(time_zone, language)
                await interaction.edit_original_response(content=said)
                return
        given = {
            "channel_id": channel.id if channel is not None else None,
            "weekday": day,
            "hour": hour,
            "zone": zone,
            "post_hours": unanswered_hours,
        }
        await self._choose(interaction, guild, Edition(edition), given)

    async def _choose(
        self,
        interaction: Interaction,
        guild: discord.Guild,
        edition: Edition,
        given: dict[str, Any],
    ) -> None:
        """Keep what was given, over what was chosen before, or else over what is usual."""
        changes = {key: value for key, value in given.items() if value is not None}
        actor_id, now = interaction.user.id, datetime.now(UTC)
        digest = await self.bot.worker.call(
            lambda core: core.store.digests.change(guild.id, edition, changes, actor_id, now)
        )
        if digest is None:
            said = messages.NO_CHANNEL(await viewer_language(interaction))
            await interaction.edit_original_response(content=said)
            return
        await self._show(interaction, guild, [digest])

    @digest.command(
        name="show",
        description=described("Which digests are posted, where and when."),
    )
    async def show(self, interaction: Interaction) -> None:
        guild = await self._administered(interaction)
        if guild is not None:
            await self._show(interaction, guild, list((await self._chosen(guild)).values()))

    @digest.command(
        name="off",
        description=described("Stop posting a digest."),
    )
    @app_commands.describe(edition=described("Who it was for."))
    @app_commands.choices(edition=_EDITIONS)
    async def off(self, interaction: Interaction, edition: str) -> None:
        guild = await self._administered(interaction)
        if guild is None:
            return
        chosen, actor_id = Edition(edition), interaction.user.id
        was = await self.bot.worker.call(
            lambda core: core.store.digests.end(guild.id, chosen, actor_id)
        )
        said = messages.ended(chosen, was=was, language=await viewer_language(interaction))
        await interaction.edit_original_response(content=said)

    @digest.command(
        name="preview",
        description=described("What a digest would say now, to you alone."),
    )
    @app_commands.describe(edition=described("Who it is for."))
    @app_commands.choices(edition=_EDITIONS)
    async def preview(
        self, interaction: Interaction, edition: str = Edition.MODERATORS.value
    ) -> None:
        guild = await self._administered(interaction)
        if guild is None:
            return
        digest = (await self._chosen(guild)).get(Edition(edition))
        channel = guild.get_channel(digest.channel_id) if digest is not None else None
        language = await viewer_language(interaction)
        if digest is None or not isinstance(channel, discord.TextChannel):
            said = messages.NOT_CHOSEN(language)
            await interaction.edit_original_response(content=said)
            return
        now = datetime.now(UTC)
        time = Due(now, schedule.since(digest, now))
        settings = await self.bot.guild_settings.settings(guild.id)
        week = await self._poster.week(channel, digest, time, settings)
        if week.is_empty:
            said = messages.empty(time.since, language)
            await interaction.edit_original_response(content=said)
        else:
            await interaction.edit_original_response(**digest_message(week, language))

    async def _administered(self, interaction: Interaction) -> discord.Guild | None:
        """The server whose administrator this is, privately deferred; others are told so."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        return interaction.guild if await manages(interaction, messages.NEEDS_ADMIN) else None

    async def _chosen(self, guild: discord.Guild) -> dict[Edition, WeeklyDigest]:
        return await self.bot.worker.call(lambda core: core.store.digests.of_guild(guild.id))

    async def _show(
        self, interaction: Interaction, guild: discord.Guild, digests: list[WeeklyDigest]
    ) -> None:
        language, now = await viewer_language(interaction), datetime.now(UTC)
        settings = await self.bot.guild_settings.settings(guild.id)
        parts = []
        for digest in digests:
            channel = guild.get_channel(digest.channel_id)
            parts.append(
                messages.chosen(
                    digest,
                    now,
                    writable=writable(channel),
                    moderators_only=channel is None
                    or readers_of(channel, settings).moderators_only,
                    language=language,
                )
            )
        said = "\n".join(parts) or messages.NOT_CHOSEN(language)
        await interaction.edit_original_response(content=said)
