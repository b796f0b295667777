"""Rounds over forum posts: the helpers are pinged once, and authors are asked whether it's solved.

Each state is recorded after its message, and before a repetition the message is looked for in the
post. *Yes* is recorded first, so after a kill the next round marks and closes the post.
"""

import functools
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import discord

from bot.ask import open_posts, unasked
from bot.ask.open_posts import Step
from bot.ask.ui import unasked_buttons
from bot.ask.ui.settled_check import is_closed, is_ping, lacking_to_help, message_and_settled
from bot.ask.ui.unasked_buttons import asks_of, mark_solved
from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import Button, CustomId, view_of
from bot.interactions.kit.errors import UNREACHED, worth_retrying
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.services import Interaction, Services
from bot.text.languages import Sentence, speaking
from knowledge.values.questions import HelpedQuestion, PostState
from knowledge.values.settings import EffectiveSettings, Mode, SolvedPosts

# The largest number of posts looked at in a round. Each takes some requests.
_MOST_LOOKED_AT: Final = 20
# Messages among which a ping or a question that was sent before a kill is looked for.
_LATEST: Final = 50

_logger = logging.getLogger(__name__)


class OpenPosts:
    """Looks after the posts of forums in which the bot helps."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    async def round(self) -> None:
        now, mine = datetime.now(UTC), self._bot.serves
        posts = await self._bot.worker.call(
            lambda core: core.store.helped_questions.posts(now - open_posts.FOLLOWED_FOR, now, mine)
        )
        looked_at = 0
        for post in posts:
            settings = await self._settings(post)
            first = open_posts.first_look(post, settings) if settings is not None else None
            if settings is None or first is None or first > now:
                continue
            try:
                with speaking(settings.language):
                    await self._look(post, settings, now)
            except UNREACHED as error:
                _logger.warning("Post %d could not be looked after: %s", post.message_id, error)
                if not worth_retrying(error):
                    await self._record(post, post.post_state, now + open_posts.PAUSE)
            looked_at += 1
            if looked_at == _MOST_LOOKED_AT:
                return

    async def _settings(self, post: HelpedQuestion) -> EffectiveSettings | None:
        """The settings of a post, or None if the bot doesn't help there now."""
        place: Any = self._bot.get_channel(post.place_id) or self._bot.get_channel(post.channel_id)
        if place is None or place.guild.unavailable:
            return None
        if not await self._bot.allowed_guilds.answers(place.guild.me, place.guild.id):
            return None
        settings = await self._bot.guild_settings.in_channel(place)
        return settings if settings.mode is Mode.HELP else None

    async def _look(self, post: HelpedQuestion, settings: EffectiveSettings, now: datetime) -> None:
        thread: Any = self._bot.get_channel(post.place_id)
        try:
            thread = thread or await self._bot.fetch_channel(post.place_id)
        except discord.NotFound:
            await self._record(post, PostState.ENDED)
            return
        if lacking_to_help(self._bot, thread):
            await self._record(post, post.post_state, now + open_posts.PAUSE)
            return
        if post.post_state is PostState.SOLVED:
            await close_solved(self._bot, thread, settings)
            return
        closed = is_closed(thread, archived_ok=True) or _was_archived_by_somebody(thread)
        message, settled = (
            (None, False) if closed else await message_and_settled(self._bot, post, thread)
        )
        if message is None:
            await self._record(post, PostState.ENDED)
            return
        answered = settled or await self._bot.worker.call(
            lambda core: unasked.has_good_answer(core, post)
        )
        step, due = open_posts.next_step(
            post, settings, now, answered=answered, quiet_since=_last_message_at(thread)
        )
        if step is Step.PING:
            await self._ping(post, thread, message, settings)
            await self._record(post, PostState.PINGED)
        elif step is Step.ASK:
            await self._ask(post, thread, settings)
            await self._record(post, PostState.ENDED)
        elif step is Step.END:
            await self._record(post, PostState.ENDED)
        else:
            await self._record(post, post.post_state, due)

    async def _record(
        self, post: HelpedQuestion, state: PostState, look_at: datetime | None = None
    ) -> None:
        await self._bot.worker.call(
            lambda core: core.store.helped_questions.set_post_state(post.message_id, state, look_at)
        )

    async def _ping(
        self,
        post: HelpedQuestion,
        thread: discord.Thread,
        message: discord.Message,
        settings: EffectiveSettings,
    ) -> None:
        """Ping the helpers or moderators once, and name similar posts unless they were offered."""
        server = await self._bot.guild_settings.settings(post.guild_id)
        role_id = server.helper_role_id or server.moderator_role_id
        if role_id is None or await self._was_pinged(thread):
            return
        said = open_posts.PING(settings.ping_hours, role=f"<@&{role_id}>")
        if not post.similar_ids:
            asks = await asks_of(self._bot, message, thread)
            documents = await self._bot.worker.call(
                lambda core: unasked.look_up_similar(core, post, asks[-1]),
                priority=Priority.INDEXING,
            )
            if documents:
                lead = f"{said}\n{open_posts.SIMILAR()}"
                said = unasked_buttons.similar(lead, documents)
        await send_with_retries(
            functools.partial(
                thread.send,
                said,
                allowed_mentions=discord.AllowedMentions(roles=[discord.Object(role_id)]),
                suppress_embeds=True,
                nonce=f"ping-{post.message_id}",
            )
        )

    async def _was_pinged(self, thread: discord.Thread) -> bool:
        latest = [message async for message in thread.history(limit=_LATEST)]
        return any(is_ping(self._bot, message) for message in latest)

    async def _ask(
        self, post: HelpedQuestion, thread: discord.Thread, settings: EffectiveSettings
    ) -> None:
        """Ask the author whether it's solved, unless that was asked before."""
        if await _question_in(thread) is not None:
            return
        author = discord.Object(post.asker_id)
        await send_with_retries(
            functools.partial(
                thread.send,
                open_posts.ASK(author=f"<@{post.asker_id}>"),
                view=view_of(SolvedButton(action=action) for action in open_posts.LABELS),
                allowed_mentions=discord.AllowedMentions(users=[author]),
                nonce=f"ask-{post.message_id}",
            )
        )


def _last_message_at(thread: discord.Thread) -> datetime:
    return discord.utils.snowflake_time(thread.last_message_id or thread.id)


def _was_archived_by_somebody(thread: discord.Thread) -> bool:
    """Whether a post was archived before Discord does it by itself."""
    quiet = thread.archive_timestamp - _last_message_at(thread)
    return thread.archived and quiet < timedelta(minutes=thread.auto_archive_duration)


async def _question_in(thread: discord.Thread) -> discord.Message | None:
    """The unanswered question to the author in a post, if there is one."""
    latest = [message async for message in thread.history(limit=_LATEST)]
    return next(
        (message for message in latest if SolvedButton.values_on(message) is not None), None
    )


async def close_solved(bot: Services, thread: discord.Thread, settings: EffectiveSettings) -> None:
    """Show that a post is solved, mark it, and lock or archive it if that was chosen."""
    if not thread.archived:
        question = await _question_in(thread)
        if question is not None:
            await question.edit(content=open_posts.SOLVED(), view=None)
        await mark_solved(thread)
        if thread.permissions_for(thread.guild.me).manage_threads:
            if settings.solved_posts is SolvedPosts.LOCK:
                await thread.edit(locked=True)
            elif settings.solved_posts is SolvedPosts.ARCHIVE:
                await thread.edit(archived=True)
    await bot.worker.call(
        lambda core: core.store.helped_questions.set_post_state(thread.id, PostState.ENDED)
    )


async def _author_and_moderators(
    interaction: Interaction, _values: Mapping[str, Any]
) -> Found | Sentence:
    """Admit the author of the post and moderators, below the bot's question."""
    thread, message = interaction.channel, interaction.message
    if not isinstance(thread, discord.Thread) or SolvedButton.values_on(message) is None:
        return open_posts.NOT_YOURS
    mine = thread.owner_id == interaction.user.id
    return {} if mine or await is_moderator(interaction) else open_posts.NOT_YOURS


class SolvedButton(
    Button,
    ids=CustomId("post_solved", action=tuple(open_posts.LABELS)),
    rule=_author_and_moderators,
    first=First.IN_PUBLIC,
    labels=open_posts.LABELS,
    styles={"yes": discord.ButtonStyle.success},
):
    """*Yes* and *No* below the question whether a post is solved."""

    action: str

    async def on_click(self, interaction: Interaction) -> None:
        bot, thread = interaction.client, interaction.channel
        settings = await bot.guild_settings.in_channel(thread)
        with speaking(settings.language):
            if self.action == "no" or not isinstance(thread, discord.Thread):
                said = open_posts.NOT_SOLVED()
                await interaction.edit_original_response(content=said, view=None)
                return
            await bot.worker.call(
                lambda core: core.store.helped_questions.set_post_state(thread.id, PostState.SOLVED)
            )
            await close_solved(bot, thread, settings)
