"""Reporting a note as outdated, wrong or unsafe: from the command, an answer, or the note shown."""

import re
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import discord

from bot import cards, contributing, reviewing, standing
from bot.cogs.explaining import explained
from bot.display import legible, shortened
from bot.worker import Priority
from knowledge.model import REASON_CHARACTERS, Note, Outcome, Problem

if TYPE_CHECKING:
    from bot.client import Bot


# A form that is never sent is forgotten after a day.
_OPEN_SECONDS: Final = 24 * 60 * 60


class ReportModal(discord.ui.Modal, title="Report a note"):
    """What is the matter, and with which of the notes in an answer."""

    def __init__(self, notes: Sequence[Note]) -> None:
        """A form about the first of these notes, unless another one is chosen."""
        # As every form, it has an id of its own: two members may have one open at once.
        super().__init__(custom_id=f"reporting:{secrets.randbits(60)}", timeout=_OPEN_SECONDS)
        self._note_id = notes[0].id
        self.note: discord.ui.Select[Any] | None = None
        if len(notes) > 1:
            self.note = discord.ui.Select[Any](
                custom_id="note",
                options=[
                    discord.SelectOption(label=_label(note), value=str(note.id)) for note in notes
                ],
            )
            self.add_item(discord.ui.Label(text="Which note", component=self.note))
        self.problem = discord.ui.Select[Any](
            custom_id="problem",
            options=[
                discord.SelectOption(label=label, value=problem.value)
                for problem, label in cards.PROBLEM_LABELS.items()
            ],
        )
        self.reason = discord.ui.TextInput[Any](
            custom_id="reason",
            style=discord.TextStyle.paragraph,
            max_length=REASON_CHARACTERS,
        )
        self.add_item(discord.ui.Label(text="What is the matter", component=self.problem))
        self.add_item(
            discord.ui.Label(
                text="Reason",
                description="What is right instead, or how it does harm. Moderators see it.",
                component=self.reason,
            )
        )

    @explained
    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Keep the report."""
        note_id = int(self.note.values[0]) if self.note is not None else self._note_id
        problem = Problem(self.problem.values[0])
        await report(interaction, note_id, problem, self.reason.value)


async def report(
    interaction: discord.Interaction[Any], note_id: int, problem: Problem, reason: str
) -> None:
    """Keep a report, and bring the note's card up to date."""
    bot: Bot = interaction.client
    await interaction.response.defer(ephemeral=True, thinking=True)
    # A form can be forged: a note of another guild is as good as none.
    outcome: Outcome | None = await bot.worker.call(
        reviewing.report,
        interaction.guild_id or 0,
        note_id,
        interaction.user.id,
        problem,
        " ".join(reason.split()),
        priority=Priority.REVIEWING,
    )
    if outcome is None or outcome.obstacle is not None:
        # Whether there is such a note that is not live is not for everybody.
        await interaction.edit_original_response(content=standing.NO_HISTORY)
        return
    await interaction.edit_original_response(content=standing.reported(outcome.note, problem))
    await bot.posting.catch_up()


class ReportButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=standing.REPORT_BUTTON
):
    """*Report* below an answer that quotes a note, or below a note; it works after a restart."""

    def __init__(self, kind: str, number: int) -> None:
        """The button for an `answer` (a question's id) or a `note` (its id)."""
        super().__init__(
            discord.ui.Button(
                label="Report",
                style=discord.ButtonStyle.secondary,
                custom_id=f"report:{kind}:{number}",
            )
        )
        self.kind = kind
        self.number = number

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
    ) -> "ReportButton":
        """Make the button anew from its id."""
        return cls(match["kind"], int(match["number"]))

    @explained
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Ask what is the matter."""
        bot: Bot = interaction.client
        function: Any = (
            contributing.quoted_notes if self.kind == "answer" else contributing.live_note
        )
        notes: list[Note] = await bot.worker.call(
            function, interaction.guild_id or 0, self.number, priority=Priority.REVIEWING
        )
        if not notes:
            await interaction.response.send_message(standing.NOTHING_TO_REPORT, ephemeral=True)
            return
        await interaction.response.send_modal(ReportModal(notes))


def _label(note: Note) -> str:
    title = shortened(legible(note.revision.submission.title), 100)
    return title or f"Note {note.id}"
