"""Statistics cog: `/stats` with the leaderboard. The feature also posts weekly digests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import discord
from discord import app_commands

from bot.answers.outcome import FURTHER_SHARE
from bot.core.job_queue import Priority
from bot.interactions.features import Feature, Round
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import Button, CustomId, Select, view_of
from bot.interactions.kit.localisation import description, message_language
from bot.interactions.policy.channel_access import all_readable_by, may_write, quotable_channels
from bot.interactions.policy.component_access import members
from bot.interactions.policy.permissions import also_directly, is_moderator
from bot.interactions.services import Cog, Interaction, Services
from bot.statistics import messages
from bot.statistics.messages import PERIOD_LABELS, Period
from bot.statistics.overview import Audience, knowledge_size, text
from bot.statistics.ui.weekly import (
    ROUND_SECONDS,
    DigestPoster,
    DrawnOverview,
    draw_overview,
    gather_overview,
)
from bot.text import paging
from bot.text.languages import Sentence, speaking
from bot.text.markdown import MESSAGE_CHARACTERS, size
from knowledge.dependencies import own_version
from knowledge.values.guilds import Phrasing

# Titles in `/stats`.
_MOST_QUOTED: Final = 3


class CommunityCog(Cog):
    """The command `/stats`."""

    @app_commands.command(
        name="stats",
        description=description("Show figures, whose notes helped, and what I am."),
    )
    @also_directly
    async def stats(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        about = await self._about(interaction)
        if interaction.guild_id is None:
            await interaction.edit_original_response(content=about)
            return
        guild_id = interaction.guild_id
        activity = await self.bot.worker.call(
            lambda core: core.store.credit.activity(
                guild_id, core.store.gaps.number_open(guild_id), _MOST_QUOTED
            )
        )
        figures, overview = messages.stats(activity), DrawnOverview()
        if await is_moderator(interaction):
            channels = all_readable_by(self.bot, interaction.user, interaction.channel)
            gathered = await gather_overview(
                self.bot, Audience(guild_id, channels), datetime.now(UTC)
            )
            attach = interaction.app_permissions.attach_files
            overview = await draw_overview(gathered, attach=attach)
        room = MESSAGE_CHARACTERS - size(figures) - size(about) - 2
        content = "\n".join(filter(None, (figures, text(overview.panels, room), about)))
        periods = [
            discord.SelectOption(label=label(), value=period.value)
            for period, label in PERIOD_LABELS.items()
        ]
        await interaction.edit_original_response(
            content=content,
            attachments=overview.files,
            view=view_of([BoardMenu(messages.CHOOSE_PERIOD(), periods)]),
        )

    async def _about(self, interaction: Interaction) -> str:
        """Describe the bot, as far as the member may read its knowledge."""
        guild_id, phrasing = interaction.guild_id, self.bot.phrasing
        channels = quotable_channels(interaction, private=True)
        counts, changed_at = await self.bot.worker.call(
            lambda core: knowledge_size(core, guild_id, channels),
            priority=Priority.ASKING,
        )
        guild = None if guild_id is None else await self.bot.guild_settings.settings(guild_id)
        mode = phrasing.mode_in(guild) if phrasing is not None else None
        settings, phrased, version = self.bot.settings, "", own_version()
        if mode is not None:
            phrased = messages.phrased(settings.phrasing.host, Phrasing(mode.value))
        model, moderator = settings.model.name, await is_moderator(interaction)
        return messages.about(version, counts, model, changed_at, phrased, moderator=moderator)


async def _show(
    interaction: Interaction, period: Period, page: int, *more: discord.ui.Item[Any]
) -> None:
    """Show a page of the leaderboard, with `more` buttons."""
    bot, guild_id = interaction.client, interaction.guild_id or 0
    since, quotes = period.since(datetime.now(UTC)), bot.settings.answers.passages
    contributors = await bot.worker.call(
        lambda core: core.store.credit.contributors(guild_id, since, quotes, FURTHER_SHARE)
    )
    board = messages.leaderboard(contributors, period, page)
    before, after = (label() for label in paging.PAGE_LABELS)
    buttons = [
        BoardButton(label, page=number, period=period)
        for number, label in paging.neighbours(board.number, board.count, before, after)
    ]
    await interaction.edit_original_response(content=board.content, view=view_of([*buttons, *more]))


class BoardMenu(Select, ids=CustomId("board_menu"), rule=members(paging.NOT_HERE)):
    """Menu of the leaderboard's periods, below the figures."""

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        # A choice can be forged.
        period = Period(value) if value in set(Period) else Period.ALL
        share = ShareBoardButton(messages.SHOW_ALL(), period=period)
        await _show(interaction, period, 0, *[share] if may_write(interaction) else [])


class BoardButton(
    Button,
    ids=CustomId("board", page=int, period=Period),
    rule=members(paging.NOT_HERE),
    first=First.IN_PUBLIC,
):
    """Button to another page of the leaderboard."""

    page: int
    period: Period

    async def on_click(self, interaction: Interaction) -> None:
        """Show the page to all readers of the message."""
        # The id may be forged, so other messages stay unchanged.
        if interaction.message is None or not messages.is_leaderboard(interaction.message.content):
            return
        with speaking(await message_language(interaction)):
            await _show(interaction, self.period, self.page)


async def _writers(interaction: Interaction, _values: Mapping[str, Any]) -> Found | Sentence:
    """Admit members who may write in the channel."""
    return {} if may_write(interaction) else paging.NOT_HERE


class ShareBoardButton(
    Button, ids=CustomId("share_board", period=Period), rule=_writers, first=First.OWN
):
    """Button that shows the leaderboard to everybody in the channel."""

    period: Period

    async def on_click(self, interaction: Interaction) -> None:
        await interaction.response.defer(thinking=True)
        with speaking(await interaction.client.guild_settings.language_in(interaction.channel)):
            await _show(interaction, self.period, 0)


def feature(bot: Services) -> Feature:
    poster = DigestPoster(bot)
    rounds = [Round(ROUND_SECONDS, poster.round)]
    return Feature([CommunityCog(bot)], rounds)
