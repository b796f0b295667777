"""Reports of notes, from the command, the *Apps* menu, an answer or a shown note."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import discord

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import NONCE, NUMBER, Button, CustomId
from bot.interactions.kit.errors import in_time
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import members, readers_of_answer
from bot.interactions.services import Interaction
from bot.notes import messages, service
from bot.review import cards as review_cards
from bot.review import messages as review_messages
from bot.text import error_messages
from bot.text.languages import Sentence
from bot.text.markdown import legible, shortened
from knowledge.values.guilds import Language
from knowledge.values.notes import Note, Problem
from knowledge.values.submissions import REASON_CHARACTERS


class ReportModal(
    Form,
    ids=CustomId("form:report", note_id=int, nonce=NONCE),
    rule=members(messages.NO_HISTORY),
):
    """The form of a report: the problem, its reason, and the note if there are several."""

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
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
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
    """Record a report, confirm it in the deferred response, and update the note's card."""
    bot = interaction.client
    language = await viewer_language(interaction)
    # A form can be forged, so notes of other guilds are not found.
    outcome = await bot.worker.call(
        lambda core: service.report(
            core,
            interaction.guild_id or 0,
            note_id,
            interaction.user.id,
            problem,
            reason,
            interaction.id,
        )
    )
    if outcome is None or outcome.obstacle is not None:
        # The same message for unknown notes, to reveal nothing about notes that aren't live.
        await interaction.edit_original_response(content=messages.NO_HISTORY(language))
        return
    try:
        said = messages.reported(outcome.note, problem, language)
        await interaction.edit_original_response(content=said)
    finally:
        await bot.outbox.catch_up()


_READERS: Final = readers_of_answer(messages.NOTHING_TO_REPORT)


async def _reporters(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit readers of an answer or note; set `notes` to the live notes to report."""
    is_answer, number = values["kind"] == "answer", values["number"]
    if is_answer:
        answered = await _READERS(interaction, {"question_id": number})
        if isinstance(answered, Sentence):
            return answered
    find = service.notes_found if is_answer else service.live_note
    guild_id = interaction.guild_id or 0
    notes = await interaction.client.worker.call(
        lambda core: find(core, guild_id, number), priority=Priority.ASKING
    )
    return {"notes": notes} if notes else messages.NOTHING_TO_REPORT


class ReportButton(
    Button,
    ids=CustomId("report", kind=("answer", "note"), number=int),
    rule=_reporters,
    first=First.OWN,
    labels={None: messages.REPORT_LABEL},
):
    """*Report* below an answer or note; `number` is the id of the question or note."""

    notes: Sequence[Note]

    async def clicked(self, interaction: Interaction) -> None:
        form = ReportModal(self.notes, await viewer_language(interaction))
        await interaction.response.send_modal(form)


async def report_message(interaction: Interaction, message: discord.Message) -> None:
    """Open the form of a message's *Report* button, or say that the message quotes no note."""
    below = ReportButton.values_on(message) if message.author == interaction.client.user else None
    found: Found | Sentence = messages.QUOTES_NO_NOTE
    if below is not None:
        async with in_time(interaction):
            found = await _reporters(interaction, below)
    language = await viewer_language(interaction)
    if isinstance(found, Sentence):
        await interaction.response.send_message(found(language), ephemeral=True)
    else:
        await interaction.response.send_modal(ReportModal(found["notes"], language))


def _label(note: Note, language: Language) -> str:
    title = shortened(legible(note.revision.submission.shown.title), 100)
    return title or review_cards.NUMBERED(language, number=note.id)
