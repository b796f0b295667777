"""Access control of persistent components: one door for each click, choice and form.

Their ids come back from Discord and may be forged on the way. So each kind declares its first
response and a rule, without which its class is not made. The door acknowledges the interaction,
asks the rule, and lets the component act on what the rule has found.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from typing import Any, Final, TypeAlias

import discord

from bot.core.job_queue import Priority
from bot.interactions.kit import inbox
from bot.interactions.kit.errors import in_time, say
from bot.interactions.kit.layouts import layout
from bot.interactions.policy.channel_access import readable_answer
from bot.interactions.policy.guild_settings import viewer_language
from bot.interactions.policy.permissions import is_moderator, may_manage
from bot.interactions.services import Interaction
from bot.text import error_messages
from bot.text.languages import Sentence
from knowledge.values.questions import Question


class First(Enum):
    """The first response to a click or a form, which Discord awaits for three seconds."""

    THINKING = auto()  # a private *thinking…*
    IN_PLACE = auto()  # none yet; the message will change, which one member alone sees
    IN_PUBLIC = auto()  # the same of a message that others see: its handler checks that it is one
    OWN = auto()  # a form or a message, sent by the handler; the rule has to be quick


# The attributes that a rule adds to a component's own: what it has looked up.
Found: TypeAlias = Mapping[str, Any]
# Finds what a component may act on, by the values of its id, or says why it may not act.
Rule: TypeAlias = Callable[[Interaction, Mapping[str, Any]], Awaitable[Found | Sentence]]

_NOTHING: Final[Found] = {}


async def enter(
    interaction: Interaction, first: First, rule: Rule, values: Mapping[str, Any]
) -> Found | Sentence:
    """Acknowledge an interaction, then apply a component's rule.

    Returns:
        What the rule has found, or the refusal, which nobody has been told yet.
    """
    if first is First.IN_PLACE and not _is_seen_by_one(interaction):
        return error_messages.UNKNOWN_BUTTON
    if first is First.OWN:
        async with in_time():
            return await rule(interaction, values)
    if first is First.THINKING or interaction.message is None:
        inbox.keep(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
    else:
        await interaction.response.defer()
    return await rule(interaction, values)


async def refuse(interaction: Interaction, first: First, refusal: Sentence) -> None:
    """Tell the sender why a click does nothing, in the place of a message that they alone see.

    A moderator who lost the role so loses sight of what only moderators see.
    """
    said = refusal(await viewer_language(interaction))
    message = interaction.message
    if first is not First.IN_PLACE or message is None or not interaction.response.is_done():
        await say(interaction, said)
        return
    shown: dict[str, Any] = {"content": said, "view": None}
    if message.flags.components_v2:
        shown = layout([discord.ui.TextDisplay(said)])
    await interaction.edit_original_response(**shown, attachments=[])


def _is_seen_by_one(interaction: Interaction) -> bool:
    message = interaction.message
    return message is None or message.flags.ephemeral


# Rules.


async def anybody(_interaction: Interaction, _values: Mapping[str, Any]) -> Found:
    """Let everybody in: the component shows or changes only what is its sender's own."""
    return _NOTHING


def members(refusal: Sentence) -> Rule:
    """Let the members of a server in, within it."""

    async def rule(interaction: Interaction, _values: Mapping[str, Any]) -> Found | Sentence:
        return refusal if interaction.guild_id is None else _NOTHING

    return rule


def moderators(refusal: Sentence = error_messages.NOT_A_MODERATOR) -> Rule:
    """Let those in who are moderators at this moment."""

    async def rule(interaction: Interaction, _values: Mapping[str, Any]) -> Found | Sentence:
        allowed = interaction.guild_id is not None and await is_moderator(interaction)
        return _NOTHING if allowed else refusal

    return rule


def administrators(refusal: Sentence) -> Rule:
    """Let those in who may manage the server at this moment."""

    async def rule(interaction: Interaction, _values: Mapping[str, Any]) -> Found | Sentence:
        return _NOTHING if may_manage(interaction) else refusal

    return rule


async def readable_question(interaction: Interaction, question_id: int) -> Question | None:
    """A question whose words somebody may read: as its answer, or as a moderator of its server."""
    question = await interaction.client.worker.call(
        lambda core: core.store.question_records.question(question_id), priority=Priority.ASKING
    )
    guild_id = interaction.guild_id
    if question is None or guild_id is None or question.guild_id != guild_id:
        return None
    shown = await readable_answer(interaction, question) is not None
    return question if shown or await is_moderator(interaction) else None


def readers_of_answer(refusal: Sentence) -> Rule:
    """Let those in who may see what a question was answered.

    Finds the `question`, and the followed `channels` that they may read.
    """

    async def rule(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
        question = await interaction.client.worker.call(
            lambda core: core.store.question_records.question(values["question_id"]),
            priority=Priority.ASKING,
        )
        channels = await readable_answer(interaction, question)
        if question is None or channels is None:
            return refusal
        return {"question": question, "channels": channels}

    return rule
