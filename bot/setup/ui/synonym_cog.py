"""Synonyms cog: `/synonym add`, `list` and `remove`, for moderators."""

from typing import Final

import discord
from discord import app_commands

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId, Part, view_of
from bot.interactions.kit.localisation import description, viewer_language
from bot.interactions.policy.channel_access import sees
from bot.interactions.policy.command_groups import moderators_group
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Cog, Interaction
from bot.setup import synonym_messages as messages
from bot.setup import synonym_service as service
from knowledge.values.synonyms import (
    WORD_CHARACTERS,
    InvalidSynonymError,
    checked_synonym,
)

_WORD: Final = Part(r"[\w' -]{1,30}", str)
_Typed = app_commands.Range[str, 1, WORD_CHARACTERS]


class SynonymsCog(Cog):
    """The `/synonym` commands."""

    synonym = moderators_group(
        "synonym", description("Words that mean the same in this server's questions.")
    )

    @synonym.command(
        name="add",
        description=description(
            "Preview the effect of two words with the same meaning, then keep them."
        ),
    )
    @app_commands.describe(
        word=description("A word that members use, such as perm."),
        meaning=description("The word that documents use, such as permission."),
    )
    async def add(self, interaction: Interaction, word: _Typed, meaning: _Typed) -> None:
        language = await viewer_language(interaction)
        guild_id = interaction.guild_id or 0
        try:
            new = checked_synonym(word, meaning)
        except InvalidSynonymError as error:
            said = messages.bad_word(error.word, language)
            await interaction.edit_original_response(content=said)
            return
        known = await self.bot.worker.call(lambda core: service.synonyms(core, guild_id))
        against = service.check_synonym(known, new)
        if against is not None:
            said = messages.problem(against, new, language)
            await interaction.edit_original_response(content=said)
            return
        found = await self.bot.worker.run_slices(lambda core: service.preview(core, guild_id, new))
        if found is None:
            return
        asked_in = set().union(*found.channels.values())
        readable = found.readable({one for one in asked_in if sees(interaction, one)})
        buttons = [
            SynonymButton(language, word=new.word, meaning=new.meaning, action=action)
            for action in messages.LABELS
        ]
        await interaction.edit_original_response(
            content=messages.preview(new, found.impact, readable, language), view=view_of(buttons)
        )

    @synonym.command(name="list", description=description("Show the synonyms of this server."))
    async def shown(self, interaction: Interaction) -> None:
        guild_id = interaction.guild_id or 0
        found = await self.bot.worker.call(lambda core: service.synonyms(core, guild_id))
        said = messages.listed(found, await viewer_language(interaction))
        await interaction.edit_original_response(content=said)

    @synonym.command(name="remove", description=description("Remove the synonyms of a word."))
    @app_commands.describe(word=description("The word, as the list shows it."))
    async def remove(self, interaction: Interaction, word: _Typed) -> None:
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        wanted = " ".join(word.casefold().split())
        gone = await self.bot.worker.call(
            lambda core: service.remove(core, guild_id, member_id, wanted)
        )
        self.bot.guild_settings.forget(guild_id)
        said = messages.removed(word, gone, await viewer_language(interaction))
        await interaction.edit_original_response(content=said)


class SynonymButton(
    Button,
    ids=CustomId("synonym", word=_WORD, meaning=_WORD, action=tuple(messages.LABELS)),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=messages.LABELS,
    styles={"keep": discord.ButtonStyle.success},
):
    """Button *Keep* or *Discard* below the preview of a synonym."""

    word: str
    meaning: str
    action: str

    async def clicked(self, interaction: Interaction) -> None:
        said = messages.DISCARDED(await viewer_language(interaction))
        if self.action == "keep":
            said = await self._kept(interaction)
        await interaction.edit_original_response(content=said, view=None)

    async def _kept(self, interaction: Interaction) -> str:
        language, bot = await viewer_language(interaction), interaction.client
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        try:
            # An id can be forged.
            new = checked_synonym(self.word, self.meaning)
        except InvalidSynonymError as error:
            return messages.bad_word(error.word, language)
        added = await bot.worker.call(
            lambda core: service.add(core, guild_id, member_id, new), priority=Priority.REVIEWING
        )
        bot.guild_settings.forget(guild_id)
        if isinstance(added, service.Problem):
            return messages.problem(added, new, language)
        return messages.kept(new, language)
