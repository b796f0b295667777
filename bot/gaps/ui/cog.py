"""Gap cog: `/gaps`, the list in which moderators write on groups of questions or dismiss them."""

import discord
from discord import app_commands

from bot.gaps import messages, service
from bot.gaps.service import Group
from bot.gaps.ui.buttons import GapButton
from bot.interactions.buttons import Button, CustomId
from bot.interactions.guild_settings import viewer_language
from bot.interactions.localisation import described
from bot.interactions.permissions import SHOWN_TO_MODERATORS, refused
from bot.interactions.services import Cog, Interaction
from bot.text import paging
from bot.text.markdown import Page, neighbours
from knowledge.model.guilds import Language


class GapsCog(Cog):
    """Groups of questions that found no good answer, for moderators."""

    @app_commands.command(
        name="gaps",
        description=described("Questions that found no good answer, grouped."),
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(SHOWN_TO_MODERATORS)
    async def service(self, interaction: Interaction) -> None:
        """Show the first page, after asking again what may be answered by now."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if await _refused(interaction):
            return
        guild_id = interaction.guild_id or 0
        await self.bot.worker.run_slices(lambda core: service.refreshed(core, guild_id))
        await _show(interaction, 0)


async def _refused(interaction: Interaction) -> bool:
    if interaction.guild_id is not None:
        return await refused(interaction, messages.NOT_A_MODERATOR)
    not_here = paging.NOT_HERE(await viewer_language(interaction))
    await interaction.edit_original_response(content=not_here, view=None)
    return True


async def _show(interaction: Interaction, page: int) -> None:
    guild_id = interaction.guild_id or 0
    groups = await interaction.client.worker.call(lambda core: service.groups(core, guild_id))
    language = await viewer_language(interaction)
    shown = messages.gaps(groups, page, language)
    view = _view(groups, shown, language)
    await interaction.edit_original_response(content=shown.content, view=view)


def _view(groups: list[Group], shown: Page, language: Language) -> discord.ui.View | None:
    if not groups:
        return None
    view = discord.ui.View(timeout=None)
    first = shown.number * messages.GROUPS_A_PAGE
    for row, group in enumerate(messages.shown_groups(groups, shown.number)):
        place = f"{first + row + 1} · "
        write = f"{place}{messages.WRITE_LABEL(language)}"
        question_id = group.example.id
        view.add_item(GapButton(write, row=row, question_id=question_id, action="write"))
        dismiss = f"{place}{messages.DISMISS_LABEL(language)}"
        view.add_item(
            GapsButton(
                dismiss, row=row, page=shown.number, question_id=question_id, action="dismiss"
            )
        )
    before, after = (label(language) for label in paging.PAGE_LABELS)
    for number, label in neighbours(shown.number, shown.count, before, after):
        view.add_item(GapsButton(label, row=4, page=number, question_id=0, action="page"))
    return view


class GapsButton(
    Button, ids=CustomId("gaps", page=int, question_id=int, action=("page", "dismiss"))
):
    """*Dismiss*, and the pages of `/gaps`; the question of a page is 0."""

    page: int
    question_id: int
    action: str

    async def clicked(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        if await _refused(interaction):
            return
        if self.action == "dismiss":
            guild_id, member_id = interaction.guild_id or 0, interaction.user.id
            group = await interaction.client.worker.call(
                lambda core: service.dismiss(core, guild_id, self.question_id, member_id)
            )
            language = await viewer_language(interaction)
            await interaction.followup.send(messages.dismissed(group, language), ephemeral=True)
        await _show(interaction, self.page)
