"""Preview of a weekly digest, for administrators in the panel of `/setup`."""

from datetime import UTC, datetime
from typing import Any

import discord

from bot.interactions.kit.localisation import viewer_language
from bot.interactions.services import Interaction
from bot.statistics import weekly_messages as messages
from bot.statistics import weekly_schedule as schedule
from bot.statistics import weekly_service as service
from bot.statistics.ui.overview import draw_overview
from bot.statistics.ui.weekly_content import gather_week
from bot.statistics.ui.weekly_layout import digest_message
from bot.statistics.weekly_schedule import Due
from knowledge.values.weekly_digests import Edition, WeeklyDigest


async def show_preview(interaction: Interaction, edition: Edition) -> None:
    """Show a digest as it would be posted now, even if the guild has no digest yet."""
    guild, bot, now = interaction.guild, interaction.client, datetime.now(UTC)
    if guild is None:
        return
    language = await viewer_language(interaction)
    settings = await bot.guild_settings.settings(guild.id)
    kept = (await bot.worker.call(lambda core: service.digests(core, guild.id))).get(edition)
    # Without its channel, as if it were posted here.
    wanted = settings.review_channel_id if kept is None else kept.channel_id
    here: Any = interaction.channel
    if isinstance(here, discord.Thread):
        here = here.parent
    channel = guild.get_channel(wanted or 0) or here
    digest = kept or WeeklyDigest(guild.id, edition, channel.id, chosen_at=now)
    time = Due(now, schedule.since(digest, now))
    week = await gather_week(bot, channel, digest, time, settings)
    below = "" if kept else messages.NOT_POSTED(language)
    if week.is_empty:
        parts = (messages.no_news(time.since, language), below)
        await interaction.edit_original_response(content="\n".join(filter(None, parts)))
        return
    attach = interaction.app_permissions.attach_files
    overview = await draw_overview(week.overview, language, attach=attach)
    await interaction.edit_original_response(
        **digest_message(week, language, below, overview), attachments=overview.files
    )
