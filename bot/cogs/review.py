"""Deciding on notes: the buttons of review cards, their forms, and the message menus."""

import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot import cards, moderating, reviewing
from bot.cards import Action
from bot.cogs.attachments import read_attachment
from bot.cogs.explaining import explained
from bot.cogs.forms import Filled, Form, give_back, prefilled
from bot.core import Core
from bot.display import size
from bot.impact import Impact
from bot.worker import Priority
from knowledge.deciding import Ruling
from knowledge.model import (
    FORM_CHARACTERS,
    REASON_CHARACTERS,
    TITLE_CHARACTERS,
    Decision,
    GuildSettings,
    InvalidNoteError,
    Note,
    Outcome,
    checked_submission,
)

if TYPE_CHECKING:
    from bot.client import Bot

_STYLES = {
    Action.APPROVE: discord.ButtonStyle.success,
    Action.KEEP: discord.ButtonStyle.success,
    Action.RESTORE: discord.ButtonStyle.success,
    Action.REJECT: discord.ButtonStyle.danger,
    Action.RETIRE: discord.ButtonStyle.danger,
}

_RULED = {
    Action.APPROVE: Decision.APPROVE,
    Action.REQUEST_CHANGES: Decision.REQUEST_CHANGES,
    Action.REJECT: Decision.REJECT,
    Action.DUPLICATE: Decision.DUPLICATE,
}

# What is done to the revision that a card is about, and what to its note.
_TO_REVISIONS = {Action.UNDO: reviewing.undo, Action.ROLL_BACK: reviewing.roll_back}
_TO_NOTES = {
    Action.KEEP: reviewing.keep,
    Action.RETIRE: reviewing.retire,
    Action.RESTORE: reviewing.restore,
}


class Reviews(commands.Cog):
    """What moderators can do to a card besides its buttons, which need no command."""

    def __init__(self, bot: "Bot") -> None:
        """Review through the bot's worker."""
        self.bot = bot
        for name, callback in (
            ("Approve note", self.approve_note),
            ("Reject note", self.reject_note),
        ):
            menu = app_commands.ContextMenu(name=name, callback=callback)
            menu.guild_only = True
            bot.tree.add_command(menu)

    async def approve_note(
        self, interaction: discord.Interaction["Bot"], message: discord.Message
    ) -> None:
        """Approve the note whose card this message is."""
        await act(interaction, await self._revision(interaction, message), Action.APPROVE)

    async def reject_note(
        self, interaction: discord.Interaction["Bot"], message: discord.Message
    ) -> None:
        """Reject the note whose card this message is, with a reason."""
        revision_id = await self._revision(interaction, message)
        if revision_id is None:
            await interaction.response.send_message(cards.NOT_A_CARD, ephemeral=True)
            return
        await interaction.response.send_modal(RulingModal(revision_id, Action.REJECT))

    async def _revision(
        self, interaction: discord.Interaction["Bot"], message: discord.Message
    ) -> int | None:
        """The revision whose card a message is, if it is one of this server's."""
        revision_id: int | None = await self.bot.worker.call(
            reviewing.of_card, interaction.guild_id or 0, message.id, priority=Priority.REVIEWING
        )
        return revision_id

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Remember that a card is gone, so that the queue posts it again."""
        await self._lost(event.guild_id, [event.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Remember that cards are gone."""
        await self._lost(event.guild_id, list(event.message_ids))

    async def _lost(self, guild_id: int | None, message_ids: list[int]) -> None:
        if guild_id is not None:
            await self.bot.worker.call(
                reviewing.card_lost, message_ids, priority=Priority.REVIEWING
            )


def text_file(card: cards.Card) -> discord.File:
    """The whole text of a card that has no room for it."""
    return discord.File(io.BytesIO(card.file_text.encode()), card.file_name)


def card_view(note: Note, settings: GuildSettings, at: datetime) -> discord.ui.View | None:
    """The buttons of a card, if it has any now."""
    actions = cards.actions(note, settings, at)
    if not actions:
        return None
    view = discord.ui.View(timeout=None)
    for action in actions:
        view.add_item(CardButton(note.revision.id, action))
    return view


def may_decide(member: discord.abc.User, settings: GuildSettings) -> bool:
    """Whether somebody is a moderator at this moment: the role, or managing the server."""
    if not isinstance(member, discord.Member):
        return False
    if member.guild_permissions.manage_guild:
        return True
    return any(role.id == settings.moderator_role_id for role in member.roles)


class CardButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=cards.CARD_BUTTON
):
    """A button on a card; it works after a restart."""

    def __init__(self, revision_id: int, action: Action) -> None:
        """The button for one action on one revision."""
        super().__init__(
            discord.ui.Button(
                label=cards.LABELS[action],
                style=_STYLES.get(action, discord.ButtonStyle.secondary),
                custom_id=f"card:{revision_id}:{action.value}",
            )
        )
        self.revision_id = revision_id
        self.action = action

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
    ) -> "CardButton":
        """Make the button anew from its id."""
        return cls(int(match["revision"]), Action(match["action"]))

    @explained
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do it at once, or ask in a form for what it needs.

        A form must be the first response, so the rights are checked when it comes back.
        """
        if self.action in {Action.REQUEST_CHANGES, Action.REJECT, Action.DUPLICATE}:
            await interaction.response.send_modal(RulingModal(self.revision_id, self.action))
        elif self.action is Action.EDIT:
            await _open_editor(interaction, self.revision_id)
        elif self.action is Action.IMPACT:
            await _show_impact(interaction, self.revision_id)
        else:
            await act(interaction, self.revision_id, self.action)


class RulingModal(Form):
    """The form that asks for the reason of a decision, and what a duplicate is one of."""

    template = cards.RULING_FORM

    def __init__(self, revision_id: int, action: Action) -> None:
        """A form for one decision on one revision."""
        super().__init__(cards.RULING_TITLES[action], f"ruling:{revision_id}:{action.value}")
        # A duplicate's reason is that it is one.
        duplicate = action is Action.DUPLICATE
        if duplicate:
            self.ask(
                "Duplicate of",
                discord.ui.TextInput[Any](custom_id="duplicate_of", max_length=TITLE_CHARACTERS),
                "The title, the number or the link of what says it already.",
            )
        reason = discord.ui.TextInput[Any](
            custom_id="reason",
            style=discord.TextStyle.paragraph,
            max_length=REASON_CHARACTERS,
            required=not duplicate,
        )
        self.ask("Reason", reason, "The contributor is told.")

    @classmethod
    async def take(
        cls, interaction: discord.Interaction[Any], subject: re.Match[str], filled: Filled
    ) -> None:
        """Decide with the reason."""
        decided = await act(
            interaction,
            int(subject["revision"]),
            Action(subject["action"]),
            reason=filled.text("reason").strip(),
            duplicate_of=filled.text("duplicate_of").strip(),
        )
        if not decided:
            await give_back(interaction, cards.NOT_USED)


async def act(
    interaction: discord.Interaction[Any],
    revision_id: int | None,
    action: Action,
    *,
    reason: str = "",
    duplicate_of: str = "",
) -> bool:
    """Check the rights of whoever clicked, do it, and bring cards and people up to date.

    Returns:
        Whether it was done; if not, whoever clicked was told why.
    """
    bot: Bot = interaction.client
    await _begin(interaction)
    if revision_id is None:
        await _tell(interaction, cards.NOT_A_CARD)
        return False
    note, refusal = await _refusal(bot, interaction, revision_id)
    if note is None or refusal:
        await _tell(interaction, refusal)
        return False
    moderator = (interaction.user.id, interaction.user.display_name)
    arguments: tuple[Any, ...]
    if action in _RULED:
        function: Any = reviewing.decide
        ruling = Ruling(_RULED[action], reason, duplicate_of)
        arguments = (note.guild_id, revision_id, moderator, ruling)
    elif action in _TO_REVISIONS:
        function, arguments = _TO_REVISIONS[action], (note.guild_id, revision_id, moderator)
    else:
        function, arguments = _TO_NOTES[action], (note.guild_id, note.id, moderator)
    outcome: Outcome | None = await bot.worker.call(
        function, *arguments, priority=Priority.REVIEWING
    )
    return await _said(interaction, outcome, action)


async def _said(
    interaction: discord.Interaction[Any], outcome: Outcome | None, action: Action
) -> bool:
    """Tell the moderator what came of it, then everybody else whom it concerns.

    Returns:
        Whether anything was done.
    """
    bot: Bot = interaction.client
    if outcome is None:
        await _tell(interaction, cards.CARD_GONE)
        return False
    if outcome.obstacle is not None:
        sentence = cards.obstacle(outcome.note, outcome.obstacle)
    else:
        quorum: int = await bot.worker.call(
            reviewing.quorum, outcome.note, priority=Priority.REVIEWING
        )
        sentence = cards.done(outcome.note, action, quorum)
    await _tell(interaction, sentence)
    await bot.posting.catch_up()
    return outcome.obstacle is None


async def _begin(interaction: discord.Interaction[Any]) -> None:
    """Acknowledge a click: on a card with a private answer, in the queue by turning its page."""
    if queue_place(interaction.message) is None:
        await interaction.response.defer(ephemeral=True, thinking=True)
    else:
        await interaction.response.defer()


async def _tell(interaction: discord.Interaction[Any], sentence: str) -> None:
    """Say what came of a click; in the queue, above the note that is next."""
    place = queue_place(interaction.message)
    if place is None:
        await interaction.edit_original_response(content=sentence)
        return
    page = await queue_page(interaction, place, sentence)
    await interaction.edit_original_response(**page)


# The queue: one private message that shows one note after another.


def queue_place(message: discord.Message | None) -> int | None:
    """The place in the queue that a message shows, by its buttons; None if it is no queue."""
    for row in message.components if message else ():
        for component in getattr(row, "children", ()):
            custom_id = getattr(component, "custom_id", None) or ""
            match = re.fullmatch(moderating.QUEUE_BUTTON, custom_id)
            if match:
                return int(match["place"])
    return None


async def queue_page(
    interaction: discord.Interaction[Any], place: int, said: str = ""
) -> dict[str, Any]:
    """The message that shows a place in the queue: the note with its buttons, or that it is empty.

    Returns:
        What `edit_original_response` takes.
    """
    bot: Bot = interaction.client
    guild_id = interaction.guild_id or 0
    now = datetime.now(UTC)
    waiting: list[Note] = await bot.worker.call(
        reviewing.queue, guild_id, now, priority=Priority.REVIEWING
    )
    if not waiting:
        nothing = f"{said}\n{moderating.QUEUE_EMPTY}".strip()
        return {"content": nothing, "view": None, "attachments": []}
    place = min(place, len(waiting) - 1)
    note = waiting[place]
    settings: GuildSettings = await bot.worker.call(
        Core.guild_settings, guild_id, priority=Priority.REVIEWING
    )
    findings: reviewing.Findings = await bot.worker.call(
        reviewing.findings, note, priority=Priority.REVIEWING
    )
    card = moderating.queued(note, place, len(waiting), now, findings, said)
    view = card_view(note, settings, now) or discord.ui.View(timeout=None)
    for action in ("previous", "next"):
        view.add_item(QueueButton(place, action))
    files = [text_file(card)] if card.file_name else []
    return {"content": card.content, "view": view, "attachments": files}


class QueueButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=moderating.QUEUE_BUTTON
):
    """*Previous* and *Next* in the queue; they work after a restart."""

    def __init__(self, place: int, action: str) -> None:
        """The button that leads on from a place in the queue."""
        super().__init__(
            discord.ui.Button(label=action.capitalize(), row=3, custom_id=f"queue:{place}:{action}")
        )
        self.place = place
        self.action = action

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
    ) -> "QueueButton":
        """Make the button anew from its id."""
        return cls(int(match["place"]), match["action"])

    @explained
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the note before or after."""
        await interaction.response.defer()
        refusal = await moderator_refusal(interaction)
        if refusal:
            await interaction.edit_original_response(content=refusal, view=None)
            return
        place = max(self.place + (1 if self.action == "next" else -1), 0)
        await interaction.edit_original_response(**await queue_page(interaction, place))


async def moderator_refusal(interaction: discord.Interaction[Any]) -> str:
    """Why somebody may not see what moderators see, or nothing."""
    settings: GuildSettings = await interaction.client.worker.call(
        Core.guild_settings, interaction.guild_id or 0, priority=Priority.REVIEWING
    )
    return "" if may_decide(interaction.user, settings) else cards.NOT_A_MODERATOR


async def _refusal(
    bot: "Bot", interaction: discord.Interaction[Any], revision_id: int
) -> tuple[Note | None, str]:
    """The note in question, and why whoever clicked may not decide on it, if so."""
    # A custom_id can be forged: a revision of another guild is as good as none.
    guild_id = interaction.guild_id or 0
    note: Note | None = await bot.worker.call(
        reviewing.note_of_revision, guild_id, revision_id, priority=Priority.REVIEWING
    )
    if note is None:
        return None, cards.CARD_GONE
    return note, await moderator_refusal(interaction)


# What would change.


async def _show_impact(interaction: discord.Interaction[Any], revision_id: int) -> None:
    """Say what publishing the revision would change, question by question."""
    bot: Bot = interaction.client
    await interaction.response.defer(ephemeral=True, thinking=True)
    note, refusal = await _refusal(bot, interaction, revision_id)
    if note is None or refusal:
        await interaction.edit_original_response(content=refusal)
        return
    found: Impact = await bot.worker.run_slices(lambda core: core.previewing.of_revision(note))
    first, *rest = moderating.impact(note, found)
    await interaction.edit_original_response(content=first)
    for part in rest:
        await interaction.followup.send(part, ephemeral=True)


# Edit & approve.


async def _open_editor(interaction: discord.Interaction[Any], revision_id: int) -> None:
    """Open the form with the revision's text; a text that no form holds is edited as a file."""
    bot: Bot = interaction.client
    note, refusal = await _refusal(bot, interaction, revision_id)
    if note is None or refusal:
        await interaction.response.send_message(refusal, ephemeral=True)
        return
    await interaction.response.send_modal(EditModal(note))


class EditModal(Form):
    """A moderator's words for a contributor's note."""

    template = cards.EDIT_FORM

    def __init__(self, note: Note) -> None:
        """A form with the text of a pending revision, or for a file where it is too long."""
        submission = note.revision.submission
        super().__init__("Edit and approve", f"edit:{note.revision.id}")
        title = discord.ui.TextInput[Any](
            custom_id="title", **prefilled(submission.title, TITLE_CHARACTERS)
        )
        self.ask("Title", title)
        if size(submission.text) <= FORM_CHARACTERS:
            text = discord.ui.TextInput[Any](
                custom_id="text",
                style=discord.TextStyle.paragraph,
                max_length=FORM_CHARACTERS,
                default=submission.text,
            )
            self.ask("Text", text)
        else:
            self.ask(
                "Text as a file",
                discord.ui.FileUpload[Any](custom_id="file", max_values=1),
                "The text is too long for a form: edit the file on the card.",
            )
        tags = discord.ui.TextInput[Any](
            custom_id="tags",
            required=False,
            **prefilled(" ".join(submission.tags), 200),
        )
        self.ask("Tags", tags, "Separated by blanks or commas.")

    @classmethod
    async def take(
        cls, interaction: discord.Interaction[Any], subject: re.Match[str], filled: Filled
    ) -> None:
        """Approve in these words."""
        await _begin(interaction)
        if not await _approved_in(interaction, int(subject["revision"]), filled):
            await give_back(interaction, cards.NOT_USED)


async def _approved_in(
    interaction: discord.Interaction[Any], revision_id: int, filled: Filled
) -> bool:
    """Approve a revision in a moderator's words; False, and they are told, if that can't be."""
    bot: Bot = interaction.client
    note, refusal = await _refusal(bot, interaction, revision_id)
    if note is None or refusal:
        await _tell(interaction, refusal)
        return False
    try:
        text = filled.text("text") or await _uploaded_text(filled.file("file"))
        link = note.revision.submission.link
        submission = checked_submission(filled.text("title"), text, filled.text("tags"), link)
    except InvalidNoteError as error:
        await _tell(interaction, str(error))
        return False
    moderator = (interaction.user.id, interaction.user.display_name)
    outcome: Outcome | None = await bot.worker.call(
        reviewing.edit_and_approve,
        note.guild_id,
        revision_id,
        moderator,
        submission,
        priority=Priority.REVIEWING,
    )
    return await _said(interaction, outcome, Action.EDIT)


async def _uploaded_text(uploaded: discord.Attachment | None) -> str:
    """The text of the file that was uploaded."""
    if uploaded is None:
        raise InvalidNoteError("There is no file: upload the text that you edited.")
    return (await read_attachment(uploaded)).text
