"""Notes cog: the contributors' commands `/note …` and *Save as note*."""

from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.interactions import autocomplete
from bot.interactions.features import Feature, Round
from bot.interactions.kit.localisation import description
from bot.interactions.services import Interaction, Services
from bot.notes.messages import FILTER_LABELS, Filter
from bot.notes.ui.form import open_form
from bot.notes.ui.lists import report_message, show_note, show_page
from bot.notes.ui.reply_proposals import ReplyProposals
from bot.notes.ui.save_as_note import save_as_note
from bot.notes.ui.source_watcher import ROUND_SECONDS, SourceWatcher
from bot.notes.ui.submission import NoteSubmissions
from knowledge.values.drafts import Draft

_CHOICE_CHARACTERS: Final = 100
_FILTERS = [
    app_commands.Choice(name=description(*label), value=wanted.value)
    for wanted, label in FILTER_LABELS.items()
]

_NoteOption = app_commands.Range[str, 1, _CHOICE_CHARACTERS]


class NotesCog(commands.Cog):
    """The commands of contributors."""

    note = app_commands.Group(
        name="note",
        description=description("Add to this community's knowledge."),
        guild_only=True,
    )

    def __init__(self, bot: Services, sources: SourceWatcher) -> None:
        self.bot = bot
        self._sources = sources
        # discord.py allows five message menus, and the bot has five.
        for name, callback in (("Save as note", self.save_as_note), ("Report", report_message)):
            menu = app_commands.ContextMenu(name=name, callback=callback)
            menu.guild_only = True
            bot.tree.add_command(menu)

    @note.command(
        name="add",
        description=description("Propose a note; moderators decide on it."),
    )
    @app_commands.describe(
        file=description(
            "A file with the text: .md .txt .pdf .docx .html; at most 10 MB, 2,000 pages, 30,000 "
            "characters."
        ),
        tag=description("Tags, separated by spaces. They can be new."),
    )
    @app_commands.autocomplete(tag=autocomplete.tags)
    async def add(
        self,
        interaction: Interaction,
        file: discord.Attachment | None = None,
        tag: app_commands.Range[str, 1, 200] | None = None,
    ) -> None:
        await open_form(interaction, Draft(tags=tag or ""), file)

    async def save_as_note(self, interaction: Interaction, message: discord.Message) -> None:
        await save_as_note(interaction, message, self._sources)

    @note.command(
        name="mine",
        description=description("Your notes and their states."),
    )
    @app_commands.describe(state=description("Only notes in this state."))
    @app_commands.choices(state=_FILTERS)
    async def mine(self, interaction: Interaction, state: str = "all") -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await show_page(interaction, Filter(state), 0)

    @note.command(
        name="show",
        description=description("The text of a note, and its state if it's yours."),
    )
    @app_commands.describe(note=description("Its title or number."))
    @app_commands.autocomplete(note=autocomplete.visible_notes)
    async def show(self, interaction: Interaction, note: _NoteOption) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await show_note(interaction, await autocomplete.note_id_of(interaction, note))


def feature(bot: Services) -> Feature:
    sources = SourceWatcher(bot)
    bot.submissions = NoteSubmissions(bot, sources)
    bot.reply_proposals = ReplyProposals(bot, sources)
    rounds = [Round(ROUND_SECONDS, sources.round)]
    return Feature([NotesCog(bot, sources), sources], rounds)
