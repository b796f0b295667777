"""Digest cog: `/digest set`, `show`, `off` and `preview`, for administrators."""

from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

import discord
from discord import app_commands

from bot.interactions.kit.localisation import described, viewer_language
from bot.interactions.policy.command_groups import administrators_group
from bot.interactions.services import Cog, Interaction
from bot.statistics import weekly_messages as messages
from bot.statistics import weekly_schedule as schedule
from bot.statistics import weekly_service as service
from bot.statistics.ui.overview import draw_overview
from bot.statistics.ui.weekly_content import gather_week, is_writable, readers_of
from bot.statistics.ui.weekly_layout import digest_message
from bot.statistics.weekly_schedule import Due
from knowledge.values.guilds import GuildSettings
from knowledge.values.weekly_digests import Edition, WeeklyDigest

_ZONE_CHARACTERS: Final = 60
_CHOICES: Final = 25
_ZONE: Final = "UTC"
# Two weeks, because posts are reported for three.
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
    """The time zones that this machine knows, by their lower-case names."""
    return {name.lower(): name for name in sorted(available_timezones() | {_ZONE})}


async def _zones_like(_: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    wanted = typed.strip().lower().replace(" ", "_")
    # Names with a continent first; the others (GMT+2, EST) exist for backward compatibility.
    fitting = sorted(
        (name for key, name in _zones().items() if wanted in key),
        key=lambda name: ("/" not in name or name.startswith("Etc/"), name),
    )
    return [app_commands.Choice(name=name, value=name) for name in fitting[:_CHOICES]]


class DigestCog(Cog):
    """The `/digest` commands."""

    digest = administrators_group(
        "digest", described("Weekly news for moderators, or for everyone.")
    )

    @digest.command(
        name="set",
        description=described("Post a digest every week; options you leave out stay as they are."),
    )
    @app_commands.describe(
        edition=described("The edition; for moderators unless you choose another."),
        channel=described("Where to post it; for moderators, initially the review channel."),
        day=described("The day of the week; initially Monday."),
        hour=described("The full hour, 0 to 23; initially 9."),
        time_zone=described("The time zone, such as Europe/Berlin; initially UTC."),
        unanswered_hours=described(
            "List forum posts without an answer after this many hours; initially 24."
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
        guild = _guild(interaction)
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
        changes = {key: value for key, value in given.items() if value is not None}
        chosen, actor_id = Edition(edition), interaction.user.id
        digest = await self.bot.worker.call(
            lambda core: service.change(core, guild.id, chosen, changes, actor_id)
        )
        if digest is None:
            said = messages.NO_CHANNEL(await viewer_language(interaction))
            await interaction.edit_original_response(content=said)
            return
        await self._show(interaction, guild, [digest])

    @digest.command(
        name="show", description=described("Show which digests are posted, where and when.")
    )
    async def show(self, interaction: Interaction) -> None:
        guild = _guild(interaction)
        await self._show(interaction, guild, list((await self._chosen(guild)).values()))

    @digest.command(name="off", description=described("Stop posting a digest."))
    @app_commands.describe(edition=described("The edition."))
    @app_commands.choices(edition=_EDITIONS)
    async def off(self, interaction: Interaction, edition: str) -> None:
        guild = _guild(interaction)
        chosen, actor_id = Edition(edition), interaction.user.id
        was = await self.bot.worker.call(lambda core: service.end(core, guild.id, chosen, actor_id))
        said = messages.stopped(chosen, was=was, language=await viewer_language(interaction))
        await interaction.edit_original_response(content=said)

    @digest.command(
        name="preview", description=described("Show only you what a digest would say now.")
    )
    @app_commands.describe(edition=described("The edition."))
    @app_commands.choices(edition=_EDITIONS)
    async def preview(
        self, interaction: Interaction, edition: str = Edition.MODERATORS.value
    ) -> None:
        """Show a digest as it would be posted now, even if the guild has no digest yet."""
        guild, now = _guild(interaction), datetime.now(UTC)
        language, chosen = await viewer_language(interaction), Edition(edition)
        settings = await self.bot.guild_settings.settings(guild.id)
        kept = (await self._chosen(guild)).get(chosen)
        channel = _channel(interaction, guild, kept, settings)
        digest = kept or WeeklyDigest(guild.id, chosen, channel.id, chosen_at=now)
        time = Due(now, schedule.since(digest, now))
        week = await gather_week(self.bot, channel, digest, time, settings)
        below = "" if kept else messages.NOT_POSTED(language)
        if week.is_empty:
            said = "\n".join(filter(None, (messages.no_news(time.since, language), below)))
            await interaction.edit_original_response(content=said)
        else:
            attach = interaction.app_permissions.attach_files
            overview = await draw_overview(week.overview, language, attach=attach)
            await interaction.edit_original_response(
                **digest_message(week, language, below, overview), attachments=overview.files
            )

    async def _chosen(self, guild: discord.Guild) -> dict[Edition, WeeklyDigest]:
        return await self.bot.worker.call(lambda core: service.digests(core, guild.id))

    async def _show(
        self, interaction: Interaction, guild: discord.Guild, digests: list[WeeklyDigest]
    ) -> None:
        language, now = await viewer_language(interaction), datetime.now(UTC)
        settings = await self.bot.guild_settings.settings(guild.id)
        parts = []
        for digest in digests:
            channel = guild.get_channel(digest.channel_id)
            parts.append(
                messages.schedule_of(
                    digest,
                    now,
                    writable=is_writable(channel),
                    moderators_only=channel is None
                    or readers_of(channel, settings).moderators_only,
                    language=language,
                )
            )
        said = "\n".join(parts) or messages.NOT_CHOSEN(language)
        await interaction.edit_original_response(content=said)


def _guild(interaction: Interaction) -> discord.Guild:
    if interaction.guild is None:
        raise LookupError(interaction.guild_id)
    return interaction.guild


def _channel(
    interaction: Interaction,
    guild: discord.Guild,
    digest: WeeklyDigest | None,
    settings: GuildSettings,
) -> discord.abc.GuildChannel:
    """Return the digest's channel, or the review channel if no digest is set up.

    If that channel is gone, return the channel in which the command was used.
    """
    wanted = settings.review_channel_id if digest is None else digest.channel_id
    here: Any = interaction.channel
    if isinstance(here, discord.Thread):
        here = here.parent
    return guild.get_channel(wanted or 0) or here
