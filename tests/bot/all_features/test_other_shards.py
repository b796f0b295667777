"""Due work of a guild is done only by the process that runs its shard."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from bot.ask.ui.note_answers import NoteAnswers
from bot.ask.ui.unasked_cog import UnaskedCog
from bot.core.core import Core
from bot.privacy.ui.cog import GuildRemoval
from bot.process.client import Bot
from bot.review.ui.outbox import OutboxDispatcher
from bot.statistics.ui.weekly import DigestPoster
from knowledge.store.interactions import KeptInteraction
from knowledge.store.notes.decisions import Ruling
from knowledge.values.guilds import SyncedChannel, SyncedContent
from knowledge.values.notes import Decision, Member
from knowledge.values.questions import HelpedQuestion, HelperAnswer
from knowledge.values.submissions import Submission
from tests.bot.components import part
from tests.bot.digests import AHEAD, chosen, posted
from tests.bot.world import UNKNOWN, World

# Of both the leader remembers something; nothing of a guild is in it.
NOT_OF_GUILDS: Final = {"memory", "sqlite_sequence"}
LATER: Final = timedelta(hours=30)


def runs(bot: Bot, guild_id: int, *, elsewhere: bool) -> None:
    """Let a bot be one process of two: with the shard of a guild, or with the other one."""
    shard = (guild_id >> 22) % 2
    mine = 1 - shard if elsewhere else shard
    bot.shard_count, bot.shard_ids = 2, [mine]
    bot.cluster.ready = {mine}


@pytest.fixture
async def due(world: World) -> World:
    """A guild whose background work is due, and whose shard another process runs."""
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    runs(world.bot, world.guild.id, elsewhere=True)
    guild_id, now = world.guild.id, datetime.now(UTC)
    mia, max_ = Member(world.member.id, "mia"), Member(world.moderator.id, "max")
    asked = HelpedQuestion(1, guild_id, world.help.id, mia.id, False, now, now)
    watched = HelpedQuestion(2, guild_id, world.help.id, mia.id, False, now, now)
    before = now - timedelta(minutes=5)
    # Its question is gone, so its own process drops it.
    lost = HelperAnswer(3, 1, guild_id, world.help.id, max_.id, 999, now)
    channel = SyncedChannel(world.help.id, guild_id, SyncedContent.THREADS, now)
    [token] = world.env.backend.interaction_tokens
    form = KeptInteraction(7, guild_id, mia.id, token, "en-US", "note", [("text", "typed")], before)

    def prepare(core: Core) -> None:
        store, (gap,) = core.store, core.store.gaps.open(guild_id)
        for title in ("One that waits", UNKNOWN):
            said = Submission(title, f"{title}: it leaves at nine.")
            note = store.contributions.propose(guild_id, mia, world.general.id, said).note
        approved = Ruling(Decision.APPROVE)
        store.decisions.decide(guild_id, note.revision.id, max_, approved)
        core.index_note(note.id)
        store.handovers.enqueue(guild_id, [gap.id], mia.id, now)
        store.helped_questions.add(asked)
        store.helped_questions.add(watched)
        store.helped_questions.watch(watched)
        store.helper_answers.add(lost)
        store.synced_channels.add(channel, max_.id)
        store.inbox.keep(form)

    await world.core(prepare)
    return world


def rows(core: Core) -> dict[str, list[dict[str, Any]]]:
    database = core.store.database
    names = [
        row["name"] for row in database.rows("select name from sqlite_master where type='table'")
    ]
    return {
        name: database.rows(f"select * from {name}")  # noqa: S608 - the schema's own names
        for name in names
        if name not in NOT_OF_GUILDS
    }


async def every_round(world: World) -> None:
    """Run all background rounds as of tomorrow, when all are due."""
    bot, later = world.bot, datetime.now(UTC) + LATER
    await part(bot, OutboxDispatcher).remind(later)
    await bot.outbox.catch_up()
    await part(bot, DigestPoster).post_due(datetime.now(UTC) + AHEAD)
    await part(bot, UnaskedCog).round()
    await part(bot, NoteAnswers).round()
    await bot.channel_sync.load()
    await part(bot, GuildRemoval).compare()
    await world.env.settle()


def said(world: World) -> int:
    channels = (world.general, world.help, world.review)
    return sum(len(channel.history()) for channel in channels)


async def test_nothing_is_done_for_another_processs_guild(due: World) -> None:
    before, messages = await due.core(rows), said(due)
    await every_round(due)
    # Where a form is given back is simulated elsewhere (tests/bot/interactions).
    await due.bot._answer_unfinished(due.bot.serves)
    assert await due.core(rows) == before
    assert said(due) == messages
    assert due.bot.followed == {}


async def test_the_process_of_the_shard_does_everything(due: World) -> None:
    """The control for the test above."""
    before, messages = await due.core(rows), said(due)
    runs(due.bot, due.guild.id, elsewhere=False)
    await every_round(due)
    after = await due.core(rows)
    changed = {name for name, found in before.items() if found != after[name]}
    assert changed >= {
        "revisions",
        "notices",
        "handed_on",
        "digests",
        "gap_checks",
        "helped_questions",
        "helper_answers",
        "guilds",
    }
    assert len(posted(due.review)) == 1
    assert said(due) > messages + 3


async def test_another_processs_guild_is_neither_left_nor_purged(world: World) -> None:
    known = [world.guild.id + (step << 22) for step in (1, 2)]
    runs(world.bot, known[0], elsewhere=True)

    def were_somewhere(core: Core) -> None:
        with core.store.database.writing():
            core.store.database.run_many(
                "insert into guilds (id) values (?)", [[one] for one in known]
            )

    await world.core(were_somewhere)
    await part(world.bot, GuildRemoval).compare()
    assert await world.core(lambda core: core.store.guilds.departed()) == {known[1]}
    await world.core(lambda core: core.store.guilds.leave(known[0], datetime.now(UTC)))
    for day in range(1, 32):
        await part(world.bot, GuildRemoval).purge(datetime.now(UTC) + timedelta(days=day))
    assert await world.core(lambda core: core.store.guilds.known()) == {world.guild.id, known[0]}
