"""Components of *Point to …*: a form for words, a list of passages, and a confirming button."""

from typing import Final

import discord

from bot.gaps import messages, service
from bot.gaps.messages import OPTION_CHARACTERS
from bot.interactions.kit.authorization import Found
from bot.interactions.kit.buttons import DIGEST, NONCE, Button, CustomId, Select, view_of
from bot.interactions.kit.forms import Filled, Form
from bot.interactions.policy.channel_access import quotable_channels
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Interaction
from bot.text.languages import speak
from bot.text.markdown import plain, shorten
from bot.text.place_names import place_name

_MODERATORS: Final = moderators(messages.NOT_A_MODERATOR)


class PointForm(Form, ids=CustomId("form:point", question_id=int, nonce=NONCE), rule=_MODERATORS):
    """The form to search for a passage that answers a gap, by words from the document."""

    def __init__(self, question_id: int) -> None:
        super().__init__(speak("Which document answers this?"), question_id=question_id)
        self.ask_text(speak("Its title, or words from it"), "words", 200)

    @classmethod
    async def handle(cls, interaction: Interaction, subject: Found, filled: Filled) -> None:
        """Offer the passages nearest to the words."""
        guild_id, question_id = interaction.guild_id or 0, subject["question_id"]
        words, channels = filled.text("words"), quotable_channels(interaction, private=True)
        offered = await interaction.client.worker.call(
            lambda core: service.nearest_passages(core, guild_id, question_id, words, channels)
        )
        if not offered:
            refusal = speak(
                "I found nothing close to these words that the askers can read. Try others, or "
                "write a note."
            )
            await interaction.edit_original_response(content=refusal)
            return
        options = [
            discord.SelectOption(
                label=place_name(passage.title, passage.heading, OPTION_CHARACTERS) or "…",
                value=f"{passage.id}:{digest}",
            )
            for passage, digest in offered
        ]
        placeholder = speak("Choose the passage that answers it")
        select = PointSelect(placeholder, options, question_id=question_id)
        content = speak("Passages closest to “{words}”:", words=plain(shorten(words, 100)))
        await interaction.edit_original_response(content=content, view=view_of([select]))


class PointSelect(Select, ids=CustomId("point", question_id=int), rule=_MODERATORS):
    """The list of passages that may answer a gap; a choice is shown with `PointButton`."""

    question_id: int

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        guild_id, channels = interaction.guild_id or 0, quotable_channels(interaction, private=True)
        number, _, digest = value.partition(":")
        wanted = (int(number) if number.isdecimal() and len(number) < 19 else 0, digest)
        offered = await interaction.client.worker.call(
            lambda core: service.find_offered_passage(
                core, guild_id, self.question_id, wanted, channels
            )
        )
        if offered is None:
            await interaction.edit_original_response(content=messages.PASSAGE_GONE())
            return
        passage, _ = offered
        button = PointButton(
            question_id=self.question_id, passage_id=wanted[0], digest=digest, action="answers"
        )
        content = messages.passage_to_confirm(passage)
        await interaction.edit_original_response(content=content, view=view_of([button]))


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
        sentence = messages.POINTED if done else messages.PASSAGE_GONE
        await interaction.edit_original_response(content=sentence())
        if done:
            await bot.outbox.catch_up()
