"""Gap cog: `/gaps`, the moderators' worklist of unanswered questions; answers to earlier askers.

Only the list on the message stores the choice of groups. Discord sends the message with each click,
so the buttons work after a restart.
"""

import asyncio
import functools
import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import discord
from discord import app_commands

from bot.core.worker import WorkerStoppedError
from bot.gaps import handover_messages, messages, service
from bot.gaps.handover_service import HelpersAnswer
from bot.gaps.service import Group, NewAnswer
from bot.gaps.ui.existing_answer import PointForm
from bot.gaps.ui.handover_posts import HandoverPosts
from bot.interactions import shared_buttons
from bot.interactions.features import Feature
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId, Select, view_of
from bot.interactions.kit.errors import UNREACHED, worth_retrying
from bot.interactions.kit.localisation import description
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.policy.channel_access import followed_readable_by_viewers, readable_by
from bot.interactions.policy.component_access import moderators
from bot.interactions.policy.permissions import SHOWN_TO_MODERATORS, refused
from bot.interactions.services import Cog, Interaction, Services
from bot.text import paging
from bot.text.languages import speaking
from bot.text.paging import Page, neighbours
from knowledge.values.notes import Notice, NoticeEvent
from knowledge.values.questions import HandoverState

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
                self._bot.log_error(error)
            if not self._again:
                return

    async def catch_up(self) -> None:
        """Check new notes against gaps, and deliver the notices that are due."""
        mine = self._bot.serves
        await self._bot.worker.run_slices(lambda core: service.check_publications(core, mine))
        for notice in await self._bot.worker.call(lambda core: service.unsent_notices(core, mine)):
            await self._notify(notice)

    async def _notify(self, notice: Notice) -> None:
        """Deliver a notice, if it is due now."""
        now = datetime.now(UTC)
        if not await self._bot.worker.call(lambda core: service.is_due(core, notice, now)):
            return
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
        is_done = answer is None and notice.event is NoticeEvent.HELPED
        if answer is not None:
            places: list[Any] = [member] if channel is None else [channel, member]
            with speaking(held.language):
                is_done = await self._deliver(notice, answer, places)
        if is_done:
            await self._mark_sent(notice)

    async def _mark_sent(self, notice: Notice) -> None:
        await self._bot.worker.call(lambda core: core.store.notices.mark_sent(notice.id))

    async def _deliver(
        self, notice: Notice, answer: NewAnswer | HelpersAnswer, places: list[Any]
    ) -> bool:
        """Deliver in the first place where the bot can write; return False to retry later."""
        member: discord.Member = places[-1]
        for place in places:
            private = place is member
            nonce = f"notice-{notice.id}{'' if private else '-c'}"
            try:
                parts = await self._messages(answer, member, place)
                for number, part in enumerate(parts):
                    send = functools.partial(
                        place.send,
                        **part,
                        allowed_mentions=discord.AllowedMentions(users=[member]),
                        nonce=f"{nonce}-{number}" if number else nonce,
                    )
                    await send_with_retries(send)
            except UNREACHED as error:
                if worth_retrying(error):
                    return False
                _logger.info("An asker could not be notified: %s", error)
            else:
                return True
        return True

    async def _messages(
        self, answer: NewAnswer | HelpersAnswer, member: discord.Member, place: Any
    ) -> list[dict[str, Any]]:
        """Arguments that send an answer: one message, or several for a helper's long answer."""
        server, private = member.guild.name, place is member
        quiet = shared_buttons.no_more_answers()
        if isinstance(answer, HelpersAnswer):
            parts = handover_messages.answer_messages(
                answer.question, answer.handover, server, private=private
            )
            more = [{"content": part} for part in parts[1:]]
            return [{"content": parts[0], "view": view_of([quiet])}, *more]
        lead = messages.answer_lead(answer.question, server, private=private)
        channel = None if private else place
        message = await self._bot.answers.message_to_asker(
            answer.reply, channel, lead=lead, extra=[quiet]
        )
        return [message]

    async def _channel(self, notice: Notice, member: discord.Member) -> Any:
        """The channel for a public answer; None if the asker gets a direct message instead."""
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
        # A mention in a private thread would add a former member to it again.
        if isinstance(channel, discord.Thread) and channel.is_private():
            return None
        here = channel.guild.id == notice.guild_id
        return channel if here and channel.permissions_for(member).view_channel else None


class GapsCog(Cog):
    """Groups of unanswered questions, for moderators."""

    @app_commands.command(
        name="gaps",
        description=description("Questions without a good answer, grouped."),
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(SHOWN_TO_MODERATORS)
    async def gaps(self, interaction: Interaction) -> None:
        """Settle gaps that have an answer now, then show the first page of the remaining gaps."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if await refused(interaction, messages.NOT_A_MODERATOR):
            return
        guild_id = interaction.guild_id or 0
        await self.bot.worker.run_slices(lambda core: service.recheck_gaps(core, guild_id))
        await _show(interaction, 0)


async def _show(interaction: Interaction, page: int, chosen: Collection[int] = ()) -> None:
    guild_id = interaction.guild_id or 0
    groups = await interaction.client.worker.call(lambda core: service.groups(core, guild_id))
    shown = messages.page_of_gaps(groups, page)
    view = _view(groups, shown, chosen, interaction.user.id)
    await interaction.edit_original_response(content=shown.content, view=view)


def _view(
    groups: Sequence[Group], shown: Page, chosen: Collection[int], member_id: int
) -> discord.ui.View | None:
    if not groups:
        return None
    view = discord.ui.View(timeout=None)
    on_page = messages.groups_on_page(groups, shown.number)
    first = shown.number * messages.GROUPS_A_PAGE + 1
    view.add_item(GroupSelect.of(on_page, first, chosen, page=shown.number))
    marked = [group for group in on_page if not frozenset(chosen).isdisjoint(group.ids)]
    for action in _actions(marked, member_id):
        label = messages.ACTION_LABELS[action]()
        button = GapsButton(label, row=1, page=shown.number, question_id=0, action=action)
        if action in ("write", "point"):
            button.item.disabled = len(marked) != 1
        else:
            button.item.disabled = len(marked) < (2 if action == "merge" else 1)
        view.add_item(button)
    before, after = (label() for label in paging.PAGE_LABELS)
    for number, label in neighbours(shown.number, shown.count, before, after):
        view.add_item(GapsButton(label, row=2, page=number, question_id=0, action="page"))
    return view


def _actions(marked: Sequence[Group], member_id: int) -> list[str]:
    """The actions on the chosen groups; *back* replaces *claim* if all are claimed already."""
    handovers = [group.handover for group in marked]
    mine = bool(handovers) and all(
        handover is not None
        and handover.state is HandoverState.CLAIMED
        and handover.helper_id == member_id
        for handover in handovers
    )
    return ["write", "point", "back" if mine else "claim", "merge", "dismiss"]


_MODERATORS: Final = moderators(messages.NOT_A_MODERATOR)


class GroupSelect(Select, ids=CustomId("groups", page=int), rule=_MODERATORS, first=First.IN_PLACE):
    """The list of a page's groups."""

    page: int

    @classmethod
    def of(
        cls, groups: Sequence[Group], first: int, chosen: Collection[int], *, page: int
    ) -> "GroupSelect":
        """The list of these groups, numbered from `first`; `chosen` groups are selected."""
        options = [
            discord.SelectOption(
                label=messages.option(group, place),
                value=str(group.example.id),
                description=messages.times_asked(group),
                default=not frozenset(chosen).isdisjoint(group.ids),
            )
            for place, group in enumerate(groups, first)
        ]
        made = cls(messages.CHOOSE(), options, page=page)
        made.item.min_values, made.item.max_values = 0, len(options)
        made.item.required = False
        return made

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        await _show(interaction, self.page, _question_ids(self.item.values))


def _question_ids(values: Collection[str]) -> list[int]:
    """The question ids among a list's values; values in another format are forged."""
    return [int(value) for value in values if value.isdecimal() and len(value) < 19]


def _choice_on(message: discord.Message | None) -> list[int]:
    """The question ids selected in the list on a message."""
    for row in message.components if message is not None else ():
        for part in getattr(row, "children", ()):
            if isinstance(part, discord.SelectMenu):
                return _question_ids([option.value for option in part.options if option.default])
    return []


_ACTIONS: Final = ("page", *messages.ACTION_LABELS)
_FORMS: Final = ("write", "point")


class GapsButton(
    Button,
    ids=CustomId("gaps", page=int, question_id=int, action=_ACTIONS),
    rule=_MODERATORS,
    first={action: First.OWN if action in _FORMS else First.IN_PLACE for action in _ACTIONS},
    styles={"write": discord.ButtonStyle.primary},
):
    """A button for an action on the chosen groups, or for another page."""

    page: int
    question_id: int
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        chosen = [self.question_id] if self.question_id else _choice_on(interaction.message)
        if self.action in _FORMS and len(chosen) != 1:
            refusal = messages.NONE_CHOSEN()
            await interaction.response.send_message(refusal, ephemeral=True)
        elif self.action == "write":
            await interaction.client.submissions.write_for(interaction, chosen[0])
        elif self.action == "point":
            await interaction.response.send_modal(PointForm(chosen[0]))
        elif self.action == "page":
            await _show(interaction, self.page)
        else:
            if response := await _act(interaction, self.action, chosen):
                await interaction.followup.send(response, ephemeral=True)
            kept = chosen if self.action in ("claim", "back") else []
            await _show(interaction, self.page, kept)


async def _act(interaction: Interaction, action: str, chosen: Sequence[int]) -> str:
    """Act on the chosen groups, and return the response; empty if the list shows the result."""
    bot, guild_id, member_id = interaction.client, interaction.guild_id or 0, interaction.user.id
    now = datetime.now(UTC)
    if action == "dismiss":
        groups = await bot.worker.call(
            lambda core: service.dismiss(core, guild_id, chosen, member_id)
        )
        return messages.confirm_dismissal(groups)
    if action == "merge":
        number = await bot.worker.call(
            lambda core: service.merge(core, guild_id, chosen, member_id)
        )
        return "" if number > 1 else messages.NONE_CHOSEN()
    response = ""
    if action == "claim":
        taken = await bot.worker.call(
            lambda core: service.claim(core, guild_id, chosen, member_id, now)
        )
        response = messages.already_taken(taken)
    else:
        await bot.worker.call(
            lambda core: service.give_back(core, guild_id, chosen, member_id, now)
        )
    # The helpers' messages show the new state.
    await bot.handovers.catch_up()
    return response


def feature(bot: Services) -> Feature:
    bot.handovers = HandoverPosts(bot)
    bot.answers_for_askers = AnswersForAskers(bot)
    return Feature([GapsCog(bot)])
