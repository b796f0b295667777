"""Hand-overs in Discord: posts to the helpers, kept up to date, and the buttons on them.

The dispatcher runs after each action on a hand-over, at the start of the bot and every minute.
Discord recognizes a repeated message by its nonce. Forum posts have no nonce, so after an
interrupted attempt the dispatcher looks for the post before it posts again.
"""

import asyncio
import functools
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import discord

from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.gaps import handover_messages, handover_service
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import NONCE, Button, CustomId, view_of
from bot.interactions.kit.errors import UNREACHED, in_time, worth_retrying
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.kit.retries import LOST, send_with_retries
from bot.interactions.policy import channel_access
from bot.interactions.policy.component_access import helpers, readers_of_answer
from bot.interactions.policy.permissions import may_decide, may_send
from bot.interactions.services import Interaction, Services
from bot.text.languages import speak, speaking
from knowledge.values.notes import Member
from knowledge.values.questions import Handover, NotHandedOn, Question
from knowledge.values.settings import GuildSettings


class HandOnButton(
    Button,
    ids=CustomId(
        "moderators", question_id=int, action=tuple(handover_messages.ASK_MODERATORS_LABELS)
    ),
    rule=readers_of_answer(handover_messages.QUESTION_GONE),
    labels=handover_messages.ASK_MODERATORS_LABELS,
):
    """The button *Ask the moderators* below a refusal, and the confirming button *Ask them*."""

    question_id: int
    action: str
    question: Question

    async def on_click(self, interaction: Interaction) -> None:
        """Hand the question over to the helpers, but ask first if the question is private."""
        bot, guild, question = interaction.client, interaction.guild, self.question
        view = discord.utils.MISSING
        if guild is None:
            sentence = handover_messages.QUESTION_GONE()
        elif question.private and self.action != "sure":
            sentence = handover_messages.ASKS_FIRST()
            view = view_of([HandOnButton(question_id=self.question_id, action="sure")])
        else:
            sentence = await _hand_on(bot, guild, question, interaction.user.id)
        await interaction.edit_original_response(content=sentence, view=view)


async def _hand_on(bot: Services, guild: discord.Guild, question: Question, member_id: int) -> str:
    """Hand a question over to the helpers, and return the response to the click."""
    settings = await bot.guild_settings.current(guild.id)
    if not settings.hand_on:
        return handover_messages.NOT_SET_UP()
    now, writable = datetime.now(UTC), any(True for _ in _writable(guild, settings))
    if writable and not any(True for _ in channels_for(bot, guild, settings, question)):
        return handover_messages.refusal(NotHandedOn.PRIVATE)
    claimed = await bot.worker.call(
        lambda core: handover_service.hand_over(core, guild.id, question.id, member_id, now),
        priority=Priority.ASKING,
    )
    if isinstance(claimed, NotHandedOn):
        return handover_messages.refusal(claimed)
    await bot.handovers.catch_up()
    # Helpers see this question, or an earlier one in the same words. A message that failed only for
    # the moment is sent with a later round.
    posted, quiet = await bot.worker.call(
        lambda core: (
            core.store.handovers.find(question.guild_id or 0, claimed) is not None,
            core.store.gaps.has_opted_out(question.asker_id),
        ),
        priority=Priority.ASKING,
    )
    if not posted:
        return handover_messages.NOT_POSTED()
    by_asker = question.asker_id == member_id
    return handover_messages.confirmation(by_asker=by_asker, quiet=quiet)


_FIRST: Final = {"answer": First.OWN, "send": First.THINKING}


class HandoverButton(
    Button,
    ids=CustomId("handover", question_id=int, action=tuple(handover_messages.LABELS)),
    rule=helpers,
    first={action: _FIRST.get(action, First.IN_PUBLIC) for action in handover_messages.LABELS},
    labels=handover_messages.LABELS,
    styles={
        "claim": discord.ButtonStyle.primary,
        "answer": discord.ButtonStyle.success,
        "send": discord.ButtonStyle.primary,
    },
):
    """A button for a helper's action on a question."""

    question_id: int
    action: str
    settings: GuildSettings

    async def on_click(self, interaction: Interaction) -> None:
        if self.action == "answer":
            await self._open_form(interaction)
        elif self.action == "send":
            await self._propose_note(interaction)
        else:
            await self._step(interaction)

    async def _step(self, interaction: Interaction) -> None:
        bot, guild_id = interaction.client, interaction.guild_id or 0
        helper_id, moderator = interaction.user.id, may_decide(interaction.user, self.settings)
        outcome = await bot.worker.call(
            lambda core: handover_service.apply_action(
                core, self.action, guild_id, self.question_id, helper_id, moderator=moderator
            ),
            priority=Priority.ASKING,
        )
        if outcome is None:
            await interaction.followup.send(handover_messages.GONE(), ephemeral=True)
            return
        await bot.handovers.catch_up()
        if not outcome.done:
            taken = handover_messages.already_taken(outcome.handover)
            await interaction.followup.send(taken, ephemeral=True)

    async def _open_form(self, interaction: Interaction) -> None:
        guild_id = interaction.guild_id or 0
        async with in_time(interaction):
            handover, asked = await interaction.client.worker.call(
                lambda core: (
                    core.store.handovers.find(guild_id, self.question_id),
                    core.store.question_records.question(self.question_id),
                ),
                priority=Priority.ASKING,
            )
        refusal = _why_not(interaction, handover)
        # The words of an old question are pruned.
        if refusal or asked is None or not asked.text:
            refusal = refusal or handover_messages.GONE()
            await interaction.response.send_message(refusal, ephemeral=True)
            return
        proposed = await interaction.client.reply_proposals.may_propose_handed_over(
            guild_id, interaction.channel, asked
        )
        form = HelperForm(asked, proposed=proposed)
        await interaction.response.send_modal(form)

    async def _propose_note(self, interaction: Interaction) -> None:
        bot, guild_id = interaction.client, interaction.guild_id or 0
        origin = interaction.message.id if interaction.message is not None else 0
        answer = await bot.worker.call(
            lambda core: handover_service.answer_to_propose(core, guild_id, self.question_id)
        )
        if answer is None:
            refusal = speak("This answer has already been proposed as a note.")
            await interaction.edit_original_response(content=refusal)
        else:
            await bot.submissions.propose_answer(interaction, *answer, origin)
            await bot.handovers.catch_up()


def _why_not(interaction: Interaction, handover: Handover | None) -> str:
    """The reason why a helper may not answer; empty if the helper may answer."""
    if handover is None:
        return handover_messages.GONE()
    if handover.free_for(interaction.user.id):
        return ""
    return handover_messages.already_taken(handover)


class HelperForm(Form, ids=CustomId("form:helper", question_id=int, nonce=NONCE), rule=helpers):
    """The form of a helper's answer."""

    def __init__(self, question: Question, *, proposed: bool) -> None:
        super().__init__(handover_messages.form_title(question.text), question_id=question.id)
        label = handover_messages.ANSWER_LABEL()
        if question.private:
            goes = speak("Only the asker will get it. You can propose it as a note afterwards.")
        elif proposed:
            goes = handover_messages.GOES_PUBLIC_AND_PROPOSED()
        else:
            goes = speak(
                "I'll post it where the question was asked. You can propose it as a note "
                "afterwards."
            )
        most = handover_messages.ANSWER_CHARACTERS
        self.ask_text(label, "answer", most, goes, paragraph=True)
        # Preselected, because the menu is required and hidden below the edge of a phone's screen.
        options = [
            discord.SelectOption(label=label(), value=value, default=value == "unnamed")
            for value, label in handover_messages.NAME_CHOICES.items()
        ]
        select = discord.ui.Select[Any](custom_id="name", options=options)
        self.ask(handover_messages.NAME_LABEL(), select)

    @classmethod
    async def handle(cls, interaction: Interaction, subject: Found, filled: Filled) -> None:
        """Store the answer and notify the askers, or give the text back with the reason."""
        bot = interaction.client
        guild_id, question_id = interaction.guild_id or 0, subject["question_id"]
        handover = await bot.worker.call(
            lambda core: core.store.handovers.find(guild_id, question_id),
            priority=Priority.ASKING,
        )
        refusal = _why_not(interaction, handover)
        text = filled.text("answer").strip()
        if refusal or handover is None or not text:
            await give_back(interaction, refusal or handover_messages.EMPTY())
            return
        name = interaction.user.display_name if filled.choice("name") == "named" else ""
        helper, now = Member(interaction.user.id, name), datetime.now(UTC)
        answered = await bot.worker.call(
            lambda core: handover_service.answer(core, handover, helper, text, now, interaction.id),
            priority=Priority.ASKING,
        )
        if answered is None:
            await give_back(interaction, handover_messages.GONE())
            return
        outcome, notified = answered
        if not outcome.done:
            refusal = handover_messages.already_taken(outcome.handover)
            await give_back(interaction, refusal)
            return
        with speaking(await bot.guild_settings.language_in(interaction.channel)):
            unnamed = handover_messages.A_HELPER()
        proposed = await bot.reply_proposals.propose_handed_over(
            guild_id, interaction.channel, question_id, unnamed
        )
        await bot.handovers.catch_up()
        await bot.outbox.catch_up_in_time()
        thanks = handover_messages.thanks(
            outcome.handover, notified=bool(notified), proposed=proposed
        )
        await interaction.edit_original_response(content=thanks)


# Channels: only helpers and moderators are new readers of a question there.

Place = discord.TextChannel | discord.ForumChannel


def channels_for(
    bot: Services, guild: discord.Guild, settings: GuildSettings, question: Question
) -> Iterator[Place]:
    """Channels for a question: the chosen channel first, then the review channel.

    A channel with readers who are neither helpers nor moderators is left out, unless all readers
    of the channel can read the question anyway.
    """
    for channel in _writable(guild, settings):
        others = channel_access.visible_without_roles(
            channel, (settings.helper_role_id, settings.moderator_role_id)
        )
        if not others or _is_public(bot, channel, question):
            yield channel


def _writable(guild: discord.Guild, settings: GuildSettings) -> Iterator[Place]:
    chosen = (settings.handover_channel_id, settings.review_channel_id)
    for channel_id in dict.fromkeys(chosen):
        channel = guild.get_channel(channel_id or 0)
        if isinstance(channel, Place) and may_send(channel):
            yield channel


def _is_public(bot: Services, place: Place, question: Question) -> bool:
    asked_in = bot.get_channel(question.channel_id or 0)
    alone = isinstance(asked_in, discord.Thread) and asked_in.is_private()
    return not (question.private or alone) and channel_access.viewers_may_read(bot, place, asked_in)


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
        channels = channel_access.followed_readable_by_viewers(self._bot, place)
        quotable = await self._call(
            lambda core: handover_service.quotable(core, question, channels)
        )
        with speaking(await self._bot.guild_settings.language(handover.guild_id)):
            buttons = [
                HandoverButton(question_id=handover.question_id, action=action)
                for action in handover_messages.actions(handover)
            ]
            content = handover_messages.handover_message(handover, quotable)
        return {"content": content, "view": view_of(buttons)}

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
        message = await self._message(handover, question, place)
        if isinstance(place, discord.TextChannel):
            nonce = f"asked-{handover.question_id}"
            return await send_with_retries(functools.partial(place.send, **message, nonce=nonce))
        if handover.tried and (lost := await self._lost_post(place, handover)):
            return lost
        await self._call(lambda core: core.store.handovers.record_attempt(handover.question_id))
        tags = [tag for tag in place.available_tags if not tag.moderated]
        create = functools.partial(
            place.create_thread,
            name=handover_messages.thread_name(question),
            applied_tags=tags[:1] if place.flags.require_tag else [],
            auto_archive_duration=_ARCHIVED_AFTER,
            **message,
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
        name = handover_messages.thread_name(question)
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
        content = await self._message(handover, question, channel)
        place = self._bot.get_partial_messageable(handover.channel_id or 0)
        message = place.get_partial_message(handover.message_id or 0)
        try:
            await send_with_retries(lambda: message.edit(**content))
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
