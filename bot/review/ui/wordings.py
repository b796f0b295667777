"""Wordings of a note: the panel that a card opens, its buttons and its form."""

from collections.abc import Sequence
from typing import Any

from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import NONCE, Button, CustomId, view_of
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.channel_access import is_open_to_everyone
from bot.interactions.services import Interaction
from bot.review import messages, service
from bot.review.revision_diff import ASKED_AS
from bot.review.ui.card_clicks import moderators_of_revision
from bot.text import error_messages
from bot.text.markdown import legible, shortened
from knowledge.values.notes import Member, Note, Outcome, SuggestedWording
from knowledge.values.submissions import (
    WORDING_CHARACTERS,
    WORDINGS,
    InvalidNoteError,
    checked_wordings,
)


async def show_wordings(interaction: Interaction, note: Note) -> None:
    """Show the wordings of a note to a moderator, with buttons to add suggested ones."""
    language = await viewer_language(interaction)
    suggested = await _suggested(interaction, note)
    view: list[Any] = []
    if len(note.revision.submission.wordings) < WORDINGS:
        view = [
            WordingButton(
                messages.ADD_WORDING(language, wording=shortened(legible(one.text), 60)),
                revision_id=note.revision.id,
                question_id=one.question_id,
            )
            for one in suggested
        ]
    view.append(EditWordingsButton(messages.EDIT_WORDINGS(language), revision_id=note.revision.id))
    said = messages.wordings(note, [one.text for one in suggested], language)
    await interaction.edit_original_response(content=said, view=view_of(view))


async def _suggested(interaction: Interaction, note: Note) -> list[SuggestedWording]:
    """The suggested wordings from channels that everyone can read."""
    found = await interaction.client.worker.call(
        lambda core: service.suggested_wordings(core, note) if note.live else []
    )
    guild = interaction.guild
    return [one for one in found if is_open_to_everyone(guild, one.channel_id)][:WORDINGS]


async def _reword(
    interaction: Interaction, note: Note, wordings: Sequence[str] | SuggestedWording
) -> Outcome | None:
    moderator = Member(interaction.user.id, interaction.user.display_name)
    outcome = await interaction.client.worker.call(
        lambda core: service.reword(core, note, moderator, wordings, interaction.id)
    )
    await interaction.client.outbox.catch_up()
    return outcome


async def _show_result(interaction: Interaction, outcome: Outcome | None) -> None:
    """Show the changed wordings, or the reason why they weren't changed."""
    language = await viewer_language(interaction)
    if outcome is None:
        await give_back(interaction, messages.CARD_GONE(language))
    elif outcome.obstacle is not None:
        said = messages.obstacle(outcome.note, outcome.obstacle, language=language)
        await give_back(interaction, said)
    else:
        await show_wordings(interaction, outcome.note)


class WordingButton(
    Button,
    ids=CustomId("wording", revision_id=int, question_id=int),
    rule=moderators_of_revision,
    first=First.IN_PLACE,
):
    """Adds a member's question to a note's wordings."""

    question_id: int
    note: Note

    async def clicked(self, interaction: Interaction) -> None:
        # An id can be forged, so the question must still be among the suggested ones.
        found = [
            one
            for one in await _suggested(interaction, self.note)
            if one.question_id == self.question_id
        ]
        if found:
            await _show_result(interaction, await _reword(interaction, self.note, found[0]))
        else:
            await show_wordings(interaction, self.note)


class EditWordingsButton(
    Button, ids=CustomId("wordings", revision_id=int), rule=moderators_of_revision, first=First.OWN
):
    """Opens the form of a note's wordings."""

    note: Note

    async def clicked(self, interaction: Interaction) -> None:
        language = await viewer_language(interaction)
        await interaction.response.send_modal(WordingsModal(self.note, language))


class WordingsModal(
    Form,
    ids=CustomId("form:wordings", revision_id=int, nonce=NONCE),
    rule=moderators_of_revision,
    first=First.IN_PLACE,
):
    """The form of a note's wordings, with one wording a line."""

    def __init__(self, note: Note, language: Any) -> None:
        super().__init__(messages.WORDINGS_TITLE(language), revision_id=note.revision.id)
        self.ask_text(
            ASKED_AS(language),
            "wordings",
            WORDINGS * (1 + WORDING_CHARACTERS),
            messages.WORDINGS_HELP(language),
            text="\n".join(note.revision.submission.shown.wordings),
            required=False,
            paragraph=True,
        )

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        note: Note = subject["note"]
        try:
            title = note.revision.submission.title
            wordings = checked_wordings(filled.text("wordings"), title)
        except InvalidNoteError as error:
            said = error_messages.invalid(error, await viewer_language(interaction))
            await give_back(interaction, said)
            return
        await _show_result(interaction, await _reword(interaction, note, wordings))
