"""Buttons below an unasked answer: *This solved it*, *Not helpful*, *Dismiss*."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import discord

from bot.ask import button_messages, service
from bot.ask import unasked_messages as messages
from bot.ask.ui.answer_message import AnswerButton
from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import Found
from bot.interactions.kit.buttons import Button, CustomId
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import readers_of_answer
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.services import Interaction
from bot.text.languages import Sentence
from knowledge.chat.intents import is_marked_solved
from knowledge.values.guilds import Language
from knowledge.values.questions import Feedback, Question, Verdict

# Discord's limit of tags on a post.
_MOST_TAGS: Final = 5

_READERS: Final = readers_of_answer(button_messages.FEEDBACK_GONE)

_logger = logging.getLogger(__name__)


def help_buttons(question_id: int, language: Language) -> list[discord.ui.Item[Any]]:
    return [
        HelpedButton(language, question_id=question_id, action="solved"),
        AnswerButton(language, question_id=question_id, action="unhelpful"),
        HelpedButton(language, question_id=question_id, action="dismiss"),
    ]


async def _askers_and_moderators(
    interaction: Interaction, values: Mapping[str, Any]
) -> Found | Sentence:
    """Admit the asker and moderators, if the question was asked in this channel."""
    found = await _READERS(interaction, values)
    if isinstance(found, Sentence):
        return found
    question: Question = found["question"]
    # The id may be forged, so the channel is checked.
    if question.channel_id not in (interaction.channel_id, None):
        return button_messages.FEEDBACK_GONE
    mine = question.asker_id == interaction.user.id
    return found if mine or await is_moderator(interaction) else messages.NOT_YOURS


class HelpedButton(
    Button,
    ids=CustomId("helped", question_id=int, action=tuple(messages.LABELS)),
    rule=_askers_and_moderators,
    labels=messages.LABELS,
    styles={"solved": discord.ButtonStyle.success},
):
    """*This solved it* and *Dismiss*, for the asker and moderators."""

    question_id: int
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        language = await viewer_language(interaction)
        said = await self._act(interaction)
        await interaction.edit_original_response(content=said(language))

    async def _act(self, interaction: Interaction) -> Sentence:
        if self.action == "dismiss":
            return await self._dismiss(interaction)
        feedback = Feedback(self.question_id, interaction.user.id, Verdict.HELPFUL)
        known = await interaction.client.worker.call(
            lambda core: service.record_verdict(core, feedback), priority=Priority.ASKING
        )
        if not known:
            return button_messages.FEEDBACK_GONE
        marked = await mark_solved(interaction.channel)
        return messages.MARKED_SOLVED if marked else messages.SOLVED

    async def _dismiss(self, interaction: Interaction) -> Sentence:
        message = interaction.message
        values = HelpedButton.values_on(message)
        if message is None or values is None or values["question_id"] != self.question_id:
            return button_messages.FEEDBACK_GONE
        return await delete_dismissed(message)


async def delete_dismissed(message: discord.Message) -> Sentence:
    """Delete a message of the bot's, and return the response to the click."""
    try:
        await message.delete()
    except discord.NotFound:
        return messages.DISMISSED
    except UNREACHED as error:
        _logger.warning("An answer that was dismissed could not be deleted: %s", error)
        return messages.NOT_DISMISSED
    return messages.DISMISSED


async def mark_solved(channel: Any) -> bool:
    """Tag a post as solved, if its forum has such a tag and the bot may set it."""
    forum = channel.parent if isinstance(channel, discord.Thread) else None
    if not isinstance(forum, discord.ForumChannel):
        return False
    tag = next((one for one in forum.available_tags if is_marked_solved(one.name)), None)
    may = channel.permissions_for(channel.guild.me).manage_threads
    if tag is None or not may or tag in channel.applied_tags:
        return False
    if len(channel.applied_tags) >= _MOST_TAGS:
        return False
    try:
        await channel.add_tags(tag)
    except UNREACHED as error:
        _logger.warning("A post could not be marked as solved: %s", error)
        return False
    return True
