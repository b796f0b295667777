"""A forum as Discord has it: a post is a thread whose first message has the thread's own id."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import discord
import pytest
from simcord import ChannelHandle, MemberActor
from simcord.http import router
from simcord.http.router import RequestContext
from simcord.http.routes.channels import archived_public_threads
from simcord.http.routes.messages import get_history

from bot.ask.ui.unasked_cog import UnaskedCog
from bot.core.core import Core
from bot.sources import channel_sync_steps
from bot.sources.channel_sync_steps import ChannelReport
from bot.sources.ui.channel_sync import ChannelSync
from indexer.retrieval.hit import Hit
from knowledge.values.documents import channel_scope
from knowledge.values.settings import Mode
from tests.bot.components import part
from tests.bot.message_parts import custom_ids, text_of
from tests.bot.world import World

SOLVED = 901
TITLE = "Tent for Lapland"
QUESTION = "Which tent holds up in Lapland during the winter, with all the snow and the wind?"
ANSWER = "A geodesic tunnel tent with snow valances; pitch it with the narrow end to the wind."


# Routes that simcord has, but answers with everything at once.


def _history(ctx: router.RequestContext) -> Any:
    """At most `limit` messages, the oldest of those after a message, as Discord gives them."""
    if "after" not in ctx.params:
        return get_history(ctx)
    limit, after = int(ctx.params["limit"]), int(ctx.params["after"])
    everything = RequestContext(
        ctx.backend,
        ctx.args,
        params={"limit": 1_000_000},
        message_content_access=ctx.message_content_access,
    )
    newer = [one for one in get_history(everything) if int(one["id"]) > after]
    return newer[-limit:]


def _archived(ctx: router.RequestContext) -> Any:
    """At most `limit` threads, those first that were archived last, before a moment."""
    listed = archived_public_threads(ctx)
    moment = ctx.params.get("before")

    def at(thread: Any) -> datetime:
        return datetime.fromisoformat(thread["thread_metadata"]["archive_timestamp"])

    threads = sorted(listed["threads"], key=at, reverse=True)
    if moment is not None:
        threads = [one for one in threads if at(one) < datetime.fromisoformat(moment)]
    limit = int(ctx.params["limit"])
    return {**listed, "threads": threads[:limit], "has_more": len(threads) > limit}


def page_as_discord_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer in pages, of messages and of archived threads."""
    own = [
        (["channels", "{channel_id}", "messages"], _history),
        (["channels", "{channel_id}", "threads", "archived", "public"], _archived),
    ]
    monkeypatch.setitem(router._ROUTES, "GET", [*own, *router._ROUTES["GET"]])


@dataclass
class Forum:
    """A forum in a world's guild, whose posts members write."""

    world: World
    channel: ChannelHandle
    threads: list[ChannelHandle] = field(default_factory=list)

    @property
    def id(self) -> int:
        """The forum's id."""
        return self.channel.id

    async def post(
        self,
        title: str = TITLE,
        text: str = QUESTION,
        *,
        by: MemberActor | None = None,
        tags: Sequence[int] = (),
    ) -> ChannelHandle:
        """Begin a thread, and let the bot come to rest."""
        made = self.begin(title, text, by=by, tags=tags)
        await self.world.env.settle()
        return made

    def begin(
        self,
        title: str = TITLE,
        text: str = QUESTION,
        *,
        by: MemberActor | None = None,
        tags: Sequence[int] = (),
    ) -> ChannelHandle:
        """Begin a thread, of which the bot learns once it is let."""
        backend, author = self.world.env.backend, by or self.world.member
        thread = backend.create_thread(
            self.id, title, author.id, applied_tags=tags, broadcast=False
        )
        first = backend.prepare_message(thread.id, author.id, text)
        first.id = thread.id
        backend.announce_thread_create(thread)
        backend.commit_message(first)
        self.threads.append(ChannelHandle(self.world.env, self.world.guild, thread))
        return self.threads[-1]

    def archive_at_once(self, title: str, text: str) -> None:
        """A thread that was archived long ago, before anybody listened."""
        backend, author = self.world.env.backend, self.world.member
        backend.clock.advance(1)
        thread = backend.create_thread(self.id, title, author.id, broadcast=False)
        metadata = thread.thread_metadata
        assert metadata is not None
        metadata.archived = True
        first = backend.prepare_message(thread.id, author.id, text)
        first.id = thread.id
        backend.commit_message(first, broadcast=False)

    async def solved(
        self, title: str = TITLE, text: str = QUESTION, answer: str = ANSWER
    ) -> tuple[ChannelHandle, discord.Message]:
        """A thread with an answer that its author thanks for."""
        thread = await self.post(title, text)
        answered = await self.world.second_member.send(thread, answer)
        await self.world.member.send(thread, "Thanks, that worked!")
        return thread, answered

    def first_message(self, thread: ChannelHandle) -> discord.Message:
        """What a thread begins with."""
        return min(thread.history(), key=lambda message: message.id)

    async def archive(self, thread: ChannelHandle) -> None:
        """Archive a thread, as Discord does after a while."""
        backend = self.world.env.backend
        backend.clock.advance(1)
        metadata = {"archived": True, "archive_timestamp": backend.now_iso()}
        backend.edit_channel(thread.id, {}, thread_metadata=metadata)
        await self.world.env.settle()


def make_forum(world: World, name: str = "help-forum") -> Forum:
    """Make a forum with a tag for solved posts."""
    channel = world.guild.create_forum_channel(name)
    channel._channel.available_tags = [
        {
            "id": str(SOLVED),
            "name": "Solved",
            "moderated": False,
            "emoji_id": None,
            "emoji_name": None,
        }
    ]
    world.env.backend.announce_channel_update(channel.id)
    return Forum(world, channel)


async def add(world: World, forum: Forum) -> str:
    """What an administrator is told who has the bot answer from a forum."""
    result = await world.admin.slash(world.general, "source add", channel=forum.channel)
    assert result.response is not None
    return text_of(result.response)


async def read(world: World) -> None:
    """Let the bot read until nothing is left."""
    reading = part(world.bot, ChannelSync)
    for _ in range(1_000):
        await reading.round()
        if not (reading.unread or reading.unindexed or reading.refetch_queue):
            return
    raise AssertionError("Reading does not end.")


async def found(world: World, channel_id: int, query: str = QUESTION) -> list[Hit]:
    """What of a channel a question finds, for somebody who may read it."""

    def search(core: Core) -> list[Hit]:
        hits = core.retriever.hits([query], [channel_scope(channel_id)], 10)[0]
        return [hit for hit in hits if hit.passage.scope == channel_scope(channel_id)]

    return await world.core(search)


async def texts(world: World, channel_id: int) -> str:
    """Everything of a channel that is in the index."""

    def look(core: Core) -> str:
        ids = sorted(core.index.tables.digests_under(f"channel:{channel_id}:"))
        passages = [
            passage for each in ids for passage in core.index.tables.document_passages(each)
        ]
        return "\n".join(f"{passage.title}\n{passage.text}" for passage in passages)

    return await world.core(look)


async def report(world: World, channel_id: int) -> ChannelReport:
    """How a channel stands."""
    reports = await world.core(channel_sync_steps.reports)
    return next(each for each in reports if each.channel.id == channel_id)


# The note answers it: the words are those of the note, as the tests' embedder wants it.
ASKED: Final = "Where is the community meetup in Lisbon at Rua Augusta on Fridays?"
POST_TITLE: Final = "Community meetup in Lisbon"
# No word of it is anywhere.
UNKNOWN: Final = "How does the Zanzibar ferry timetable look in winter?"


@dataclass
class Helped:
    """A world with a forum in which the bot helps, and a text channel, `world.help`."""

    world: World
    forum: Forum

    def said_in(self, channel: ChannelHandle) -> list[discord.Message]:
        """What the bot has said in a channel or post."""
        return [message for message in channel.history() if message.author == self.world.bot.user]

    async def set(self, channel_id: int, **changes: Any) -> None:
        """Choose settings of a channel, as `/channel` does."""
        guild_id, admin_id = self.world.guild.id, self.world.admin.id

        def change(core: Core) -> None:
            core.store.channel_settings.change(channel_id, guild_id, changes, admin_id)

        await self.world.core(change)
        self.world.bot.guild_settings.forget(guild_id)

    async def a_day_later(self) -> None:
        """Let the bot look again at what was asked, as it does after a day."""
        due = datetime(2020, 1, 1, tzinfo=UTC).isoformat()

        def let(core: Core) -> None:
            with core.store.database.writing():
                core.store.database.run("update helped_questions set due_at = ?", [due])

        await self.world.core(let)
        await part(self.world.bot, UnaskedCog).round()

    async def forget_offer(self) -> None:
        """Let a question wait as before the message with similar posts was recorded."""

        def forget(core: Core) -> None:
            with core.store.database.writing():
                core.store.database.run(
                    "update helped_questions set state = 'waiting', reply_id = null, "
                    "due_at = asked_at where similar_ids <> '[]'"
                )

        await self.world.core(forget)

    async def states(self) -> list[str]:
        """What is due for the questions, in the order of their messages."""
        return await self.world.core(
            lambda core: [
                row["state"]
                for row in core.store.database.rows(
                    "select state from helped_questions order by message_id"
                )
            ]
        )

    async def words(self) -> str:
        """Every value in every table, as one text."""

        def look(core: Core) -> str:
            rows = core.store.database.rows
            tables = rows("select name from sqlite_master where type = 'table'")
            return "\n".join(
                str(tuple(row.values()))
                for table in tables
                for row in rows(f"select * from {table['name']}")  # noqa: S608 - the schema's own
            )

        return await self.world.core(look)


async def help_in(world: World) -> Helped:
    """Publish the note, and have the bot help in a new forum and in the help channel."""
    await world.add_note()
    made = Helped(world, make_forum(world))
    for channel_id in (made.forum.id, world.help.id):
        await made.set(channel_id, mode=Mode.HELP, wait_seconds=0)
    return made


def labels(message: discord.Message) -> list[str]:
    """The ids of what is below an answer, without numbers."""
    return [name.translate(str.maketrans("", "", "0123456789")) for name in custom_ids(message)]
