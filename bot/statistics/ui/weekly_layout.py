"""Layout of a weekly digest, a message with buttons below each gap."""

from typing import Any, Final

import discord

from bot.gaps import messages as gaps_messages
from bot.gaps import service as gaps_service
from bot.gaps.service import Group
from bot.gaps.ui.existing_answer import PointForm
from bot.interactions import shared_buttons
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId
from bot.interactions.kit.layouts import layout
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.pictures import gallery
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Interaction
from bot.statistics import weekly_messages as messages
from bot.statistics.overview import text
from bot.statistics.ui.overview import DrawnOverview
from bot.statistics.weekly_service import Week
from bot.text.markdown import LAYOUT_CHARACTERS, size
from knowledge.values.guilds import Language

# With these and one more button a gap, five gaps and the rest fit in Discord's 40 components.
_ACTIONS: Final = ("point", "dismiss")


class DigestButton(
    Button,
    ids=CustomId("digest", question_id=int, action=_ACTIONS),
    rule=moderators(gaps_messages.NOT_A_MODERATOR),
    first={"point": First.OWN, "dismiss": First.THINKING},
    labels=gaps_messages.ACTION_LABELS,
):
    """Button *Dismiss* or *Point to …* below a gap. A click leaves the digest as it is."""

    question_id: int
    action: str

    async def clicked(self, interaction: Interaction) -> None:
        """Dismiss the gap, or open the form to point to its answer."""
        if self.action == "point":
            form = PointForm(self.question_id, await viewer_language(interaction))
            await interaction.response.send_modal(form)
            return
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        groups = await interaction.client.worker.call(
            lambda core: gaps_service.dismiss(core, guild_id, [self.question_id], member_id)
        )
        said = gaps_messages.dismissed(groups, await viewer_language(interaction))
        await interaction.edit_original_response(content=said)


def digest_message(
    week: Week, language: Language, below: str, overview: DrawnOverview
) -> dict[str, Any]:
    """Arguments to send or edit a digest message, except files. `below` is the last line, or ""."""
    said = messages.digest(week, language)
    room = LAYOUT_CHARACTERS - sum(map(size, (*said.parts, below)))
    container = discord.ui.Container[Any](accent_colour=discord.Colour.blurple())
    container.add_item(discord.ui.TextDisplay(said.heading))
    if said.open:
        container.add_item(discord.ui.Separator())
        container.add_item(discord.ui.TextDisplay(said.open))
    for group, gap in zip(week.gaps, said.gaps, strict=True):
        container.add_item(discord.ui.TextDisplay(gap))
        container.add_item(discord.ui.ActionRow(*_buttons(group, language)))
    for part in said.rest:
        container.add_item(discord.ui.Separator())
        container.add_item(discord.ui.TextDisplay(part))
    # Without lines between: a full digest has nearly all components that Discord takes.
    if overview.files:
        container.add_item(gallery(overview.files))
    if told := text(overview.panels, room):
        container.add_item(discord.ui.TextDisplay(told))
    if below:
        container.add_item(discord.ui.Separator())
        container.add_item(discord.ui.TextDisplay(below))
    return layout([container])


def _buttons(group: Group, language: Language) -> list[Button]:
    question_id = group.example.id
    return [
        shared_buttons.write_note(question_id, language),
        *(DigestButton(language, question_id=question_id, action=one) for one in _ACTIONS),
    ]
