"""*Quotes only* below a model's sentences: the plain answer again."""

from dataclasses import replace

from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply
from bot.answers.replay import asked_again
from bot.ask import button_messages, service
from bot.ask.messages import question_line
from bot.ask.phrased_text import QUOTES_LABELS
from bot.ask.ui.answer_message import PassageSelect, answer_message, pictured
from bot.core.job_queue import Priority
from bot.interactions.kit.buttons import Button, CustomId
from bot.interactions.kit.door import First
from bot.interactions.kit.layouts import text_of
from bot.interactions.kit.localisation import message_language, viewer_language
from bot.interactions.policy.channel_access import readable_in
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.policy.rules import readers_of_answer
from bot.interactions.services import Interaction
from knowledge.values.questions import Question


class QuotesButton(
    Button,
    ids=CustomId("phrased", question_id=int, action=tuple(QUOTES_LABELS)),
    rule=readers_of_answer(button_messages.FEEDBACK_GONE),
    first=First.IN_PUBLIC,
    labels=QUOTES_LABELS,
):
    """The asker and moderators remove the model's sentences from the message.

    Everybody else sees the plain answer privately.
    """

    question_id: int
    question: Question
    channels: tuple[int, ...]

    async def clicked(self, interaction: Interaction) -> None:
        question = self.question
        if not question.text:
            gone = button_messages.FEEDBACK_GONE(await viewer_language(interaction))
            await interaction.followup.send(gone, ephemeral=True)
        elif await self._takes_out(interaction, question):
            await self._take_out(interaction, question)
        else:
            reply = await self._plain(interaction, asked_again(question), self.channels)
            language = await viewer_language(interaction)
            shown = answer_message(reply, language=language, private=False)
            del shown["content"]
            await interaction.followup.send(**shown, ephemeral=True)

    async def _takes_out(self, interaction: Interaction, question: Question) -> bool:
        # The id may be forged: another message stays as it is.
        if PassageSelect.values_on(interaction.message) != {"question_id": self.question_id}:
            return False
        return question.asker_id == interaction.user.id or await is_moderator(interaction)

    async def _take_out(self, interaction: Interaction, question: Question) -> None:
        """Restore the plain answer, for everybody."""
        message = interaction.message
        private = message is not None and message.flags.ephemeral
        channels = readable_in(interaction, private=private)
        reply = await self._plain(interaction, asked_again(question), channels)
        text = text_of(message) if message is not None else ""
        shown = answer_message(
            reply,
            language=await message_language(interaction),
            private=private,
            repeats_question=text.startswith(question_line(question.text)),
            edits=True,
        )
        await interaction.edit_original_response(**shown)

    async def _plain(self, interaction: Interaction, ask: Ask, channels: tuple[int, ...]) -> Reply:
        """The current answer, from channels that its readers may read."""
        bot = interaction.client
        ask = replace(ask, channels=tuple(one for one in ask.channels if one in channels))
        reply = await bot.worker.call(
            lambda core: service.unrecorded(core, ask), priority=Priority.ASKING
        )
        return await pictured(bot, replace(reply, question_id=self.question_id))
