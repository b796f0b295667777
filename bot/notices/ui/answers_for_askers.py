"""Notifications to earlier askers once a note or a helper answers their question: each once.

What goes live is asked about in slices behind everything else, in a task of its own, so that no
moderator waits for it. Whom a publication answers is kept as notices in one transaction, and each
is worked off here: at once, at the start, and every minute. Nobody is told of notes more often than
once an hour; what else there is waits. What a helper wrote for somebody is told at once.
"""

import asyncio
import functools
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import discord

from bot.ask.ui.answer_message import answer_message, pictured
from bot.core.core import Core
from bot.core.worker import WorkerStoppedError
from bot.gaps import handover_messages as handover_messages
from bot.gaps import handovers as handover_service
from bot.gaps import messages as gaps_messages
from bot.gaps import service as gaps_service
from bot.gaps.handovers import HelpersAnswer
from bot.gaps.service import Told
from bot.interactions.kit.buttons import view_of
from bot.interactions.kit.errors import UNREACHED, worth_retrying
from bot.interactions.kit.retries import resent
from bot.interactions.policy.channel_access import readable_by, readable_by_all
from bot.interactions.services import Services
from bot.privacy.ui.cog import PrivacyButton
from knowledge.values.channel_settings import HoldingSettings
from knowledge.values.guilds import Language
from knowledge.values.notes import Notice, NoticeEvent

COOLDOWN: Final = timedelta(hours=1)
TOLD_TO_ASKERS: Final = frozenset({NoticeEvent.ANSWERED, NoticeEvent.HELPED})

_logger = logging.getLogger(__name__)


def _to_tell(
    core: Core, notice: Notice, channels: tuple[int, ...], held: HoldingSettings | None
) -> Told | HelpersAnswer | None:
    if notice.event is NoticeEvent.HELPED:
        return handover_service.to_tell(core, notice)
    return gaps_service.to_tell(core, notice, channels, held)


def _shown(
    told: Told | HelpersAnswer, server: str, private: bool, language: Language
) -> list[dict[str, Any]]:
    """What sends an answer: one message, or more where a helper wrote at length."""
    quiet = PrivacyButton(language, action="quiet")
    if isinstance(told, HelpersAnswer):
        parts = handover_messages.told(
            told.question, told.handover, server, private=private, language=language
        )
        more = [{"content": part} for part in parts[1:]]
        return [{"content": parts[0], "view": view_of([quiet])}, *more]
    lead = gaps_messages.answer_lead(told.question, server, private=private, language=language)
    return [answer_message(told.reply, language=language, private=False, lead=lead, extra=[quiet])]


class AnswersForAskers:
    """Delivers answers to earlier askers, one round at a time, so that nothing is said twice."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def begin(self) -> None:
        """Look in a task of its own whether somebody is to be told; once more if one is at it."""
        if self._task is not None and not self._task.done():
            self._again = True
            return
        self._task = self._bot.loop.create_task(self._run(), name="commonplace-telling")

    async def _run(self) -> None:
        self._bot.take()
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
        """Find whom new notes answer, and tell everybody whose time has come."""
        mine = self._bot.serves
        await self._bot.worker.run_slices(lambda core: gaps_service.check_publications(core, mine))
        for notice in await self._bot.worker.call(lambda core: core.store.notices.unsent(mine)):
            helped = notice.event is NoticeEvent.HELPED
            if helped or (notice.event is NoticeEvent.ANSWERED and await self._due(notice)):
                await self._notify(notice)

    async def _due(self, notice: Notice) -> bool:
        last = await self._bot.worker.call(lambda core: core.store.gaps.last_told(notice.member_id))
        if last is None:
            return True
        # One that lies ahead was written by a clock that went wrong.
        return not timedelta() <= datetime.now(UTC) - last < COOLDOWN

    async def _notify(self, notice: Notice) -> None:
        guild = self._bot.get_guild(notice.guild_id)
        # One that is only unavailable comes back.
        if guild is None or guild.unavailable:
            return
        try:
            member = await guild.fetch_member(notice.member_id)
        except discord.NotFound:
            # Who has left may not see what the server knows.
            await self._bot.worker.call(lambda core: core.store.notices.sent(notice.id))
            return
        except UNREACHED as error:
            _logger.info("Whether somebody is still there is not known: %s", error)
            return
        channel = await self._channel(notice, member)
        # The asker may read what everybody may who sees the channel; so a direct message in its
        # place tells no more than it would.
        channels = (
            readable_by(self._bot, member)
            if channel is None
            else readable_by_all(self._bot, channel)
        )
        asked_in = channel if channel is not None else self._bot.get_channel(notice.channel_id)
        held = await self._bot.guild_settings.in_channel(guild if asked_in is None else asked_in)
        # Of a channel that is gone, what held there is on record.
        known = None if asked_in is None else held
        told = await self._bot.worker.call(lambda core: _to_tell(core, notice, channels, known))
        # What is not true any more was taken back; a helper's words may be gone.
        gone = told is None and notice.event is NoticeEvent.HELPED
        places: list[Any] = [member] if channel is None else [channel, member]
        if gone or (told is not None and await self._deliver(notice, told, places, held.language)):
            await self._bot.worker.call(lambda core: core.store.notices.sent(notice.id))

    async def _deliver(
        self, notice: Notice, told: Told | HelpersAnswer, places: list[Any], language: Language
    ) -> bool:
        """Answer where it was asked, else by direct message, the last place; False: later."""
        member: discord.Member = places[-1]
        for place in places:
            private = place is member
            nonce = f"notice-{notice.id}{'' if private else '-c'}"
            if isinstance(told, Told):
                reply = await pictured(self._bot, told.reply, None if private else place)
                told = replace(told, reply=reply)
            shown = _shown(told, member.guild.name, private, language)
            try:
                for number, part in enumerate(shown):
                    await resent(
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
                _logger.info("Somebody who asked could not be told: %s", error)
            else:
                return True
        return True

    async def _channel(self, notice: Notice, member: discord.Member) -> Any:
        """Where it was asked, if that was in public and the asker can still read there."""
        question = await self._bot.worker.call(
            lambda core: core.store.question_records.question(notice.question_id or 0)
        )
        if question is None or question.private:
            return None
        channel: Any = self._bot.get_channel(notice.channel_id)
        if channel is None:
            try:
                channel = await self._bot.fetch_channel(notice.channel_id)
            except UNREACHED:
                return None
        if not isinstance(channel, discord.TextChannel | discord.Thread | discord.VoiceChannel):
            return None
        # To be named in a private thread adds whoever has left it.
        if isinstance(channel, discord.Thread) and channel.is_private():
            return None
        here = channel.guild.id == notice.guild_id
        return channel if here and channel.permissions_for(member).view_channel else None
