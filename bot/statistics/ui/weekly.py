"""Weekly digests in Discord, with the overview: layout, preview, and delivery once a week.

A digest is claimed in the database, then sent with a nonce. Discord drops a second message with the
same nonce for some minutes. After a crash or a restored backup, the poster looks for the digest in
the channel before it posts again.
"""

import asyncio
import functools
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import discord
from cachetools import TTLCache

from bot.core.worker import run_in_thread
from bot.gaps import messages as gaps_messages
from bot.gaps import service as gaps_service
from bot.gaps.ui.existing_answer import PointForm
from bot.interactions import shared_buttons
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId
from bot.interactions.kit.errors import UNREACHED, worth_retrying
from bot.interactions.kit.layouts import layout, text_of
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.pictures import drawing_file, gallery
from bot.interactions.policy.channel_access import all_readable_by_viewers, visible_without_roles
from bot.interactions.policy.component_access import moderators
from bot.interactions.policy.permissions import may_send
from bot.interactions.services import Interaction, Services
from bot.interactions.threads import is_closed
from bot.review import golden_questions
from bot.review.ui.golden_questions import ShowChangesButton
from bot.statistics import overview as overviews
from bot.statistics import overview_picture as picture
from bot.statistics import weekly
from bot.statistics.overview import Audience, Overview, Panel, text
from bot.statistics.weekly import MOST_POSTS, Due, Week
from bot.text.languages import speak, speaking
from bot.text.markdown import LAYOUT_CHARACTERS, plain_within, size
from knowledge.values.settings import Edition, GuildSettings, WeeklyDigest


class DrawnOverview(NamedTuple):
    """An overview's picture, if any, and panels to show as text."""

    files: Sequence[discord.File] = ()
    panels: Sequence[Panel] = ()


async def gather_overview(bot: Services, audience: Audience, now: datetime) -> Overview | None:
    """Gather an overview; None if nobody asked anything."""
    quotes = bot.settings.answers.passages
    await bot.worker.run_slices(lambda core: overviews.prepare(core, audience, now))
    overview = await bot.worker.call(lambda core: overviews.overview(core, audience, now, quotes))
    return overview if any(overview.questions.values()) else None


async def draw_overview(overview: Overview | None, *, attach: bool) -> DrawnOverview:
    """Draw an overview if the bot may `attach` files.

    If nothing is drawn, or if the picture lacks some letters, the panels are also returned as text.
    """
    if overview is None:
        return DrawnOverview()
    panels = overviews.panels(overview)
    if not (attach and picture.is_possible()):
        return DrawnOverview(panels=panels)
    try:
        png, whole = await run_in_thread(picture.draw, panels)
    # matplotlib is broken, or lacks a folder for its fonts.
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        _logger.warning("The overview could not be drawn, so it is text: %r", error)
        return DrawnOverview(panels=panels)
    file = drawing_file(png, "overview", overviews.description(panels))
    return DrawnOverview([file], () if whole else panels)


# Interval of checking for due digests, which only compares times.
ROUND_SECONDS: Final = 60
# Digests posted concurrently. A rate-limited one times out and is retried in the next round.
_AT_ONCE: Final = 4
_STEP_SECONDS: Final = 120
# Most messages searched for a digest posted already.
_LOOKED_AT: Final = 200
# Discord checks nonces for "a few minutes", and the next round comes within one.
_NONCE_SECONDS: Final = 120
_SENT_CACHED: Final = 10_000
# Posts older than this are no longer reported. Each candidate costs two requests.
_REPORTED_FOR: Final = timedelta(days=21)
_CANDIDATES: Final = 3 * MOST_POSTS
_MOST_MESSAGES: Final = 50

_logger = logging.getLogger(__name__)


# The readers and the content of a digest.


def moderators_only(channel: discord.abc.GuildChannel, settings: GuildSettings) -> bool:
    return not visible_without_roles(channel, (settings.moderator_role_id,))


def open_channels(guild: discord.Guild) -> frozenset[int]:
    """Channels that every member may read, and their active public threads.

    Age-restricted channels don't count as open.
    """
    everybody = guild.default_role
    channels = {
        channel.id
        for channel in guild.channels
        if (can := channel.permissions_for(everybody)).view_channel
        and can.read_message_history
        and not getattr(channel, "nsfw", False)
    }
    threads = {
        thread.id
        for thread in guild.threads
        if thread.parent_id in channels and not thread.is_private()
    }
    return frozenset(channels | threads)


def is_writable(channel: Any) -> bool:
    return isinstance(channel, discord.TextChannel) and may_send(channel)


async def gather_week(
    bot: Services,
    channel: discord.abc.GuildChannel,
    digest: WeeklyDigest,
    time: Due,
    settings: GuildSettings,
) -> Week:
    """Gather a digest for the present readers of a channel."""
    guild, week = channel.guild, Week(digest, time)
    if digest.edition is Edition.MODERATORS:
        since, until = time.at - _REPORTED_FOR, time.at - timedelta(hours=digest.post_hours)
        posts = await bot.worker.call(
            lambda core: core.store.period_figures.unanswered_posts(
                guild.id, since, until, _CANDIDATES
            )
        )
        # The store records a post as unanswered after a day. Later answers are looked for here.
        open_posts: list[tuple[int, datetime]] = []
        for post in posts:
            if len(open_posts) < MOST_POSTS and await _is_unanswered(guild, post[0]):
                open_posts.append(post)
        week = Week(digest, time, posts=open_posts)
    public, inside = open_channels(guild), moderators_only(channel, settings)
    quotes = bot.settings.answers.passages
    week = await bot.worker.call(
        lambda core: weekly.gather_week(
            core, week, public, moderators_only=inside, quotes=quotes, alarms=settings.source_alarms
        )
    )
    if digest.edition is Edition.EVERYBODY or week.is_empty:
        return week
    audience = Audience(guild.id, all_readable_by_viewers(bot, channel))
    return replace(week, overview=await gather_overview(bot, audience, time.at))


async def _is_unanswered(guild: discord.Guild, thread_id: int) -> bool:
    """Whether a post is open, and nobody but its author and bots has written in it."""
    try:
        thread = guild.get_thread(thread_id) or await guild.fetch_channel(thread_id)
        if not isinstance(thread, discord.Thread) or is_closed(thread, archived_ok=True):
            return False
        messages = [message async for message in thread.history(limit=_MOST_MESSAGES)]
    except UNREACHED as error:
        _logger.info("A post could not be checked for answers: %s", error)
        return False
    authors = [message.author for message in messages]
    return all(author.bot or author.id == thread.owner_id for author in authors)


class DigestButton(
    Button,
    # With these and one more button a gap, five gaps and the rest fit in Discord's 40 components.
    ids=CustomId("digest", question_id=int, action=("point", "dismiss")),
    rule=moderators(gaps_messages.NOT_A_MODERATOR),
    first={"point": First.OWN, "dismiss": First.THINKING},
    labels=gaps_messages.ACTION_LABELS,
):
    """Button *Dismiss* or *Point to …* below a gap. A click leaves the digest as it is."""

    question_id: int
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        """Dismiss the gap, or open the form to point to its answer."""
        if self.action == "point":
            await interaction.response.send_modal(PointForm(self.question_id))
            return
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        groups = await interaction.client.worker.call(
            lambda core: gaps_service.dismiss(core, guild_id, [self.question_id], member_id)
        )
        content = gaps_messages.confirm_dismissal(groups)
        await interaction.edit_original_response(content=content)


def digest_message(week: Week, below: str, overview: DrawnOverview) -> dict[str, Any]:
    """Arguments to send or edit a digest message, except files. `below` is the last line, or ""."""
    parts = [*weekly.digest(week)]
    room = LAYOUT_CHARACTERS - sum(size(part) for part, _ in parts) - size(below)
    container = discord.ui.Container[Any](accent_colour=discord.Colour.blurple())
    for place, (part, group) in enumerate(parts):
        if place and group is None:
            container.add_item(discord.ui.Separator())
        container.add_item(discord.ui.TextDisplay(part))
        if group is not None:
            asked = group.example.id
            actions = (
                DigestButton(question_id=asked, action=action) for action in ("point", "dismiss")
            )
            write = shared_buttons.write_note(asked)
            container.add_item(discord.ui.ActionRow(write, *actions))
    if any(week.changed):
        shown = ShowChangesButton(golden_questions.SHOW())
        container.add_item(discord.ui.ActionRow(shown))
    # Without lines between: a full digest has nearly all components that Discord takes.
    if overview.files:
        container.add_item(gallery(overview.files))
    if words := text(overview.panels, room):
        container.add_item(discord.ui.TextDisplay(words))
    if below:
        container.add_item(discord.ui.Separator())
        container.add_item(discord.ui.TextDisplay(below))
    return layout([container])


# Delivery.


class DigestPoster:
    """Posts due digests."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        # Digests sent lately, whose copies Discord still drops by their nonce.
        self._sent: TTLCache[tuple[int, Edition, datetime], bool] = TTLCache(
            _SENT_CACHED, _NONCE_SECONDS
        )

    async def round(self) -> None:
        await self.post_due(datetime.now(UTC))

    async def post_due(self, now: datetime) -> None:
        """Post all digests that are due; an error in one guild doesn't affect the others."""
        mine = self._bot.serves
        times = await self._bot.worker.call(
            lambda core: [
                (digest, weekly.due(digest, now)) for digest in core.store.digests.all(mine)
            ]
        )
        turns = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._step(digest, time, turns) for digest, time in times if time))

    async def _step(self, digest: WeeklyDigest, time: Due, turns: asyncio.Semaphore) -> None:
        async with turns:
            self._bot.track()
            guild = self._bot.get_guild(digest.guild_id)
            # An unavailable guild comes back, and is served with a later round.
            if guild is None or guild.unavailable:
                return
            try:
                async with asyncio.timeout(_STEP_SECONDS):
                    covered = False if time.missed else await self._deliver(guild, digest, time)
                    if covered is not None:
                        await self._bot.worker.call(
                            lambda core: core.store.digests.settle(digest, time.at, covered=covered)
                        )
            except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
                self._bot.log_error(error)

    async def _deliver(self, guild: discord.Guild, digest: WeeklyDigest, time: Due) -> bool | None:
        """Post a digest in its channel, or tell administrators that this is impossible.

        The moderators' digest falls back to the review channel.

        Returns:
            Whether the digest was posted or had no news; None if a later round may succeed.
        """
        settings = await self._bot.guild_settings.settings(guild.id)
        places = [digest.channel_id]
        if digest.edition is Edition.MODERATORS:
            places.append(settings.review_channel_id or 0)
            await self._bot.worker.run_slices(
                lambda core: gaps_service.recheck_gaps(core, guild.id)
            )
        for channel in map(guild.get_channel, dict.fromkeys(places)):
            if isinstance(channel, discord.TextChannel) and is_writable(channel):
                try:
                    await self._post_in(channel, digest, time, settings)
                except UNREACHED as error:
                    _logger.warning("A digest could not be posted: %s", error)
                    if worth_retrying(error):
                        return None
                else:
                    return True
        await self._warn(guild, digest, settings)
        return False

    async def _post_in(
        self, channel: discord.TextChannel, digest: WeeklyDigest, time: Due, settings: GuildSettings
    ) -> None:
        week = await gather_week(self._bot, channel, digest, time, settings)
        if week.is_empty:
            return
        call, may = self._bot.worker.call, channel.permissions_for(channel.guild.me)
        claimed = await call(lambda core: core.store.digests.claim(digest, time.at))
        sent = (digest.guild_id, digest.edition, time.at)
        posted = not claimed and sent not in self._sent
        if may.read_message_history:
            posted = False
            async for message in channel.history(
                limit=_LOOKED_AT, after=time.at, oldest_first=False
            ):
                mine = message.author == self._bot.user
                if mine and weekly.is_digest(text_of(message), digest.edition, time.at):
                    posted = True
                    break
        if posted:
            return
        with speaking(await self._bot.guild_settings.language_in(channel)):
            below = ""
            if channel.id != digest.channel_id:
                below = weekly.MOVED(channel=f"<#{digest.channel_id}>")
            overview = await draw_overview(week.overview, attach=may.attach_files)
            content = digest_message(week, below, overview)
        # Discord's limit is 25 characters.
        nonce = f"d{digest.edition[0]}{channel.guild.id:x}{int(time.at.timestamp()) // 3_600:x}"
        self._sent[sent] = True
        files = overview.files
        send = functools.partial(channel.send, **content, files=files, silent=True, nonce=nonce)
        await send_with_retries(send)
        await call(lambda core: core.store.digests.warn(digest, warned=False))

    async def _warn(
        self, guild: discord.Guild, digest: WeeklyDigest, settings: GuildSettings
    ) -> None:
        """Tell administrators once, in the review channel, or else the server's owner."""
        is_new = await self._bot.worker.call(
            lambda core: core.store.digests.warn(digest, warned=True)
        )
        if not is_new:
            return
        with speaking(settings.language):
            warning = speak(
                "{digest} of {server} can't be posted: I can't write in {channel}, or it's gone. "
                "Choose another channel in `/setup`. I won't repeat this.",
                digest=weekly.NAMES[digest.edition](),
                server=plain_within(guild.name, 100),
                channel=f"<#{digest.channel_id}>",
            )
        try:
            place: Any = guild.get_channel(settings.review_channel_id or 0)
            if not is_writable(place):
                place = await self._bot.fetch_user(guild.owner_id or 0)
            nonce = f"w{digest.edition[0]}{guild.id:x}"
            await send_with_retries(functools.partial(place.send, warning, nonce=nonce))
        except UNREACHED as error:
            _logger.warning(
                "Administrators could not be told that a digest has no channel: %s", error
            )


# Preview.


async def show_preview(interaction: Interaction, edition: Edition) -> None:
    """Show administrators a digest as it would be posted now, even if the guild has none yet."""
    guild, bot, now = interaction.guild, interaction.client, datetime.now(UTC)
    if guild is None:
        return
    guild_id = guild.id
    settings = await bot.guild_settings.settings(guild_id)
    digests = await bot.worker.call(lambda core: core.store.digests.of_guild(guild_id))
    kept = digests.get(edition)
    # Without its channel, as if it were posted here.
    wanted = settings.review_channel_id if kept is None else kept.channel_id
    here: Any = interaction.channel
    if isinstance(here, discord.Thread):
        here = here.parent
    channel = guild.get_channel(wanted or 0) or here
    digest = kept or WeeklyDigest(guild_id, edition, channel.id, chosen_at=now)
    time = Due(now, weekly.since(digest, now))
    week = await gather_week(bot, channel, digest, time, settings)
    below = "" if kept else weekly.NOT_POSTED()
    if week.is_empty:
        when = f"<t:{int(time.since.timestamp())}:D>"
        said = speak("No news since {when}, so nothing would be posted.", when=when)
        await interaction.edit_original_response(content=f"{said}\n{below}".strip())
        return
    attach = interaction.app_permissions.attach_files
    overview = await draw_overview(week.overview, attach=attach)
    await interaction.edit_original_response(
        **digest_message(week, below, overview), attachments=overview.files
    )
