"""Components of *Point to …*: a form for words, a list of passages, and a confirming button."""

from typing import Any, Final

import discord

from bot.gaps import messages, service
from bot.interactions.kit.buttons import DIGEST, NONCE, Button, CustomId, Select, view_of
from bot.interactions.kit.forms import Filled, Form
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.channel_access import quotable_channels
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Interaction
from knowledge.values.guilds import Language

_MODERATORS: Final = moderators(messages.NOT_A_MODERATOR)


class PointForm(Form, ids=CustomId("form:point", question_id=int, nonce=NONCE), rule=_MODERATORS):
    """The form to search for a passage that answers a gap, by words from the document."""

    def __init__(self, question_id: int, language: Language) -> None:
        super().__init__(messages.POINT_TITLE(language), question_id=question_id)
        self.ask_text(messages.POINT_LABEL(language), "words", messages.POINT_CHARACTERS)

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        """Offer the passages nearest to the words."""
        guild_id, question_id = interaction.guild_id or 0, subject["question_id"]
        words, channels = filled.text("words"), quotable_channels(interaction, private=True)
        found = await interaction.client.worker.call(
            lambda core: service.nearest_passages(core, guild_id, question_id, words, channels)
        )
        language = await viewer_language(interaction)
        if not found:
            said = messages.NOTHING_FOUND(language)
            await interaction.edit_original_response(content=said)
            return
        options = [
            discord.SelectOption(
                label=messages.passage_option(passage.title, passage.heading),
                value=f"{passage.id}:{digest}",
            )
            for passage, digest in found
        ]
        select = PointSelect(messages.CHOOSE_PASSAGE(language), options, question_id=question_id)
        await interaction.edit_original_response(
            content=messages.passages_found(words, language), view=view_of([select])
        )


class PointSelect(Select, ids=CustomId("point", question_id=int), rule=_MODERATORS):
    """The list of passages that may answer a gap; a choice is shown with `PointButton`."""

    question_id: int

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        guild_id, channels = interaction.guild_id or 0, quotable_channels(interaction, private=True)
        number, _, digest = value.partition(":")
        wanted = (int(number) if number.isdecimal() and len(number) < 19 else 0, digest)
        found = await interaction.client.worker.call(
            lambda core: service.find_offered_passage(
                core, guild_id, self.question_id, wanted, channels
            )
        )
        language = await viewer_language(interaction)
        if found is None:
            gone = messages.PASSAGE_GONE(language)
            await interaction.edit_original_response(content=gone)
            return
        passage, _ = found
        button = PointButton(
            language,
            question_id=self.question_id,
            passage_id=wanted[0],
            digest=digest,
            action="answers",
        )
        await interaction.edit_original_response(
            content=messages.passage_to_confirm(passage),
            view=view_of([button]),
        )


class PointButton(
    Button,
    ids=CustomId(
        "pointed",
        question_id=int,
        passage_id=int,
        digest=DIGEST,
        action=tuple(messages.ANSWERS_LABELS),
    ),
    rule=_MODERATORS,
    labels=messages.ANSWERS_LABELS,
    styles={"answers": discord.ButtonStyle.success},
):
    """The button *This answers it* below a passage that a moderator found for a gap."""

    question_id: int
    passage_id: int
    digest: str

    async def on_click(self, interaction: Interaction) -> None:
        bot, guild_id = interaction.client, interaction.guild_id or 0
        channels = quotable_channels(interaction, private=True)
        wanted = (self.passage_id, self.digest)
        member_id = interaction.user.id
        done = await bot.worker.call(
            lambda core: service.confirm_passage(
                core, guild_id, self.question_id, wanted, member_id, channels
            )
        )
        said = messages.POINTED if done else messages.PASSAGE_GONE
        await interaction.edit_original_response(content=said(await viewer_language(interaction)))
        if done:
            await bot.outbox.catch_up()
