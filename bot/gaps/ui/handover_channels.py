"""Channels for hand-overs, where only helpers and moderators are new readers of a question."""

from collections.abc import Iterator

import discord

from bot.interactions.policy.channel_access import viewers_may_read, visible_without_roles
from bot.interactions.policy.permissions import may_send
from bot.interactions.services import Services
from knowledge.values.guilds import GuildSettings
from knowledge.values.handovers import NotHandedOn
from knowledge.values.questions import Question

Place = discord.TextChannel | discord.ForumChannel


def channels_for(
    bot: Services, guild: discord.Guild, settings: GuildSettings, question: Question
) -> Iterator[Place]:
    """Channels for a question: the chosen channel first, then the review channel.

    A channel with readers who are neither helpers nor moderators is left out, unless all readers
    of the channel can read the question anyway.
    """
    for channel in _writable(guild, settings):
        others = visible_without_roles(
            channel, (settings.helper_role_id, settings.moderator_role_id)
        )
        if not others or _is_public(bot, channel, question):
            yield channel


def refusal(
    bot: Services, guild: discord.Guild, settings: GuildSettings, question: Question
) -> NotHandedOn | None:
    """Return a refusal if `channels_for` leaves out every channel where the bot may write.

    Return None if a channel is left, or if there is no channel where the bot may write.
    """
    writable = any(True for _ in _writable(guild, settings))
    if writable and not any(True for _ in channels_for(bot, guild, settings, question)):
        return NotHandedOn.PRIVATE
    return None


def _writable(guild: discord.Guild, settings: GuildSettings) -> Iterator[Place]:
    chosen = (settings.handover_channel_id, settings.review_channel_id)
    for channel_id in dict.fromkeys(chosen):
        channel = guild.get_channel(channel_id or 0)
        if isinstance(channel, Place) and may_send(channel):
            yield channel


def _is_public(bot: Services, place: Place, question: Question) -> bool:
    asked_in = bot.get_channel(question.channel_id or 0)
    alone = isinstance(asked_in, discord.Thread) and asked_in.is_private()
    return not (question.private or alone) and viewers_may_read(bot, place, asked_in)
