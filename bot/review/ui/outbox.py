"""Dispatcher of the outbox: posts and edits review cards, sends notices, each exactly once.

A transaction that changes a note also marks its card as due and stores the notices. The dispatcher
delivers both after every decision, at the start and every minute. If the process is killed, nothing
is lost or posted twice.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import discord

from bot.core.core import ROUND_ERRORS
from bot.core.job_queue import Priority
from bot.interactions import shared_buttons
from bot.interactions.kit.buttons import view_of
from bot.interactions.kit.errors import UNREACHED, worth_retrying
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.policy.channel_access import followed_readable_by_viewers
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Services
from bot.review import cards as review_cards
from bot.review import messages as review_messages
from bot.review import service as review_service
from bot.review.cards import ReviewCard
from bot.review.impact import Impact, ImpactPreview
from bot.review.service import Delivery
from bot.review.ui.cards import card_buttons, card_message, files_of
from bot.review.ui.freshness import offer_buttons, question_buttons
from bot.text.languages import speaking
from knowledge.values.notes import Note, Notice, NoticeEvent, State
from knowledge.values.settings import GuildSettings

# Pause between rounds, which retry failed deliveries.
ROUND_SECONDS: Final = 60
# Pause between looks for notes that may no longer be true.
DOUBT_SECONDS: Final = 3_600
# Longest wait for the card before the contributor gets the confirmation.
PATIENCE_SECONDS: Final = 10
_BAD_REQUEST: Final = 400
# The largest number of cards to look for in one call. Each takes a request to Discord.
LOST_CARDS: Final = 25

_Buttons = list[discord.ui.Item[Any]]
# Channel and message id.
_Place = tuple[int, int]

_logger = logging.getLogger(__name__)


class OutboxDispatcher:
    """Delivers cards and notices, one round at a time, so that nothing is posted twice."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._one_at_a_time = asyncio.Lock()
        # Impact of publishing each pending revision, by its id. It is measured after the card is
        # posted, so that replaying questions delays no card.
        self._impacts: dict[int, Impact] = {}
        # The measurement under way of each revision, by its id.
        self._previews: dict[int, asyncio.Task[None]] = {}
        self._behind: set[asyncio.Task[None]] = set()

    async def catch_up(self) -> None:
        """Bring every card up to date and deliver all notices."""
        self._bot.autocomplete.forget()
        mine = self._bot.serves
        async with self._one_at_a_time:
            await self._show_cards()
            for notice in await self._bot.worker.call(
                lambda core: review_service.unsent_notices(core, mine)
            ):
                await self._deliver(notice)
            await self._bot.handovers.catch_up()
        self._bot.answers_for_askers.begin()

    async def catch_up_in_time(self) -> None:
        """Catch up for at most `PATIENCE_SECONDS`, then return and continue in the background."""

        async def behind() -> None:
            self._bot.track()
            try:
                await self.catch_up()
            except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
                self._bot.log_error(error)

        task = self._bot.loop.create_task(behind(), name="commonplace-posting")
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        await asyncio.wait([task], timeout=PATIENCE_SECONDS)

    async def round(self) -> None:
        """Ask writers, remind moderators of waiting notes, and retry failed deliveries."""
        try:
            await self.remind(datetime.now(UTC))
            await self.catch_up()
        except (*ROUND_ERRORS, discord.DiscordException) as error:
            _logger.error("Cards and notices wait for the next minute: %s", error)

    async def ask_writers(self) -> None:
        """Look for notes that may no longer be true; the next round sends the questions."""
        now, mine = datetime.now(UTC), self._bot.serves
        await self._bot.worker.run_slices(lambda core: review_service.ask_writers(core, now, mine))

    async def remind(self, at: datetime) -> None:
        """Post reminders of long waiting notes in the review channels, without notifications."""
        mine = self._bot.serves
        await self._bot.worker.call(lambda core: review_service.ask_about_dates(core, at, mine))
        due = await self._bot.worker.call(lambda core: review_service.reminders(core, at, mine))
        for settings, waiting, since in due:
            channel = self._bot.get_channel(settings.review_channel_id or 0)
            if isinstance(channel, discord.abc.Messageable):
                with speaking(settings.language):
                    text = review_messages.reminder(waiting, since)
                # Unique by guild and time, within Discord's limit of 25 characters.
                nonce = f"r{settings.guild_id:x}{int(at.timestamp()):x}"
                send = functools.partial(channel.send, text, silent=True, nonce=nonce)
                try:
                    await send_with_retries(send)
                except UNREACHED as error:
                    _logger.warning("Moderators could not be reminded: %s", error)

    async def move_cards(self, guild_id: int) -> None:
        """Delete pending cards in other channels, to post them again in the review channel."""
        left = await self._bot.worker.call(
            lambda core: core.store.review_cards.forget_misplaced(guild_id)
        )
        for channel_id, message_id in left:
            channel = self._bot.get_partial_messageable(channel_id)
            try:
                await channel.get_partial_message(message_id).delete()
            except UNREACHED as error:
                _logger.info("A review card stays where it was: %s", error)

    async def find_lost_cards(self, guild_id: int) -> None:
        """Find deleted cards of pending revisions, to post them again."""
        now = datetime.now(UTC)
        waiting = await self._bot.worker.call(
            lambda core: core.store.notes.queue(guild_id, now)[:LOST_CARDS]
        )
        lost = []
        for channel_id, message_id in [note.card for note in waiting if note.card]:
            try:
                await self._bot.get_partial_messageable(channel_id).fetch_message(message_id)
            except discord.NotFound:
                lost.append(message_id)
            except UNREACHED as error:
                _logger.warning("A review card could not be looked for: %s", error)
                return
        if lost:
            await self._bot.worker.call(lambda core: core.store.review_cards.forget_messages(lost))

    # Cards.

    async def _show_cards(self) -> None:
        mine = self._bot.serves
        due = await self._bot.worker.call(lambda core: core.store.review_cards.due(mine))
        # If a review channel refuses a card, the guild's other cards are not tried: each would
        # count towards Discord's limit on refused requests.
        refused: set[int] = set()
        for note, number in due:
            if note.guild_id in refused:
                continue
            try:
                if not await self._show_card(note, number):
                    refused.add(note.guild_id)
            except UNREACHED as error:
                _logger.warning("A review card could not be posted: %s", error)
                # A card rejected for its content doesn't block the guild's others.
                if getattr(error, "status", 0) != _BAD_REQUEST:
                    refused.add(note.guild_id)

    async def _show_card(self, note: Note, number: int) -> bool:
        """Post or edit a note's card; return False if the server has no review channel."""
        settings = await self._bot.guild_settings.current(note.guild_id)
        card = await self._card(note, settings)
        with speaking(settings.language):
            buttons = card_buttons(note, settings, datetime.now(UTC))
        measured = note.revision.id in self._impacts or note.revision.id in self._previews
        if note.revision.state is State.PENDING and not measured:
            task = asyncio.create_task(self._preview(note), name="commonplace-preview")
            self._previews[note.revision.id] = task
            task.add_done_callback(lambda _: self._previews.pop(note.revision.id))
        place = note.card
        edited = place is not None and await self._edit(place, card, buttons, settings)
        # The deleted card of a decided note is not posted again.
        if not edited and (place is None or note.revision.state is State.PENDING):
            if place is not None:
                lost_id = place[1]
                number = await self._bot.worker.call(
                    lambda core: review_service.replace_card(core, lost_id)
                )
            if not await self._post(note, number, card, buttons, settings):
                return False
        await self._bot.worker.call(
            lambda core: core.store.review_cards.mark_shown(note.revision.id, number)
        )
        return True

    async def _card(self, note: Note, settings: GuildSettings) -> ReviewCard:
        place = note.card
        channel_id = place[0] if place is not None else settings.review_channel_id or 0
        channels = followed_readable_by_viewers(self._bot, self._bot.get_channel(channel_id))
        await self._bot.worker.run_slices(
            lambda core: review_service.embed_similar_ahead(core, note), priority=Priority.REVIEWING
        )
        data = await self._bot.worker.call(
            lambda core: review_service.card_data(core, note, channels)
        )
        if note.revision.state is not State.PENDING:
            self._impacts.pop(note.revision.id, None)
        with speaking(settings.language):
            return review_cards.card(
                note,
                datetime.now(UTC),
                data,
                impact=self._impacts.get(note.revision.id),
                on_page=settings.page,
            )

    async def _preview(self, note: Note) -> None:
        try:
            impact = await self._bot.worker.run_slices(
                lambda core: core.part(ImpactPreview).of_revision(note)
            )
            if impact is None:
                return
            self._impacts[note.revision.id] = impact
            if impact.total or impact.confirmed:
                await self._bot.worker.call(
                    lambda core: core.store.review_cards.mark_outdated(note.revision.id)
                )
                await self.catch_up()
        except EXPLAINED as error:
            _logger.info("A card lacks the impact of its note: %s", error)

    async def _edit(
        self, place: _Place, card: ReviewCard, buttons: _Buttons, settings: GuildSettings
    ) -> bool:
        """Edit a posted card; False if it was deleted, or is out of the bot's reach."""
        channel = self._bot.get_partial_messageable(place[0])
        message = channel.get_partial_message(place[1])
        try:
            # An edit also removes the files of a withdrawn text.
            await _with_files_if_allowed(card, buttons, message.edit, "attachments")
        except discord.NotFound:
            return False
        except discord.Forbidden:
            if place[0] == settings.review_channel_id:
                raise
            return False
        return True

    async def _post(
        self,
        note: Note,
        number: int,
        card: ReviewCard,
        buttons: _Buttons,
        settings: GuildSettings,
    ) -> bool:
        """Post a card; return False if the server has no review channel.

        Discord accepts a nonce once. If an earlier attempt succeeded, Discord returns the message
        of that attempt, and the bot edits the message.
        """
        channel = self._bot.get_channel(settings.review_channel_id or 0)
        if not isinstance(channel, discord.abc.Messageable):
            return False
        posting = await self._bot.worker.call(
            lambda core: core.store.review_cards.begin_posting(note.revision.id, number)
        )
        send = functools.partial(channel.send, nonce=f"card-{note.revision.id}-{posting}")
        message = await _with_files_if_allowed(card, buttons, send, "files")
        place = (message.channel.id, message.id)
        await self._bot.worker.call(
            lambda core: core.store.review_cards.record_message(note.revision.id, *place)
        )
        if posting != number and not await self._edit(place, card, buttons, settings):
            # The message of the earlier attempt was deleted before the bot recorded it.
            await self._bot.worker.call(lambda core: review_service.replace_card(core, place[1]))
        return True

    # Notices.

    async def _deliver(self, notice: Notice) -> None:
        delivery = await self._bot.worker.call(
            lambda core: review_service.notice_delivery(core, notice)
        )
        if delivery is not None and await self._notify(delivery):
            await self._bot.worker.call(lambda core: core.store.notices.mark_sent(notice.id))

    async def _notify(self, delivery: Delivery) -> bool:
        """Notify a member in private or in the proposal's channel; return False to retry later."""
        notice, note = delivery.notice, delivery.note
        with speaking(delivery.settings.language):
            first, *rest = review_messages.notice_parts(
                note,
                notice.event,
                delivery.before,
                reason=delivery.reason,
                title=delivery.title,
                check=delivery.check,
            )
            view = _notice_view(delivery)
        nonce = f"notice-{notice.id}"
        guild, member_id = self._bot.get_guild(notice.guild_id), notice.member_id
        try:
            user: discord.User | discord.Member
            if notice.event in review_service.QUESTIONS and guild is not None:
                # A former member isn't asked about the server's notes.
                user = await guild.fetch_member(member_id)
            else:
                user = self._bot.get_user(member_id) or await self._bot.fetch_user(member_id)
            await send_with_retries(functools.partial(user.send, first, view=view, nonce=nonce))
            whole = review_messages.returned_text(note, notice.event)
            for number, part in enumerate(rest):
                file = whole if number == 0 else None
                await send_with_retries(
                    functools.partial(_send_part, user, part, file, f"{nonce}-{number}")
                )
        except UNREACHED as error:
            if worth_retrying(error):
                return False
            if notice.event in review_service.QUESTIONS:
                now = datetime.now(UTC)
                await self._bot.worker.call(
                    lambda core: core.store.note_checks.undeliverable(notice, now)
                )
                return True
            return await self._deliver_in_channel(notice, first, view)
        return True

    async def _deliver_in_channel(self, notice: Notice, text: str, view: Any) -> bool:
        channel = self._bot.get_channel(notice.channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return True
        send = functools.partial(
            channel.send,
            f"<@{notice.member_id}> {text}",
            allowed_mentions=discord.AllowedMentions(users=[discord.Object(notice.member_id)]),
            view=view,
            nonce=f"notice-{notice.id}-c",
        )
        try:
            await send_with_retries(send)
        except UNREACHED as error:
            _logger.warning("A contributor could not be notified: %s", error)
            return not worth_retrying(error)
        return True


async def _with_files_if_allowed(
    card: ReviewCard,
    buttons: _Buttons,
    send: Callable[..., Awaitable[discord.Message]],
    files_argument: str,
) -> discord.Message:
    """Post or edit a card with its files, or without them if the bot may not attach files.

    Old invitations of the bot lack this permission. `/review` shows the whole text.
    """

    async def attempt(*, with_files: bool) -> discord.Message:
        files = files_of(card.attached) if with_files else []
        shown = card_message(card, buttons, with_files=with_files)
        return await send(**shown, **{files_argument: files})

    try:
        return await send_with_retries(functools.partial(attempt, with_files=True))
    except discord.Forbidden:
        if not files_of(card.attached):
            raise
        return await send_with_retries(functools.partial(attempt, with_files=False))


async def _send_part(
    user: discord.User | discord.Member, text: str, file: review_cards.Card | None, nonce: str
) -> None:
    await user.send(text, files=files_of(file), nonce=nonce)


def _notice_view(delivery: Delivery) -> Any:
    event, note = delivery.notice.event, delivery.note
    if event is NoticeEvent.FROM_REPLY:
        return view_of([shared_buttons.withdraw_note(note.revision.id)])
    if event is NoticeEvent.STILL_TRUE:
        return view_of(question_buttons(note))
    if event is NoticeEvent.OFFERED:
        return view_of(offer_buttons(note))
    if event in review_messages.REVISABLE:
        return view_of([shared_buttons.revise_note(note.id)])
    return discord.utils.MISSING
