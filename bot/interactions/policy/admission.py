"""Admission of questions and notes by the member's quotas.

Servers and the operator choose these quotas, while flood control protects the bot itself
(`bot.interactions.policy.flood_control`). For a member without a quota, nothing is counted.
"""

import asyncio
import math
from datetime import UTC, datetime
from typing import Final

import discord

from bot.core.job_queue import Priority
from bot.interactions.policy import quota_check
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.policy.permissions import may_decide
from bot.interactions.policy.quota_check import Allowance, Sender
from bot.interactions.services import Interaction, Services
from bot.text import error_messages
from knowledge.store.database import DatabaseAwayError
from knowledge.values.quotas import Quota, quota_of
from knowledge.values.settings import GuildSettings

# A form must be the first response. If the count is late, the submitted form is checked instead.
_PATIENCE_SECONDS: Final = 0.5


async def count_question(bot: Services, member: discord.abc.User, guild_id: int | None) -> None:
    """Count a question, while the database is there; TooFastError if the quota is used up."""
    settings = await _settings(bot, guild_id)
    if may_decide(member, settings):
        return
    sender = _sender(member, settings)
    quota = quota_of(settings.limits.questions, sender.role_ids)
    if quota.is_unlimited:
        return
    now = datetime.now(UTC)
    try:
        until = await bot.worker.call(
            lambda core: core.store.recent_questions.count_question(
                sender.guild_id, sender.id, quota, now
            ),
            priority=Priority.ASKING,
        )
    except DatabaseAwayError:
        return
    if until is not None:
        seconds = math.ceil((until - now).total_seconds())
        raise bot.flood_control.used_up(member.id, seconds)


async def note_allowance(bot: Services, member: discord.Member, now: datetime) -> Allowance | None:
    """Return a member's allowance of notes; None if the number of notes is unlimited."""
    settings = await _settings(bot, member.guild.id)
    if may_decide(member, settings):
        return None
    sender = _sender(member, settings)
    allowed = quota_check.notes_of(sender, settings.limits, now)
    if isinstance(allowed, Quota) and allowed.is_unlimited:
        return None
    return Allowance(sender, allowed)


async def note_refusal(interaction: Interaction, note_id: int | None) -> str:
    """Return a refusal to open a note's form now, or an empty string.

    If the lookup is late, the form opens, and the submission is checked instead. The form also
    opens in direct messages, where the member's roles are unknown.
    """
    member, bot = interaction.user, interaction.client
    if not isinstance(member, discord.Member) or not bot.worker.is_open:
        return ""
    now = datetime.now(UTC)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            allowance = await note_allowance(bot, member, now)
            if allowance is None:
                return ""
            wait = await bot.worker.call(
                lambda core: quota_check.note_wait(core, allowance, note_id, now),
                priority=Priority.ASKING,
            )
    except (TimeoutError, *EXPLAINED):
        return ""
    return error_messages.invalid(quota_check.wait_error(wait)) if wait is not None else ""


async def _settings(bot: Services, guild_id: int | None) -> GuildSettings:
    return GuildSettings(0) if guild_id is None else await bot.guild_settings.settings(guild_id)


def _sender(member: discord.abc.User, settings: GuildSettings) -> Sender:
    account_at = discord.utils.snowflake_time(member.id)
    if not isinstance(member, discord.Member):
        return Sender(member.id, settings.guild_id, (), account_at, None)
    roles = tuple(role.id for role in member.roles)
    return Sender(member.id, settings.guild_id, roles, account_at, member.joined_at)
