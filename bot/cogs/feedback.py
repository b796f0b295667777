"""Why an answer did not help: asked for after the click, which counts whatever comes of it."""

import re
import secrets
from typing import TYPE_CHECKING, Any, Final

import discord

from bot import showing, wording
from bot.cogs.explaining import explained
from bot.core import Core
from bot.showing import REASON_LABELS, Reason
from bot.worker import Priority
from knowledge.model import REASON_CHARACTERS, Feedback, Verdict

if TYPE_CHECKING:
    from bot.client import Bot

# A form that is never sent is forgotten after a day.
_OPEN_SECONDS: Final = 24 * 60 * 60


def reason_view(question_id: int) -> discord.ui.View:
    """The list of reasons below the thanks for a verdict."""
    view = discord.ui.View(timeout=None)
    view.add_item(ReasonSelect(question_id))
    return view


class ReasonSelect(
    discord.ui.DynamicItem[discord.ui.Select[discord.ui.View]], template=showing.REASON_SELECT
):
    """The reasons to choose from; it works after a restart."""

    def __init__(self, question_id: int) -> None:
        """The list for the answer to one question."""
        super().__init__(
            discord.ui.Select(
                custom_id=f"reason:{question_id}",
                placeholder="What was wrong with it?",
                options=[
                    discord.SelectOption(label=label, value=reason.value)
                    for reason, label in REASON_LABELS.items()
                ],
            )
        )
        self.question_id = question_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
    ) -> "ReasonSelect":
        """Make the list anew from its id."""
        made = cls(int(match["question"]))
        # What was chosen comes with the interaction, into the item that discord.py found.
        if isinstance(item, discord.ui.Select):
            made.item = item
        return made

    @explained
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Keep the reason, or open a form for another one."""
        chosen = Reason(self.item.values[0])
        if chosen is Reason.OTHER:
            await interaction.response.send_modal(ReasonModal(self.question_id))
            return
        await interaction.response.defer()
        await keep_reason(interaction, self.question_id, REASON_LABELS[chosen])


class ReasonModal(discord.ui.Modal, title="What was wrong with it?"):
    """A reason in the member's own words."""

    def __init__(self, question_id: int) -> None:
        """A form about the answer to one question."""
        # As every form, it has an id of its own: two members may have one open at once.
        super().__init__(custom_id=f"because:{secrets.randbits(60)}", timeout=_OPEN_SECONDS)
        self._question_id = question_id
        self.reason = discord.ui.TextInput[Any](
            custom_id="reason",
            style=discord.TextStyle.paragraph,
            max_length=REASON_CHARACTERS,
        )
        self.add_item(discord.ui.Label(text="Reason", component=self.reason))

    @explained
    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Keep it."""
        await interaction.response.defer()
        await keep_reason(interaction, self._question_id, self.reason.value.strip())


async def keep_reason(interaction: discord.Interaction[Any], question_id: int, reason: str) -> None:
    """Keep why the answer did not help, with the verdict that it belongs to."""
    bot: Bot = interaction.client
    feedback = Feedback(question_id, interaction.user.id, Verdict.UNHELPFUL, reason)
    known = await bot.worker.call(Core.record_feedback, feedback, priority=Priority.ASKING)
    await interaction.edit_original_response(
        content=showing.REASON_KEPT if known else wording.FEEDBACK_GONE, view=None
    )
