"""Reports of notes: from the command, the *Apps* menu, an answer, or the note shown."""

import re
from collections.abc import Sequence
from typing import Any

import discord

from bot.interactions.buttons import NONCE, NUMBER, Button, CustomId
from bot.interactions.errors import in_time
from bot.interactions.forms import Filled, Form, give_back
from bot.interactions.guild_settings import viewer_language
from bot.interactions.services import Interaction
from bot.notes import messages, service
from bot.review import cards as review_cards
from bot.review import messages as review_messages
from bot.review import service as review_service
from bot.text import error_messages
from bot.text.markdown import legible, shortened
from knowledge.model.guilds import Language
from knowledge.model.notes import Note, Problem
from knowledge.model.submissions import REASON_CHARACTERS


class ReportModal(Form, ids=CustomId("form:report", note_id=int, nonce=NONCE)):
    """The form of a report: what is the matter, and with which of the notes in an answer."""

    def __init__(self, notes: Sequence[Note], language: Language) -> None:
        super().__init__(messages.REPORT_TITLE(language), note_id=notes[0].id)
        if len(notes) > 1:
            options = [
                discord.SelectOption(label=_label(one, language), value=str(one.id))
                for one in notes
            ]
            select = discord.ui.Select[Any](custom_id="note", options=options)
            self.ask(messages.WHICH_NOTE(language), select)
        problem = discord.ui.Select[Any](
            custom_id="problem",
            options=[
                discord.SelectOption(label=label(language), value=problem.value)
                for problem, label in review_cards.PROBLEM_LABELS.items()
            ],
        )
        self.ask(messages.PROBLEM(language), problem)
        reason, help_ = review_messages.REASON(language), messages.REPORT_REASON_HELP(language)
        self.ask_text(reason, "reason", REASON_CHARACTERS, help_, paragraph=True)

    @classmethod
    async def take(cls, interaction: Interaction, subject: dict[str, Any], filled: Filled) -> None:
        note_id, problem = (
            filled.choice("note") or str(subject["note_id"]),
            filled.choice("problem"),
        )
        if not re.fullmatch(NUMBER, note_id) or problem not in set(Problem):
            language = await viewer_language(interaction)
            await give_back(interaction, error_messages.UNKNOWN_FORM(language))
            return
        await report(interaction, int(note_id), Problem(problem), filled.text("reason"))


async def report(interaction: Interaction, note_id: int, problem: Problem, reason: str) -> None:
    """Keep a report, and bring the note's card up to date."""
    bot = interaction.client
    await interaction.response.defer(ephemeral=True, thinking=True)
    language = await viewer_language(interaction)
    # A form can be forged: a note of another guild is as good as none.
    outcome = await bot.worker.call(
        lambda core: review_service.taken(
            core,
            interaction.guild_id or 0,
            interaction.id,
            lambda: core.store.contributions.report(
                interaction.guild_id or 0,
                note_id,
                interaction.user.id,
                problem,
                " ".join(reason.split()),
            ),
        )
    )
    if outcome is None or outcome.obstacle is not None:
        # Whether there is such a note that is not live is not for everybody.
        await interaction.edit_original_response(content=messages.NO_HISTORY(language))
        return
    try:
        said = messages.reported(outcome.note, problem, language)
        await interaction.edit_original_response(content=said)
    finally:
        await bot.outbox.catch_up()


class ReportButton(Button, ids=CustomId("report", kind=("answer", "note"), number=int)):
    """*Report* below an answer (with a question's number) or below a note (with its own)."""

    kind: str
    number: int

    async def clicked(self, interaction: Interaction) -> None:
        await _open_form(interaction, self.kind, self.number)


async def report_message(interaction: Interaction, message: discord.Message) -> None:
    """Open the form for what a message of the bot quotes, as the *Report* button below it does."""
    below = ReportButton.values_on(message) if message.author == interaction.client.user else None
    if below is None:
        said = messages.QUOTES_NO_NOTE(await viewer_language(interaction))
        await interaction.response.send_message(said, ephemeral=True)
        return
    await _open_form(interaction, **below)


async def _open_form(interaction: Interaction, kind: str, number: int) -> None:
    found = service.quoted_notes if kind == "answer" else service.live_note
    guild_id = interaction.guild_id or 0
    async with in_time():
        notes = await interaction.client.worker.call(lambda core: found(core, guild_id, number))
    language = await viewer_language(interaction)
    if not notes:
        said = messages.NOTHING_TO_REPORT(language)
        await interaction.response.send_message(said, ephemeral=True)
        return
    await interaction.response.send_modal(ReportModal(notes, language))


def _label(note: Note, language: Language) -> str:
    title = shortened(legible(note.revision.submission.shown.title), 100)
    return title or review_cards.NUMBERED(language, number=note.id)
