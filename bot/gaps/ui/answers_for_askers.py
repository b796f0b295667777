"""Notices to earlier askers, each sent once, after a note or a helper answers the question.

New notes are checked against gaps in a background task, so no moderator waits for the check.
Notices are stored, then delivered at once. A failed delivery is repeated every minute, and at the
start of the bot.
"""

import asyncio
import functools
import logging
from datetime import UTC, datetime
from typing import Any

import discord

from bot.core.worker import WorkerStoppedError
from bot.gaps import handover_messages, messages, service
from bot.gaps.handover_service import HelpersAnswer
from bot.gaps.service import NewAnswer
from bot.interactions import shared_buttons
from bot.interactions.kit.buttons import view_of
from bot.interactions.kit.errors import UNREACHED, worth_retrying
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.policy.channel_access import followed_readable_by_viewers, readable_by
from bot.interactions.services import Services
from knowledge.values.guilds import Language
from knowledge.values.notes import Notice, NoticeEvent

_logger = logging.getLogger(__name__)


class AnswersForAskers:
    """Delivers answers to earlier askers, one round at a time, so that no answer is sent twice."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def begin(self) -> None:
        """Start a round in the background; a running round is followed by another round."""
        if self._task is not None and not self._task.done():
            self._again = True
            return
        self._task = self._bot.loop.create_task(self._run(), name="commonplace-telling")

    async def _run(self) -> None:
        self._bot.track()
        while True:
            self._again = False
            try:
                await self.catch_up()
            except WorkerStoppedError:
                return
            except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
                self._bot.explanation(error)
            if not self._again:
                return

    async def catch_up(self) -> None:
        """Check new notes against gaps, and deliver the notices that are due."""
        mine = self._bot.serves
        await self._bot.worker.run_slices(lambda core: service.check_publications(core, mine))
        for notice in await self._bot.worker.call(lambda core: service.unsent_notices(core, mine)):
            await self._deliver_if_due(notice)

    async def _deliver_if_due(self, notice: Notice) -> None:
        now = datetime.now(UTC)
        if await self._bot.worker.call(lambda core: service.is_due(core, notice, now)):
            await self._notify(notice)

    async def _notify(self, notice: Notice) -> None:
        guild = self._bot.get_guild(notice.guild_id)
        # An unavailable guild returns; a later round delivers the notice.
        if guild is None or guild.unavailable:
            return
        try:
            member = await guild.fetch_member(notice.member_id)
        except discord.NotFound:
            # A former member may not read the server's knowledge.
            await self._mark_sent(notice)
            return
        except UNREACHED as error:
            _logger.info("The membership of an asker could not be checked: %s", error)
            return
        channel = await self._channel(notice, member)
        # A direct message in place of a channel reveals nothing: the asker may read everything that
        # the channel's readers may.
        channels = (
            readable_by(self._bot, member)
            if channel is None
            else followed_readable_by_viewers(self._bot, channel)
        )
        asked_in = channel if channel is not None else self._bot.get_channel(notice.channel_id)
        held = await self._bot.guild_settings.in_channel(guild if asked_in is None else asked_in)
        # For a deleted channel, the settings recorded with the question apply.
        known = None if asked_in is None else held
        answer = await self._bot.worker.call(
            lambda core: service.answer_to_deliver(core, notice, channels, known)
        )
        # An outdated notice about a note became a gap again; a helper's answer may be deleted.
        gone = answer is None and notice.event is NoticeEvent.HELPED
        places: list[Any] = [member] if channel is None else [channel, member]
        if gone or (
            answer is not None and await self._deliver(notice, answer, places, held.language)
        ):
            await self._mark_sent(notice)

    async def _mark_sent(self, notice: Notice) -> None:
        await self._bot.worker.call(lambda core: core.store.notices.sent(notice.id))

    async def _deliver(
        self,
        notice: Notice,
        answer: NewAnswer | HelpersAnswer,
        places: list[Any],
        language: Language,
    ) -> bool:
        """Deliver in the first place where the bot can write; return False to retry later.

        The last place is the member's direct messages.
        """
        member: discord.Member = places[-1]
        for place in places:
            private = place is member
            nonce = f"notice-{notice.id}{'' if private else '-c'}"
            try:
                for number, part in enumerate(
                    await self._messages(answer, member, place, language)
                ):
                    await send_with_retries(
                        functools.partial(
                            place.send,
                            **part,
                            allowed_mentions=discord.AllowedMentions(users=[member]),
                            nonce=f"{nonce}-{number}" if number else nonce,
                        )
                    )
            except UNREACHED as error:
                if worth_retrying(error):
                    return False
                _logger.info("An asker could not be notified: %s", error)
            else:
                return True
        return True

    async def _messages(
        self,
        answer: NewAnswer | HelpersAnswer,
        member: discord.Member,
        place: Any,
        language: Language,
    ) -> list[dict[str, Any]]:
        """Arguments that send an answer: one message, or several for a helper's long answer."""
        server, private = member.guild.name, place is member
        quiet = shared_buttons.no_more_answers(language)
        if isinstance(answer, HelpersAnswer):
            parts = handover_messages.answer_messages(
                answer.question, answer.handover, server, private=private, language=language
            )
            more = [{"content": part} for part in parts[1:]]
            return [{"content": parts[0], "view": view_of([quiet])}, *more]
        lead = messages.answer_lead(answer.question, server, private=private, language=language)
        return [
            await self._bot.answers.message_to_asker(
                answer.reply,
                None if private else place,
                language=language,
                lead=lead,
                extra=[quiet],
            )
        ]

    async def _channel(self, notice: Notice, member: discord.Member) -> Any:
        """The channel for a public answer; None if the asker gets a direct message instead."""
        if not await self._bot.worker.call(lambda core: service.is_public_question(core, notice)):
            return None
        channel: Any = self._bot.get_channel(notice.channel_id)
        if channel is None:
            try:
                channel = await self._bot.fetch_channel(notice.channel_id)
            except UNREACHED:
                return None
        if not isinstance(channel, discord.TextChannel | discord.Thread | discord.VoiceChannel):
            return None
        # A mention in a private thread would add a former member to it again.
        if isinstance(channel, discord.Thread) and channel.is_private():
            return None
        here = channel.guild.id == notice.guild_id
        return channel if here and channel.permissions_for(member).view_channel else None
