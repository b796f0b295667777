"""Pages of own notes and of a note's revisions, a note with its buttons, and its withdrawal."""

from collections.abc import Mapping
from typing import Any

import discord

from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import Button, CustomId, Select, pages_view, view_of
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import anybody
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.services import Interaction
from bot.notes import list_messages, messages, service
from bot.notes.list_messages import Filter
from bot.notes.service import Viewer
from bot.notes.ui.form import ReviseButton
from bot.notes.ui.page_button import page_button
from bot.notes.ui.report import ReportButton
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
    options = [
        discord.SelectOption(label=list_messages.menu_label(note, language), value=str(note.id))
        for note, _ in list_messages.notes_on_page(notes, wanted, page.number)
    ]
    if options:
        view = view or discord.ui.View(timeout=None)
        view.add_item(OwnNoteSelect(list_messages.OPEN_NOTE(language), options))
    await interaction.edit_original_response(content=page.content, view=view)


class PageButton(
    Button, ids=CustomId("mine", page=int, wanted=Filter), rule=anybody, first=First.IN_PLACE
):
    """Another page of own notes."""

    page: int
    wanted: Filter

    async def clicked(self, interaction: Interaction) -> None:
        await show_page(interaction, self.wanted, self.page)


class OwnNoteSelect(Select, ids=CustomId("my_note"), rule=anybody):
    """The menu below own notes; its values are their ids."""

    async def chosen(self, interaction: Interaction, value: str) -> None:
        await show_note(interaction, int(value) if value.isascii() and value.isdecimal() else None)


async def show_note(interaction: Interaction, note_id: int | None) -> None:
    """Show a note in the interaction's response, with the buttons that the viewer may press."""
    guild_id, viewer = interaction.guild_id, await viewer_of(interaction)
    language = await viewer_language(interaction)
    found = None
    if note_id is not None and guild_id is not None:
        found = await interaction.client.worker.call(
            lambda core: service.visible_note(core, guild_id, note_id, viewer)
        )
    if found is None or found.note is None:
        await interaction.edit_original_response(content=messages.NO_HISTORY(language))
        return
    first, *rest = messages.note_cards(found, language)
    note = found.note
    buttons: list[discord.ui.Item[Any]] = []
    if found.live is not None:
        label = messages.REPORT_LABEL(language)
        buttons.append(ReportButton(label, kind="note", number=found.live.id))
    if note.contributor_id == interaction.user.id:
        buttons.append(ReviseButton(language, note_id=note.id, action="edit"))
        if (revision_id := service.revision_to_withdraw(note)) is not None:
            buttons.append(WithdrawButton(language, revision_id=revision_id, action="ask"))
        if note.revision.number > 1 or note.latest_revision_id != note.revision.id:
            # A number beyond the last revision shows the last one.
            label, number = messages.HISTORY(language), note.latest_revision_id
            buttons.append(HistoryButton(label, note_id=note.id, number=number))
    buttons += await page_button(interaction, note, language)
    if found.page_url:
        label = messages.OPEN_PAGE(language)
        buttons.append(discord.ui.Button(label=label, url=found.page_url))
    await interaction.edit_original_response(
        content=first.content, attachments=files_of(first), view=view_of(buttons)
    )
    for card in rest:
        await interaction.followup.send(card.content, files=files_of(card), ephemeral=True)


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
    return messages.NO_SUCH_NOTE if note is None else {"note": note}


async def ask_to_withdraw(interaction: Interaction, note_id: int | None) -> None:
    """Ask the contributor whether to withdraw a note, in the interaction's response."""
    found = await interaction.client.worker.call(
        lambda core: service.withdrawable(
            core, interaction.guild_id or 0, note_id or 0, interaction.user.id
        )
    )
    language = await viewer_language(interaction)
    if found is None:
        sentence = messages.NOTHING_TO_WITHDRAW(language)
        await interaction.edit_original_response(content=sentence)
        return
    revision_id = found.revision.id
    view = view_of(
        WithdrawButton(language, revision_id=revision_id, action=action)
        for action in messages.WITHDRAW_LABELS
    )
    await interaction.edit_original_response(
        content=messages.ask_to_withdraw(found, language), view=view
    )


class WithdrawButton(
    Button,
    ids=CustomId("withdraw", revision_id=int, action=("yes", "no", "reply", "ask")),
    rule=_contributors,
    first={
        "yes": First.IN_PLACE,
        "no": First.IN_PLACE,
        "reply": First.THINKING,
        "ask": First.THINKING,
    },
    labels={
        **messages.WITHDRAW_LABELS,
        **dict.fromkeys(("reply", "ask"), messages.WITHDRAW_LABELS["yes"]),
    },
    styles={"yes": discord.ButtonStyle.danger},
):
    """A button that withdraws a note or keeps it.

    The buttons *Withdraw* (`yes`) and *Keep it* (`no`) are below the bot's question before a
    withdrawal. A button *Withdraw* (`reply`) is below the notice that a member's reply was proposed
    as a note. A button *Withdraw* (`ask`) is below a shown note, and asks the question.
    """

    revision_id: int
    action: str
    note: Note

    async def clicked(self, interaction: Interaction) -> None:
        bot = interaction.client
        language = await viewer_language(interaction)
        if self.action == "no":
            sentence = messages.NOT_WITHDRAWN(language)
            await interaction.edit_original_response(content=sentence, view=None)
            return
        if self.action == "ask":
            await ask_to_withdraw(interaction, self.note.id)
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
