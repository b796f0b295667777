"""Statistics cog: `/leaderboard` and `/stats`. The feature also posts weekly digests."""

from datetime import UTC, datetime
from typing import Final

from discord import app_commands

from bot.answers.outcome import FURTHER_SHARE
from bot.interactions.features import Feature, Round
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId, pages_view
from bot.interactions.kit.localisation import description, message_language, viewer_language
from bot.interactions.policy.channel_access import all_readable_by, may_write
from bot.interactions.policy.component_access import members
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.services import Cog, Interaction, Services
from bot.statistics import messages
from bot.statistics.messages import PERIOD_LABELS, Period
from bot.statistics.overview import Audience, text
from bot.statistics.ui.overview import DrawnOverview, draw_overview, gather_overview
from bot.statistics.ui.weekly import ROUND_SECONDS, DigestPoster
from bot.text import paging
from bot.text.markdown import MESSAGE_CHARACTERS, size
from knowledge.values.guilds import Language

# Titles in `/stats`.
_MOST_QUOTED: Final = 3

_PERIODS = [
    app_commands.Choice(name=description(*label), value=period.value)
    for period, label in PERIOD_LABELS.items()
]


class CommunityCog(Cog):
    """The commands `/leaderboard` and `/stats`."""

    @app_commands.command(
        name="leaderboard",
        description=description("Show the members whose notes helped others."),
    )
    @app_commands.describe(period=description("The period; all time by default."))
    @app_commands.choices(period=_PERIODS)
    @app_commands.guild_only()
    async def leaderboard(self, interaction: Interaction, period: str = Period.ALL.value) -> None:
        """Show the first page. Others see the page if the member may write in the channel."""
        await interaction.response.defer(ephemeral=not may_write(interaction), thinking=True)
        guild_settings = self.bot.guild_settings
        language = await (
            guild_settings.language_in(interaction.channel)
            if may_write(interaction)
            else viewer_language(interaction)
        )
        await _show(interaction, Period(period), 0, language)

    @app_commands.command(
        name="stats",
        description=description("Show figures on questions, answers and notes."),
    )
    @app_commands.guild_only()
    async def stats(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        language = await viewer_language(interaction)
        if interaction.guild_id is None:
            await interaction.edit_original_response(content=paging.NOT_HERE(language))
            return
        guild_id = interaction.guild_id
        activity = await self.bot.worker.call(
            lambda core: core.store.credit.activity(
                guild_id, core.store.gaps.number_open(guild_id), _MOST_QUOTED
            )
        )
        said, overview = messages.stats(activity, language), DrawnOverview()
        if await is_moderator(interaction):
            channels = all_readable_by(self.bot, interaction.user, interaction.channel)
            found = await gather_overview(self.bot, Audience(guild_id, channels), datetime.now(UTC))
            attach = interaction.app_permissions.attach_files
            overview = await draw_overview(found, language, attach=attach)
        room = MESSAGE_CHARACTERS - size(said) - 1
        said = "\n".join(filter(None, (said, text(overview.panels, room))))
        await interaction.edit_original_response(content=said, attachments=overview.files)


async def _show(interaction: Interaction, period: Period, page: int, language: Language) -> None:
    bot = interaction.client
    if interaction.guild_id is None:
        await interaction.edit_original_response(content=paging.NOT_HERE(language))
        return
    guild_id, since = interaction.guild_id, period.since(datetime.now(UTC))
    quotes = bot.settings.answers.passages
    contributors = await bot.worker.call(
        lambda core: core.store.credit.contributors(guild_id, since, quotes, FURTHER_SHARE)
    )
    board = messages.leaderboard(contributors, period, page, language)
    view = pages_view(
        board,
        paging.PAGE_LABELS,
        language,
        lambda number, label: BoardButton(label, page=number, period=period),
    )
    await interaction.edit_original_response(content=board.content, view=view)


class BoardButton(
    Button,
    ids=CustomId("board", page=int, period=Period),
    rule=members(paging.NOT_HERE),
    first=First.IN_PUBLIC,
):
    """Button to another page of the leaderboard."""

    page: int
    period: Period

    async def clicked(self, interaction: Interaction) -> None:
        """Show the page to all readers of the message."""
        # The id may be forged, so other messages stay unchanged.
        if interaction.message is None or not messages.is_leaderboard(interaction.message.content):
            return
        language = await message_language(interaction)
        await _show(interaction, self.period, self.page, language)


def feature(bot: Services) -> Feature:
    poster = DigestPoster(bot)
    return Feature([CommunityCog(bot)], [Round(ROUND_SECONDS, poster.round)])
