"""Pages of own notes and of a note's revisions, and the withdrawal of a note."""

from collections.abc import Mapping
from typing import Any

import discord

from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import Button, CustomId, pages_view
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import anybody
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.services import Interaction
from bot.notes import list_messages, messages, service
from bot.notes.list_messages import Filter
from bot.notes.service import Viewer
from bot.review.ui.cards import files_of
from bot.text.languages import Sentence
from bot.text.paging import Page
from knowledge.values.notes import Note


async def viewer_of(interaction: Interaction) -> Viewer:
    return Viewer(interaction.user.id, await is_moderator(interaction))


# Paging and withdrawal.


async def show_page(interaction: Interaction, wanted: Filter, number: int) -> None:
    notes = await interaction.client.worker.call(
        lambda core: service.own_notes(core, interaction.guild_id or 0, interaction.user.id)
    )
    viewer = await viewer_of(interaction)
    language = await viewer_language(interaction)
    page = list_messages.page_of_own_notes(
        notes, wanted, number, with_cards=viewer.is_moderator, language=language
    )
    view = pages_view(
        page,
        list_messages.PAGE_LABELS,
        language,
        lambda other, label: PageButton(label, page=other, wanted=wanted),
    )
    await interaction.edit_original_response(content=page.content, view=view)


class PageButton(
    Button, ids=CustomId("mine", page=int, wanted=Filter), rule=anybody, first=First.IN_PLACE
):
    """Another page of own notes."""

    page: int
    wanted: Filter

    async def clicked(self, interaction: Interaction) -> None:
        await show_page(interaction, self.wanted, self.page)


async def show_revision(interaction: Interaction, note_id: int, number: int | None) -> None:
    """Show the visible revision with the index `number`, or the latest revision for None."""
    revisions = await _history(interaction, note_id)
    if revisions:
        await _show(interaction, note_id, revisions, number)
    else:
        gone = messages.NO_HISTORY(await viewer_language(interaction))
        await interaction.edit_original_response(content=gone)


async def _history(interaction: Interaction, note_id: int) -> list[Note]:
    viewer = await viewer_of(interaction)
    return await interaction.client.worker.call(
        lambda core: service.visible_history(core, interaction.guild_id or 0, note_id, viewer)
    )


async def _show(
    interaction: Interaction, note_id: int, revisions: list[Note], number: int | None
) -> None:
    language = await viewer_language(interaction)
    last = len(revisions) - 1
    number = last if number is None else min(number, last)
    card = messages.revision_card(revisions, number, language)
    view = pages_view(
        Page(card.content, number, len(revisions)),
        messages.HISTORY_LABELS,
        language,
        lambda other, label: HistoryButton(label, note_id=note_id, number=other),
    )
    await interaction.edit_original_response(
        content=card.content, view=view, attachments=files_of(card)
    )


async def _viewers(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit viewers of a note; set `revisions` to the revisions visible to the viewer."""
    revisions = await _history(interaction, values["note_id"])
    return {"revisions": revisions} if revisions else messages.NO_HISTORY


class HistoryButton(
    Button,
    ids=CustomId("history", note_id=int, number=int),
    rule=_viewers,
    first=First.IN_PLACE,
):
    """A button that shows another revision of a note; `number` is the index of the revision."""

    note_id: int
    number: int
    revisions: list[Note]

    async def clicked(self, interaction: Interaction) -> None:
        await _show(interaction, self.note_id, self.revisions, self.number)


async def _contributors(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit the contributor of a revision. In direct messages, any server's revision counts."""
    guild_id, revision_id = interaction.guild_id, values["revision_id"]
    note = await interaction.client.worker.call(
        lambda core: service.own_revision(core, guild_id, revision_id, interaction.user.id)
    )
    return messages.NO_SUCH_NOTE if note is None else {}


class WithdrawButton(
    Button,
    ids=CustomId("withdraw", revision_id=int, action=("yes", "no", "reply")),
    rule=_contributors,
    first={"yes": First.IN_PLACE, "no": First.IN_PLACE, "reply": First.THINKING},
    labels={**messages.WITHDRAW_LABELS, "reply": messages.WITHDRAW_LABELS["yes"]},
    styles={"yes": discord.ButtonStyle.danger},
):
    """A button that withdraws a note or keeps it.

    The buttons *Withdraw* (`yes`) and *Keep it* (`no`) are below the bot's question before a
    withdrawal. A button *Withdraw* (`reply`) is below the notice that a member's reply was proposed
    as a note.
    """

    revision_id: int
    action: str

    async def clicked(self, interaction: Interaction) -> None:
        bot = interaction.client
        language = await viewer_language(interaction)
        if self.action == "no":
            sentence = messages.NOT_WITHDRAWN(language)
            await interaction.edit_original_response(content=sentence, view=None)
            return
        outcome = await bot.worker.call(
            lambda core: service.withdraw(
                core,
                interaction.guild_id,
                self.revision_id,
                interaction.user.id,
                interaction.id,
            )
        )
        if outcome is None:
            sentence = messages.NO_SUCH_NOTE(language)
        elif outcome.obstacle is not None:
            sentence = messages.MOVED_ON(language)
        else:
            sentence = messages.withdrawn(outcome.note, language)
        try:
            await interaction.edit_original_response(content=sentence, view=None)
        finally:
            await bot.outbox.catch_up()
