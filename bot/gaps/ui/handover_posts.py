"""Dispatcher of hand-overs: posts them to the helpers, and keeps each message up to date.

The dispatcher runs after each action on a hand-over, at the start of the bot and every minute.
Discord recognizes a repeated message by its nonce. Forum posts have no nonce, so after an
interrupted attempt the dispatcher looks for the post before it posts again.
"""

import asyncio
import functools
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import discord

from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.gaps import handover_messages as messages
from bot.gaps import handover_service
from bot.gaps.ui.handover_buttons import HandoverButton, Place, channels_for
from bot.interactions.kit.buttons import view_of
from bot.interactions.kit.errors import UNREACHED, worth_retrying
from bot.interactions.kit.retries import LOST, send_with_retries
from bot.interactions.policy.channel_access import (
    followed_readable_by_viewers,
)
from bot.interactions.services import Services
from knowledge.values.guilds import Language
from knowledge.values.handovers import Handover
from knowledge.values.questions import Question

_Result = TypeVar("_Result")

# Minutes of a day. The question of an archived thread is still listed in `/gaps`.
_ARCHIVED_AFTER: Final = 1440

_logger = logging.getLogger(__name__)


class HandoverPosts:
    """Posts and edits hand-overs, one round at a time, so that no hand-over is posted twice."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._one_at_a_time = asyncio.Lock()

    async def catch_up(self) -> None:
        """Post new hand-overs, and edit the messages of changed hand-overs."""
        async with self._one_at_a_time:
            now = datetime.now(UTC)
            mine = self._bot.serves
            due = await self._call(lambda core: handover_service.due(core, now, mine))
            for handover in due:
                try:
                    await self._show(handover)
                except UNREACHED as error:
                    _logger.warning("A question could not be posted to the helpers: %s", error)

    async def _show(self, handover: Handover) -> None:
        guild = self._bot.get_guild(handover.guild_id)
        # An unavailable guild returns; a later round serves it.
        if guild is None or guild.unavailable:
            return
        if not handover.posted:
            await self._post(handover, guild)
            return
        if handover.message_id is not None:
            await self._edit(handover)
        await self._call(lambda core: core.store.handovers.mark_shown(handover))

    async def _call(self, function: Callable[[Core], _Result]) -> _Result:
        return await self._bot.worker.call(function, priority=Priority.ASKING)

    async def _message(self, handover: Handover, question: Question, place: Any) -> dict[str, Any]:
        """Arguments for sending or editing the message of a hand-over."""
        channels = followed_readable_by_viewers(self._bot, place)
        quotable = await self._call(
            lambda core: handover_service.quotable(core, question, channels)
        )
        language = await self._bot.guild_settings.language(handover.guild_id)
        return {
            "content": messages.handover_message(handover, quotable, language),
            "view": handover_view(handover, language),
        }

    # Posting.

    async def _post(self, handover: Handover, guild: discord.Guild) -> None:
        question = await self._call(lambda core: handover_service.question(core, handover))
        if question is None:
            await self._call(lambda core: core.store.handovers.drop_queued(handover.question_id))
            return
        settings = await self._bot.guild_settings.settings(guild.id)
        for place in channels_for(self._bot, guild, settings, question):
            try:
                message = await self._post_in(place, handover, question)
            except UNREACHED as error:
                if worth_retrying(error):
                    raise
                _logger.info("A helpers' channel refused a question: %s", error)
                continue
            now = replace(handover, channel_id=message.channel.id, message_id=message.id)
            await self._call(functools.partial(_record_message, handover=now))
            if handover.changes > 1:
                # Because of the nonce, Discord may return an earlier message with an earlier state.
                await self._edit(now)
            await self._call(lambda core: core.store.handovers.mark_shown(handover))
            await self._begin_thread(place, message, question)
            return
        await self._call(lambda core: core.store.handovers.drop_queued(handover.question_id))

    async def _post_in(
        self, place: Place, handover: Handover, question: Question
    ) -> discord.Message:
        said = await self._message(handover, question, place)
        if isinstance(place, discord.TextChannel):
            nonce = f"asked-{handover.question_id}"
            return await send_with_retries(functools.partial(place.send, **said, nonce=nonce))
        if handover.tried and (lost := await self._lost_post(place, handover)):
            return lost
        await self._call(lambda core: core.store.handovers.record_attempt(handover.question_id))
        tags = [tag for tag in place.available_tags if not tag.moderated]
        create = functools.partial(
            place.create_thread,
            name=messages.thread_name(question),
            applied_tags=tags[:1] if place.flags.require_tag else [],
            auto_archive_duration=_ARCHIVED_AFTER,
            **said,
        )
        try:
            return (await create()).message
        except (*LOST, discord.DiscordServerError):
            return await self._lost_post(place, handover) or (await create()).message

    async def _lost_post(
        self, forum: discord.ForumChannel, handover: Handover
    ) -> discord.Message | None:
        """The forum post of an earlier attempt whose response was lost, if any."""
        own = self._bot.user.id if self._bot.user is not None else 0
        for thread in await forum.guild.active_threads():
            if thread.parent_id != forum.id or thread.owner_id != own:
                continue
            try:
                message = await thread.fetch_message(thread.id)
            except discord.NotFound:
                continue
            values = HandoverButton.values_on(message)
            if values is not None and values["question_id"] == handover.question_id:
                return message
        return None

    async def _begin_thread(
        self, place: Place, message: discord.Message, question: Question
    ) -> None:
        """Start a thread for the helpers, if the bot may."""
        if not isinstance(place, discord.TextChannel):
            return
        if not place.permissions_for(place.guild.me).create_public_threads:
            return
        name = messages.thread_name(question)
        try:
            # Safe to repeat: a message has at most one thread.
            await send_with_retries(
                lambda: message.create_thread(name=name, auto_archive_duration=_ARCHIVED_AFTER)
            )
        except UNREACHED as error:
            _logger.info("A question has no thread: %s", error)

    # Editing.

    async def _edit(self, handover: Handover) -> None:
        """Edit the message of a hand-over; record a deleted message, and skip a refused edit."""
        question = await self._call(lambda core: handover_service.question(core, handover))
        if question is None:
            return
        channel = self._bot.get_channel(handover.channel_id or 0)
        said = await self._message(handover, question, channel)
        place = self._bot.get_partial_messageable(handover.channel_id or 0)
        message = place.get_partial_message(handover.message_id or 0)
        try:
            await send_with_retries(lambda: message.edit(**said))
        except discord.NotFound:
            await self._call(
                lambda core: core.store.handovers.record_message(handover.question_id, None, None)
            )
        except UNREACHED as error:
            if worth_retrying(error):
                raise
            _logger.info("The state of a question can't be shown: %s", error)


def _record_message(core: Core, handover: Handover) -> None:
    core.store.handovers.record_message(
        handover.question_id, handover.channel_id, handover.message_id
    )


def handover_view(handover: Handover, language: Language) -> discord.ui.View | None:
    return view_of(
        HandoverButton(language, question_id=handover.question_id, action=action)
        for action in messages.actions(handover)
    )
