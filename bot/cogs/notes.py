"""Proposing notes: `/note add` and *Save as note*, both through one form."""

import re
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot import cards, reviewing
from bot.cogs.explaining import explained
from bot.core import Core
from bot.worker import Priority
from knowledge.model import (
    FORM_CHARACTERS,
    LINK_CHARACTERS,
    TITLE_CHARACTERS,
    GuildSettings,
    InvalidNoteError,
    Note,
    Outcome,
    Submission,
    checked_submission,
)

if TYPE_CHECKING:
    from bot.client import Bot


class Notes(commands.Cog):
    """What contributors can do."""

    note = app_commands.Group(name="note", description="Add to what this community knows.")

    def __init__(self, bot: "Bot") -> None:
        """Take notes through the bot's worker."""
        self.bot = bot
        menu = app_commands.ContextMenu(name="Save as note", callback=self.save_as_note)
        menu.guild_only = True
        bot.tree.add_command(menu)

    @note.command(name="add", description="Propose a note; moderators decide on it.")
    async def add(self, interaction: discord.Interaction["Bot"]) -> None:
        """Open an empty form."""
        await interaction.response.send_modal(NoteModal())

    async def save_as_note(
        self, interaction: discord.Interaction["Bot"], message: discord.Message
    ) -> None:
        """Open the form with a message's text, its link and its author's credit."""
        credit = f"\n\n— {message.author.display_name}" if message.content else ""
        room = FORM_CHARACTERS - len(credit)
        await interaction.response.send_modal(
            NoteModal(text=message.content[:room] + credit, link=message.jump_url)
        )


class NoteModal(discord.ui.Modal):
    """The form of a note. It collects; `checked_submission` decides what can be taken."""

    def __init__(
        self,
        *,
        draft: Submission | None = None,
        text: str = "",
        link: str = "",
        note: Note | None = None,
    ) -> None:
        """An empty form, or one filled with a draft or a message; for a new note or an old one."""
        super().__init__(
            title="Revise your note" if note else "Propose a note",
            custom_id=f"note:{note.id}:edit" if note else "note:add",
            timeout=None,
        )
        self._note = note
        draft = draft or Submission("", text, (), link)
        self.note_title = discord.ui.TextInput[Any](
            custom_id="title", max_length=TITLE_CHARACTERS, default=draft.title or None
        )
        self.text = discord.ui.TextInput[Any](
            custom_id="text",
            style=discord.TextStyle.paragraph,
            max_length=FORM_CHARACTERS,
            default=draft.text or None,
        )
        self.tags = discord.ui.TextInput[Any](
            custom_id="tags", required=False, max_length=200, default=" ".join(draft.tags) or None
        )
        self.link = discord.ui.TextInput[Any](
            custom_id="link",
            required=False,
            max_length=LINK_CHARACTERS,
            default=draft.link or None,
        )
        for label, description, component in (
            ("Title", "What the note is about, in one line.", self.note_title),
            ("Text", "What people should be able to find. Markdown works.", self.text),
            ("Tags", "Up to five, separated by blanks or commas.", self.tags),
            ("Source link", "Where this can be checked.", self.link),
        ):
            self.add_item(
                discord.ui.Label(text=label, description=description, component=component)
            )

    @explained
    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Take the note, post its card, and say where it stands."""
        bot: Bot = interaction.client
        await interaction.response.defer(ephemeral=True, thinking=True)
        sentence, view = await self._taken(interaction, bot)
        await interaction.edit_original_response(content=sentence, view=view)

    async def _taken(
        self, interaction: discord.Interaction[Any], bot: "Bot"
    ) -> tuple[str, discord.ui.View | None]:
        guild_id = self._note.guild_id if self._note else interaction.guild_id
        if guild_id is None or interaction.channel_id is None:
            return cards.NOTES_NEED_A_SERVER, None
        try:
            submission = checked_submission(
                self.note_title.value, self.text.value, self.tags.value, self.link.value
            )
        except InvalidNoteError as error:
            draft = Submission(
                self.note_title.value,
                self.text.value,
                tuple(self.tags.value.split()),
                self.link.value,
            )
            return str(error), EditAgain(draft, self._note)
        settings: GuildSettings = await bot.worker.call(
            Core.guild_settings, guild_id, priority=Priority.REVIEWING
        )
        if not settings.complete:
            return cards.NO_REVIEW_CHANNEL, EditAgain(submission, self._note)
        member = (interaction.user.id, interaction.user.display_name)
        if self._note is None:
            function: Any = reviewing.propose
            arguments: tuple[Any, ...] = (guild_id, member, interaction.channel_id, submission)
        else:
            function, arguments = reviewing.revise, (guild_id, self._note.id, member, submission)
        outcome: Outcome | None = await bot.worker.call(
            function, *arguments, priority=Priority.REVIEWING
        )
        if outcome is None:
            return cards.NO_SUCH_NOTE, None
        if outcome.obstacle is not None:
            return cards.obstacle(outcome.note, outcome.obstacle), None
        await bot.posting.catch_up()
        revision_id = outcome.note.revision.id
        note: Note = await bot.worker.call(
            reviewing.note_of_revision,
            guild_id,
            revision_id,
            priority=Priority.REVIEWING,
        )
        return cards.note_taken(note) if note.card else cards.CARD_NOT_POSTED, None


class EditAgain(discord.ui.View):
    """*Continue editing*: what somebody typed comes back in the form, so that nothing is lost.

    A form can't be answered with a form, so there is a button in between. It needs no restart:
    the text is only in this message's memory until it is taken.
    """

    def __init__(self, draft: Submission, note: Note | None = None) -> None:
        """Keep the draft for as long as Discord lets the private message be answered."""
        super().__init__(timeout=14 * 60)
        self._draft = draft
        self._note = note

    @discord.ui.button(label="Continue editing", style=discord.ButtonStyle.primary)
    @explained
    async def edit(
        self, interaction: discord.Interaction[Any], _button: discord.ui.Button["EditAgain"]
    ) -> None:
        """Open the form again as it was."""
        await interaction.response.send_modal(NoteModal(draft=self._draft, note=self._note))


class ReviseButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=cards.NOTE_BUTTON
):
    """*Revise and resubmit* below what a contributor was told; it works after a restart."""

    def __init__(self, note_id: int) -> None:
        """The button for one note."""
        super().__init__(
            discord.ui.Button(
                label="Revise and resubmit",
                style=discord.ButtonStyle.primary,
                custom_id=f"note:{note_id}:revise",
            )
        )
        self.note_id = note_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
    ) -> "ReviseButton":
        """Make the button anew from its id."""
        return cls(int(match["note"]))

    @explained
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Open the form with what was written last."""
        bot: Bot = interaction.client
        note: Note | None = await bot.worker.call(
            reviewing.own_note, self.note_id, interaction.user.id, priority=Priority.REVIEWING
        )
        if note is None:
            await interaction.response.send_message(cards.NOT_YOURS, ephemeral=True)
            return
        await interaction.response.send_modal(NoteModal(draft=note.revision.submission, note=note))
