"""Own notes, a note with its buttons and revisions, its withdrawal, page veto and reports."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import discord

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import (
    NONCE,
    NUMBER,
    Button,
    CustomId,
    Select,
    pages_view,
    view_of,
)
from bot.interactions.kit.errors import in_time
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.policy.component_access import anybody, members, readers_of_answer
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.services import Interaction
from bot.interactions.shared_buttons import question_of
from bot.notes import messages, service
from bot.notes.messages import PAGE_LABELS, Filter
from bot.notes.service import Viewer
from bot.notes.ui.form import ReviseButton
from bot.review import cards as review_cards
from bot.review import messages as review_messages
from bot.review.actions import Action, confirmation
from bot.review.ui.cards import CardButton, files_of
from bot.review.ui.freshness import FreshnessButton
from bot.text import error_messages
from bot.text.languages import Sentence
from bot.text.markdown import legible, shorten
from bot.text.paging import neighbours
from knowledge.values.notes import Member, Note, PageVeto, Problem
from knowledge.values.submissions import REASON_CHARACTERS


async def viewer_of(interaction: Interaction) -> Viewer:
    return Viewer(interaction.user.id, await is_moderator(interaction))


# Paging and withdrawal.


async def show_page(interaction: Interaction, wanted: Filter, number: int) -> None:
    notes = await interaction.client.worker.call(
        lambda core: service.own_notes(core, interaction.guild_id or 0, interaction.user.id)
    )
    viewer = await viewer_of(interaction)
    page = messages.page_of_own_notes(notes, wanted, number, with_cards=viewer.is_moderator)
    view = pages_view(
        page,
        messages.LIST_LABELS,
        lambda other, label: PageButton(label, page=other, wanted=wanted),
    )
    options = [
        discord.SelectOption(label=messages.menu_label(note), value=str(note.id))
        for note, _ in messages.notes_on_page(notes, wanted, page.number)
    ]
    if options:
        view = view or discord.ui.View(timeout=None)
        view.add_item(OwnNoteSelect(messages.OPEN_NOTE(), options))
    await interaction.edit_original_response(content=page.content, view=view)


class PageButton(
    Button, ids=CustomId("mine", page=int, wanted=Filter), rule=anybody, first=First.IN_PLACE
):
    """Another page of own notes."""

    page: int
    wanted: Filter

    async def on_click(self, interaction: Interaction) -> None:
        await show_page(interaction, self.wanted, self.page)


class OwnNoteSelect(Select, ids=CustomId("my_note"), rule=anybody):
    """The menu below own notes; its values are their ids."""

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        await show_note(interaction, int(value) if value.isascii() and value.isdecimal() else None)


async def show_note(interaction: Interaction, note_id: int | None) -> None:
    """Show a note in the interaction's response, with the buttons that the viewer may press."""
    guild_id, viewer = interaction.guild_id, await viewer_of(interaction)
    found = None
    if note_id is not None and guild_id is not None:
        found = await interaction.client.worker.call(
            lambda core: service.visible_note(core, guild_id, note_id, viewer)
        )
    if found is None or found.note is None:
        await interaction.edit_original_response(content=messages.NO_HISTORY())
        return
    first, *rest = messages.note_cards(found)
    note = found.note
    buttons: list[discord.ui.Item[Any]] = []
    pictured = any(found.pictures.values())
    buttons += await _own_buttons(interaction, note, pictured=pictured)
    if note.revision.number > 1 or found.latest not in (None, note):
        # A number beyond the last revision shows the last one.
        label, number = messages.HISTORY(), note.latest_revision_id
        buttons.append(HistoryButton(label, note_id=note.id, number=number))
    buttons += await page_button(interaction, note)
    if found.page_url:
        label = messages.OPEN_PAGE()
        buttons.append(discord.ui.Button(label=label, url=found.page_url))
    if found.live is not None:
        label = messages.REPORT_LABEL()
        buttons.append(ReportButton(label, kind="note", number=found.live.id))
    await interaction.edit_original_response(
        content=first.content, attachments=files_of(first), view=view_of(buttons)
    )
    for card in rest:
        await interaction.followup.send(card.content, files=files_of(card), ephemeral=True)


async def _own_buttons(interaction: Interaction, note: Note, *, pictured: bool) -> list[Button]:
    """The buttons of a note's contributor, and of its owner."""
    buttons: list[Button] = []
    if note.contributor_id == interaction.user.id:
        buttons += [ReviseButton(note_id=note.id, action=action) for action in ("edit", "details")]
        if pictured:
            buttons.append(ReviseButton(note_id=note.id, action="bare"))
        if (revision_id := service.revision_to_withdraw(note)) is not None:
            buttons.append(WithdrawButton(revision_id=revision_id, action="ask"))
    elif note.owner_id == interaction.user.id:
        buttons.append(ReviseButton(note_id=note.id, action="edit"))
    settings = await interaction.client.guild_settings.settings(note.guild_id)
    if note.live and note.responsible_id == interaction.user.id and settings.ask_writers:
        hand_on = FreshnessButton(revision_id=note.revision.id, action="hand_on")
        buttons.append(hand_on)
    return buttons


async def _history(interaction: Interaction, note_id: int) -> list[Note]:
    viewer = await viewer_of(interaction)
    return await interaction.client.worker.call(
        lambda core: service.visible_history(core, interaction.guild_id or 0, note_id, viewer)
    )


async def _show(
    interaction: Interaction, note_id: int, revisions: list[Note], number: int | None
) -> None:
    last = len(revisions) - 1
    number = last if number is None else min(number, last)
    card = messages.revision_card(revisions, number)
    before, after = (label() for label in messages.HISTORY_LABELS)
    buttons: list[Button] = [
        HistoryButton(label, note_id=note_id, number=other)
        for other, label in neighbours(number, len(revisions), before, after)
    ]
    shown = revisions[number]
    if shown.formerly_live and await is_moderator(interaction):
        buttons.append(CardButton(revision_id=shown.revision.id, action=Action.ROLL_BACK))
    await interaction.edit_original_response(
        content=card.content, view=view_of(buttons), attachments=files_of(card)
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

    async def on_click(self, interaction: Interaction) -> None:
        await _show(interaction, self.note_id, self.revisions, self.number)


class OpenHistoryButton(
    Button,
    ids=CustomId("note_history", note_id=int, action=("last",)),
    rule=_viewers,
    labels={"last": messages.HISTORY},
):
    """A button that shows a note's last revision in a message of its own."""

    note_id: int
    revisions: list[Note]

    async def on_click(self, interaction: Interaction) -> None:
        await _show(interaction, self.note_id, self.revisions, None)


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
    if found is None:
        sentence = messages.NOTHING_TO_WITHDRAW()
        await interaction.edit_original_response(content=sentence)
        return
    revision_id = found.revision.id
    view = view_of(
        WithdrawButton(revision_id=revision_id, action=action)
        for action in messages.WITHDRAW_LABELS
    )
    await interaction.edit_original_response(content=messages.ask_to_withdraw(found), view=view)


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

    async def on_click(self, interaction: Interaction) -> None:
        bot = interaction.client
        if self.action == "no":
            sentence = messages.NOT_WITHDRAWN()
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
            sentence = messages.NO_SUCH_NOTE()
        elif outcome.obstacle is not None:
            sentence = messages.MOVED_ON()
        else:
            sentence = messages.confirm_withdrawal(outcome.note)
        try:
            await interaction.edit_original_response(content=sentence, view=None)
        finally:
            await bot.outbox.catch_up()


# The button that keeps a note off the public page.


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
        lambda core: core.store.notes.latest(None, values["note_id"]), priority=Priority.ASKING
    )
    by = await _veto(interaction, note) if note is not None else None
    return messages.NO_SUCH_NOTE if by is None else {"note": note, "by": by}


async def page_button(interaction: Interaction, note: Note) -> list[Button]:
    """Return the button if the viewer may use it and there is a public page, or else nothing."""
    settings = await interaction.client.guild_settings.settings(note.guild_id)
    by = await _veto(interaction, note) if settings.page else None
    if by is None:
        return []
    action = "on" if by in note.off_page else "off"
    return [NotePageButton(note_id=note.id, action=action)]


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

    async def on_click(self, interaction: Interaction) -> None:
        note, member = self.note, Member(interaction.user.id, interaction.user.display_name)
        outcome = await interaction.client.worker.call(
            lambda core: core.store.public_notes.set_veto(
                note.guild_id, note.id, member, self.by, vetoed=self.action == "off"
            )
        )
        said = messages.NO_SUCH_NOTE()
        if outcome is not None:
            said = confirmation(outcome.note, Action.OFF_PAGE)
        await interaction.edit_original_response(content=said)
        await interaction.client.outbox.catch_up()


# Reports, from the *Apps* menu, an answer or a shown note.


class ReportModal(
    Form,
    ids=CustomId("form:report", note_id=int, nonce=NONCE),
    rule=members(messages.NO_HISTORY),
):
    """The form of a report: the problem, its reason, and the note if there are several."""

    def __init__(self, notes: Sequence[Note]) -> None:
        super().__init__(messages.REPORT_TITLE(), note_id=notes[0].id)
        if len(notes) > 1:
            options = [
                discord.SelectOption(label=_label(note), value=str(note.id)) for note in notes
            ]
            select = discord.ui.Select[Any](custom_id="note", options=options)
            self.ask(messages.WHICH_NOTE(), select)
        problem = discord.ui.Select[Any](
            custom_id="problem",
            options=[
                discord.SelectOption(label=label(), value=problem.value)
                for problem, label in review_cards.PROBLEM_LABELS.items()
            ],
        )
        self.ask(messages.PROBLEM(), problem)
        reason, help_ = review_messages.REASON(), messages.REPORT_REASON_HELP()
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
            await give_back(interaction, error_messages.UNKNOWN_FORM())
            return
        await report(interaction, int(note_id), Problem(problem), filled.text("reason"))


async def report(interaction: Interaction, note_id: int, problem: Problem, reason: str) -> None:
    """Record a report, confirm it in the deferred response, and update the note's card."""
    bot = interaction.client
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
        await interaction.edit_original_response(content=messages.NO_HISTORY())
        return
    try:
        said = messages.confirm_report(outcome.note, problem)
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

    async def on_click(self, interaction: Interaction) -> None:
        form = ReportModal(self.notes)
        await interaction.response.send_modal(form)


async def report_message(interaction: Interaction, message: discord.Message) -> None:
    """Open the form that reports a note in a message, or say that the message quotes no note."""
    below, question_id = None, None
    if message.author == interaction.client.user:
        below, question_id = ReportButton.values_on(message), question_of(message)
    if below is None and question_id is not None:
        below = {"kind": "answer", "number": question_id}
    await open_report(interaction, below)


async def open_report(interaction: Interaction, below: Mapping[str, Any] | None) -> None:
    """Open the form of a report on an answer or note, as a `ReportButton`'s values name it."""
    found: Found | Sentence = messages.QUOTES_NO_NOTE
    if below is not None:
        async with in_time(interaction):
            found = await _reporters(interaction, below)
    if isinstance(found, Sentence):
        await interaction.response.send_message(found(), ephemeral=True)
    else:
        await interaction.response.send_modal(ReportModal(found["notes"]))


def _label(note: Note) -> str:
    title = shorten(legible(note.revision.submission.safe.title), 100)
    return title or review_cards.NUMBERED(number=note.id)
