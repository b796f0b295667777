"""Dispatcher of the outbox: posts and edits review cards, sends notices, each exactly once.

Whatever changes a note only marks its card as due, in the same transaction, and keeps a notice for
whoever is to be told. Here both are worked off: after every decision, at the start, and every
minute. A process that dies in between loses nothing, and what was posted is not posted twice.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import discord

from bot.core.job_queue import Priority
from bot.core.worker import WorkerStoppedError
from bot.interactions.kit.buttons import view_of
from bot.interactions.kit.errors import EXPLAINED, UNREACHED, worth_retrying
from bot.interactions.kit.retries import resent
from bot.interactions.policy.channel_access import readable_by_all
from bot.interactions.services import Services
from bot.notes.ui.form import ReviseButton
from bot.notices import messages
from bot.notices.ui.answers_for_askers import TOLD_TO_ASKERS, AnswersForAskers
from bot.review import cards as review_cards
from bot.review import messages as review_messages
from bot.review import service as review_service
from bot.review.cards import ReviewCard
from bot.review.impact import Impact, ImpactPreview
from bot.review.ui.cards import card_buttons, card_message, files_of
from indexer.index.database import IndexError_
from knowledge.store.database import StoreError
from knowledge.store.notes.review_cards import card_number
from knowledge.values.guilds import GuildSettings, Language
from knowledge.values.notes import Note, Notice, State

# How often what was left undone is tried again.
ROUND_SECONDS: Final = 60
# How long whoever proposes a note waits for its card before they are told that it is kept.
PATIENCE_SECONDS: Final = 10
_BAD_REQUEST: Final = 400
# Each card that is looked for is a request to Discord.
LOST_CARDS: Final = 25

_Buttons = list[discord.ui.Item[Any]]

_logger = logging.getLogger(__name__)


class OutboxDispatcher:
    """Delivers cards and notices, one round at a time, so that none is posted twice."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._answers = AnswersForAskers(bot)
        self._one_at_a_time = asyncio.Lock()
        # What publishing the pending revisions would change, by revision id; found out once a card
        # is posted, because replaying questions must delay neither the card nor anybody's answer.
        self._impacts: dict[int, Impact] = {}
        self._previews: set[asyncio.Task[None]] = set()
        self._behind: set[asyncio.Task[None]] = set()

    async def catch_up(self) -> None:
        """Bring every card up to date and tell everybody who is to be told."""
        self._bot.autocomplete.forget()
        async with self._one_at_a_time:
            await self._show_cards()
            await self._notify()
            await self._bot.handovers.catch_up()
        self._answers.begin()

    async def catch_up_in_time(self) -> None:
        """Catch up; who waits for it is told sooner where Discord is slow, and the rest follows."""
        task = self._bot.loop.create_task(self._catch_up_behind(), name="commonplace-posting")
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        await asyncio.wait([task], timeout=PATIENCE_SECONDS)

    async def _catch_up_behind(self) -> None:
        self._bot.take()
        try:
            await self.catch_up()
        except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
            self._bot.explanation(error)

    async def round(self) -> None:
        """Remind moderators of what waits, and do what was left undone."""
        try:
            await self.remind(datetime.now(UTC))
            await self.catch_up()
        except (StoreError, IndexError_, WorkerStoppedError, discord.DiscordException) as error:
            _logger.error("Cards and notices wait for the next minute: %s", error)

    async def remind(self, at: datetime) -> None:
        """Say in the review channels what has waited for too long; whom it pings is nobody."""
        mine = self._bot.serves
        found = await self._bot.worker.call(lambda core: review_service.reminders(core, at, mine))
        for reminder in found:
            channel = self._bot.get_channel(reminder.settings.review_channel_id or 0)
            if isinstance(channel, discord.abc.Messageable):
                language = reminder.settings.language
                said = review_messages.reminder(reminder.waiting, reminder.since, language)
                try:
                    # Of one guild alone; 25 characters are the most.
                    nonce = f"r{reminder.settings.guild_id:x}{int(at.timestamp()):x}"
                    await resent(functools.partial(channel.send, said, silent=True, nonce=nonce))
                except UNREACHED as error:
                    _logger.warning("Moderators could not be reminded: %s", error)

    async def move_cards(self, guild_id: int) -> None:
        """Have what waits shown where the guild's review channel is now, and nowhere else."""
        left = await self._bot.worker.call(
            lambda core: core.store.review_cards.left_behind(guild_id)
        )
        for channel_id, message_id in left:
            channel = self._bot.get_partial_messageable(channel_id)
            try:
                await channel.get_partial_message(message_id).delete()
            except UNREACHED as error:
                _logger.info("A review card stays where it was: %s", error)

    async def find_lost_cards(self, guild_id: int) -> None:
        """Look whether the cards of what waits are still there, the oldest first."""
        now = datetime.now(UTC)
        waiting = await self._bot.worker.call(lambda core: core.store.notes.queue(guild_id, now))
        lost = []
        for note in waiting[:LOST_CARDS]:
            if note.card is None:
                continue
            channel = self._bot.get_partial_messageable(note.card[0])
            try:
                await channel.fetch_message(note.card[1])
            except discord.NotFound:
                lost.append(note.card[1])
            except UNREACHED as error:
                _logger.warning("A review card could not be looked for: %s", error)
                return
        if lost:
            await self._bot.worker.call(lambda core: core.store.review_cards.lost(lost))

    # Cards.

    async def _show_cards(self) -> None:
        mine = self._bot.serves
        due = await self._bot.worker.call(lambda core: core.store.review_cards.due(mine))
        # Where the review channel does not take one card, it takes none: asking Discord again for
        # each of them would run into its limit on refused requests.
        refused: set[int] = set()
        for note, number in due:
            if note.guild_id in refused:
                continue
            try:
                shown = await self._show_card(note, number)
                if shown is None:
                    refused.add(note.guild_id)
                else:
                    await self._mark_shown(note.revision.id, shown)
            except UNREACHED as error:
                _logger.warning("A review card could not be posted: %s", error)
                # What Discord does not take as it is keeps no other card from being shown.
                if getattr(error, "status", 0) != _BAD_REQUEST:
                    refused.add(note.guild_id)

    async def _mark_shown(self, revision_id: int, number: int) -> None:
        await self._bot.worker.call(lambda core: core.store.review_cards.shown(revision_id, number))

    async def _show_card(self, note: Note, number: int) -> int | None:
        """Post a card, or edit it, to show the change of its note that has this number.

        Returns:
            The number to mark as shown; None where the card has no channel.
        """
        settings = await self._bot.worker.call(
            lambda core: core.store.guilds.settings(note.guild_id)
        )
        shown_in = self._bot.get_channel(
            note.card[0] if note.card is not None else settings.review_channel_id or 0
        )
        channels = readable_by_all(self._bot, shown_in)
        await self._bot.worker.run_slices(
            lambda core: review_service.embed_near_ahead(core, note), priority=Priority.REVIEWING
        )
        findings = await self._bot.worker.call(
            lambda core: review_service.findings(core, note, channels)
        )
        now = datetime.now(UTC)
        pending = note.revision.state is State.PENDING
        if not pending:
            self._impacts.pop(note.revision.id, None)
        impact = self._impacts.get(note.revision.id)
        language = settings.language
        card = review_cards.card(
            note, now, findings, impact=impact, on_page=settings.page, language=language
        )
        buttons = card_buttons(note, settings, now, language)
        if pending and impact is None:
            task = asyncio.create_task(self._preview(note), name="commonplace-preview")
            self._previews.add(task)
            task.add_done_callback(self._previews.discard)
        if note.card is not None:
            shown = await self._edit(note.card, card, buttons, settings)
            # A decided card that somebody has deleted is not wanted any more.
            if shown or note.revision.state is not State.PENDING:
                return number
            await self._forget(note.card)
            number = card_number(note.card[1])
        return number if await self._post(note, number, card, buttons) else None

    async def _forget(self, place: tuple[int, int]) -> None:
        """Have the next card of a note be another message."""
        await self._bot.worker.call(lambda core: core.store.review_cards.lost([place[1]]))

    async def _preview(self, note: Note) -> None:
        try:
            found = await self._bot.worker.run_slices(
                lambda core: core.part(ImpactPreview).of_revision(note)
            )
            if found is None:
                return
            self._impacts[note.revision.id] = found
            if found.total:
                await self._bot.worker.call(
                    lambda core: core.store.review_cards.changed(note.revision.id)
                )
                await self.catch_up()
        except EXPLAINED as error:
            _logger.info("A card lacks what its note would change: %s", error)

    async def _edit(
        self, place: tuple[int, int], card: ReviewCard, buttons: _Buttons, settings: GuildSettings
    ) -> bool:
        """Edit a posted card; False if it is gone, or in an earlier channel that is closed now."""
        channel = self._bot.get_partial_messageable(place[0])
        message = channel.get_partial_message(place[1])

        async def edit(*, with_files: bool) -> discord.Message:
            # Files of a text that was withdrawn go.
            files = files_of(card.attached) if with_files else []
            shown = card_message(card, buttons, with_files=with_files)
            return await message.edit(**shown, attachments=files)

        try:
            await _with_files_if_allowed(card, edit)
        except discord.NotFound:
            return False
        except discord.Forbidden:
            if place[0] == settings.review_channel_id:
                raise
            return False
        return True

    async def _post(self, note: Note, number: int, card: ReviewCard, buttons: _Buttons) -> bool:
        """Post a card; False if there is no channel for it.

        Discord takes a message with a nonce only once. Where an earlier attempt was taken, it gives
        back that message, which is edited then.
        """
        settings = await self._bot.worker.call(
            lambda core: core.store.guilds.settings(note.guild_id)
        )
        channel = self._bot.get_channel(settings.review_channel_id or 0)
        if not isinstance(channel, discord.abc.Messageable):
            return False
        posting = await self._bot.worker.call(
            lambda core: core.store.review_cards.posting(note.revision.id, number)
        )
        nonce = f"card-{note.revision.id}-{posting}"

        async def send(*, with_files: bool) -> discord.Message:
            files = files_of(card.attached) if with_files else []
            shown = card_message(card, buttons, with_files=with_files)
            return await channel.send(**shown, files=files, nonce=nonce)

        message = await _with_files_if_allowed(card, send)
        place = (message.channel.id, message.id)
        await self._bot.worker.call(
            lambda core: core.store.review_cards.place(note.revision.id, *place)
        )
        if posting != number and not await self._edit(place, card, buttons, settings):
            # Somebody has deleted it before it was known.
            await self._forget(place)
        return True

    # Notices.

    async def _notify(self) -> None:
        mine = self._bot.serves
        for notice in await self._bot.worker.call(lambda core: core.store.notices.unsent(mine)):
            # Who asked is told in `answers_for_askers`, behind everything else.
            if notice.event not in TOLD_TO_ASKERS and notice.revision_id is not None:
                await self._deliver(notice, notice.revision_id)

    async def _deliver(self, notice: Notice, revision_id: int) -> None:
        note = await self._bot.worker.call(
            lambda core: core.store.notes.find(revision_id, notice.guild_id)
        )
        if note is None or await self._deliver_notice(notice, note):
            await self._bot.worker.call(lambda core: core.store.notices.sent(notice.id))

    async def _deliver_notice(self, notice: Notice, note: Note) -> bool:
        """Tell a contributor by direct message, else where they proposed the note.

        Returns False where it is worth trying again later.
        """
        before = await self._bot.worker.call(lambda core: review_service.own_words(core, note))
        reason = await self._reason(notice, note)
        title = await self._title(notice, note)
        settings = await self._bot.worker.call(
            lambda core: core.store.guilds.settings(note.guild_id)
        )
        first, *rest = messages.notice(
            note, notice.event, before, settings.language, reason=reason, title=title
        )
        view = _notice_view(notice, note, settings.language)
        try:
            user = self._bot.get_user(notice.member_id) or await self._bot.fetch_user(
                notice.member_id
            )
            nonce = f"notice-{notice.id}"
            await resent(functools.partial(user.send, first, view=view, nonce=nonce))
            whole = messages.text_to_give_back(note, notice.event)
            for number, part in enumerate(rest):
                file = whole if number == 0 else None
                await resent(functools.partial(_send_part, user, part, file, f"{nonce}-{number}"))
        except UNREACHED as error:
            if worth_retrying(error):
                return False
            return await self._deliver_in_channel(notice, first, view)
        return True

    async def _reason(self, notice: Notice, note: Note) -> str:
        decision = messages.DECIDED_LATER.get(notice.event)
        if decision is None:
            return ""
        return await self._bot.worker.call(
            lambda core: core.store.notes.last_reason(note.revision.id, decision)
        )

    async def _title(self, notice: Notice, note: Note) -> str:
        if notice.event not in messages.OF_EXTENSIONS:
            return ""
        return await self._bot.worker.call(lambda core: review_service.title_before(core, note))

    async def _deliver_in_channel(self, notice: Notice, text: str, view: Any) -> bool:
        channel = self._bot.get_channel(notice.channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return True
        allowed = discord.AllowedMentions(users=[discord.Object(notice.member_id)])
        try:
            await resent(
                functools.partial(
                    channel.send,
                    f"<@{notice.member_id}> {text}",
                    allowed_mentions=allowed,
                    view=view,
                    nonce=f"notice-{notice.id}-c",
                )
            )
        except UNREACHED as error:
            _logger.warning("A contributor could not be told: %s", error)
            return not worth_retrying(error)
        return True


async def _with_files_if_allowed(
    card: ReviewCard, show: Callable[..., Awaitable[discord.Message]]
) -> discord.Message:
    """Post or edit a card with its file, or without it where the bot may not attach files.

    An older invitation did not ask for that: a card without its file is better than none, and
    `/review note` shows the whole text.
    """
    try:
        return await resent(functools.partial(show, with_files=True))
    except discord.Forbidden:
        if not files_of(card.attached):
            raise
        return await resent(functools.partial(show, with_files=False))


async def _send_part(
    user: discord.User, text: str, file: review_cards.Card | None, nonce: str
) -> None:
    await user.send(text, files=files_of(file), nonce=nonce)


def _notice_view(notice: Notice, note: Note, language: Language) -> Any:
    if notice.event not in messages.REVISABLE:
        return discord.utils.MISSING
    return view_of([ReviseButton(language, note_id=note.id, action="revise")])
