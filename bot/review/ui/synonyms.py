"""Page *Synonyms* of `/review`: pairs of words with one meaning."""

from typing import Any, Final

import discord

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import NONCE, Button, CustomId, Part, Select, view_of
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.channel_access import sees
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Interaction
from bot.review import synonym_service as service
from bot.review.ui.panel import ReviewPage, show_page
from knowledge.values.guilds import Language
from knowledge.values.synonyms import (
    WORD_CHARACTERS,
    InvalidSynonymError,
    checked_synonym,
)

# Discord's limit for the label of an option.
_LABEL_CHARACTERS: Final = 100
_WORD: Final = Part(r"[\w' -]{1,30}", str)


async def show_synonyms(interaction: Interaction, said: str = "") -> None:
    """Show the page *Synonyms*, below the sentence `said`."""
    guild_id, language = interaction.guild_id or 0, await viewer_language(interaction)
    found = await interaction.client.worker.call(lambda core: service.synonyms(core, guild_id))
    items: list[discord.ui.Item[Any]] = [AddSynonymButton(service.ADD(language))]
    rows = [[*items]]
    if found:
        options = [
            discord.SelectOption(label=str(pair)[:_LABEL_CHARACTERS], value=str(number))
            for number, pair in enumerate(found)
        ]
        rows.append([SynonymMenu(service.REMOVE(language), options)])
    texts = [service.listed(found, language), *filter(None, [said])]
    await show_page(interaction, ReviewPage.SYNONYMS, texts, *rows)


class SynonymMenu(Select, ids=CustomId("synonyms"), rule=moderators(), first=First.IN_PLACE):
    """List of the synonyms; the chosen pair is removed."""

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        guild_id, member_id, bot = (
            interaction.guild_id or 0,
            interaction.user.id,
            interaction.client,
        )
        # The option's label names the pair that the moderator saw.
        pair = next(
            (str(option.label) for option in self.item.options if option.value == value), ""
        )
        gone = await bot.worker.call(lambda core: service.remove(core, guild_id, member_id, pair))
        bot.guild_settings.forget(guild_id)
        said = service.removed(pair, gone, await viewer_language(interaction))
        await show_synonyms(interaction, said)


class AddSynonymButton(Button, ids=CustomId("add_synonym"), rule=moderators(), first=First.OWN):
    """Opens the form of a new pair."""

    async def on_click(self, interaction: Interaction) -> None:
        await interaction.response.send_modal(SynonymForm(await viewer_language(interaction)))


class SynonymForm(Form, ids=CustomId("form:synonym", nonce=NONCE), rule=moderators()):
    """The form of a new pair. Its effect is shown before it is stored."""

    def __init__(self, language: Language) -> None:
        super().__init__(service.ADD(language))
        word, meaning = service.WORD(language), service.MEANING(language)
        self.ask_text(word, "word", WORD_CHARACTERS, service.WORD_HELP(language))
        self.ask_text(meaning, "meaning", WORD_CHARACTERS, service.MEANING_HELP(language))

    @classmethod
    async def handle(
        cls, interaction: Interaction, _subject: dict[str, Any], filled: Filled
    ) -> None:
        language, bot = await viewer_language(interaction), interaction.client
        guild_id = interaction.guild_id or 0
        try:
            new = checked_synonym(filled.text("word"), filled.text("meaning"))
        except InvalidSynonymError as error:
            await give_back(interaction, service.bad_word(error.word, language))
            return
        known = await bot.worker.call(lambda core: service.synonyms(core, guild_id))
        against = service.check_synonym(known, new)
        if against is not None:
            await give_back(interaction, service.problem(against, new, language))
            return
        found = await bot.worker.run_slices(
            lambda core: service.preview_effect(core, guild_id, new)
        )
        if found is None:
            return
        asked_in = set().union(*found.channels.values())
        readable = found.readable(
            {channel_id for channel_id in asked_in if sees(interaction, channel_id)}
        )
        buttons = [
            SynonymButton(language, word=new.word, meaning=new.meaning, action=action)
            for action in service.LABELS
        ]
        await interaction.edit_original_response(
            content=service.preview(new, found.impact, readable, language), view=view_of(buttons)
        )


class SynonymButton(
    Button,
    ids=CustomId("synonym", word=_WORD, meaning=_WORD, action=tuple(service.LABELS)),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=service.LABELS,
    styles={"keep": discord.ButtonStyle.success},
):
    """Button *Keep* or *Discard* below the preview of a synonym."""

    word: str
    meaning: str
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        said = service.DISCARDED(await viewer_language(interaction))
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
            return service.bad_word(error.word, language)
        added = await bot.worker.call(
            lambda core: service.add(core, guild_id, member_id, new), priority=Priority.REVIEWING
        )
        bot.guild_settings.forget(guild_id)
        if isinstance(added, service.Problem):
            return service.problem(added, new, language)
        return service.kept(new, language)
