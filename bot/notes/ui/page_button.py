"""Button that keeps a note off the public page, for its contributor and for moderators."""

from collections.abc import Mapping
from typing import Any

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import Found
from bot.interactions.kit.buttons import Button, CustomId
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.services import Interaction
from bot.notes import messages, service
from bot.notes.messages import PAGE_LABELS
from bot.review import service as review_service
from bot.review.actions import Action, confirmation
from bot.text.languages import Sentence
from knowledge.values.guilds import Language
from knowledge.values.notes import Member, Note, PageVeto


async def _veto(interaction: Interaction, note: Note) -> PageVeto | None:
    """Return the member's right to keep a note off the page, as writer or moderator, or None."""
    if note.contributor_id == interaction.user.id:
        return PageVeto.WRITER
    here = note.guild_id == interaction.guild_id
    return PageVeto.MODERATOR if here and await is_moderator(interaction) else None


async def _writers_and_moderators(
    interaction: Interaction, values: Mapping[str, Any]
) -> Found | Sentence:
    """Admit a note's contributor and moderators; set `note`, and set `by` to their `_veto`."""
    note = await interaction.client.worker.call(
        lambda core: service.latest(core, values["note_id"]), priority=Priority.ASKING
    )
    by = await _veto(interaction, note) if note is not None else None
    return messages.NO_SUCH_NOTE if by is None else {"note": note, "by": by}


async def page_button(interaction: Interaction, note: Note, language: Language) -> list[Button]:
    """Return the button if the viewer may use it and there is a public page, or else nothing."""
    settings = await interaction.client.guild_settings.settings(note.guild_id)
    by = await _veto(interaction, note) if settings.page else None
    if by is None:
        return []
    action = "on" if by in note.off_page else "off"
    return [NotePageButton(language, note_id=note.id, action=action)]


class NotePageButton(
    Button,
    ids=CustomId("page", note_id=int, action=tuple(PAGE_LABELS)),
    rule=_writers_and_moderators,
    labels=PAGE_LABELS,
):
    """The button *Keep off the public page* or *Allow on the public page*."""

    action: str
    note: Note
    by: PageVeto

    async def clicked(self, interaction: Interaction) -> None:
        note, member = self.note, Member(interaction.user.id, interaction.user.display_name)
        outcome = await interaction.client.worker.call(
            lambda core: review_service.keep_off_page(
                core, note, member, self.by, vetoed=self.action == "off"
            )
        )
        language = await viewer_language(interaction)
        said = messages.NO_SUCH_NOTE(language)
        if outcome is not None:
            said = confirmation(outcome.note, Action.OFF_PAGE, language=language)
        await interaction.edit_original_response(content=said)
        await interaction.client.outbox.catch_up()
