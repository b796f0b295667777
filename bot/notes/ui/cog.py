"""Notes cog: the contributors' commands `/note …` and *Save as note*."""

from dataclasses import replace
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.interactions import autocomplete
from bot.interactions.features import Feature, Round
from bot.interactions.kit.errors import in_time
from bot.interactions.kit.localisation import description, viewer_language
from bot.interactions.services import Interaction, Services
from bot.notes import messages, service
from bot.notes.drafts import draft_of_revision
from bot.notes.messages import FILTER_LABELS, Filter
from bot.notes.ui.form import open_form, open_revision
from bot.notes.ui.lists import (
    ask_to_withdraw,
    report,
    report_message,
    show_note,
    show_page,
    show_revision,
)
from bot.notes.ui.reply_proposals import ReplyProposals
from bot.notes.ui.save_as_note import save_as_note
from bot.notes.ui.source_watcher import ROUND_SECONDS, SourceWatcher
from bot.notes.ui.submission import NoteSubmissions
from bot.review import cards as review_cards
from knowledge.values.drafts import Draft, OnPage
from knowledge.values.notes import Note, Obstacle, Problem
from knowledge.values.submissions import REASON_CHARACTERS

_CHOICE_CHARACTERS: Final = 100
_FILTERS = [
    app_commands.Choice(name=description(*label), value=wanted.value)
    for wanted, label in FILTER_LABELS.items()
]
_PROBLEMS = [
    app_commands.Choice(name=description(*label), value=problem.value)
    for problem, label in review_cards.PROBLEM_LABELS.items()
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
        # discord.py allows five message menus; with these two, the bot has five.
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
        page=description("Allow it on the server's public page, if there is one."),
    )
    @app_commands.autocomplete(tag=autocomplete.tags)
    async def add(
        self,
        interaction: Interaction,
        file: discord.Attachment | None = None,
        tag: app_commands.Range[str, 1, 200] | None = None,
        page: bool = True,
    ) -> None:
        on_page = OnPage.UNTOLD if page else OnPage.OFF
        await open_form(interaction, Draft(tags=tag or "", page=on_page), file)

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

    @note.command(
        name="history",
        description=description("The changes in each revision of a note."),
    )
    @app_commands.describe(note=description("Its title or number."))
    @app_commands.autocomplete(note=autocomplete.visible_notes)
    async def history(self, interaction: Interaction, note: _NoteOption) -> None:
        """Show how the latest visible revision differs from the revision before."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        note_id = await autocomplete.note_id_of(interaction, note)
        await show_revision(interaction, note_id or 0, None)

    @note.command(
        name="edit",
        description=description("Propose a new text for one of your notes."),
    )
    @app_commands.describe(
        note=description("Its title or number."),
        file=description(
            "A file with the new text: .md .txt .pdf .docx .html; at most 10 MB, 2,000 pages, "
            "30,000 characters."
        ),
        without_pictures=description("Remove its pictures."),
    )
    @app_commands.autocomplete(note=autocomplete.own_notes)
    async def edit(
        self,
        interaction: Interaction,
        note: _NoteOption,
        file: discord.Attachment | None = None,
        without_pictures: bool = False,
    ) -> None:
        async with in_time(interaction):
            found = await self._own(interaction, note)
        if not isinstance(found, Note):
            refusal = messages.NOT_YOURS if found is Obstacle.NOT_YOURS else messages.NO_SUCH_NOTE
            said = refusal(await viewer_language(interaction))
            await interaction.response.send_message(said, ephemeral=True)
        elif file is not None:
            draft = replace(draft_of_revision(found), without_pictures=without_pictures)
            await open_form(interaction, draft, file)
        else:
            await open_revision(interaction, found, without_pictures=without_pictures)

    async def _own(self, interaction: Interaction, typed: str) -> Note | Obstacle | None:
        note_id = await autocomplete.note_id_of(interaction, typed)
        if note_id is None or interaction.guild_id is None:
            return None
        guild_id, member_id = interaction.guild_id, interaction.user.id
        return await self.bot.worker.call(
            lambda core: service.own_note_in_guild(core, guild_id, note_id, member_id)
        )

    @note.command(
        name="withdraw",
        description=description("Withdraw one of your notes."),
    )
    @app_commands.describe(note=description("Its title or number."))
    @app_commands.autocomplete(note=autocomplete.own_notes)
    async def withdraw(self, interaction: Interaction, note: _NoteOption) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await ask_to_withdraw(interaction, await autocomplete.note_id_of(interaction, note))

    @note.command(
        name="report",
        description=description("Report a problem with a note to the moderators."),
    )
    @app_commands.describe(
        note=description("Its title or number."),
        problem=description("The problem with it."),
        reason=description("The correct facts, or the harm it does. Moderators read this."),
    )
    @app_commands.choices(problem=_PROBLEMS)
    @app_commands.autocomplete(note=autocomplete.live_notes)
    async def report(
        self,
        interaction: Interaction,
        note: _NoteOption,
        problem: str,
        reason: app_commands.Range[str, 1, REASON_CHARACTERS],
    ) -> None:
        note_id = await autocomplete.note_id_of(interaction, note)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await report(interaction, note_id or 0, Problem(problem), reason)


def feature(bot: Services) -> Feature:
    sources = SourceWatcher(bot)
    bot.submissions = NoteSubmissions(bot, sources)
    bot.reply_proposals = ReplyProposals(bot, sources)
    return Feature([NotesCog(bot, sources), sources], [Round(ROUND_SECONDS, sources.round)])
