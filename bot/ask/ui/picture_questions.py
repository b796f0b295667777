"""Questions with pictures: the bot offers to ask with the text that it reads in the pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

import discord

from bot.answers.pipeline import QUESTION_CHARACTERS, response_without_lookup
from bot.ask import picture_messages
from bot.interactions.kit import inbox
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import NONCE, Button, CustomId, view_of
from bot.interactions.kit.forms import Filled, Form
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.admission import count_question
from bot.interactions.policy.channel_access import may_write
from bot.interactions.policy.component_access import anybody
from bot.interactions.services import Interaction, Services
from bot.text.languages import Sentence
from knowledge.values.guilds import Language

# Visibility of the offer, and of the answer that replaces the offer.
_SHOWN = ("public", "private")


async def picture_offer(
    bot: Services,
    attachments: Sequence[discord.Attachment],
    words: str,
    member_id: int,
    *,
    language: Language,
    private: bool,
) -> dict[str, Any] | None:
    """Return arguments that send the offer: the text in the pictures, with buttons to ask.

    Return None if the pictures have no text, or if the member's words leave no room for the text.
    """
    if len(words) > picture_messages.WORDS_CHARACTERS:
        return None
    text = await bot.picture_texts.among(attachments, member_id)
    if not text:
        return None
    buttons = [
        PictureButton(language, member_id=member_id, shown=_SHOWN[private], action=action)
        for action in picture_messages.LABELS
        if action == "picture" or not response_without_lookup(words)
    ]
    return {
        "content": picture_messages.offer(words, text, language),
        "view": view_of(buttons),
    }


async def _sender_only(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit the sender of the picture."""
    mine = interaction.user.id == values["member_id"]
    return {} if mine and _is_offer(interaction.message) else picture_messages.NOT_YOURS


def _is_offer(message: discord.Message | None) -> bool:
    """Whether a message is an offer. On any other message, the button's id was forged."""
    return message is not None and any(picture_messages.words_and_text(message.content))


class PictureButton(
    Button,
    ids=CustomId("picture", member_id=int, shown=_SHOWN, action=tuple(picture_messages.LABELS)),
    rule=_sender_only,
    first=First.OWN,
    labels=picture_messages.LABELS,
    styles={"picture": discord.ButtonStyle.primary},
):
    """A button below the offer: *Ask with this text* or *Ask my words only*.

    The offer's message has the pictures' text and the member's own words.
    """

    member_id: int
    shown: str
    action: str

    async def clicked(self, interaction: Interaction) -> None:
        message = interaction.message
        words, text = picture_messages.words_and_text(message.content if message else "")
        if self.action == "picture":
            asked = picture_messages.question(words, text)
            language = await viewer_language(interaction)
            await interaction.response.send_modal(PictureForm(asked, language, shown=self.shown))
        else:
            await _answer(interaction, words, private=self.shown == "private")


class PictureForm(
    Form,
    ids=CustomId("form:picture", shown=_SHOWN, nonce=NONCE),
    rule=anybody,
    first=First.OWN,
):
    """The form to correct a question with the pictures' text before it is asked."""

    def __init__(self, asked: str, language: Language, *, shown: str) -> None:
        super().__init__(picture_messages.FORM_TITLE(language), shown=shown)
        self.ask_text(
            picture_messages.QUESTION(language),
            "question",
            QUESTION_CHARACTERS,
            picture_messages.QUESTION_HELP(language),
            text=asked,
            paragraph=True,
        )

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        await _answer(interaction, filled.text("question"), private=subject["shown"] == "private")


def _is_mine(interaction: Interaction) -> bool:
    values = PictureButton.values_on(interaction.message) or {}
    return values.get("member_id") == interaction.user.id and _is_offer(interaction.message)


async def _answer(interaction: Interaction, question: str, *, private: bool) -> None:
    """Replace the offer by the answer. The answer is private if the member may not write here."""
    bot = interaction.client
    with bot.flood_control.admitted(interaction.user.id, interaction.guild_id):
        # The form may be forged, so check that it was opened from the sender's own offer.
        if _is_mine(interaction) and (private or may_write(interaction)):
            await interaction.response.defer()
        else:
            private = True
            inbox.keep(interaction)
            await interaction.response.defer(ephemeral=True, thinking=True)
        if not response_without_lookup(question):
            await count_question(bot, interaction.user, interaction.guild_id)
        await bot.answers.answer_deferred(interaction, question, private=private)
