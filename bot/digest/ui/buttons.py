"""Buttons below a digest: *Write this note* and *Dismiss* for each of its gaps."""

from collections.abc import Iterator, Sequence

import discord

from bot.gaps import messages as gaps_messages
from bot.gaps import service as gaps_service
from bot.gaps.service import Group
from bot.gaps.ui.buttons import GapButton
from bot.interactions.buttons import Button, CustomId, view_of
from bot.interactions.guild_settings import viewer_language
from bot.interactions.permissions import refused
from bot.interactions.services import Interaction
from knowledge.model.guilds import Language


class DigestButton(Button, ids=CustomId("digest", question_id=int, action=("dismiss",))):
    """*Dismiss* below a digest, which stays as it is: it tells of a week."""

    question_id: int

    async def clicked(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        if await refused(interaction, gaps_messages.NOT_A_MODERATOR):
            return
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        groups = await interaction.client.worker.call(
            lambda core: gaps_service.dismiss(core, guild_id, [self.question_id], member_id)
        )
        said = gaps_messages.dismissed(groups, await viewer_language(interaction))
        await interaction.edit_original_response(content=said)


def digest_view(groups: Sequence[Group], language: Language) -> discord.ui.View | None:
    return view_of(_buttons(groups, language))


def _buttons(groups: Sequence[Group], language: Language) -> Iterator[Button]:
    """A row of buttons for each gap."""
    for row, group in enumerate(groups):
        question_id = group.example.id
        write, dismiss = (
            f"{row + 1} · {label(language)}"
            for label in (gaps_messages.WRITE_LABEL, gaps_messages.DISMISS_LABEL)
        )
        yield GapButton(write, row=row, question_id=question_id, action="write")
        yield DigestButton(dismiss, row=row, question_id=question_id, action="dismiss")
