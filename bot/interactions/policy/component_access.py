"""Access rules of buttons, lists and forms, and the groups of commands that follow them.

A rule returns the objects that the component acts on, or a refusal for the sender.
"""

from collections.abc import Mapping
from typing import Any, Final

import discord
from discord import app_commands

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import Found, Rule
from bot.interactions.kit.errors import say
from bot.interactions.policy.channel_access import readable_answer
from bot.interactions.policy.permissions import (
    SHOWN_TO_ADMINISTRATORS,
    is_moderator,
    may_help,
    may_manage,
)
from bot.interactions.services import Interaction
from bot.text import error_messages
from bot.text.languages import Sentence
from knowledge.values.questions import Question

_NOTHING: Final[Found] = {}


async def anybody(_interaction: Interaction, _values: Mapping[str, Any]) -> Found:
    """Admit everybody: the component shows or changes only its sender's own data."""
    return _NOTHING


def members(refusal: Sentence) -> Rule:
    """Return a rule that admits everybody in a server, and nobody in direct messages."""

    async def rule(interaction: Interaction, _values: Mapping[str, Any]) -> Found | Sentence:
        return refusal if interaction.guild_id is None else _NOTHING

    return rule


def moderators(refusal: Sentence = error_messages.NOT_A_MODERATOR) -> Rule:
    """Return a rule that admits current moderators."""

    async def rule(interaction: Interaction, _values: Mapping[str, Any]) -> Found | Sentence:
        allowed = interaction.guild_id is not None and await is_moderator(interaction)
        return _NOTHING if allowed else refusal

    return rule


async def helpers(interaction: Interaction, _values: Mapping[str, Any]) -> Found | Sentence:
    """Admit helpers and moderators, and look up the guild's settings for the component."""
    settings = await interaction.client.guild_settings.current(interaction.guild_id or 0)
    may = may_help(interaction.user, settings)
    return {"settings": settings} if may else error_messages.NOT_A_HELPER


def administrators(refusal: Sentence = error_messages.NOT_AN_ADMINISTRATOR) -> Rule:
    """Return a rule that admits members who may manage the server now."""

    async def rule(interaction: Interaction, _values: Mapping[str, Any]) -> Found | Sentence:
        return _NOTHING if may_manage(interaction) else refusal

    return rule


async def readable_question(interaction: Interaction, question_id: int) -> Question | None:
    """Return a question; None if the sender is neither a viewer of the answer nor a moderator."""
    question = await interaction.client.worker.call(
        lambda core: core.store.question_records.question(question_id), priority=Priority.ASKING
    )
    guild_id = interaction.guild_id
    if question is None or guild_id is None or question.guild_id != guild_id:
        return None
    shown = await readable_answer(interaction, question) is not None
    return question if shown or await is_moderator(interaction) else None


def readers_of_answer(refusal: Sentence) -> Rule:
    """A rule that admits viewers of a `question`, and adds the `channels` they read."""

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


class GuardedGroup(app_commands.Group):
    """Commands with an access rule, after an ephemeral *thinking…* if it `defers`."""

    def __init__(
        self,
        name: str,
        description: app_commands.locale_str,
        *,
        rule: Rule,
        shown_to: discord.Permissions,
        defers: bool = True,
    ) -> None:
        super().__init__(
            name=name, description=description, guild_only=True, default_permissions=shown_to
        )
        self._rule = rule
        self._defers = defers

    async def lets_in(self, interaction: Interaction) -> bool:
        """Whether the rule admits the sender of a command; if not, send the refusal.

        The command tree calls this method. A check of discord.py would raise an exception instead.
        """
        if self._defers:
            await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._rule(interaction, {})
        if isinstance(found, Sentence):
            await say(interaction, found())
            return False
        return True


def administrators_group(
    name: str, description: app_commands.locale_str, *, defers: bool = True
) -> GuardedGroup:
    return GuardedGroup(
        name, description, rule=administrators(), shown_to=SHOWN_TO_ADMINISTRATORS, defers=defers
    )
