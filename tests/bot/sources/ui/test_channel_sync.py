"""Channel sync: requests to Discord, quoted content, and deleted content."""

from datetime import UTC, datetime, timedelta

import pytest
from simcord.backend import serializers
from simcord.types import HttpLogEntry

from bot.core import index_updates
from bot.core.core import Core
from bot.privacy import messages as privacy_messages
from bot.privacy import service as privacy_service
from bot.sources import messages as sources_messages
from bot.sources.channel_sync_steps import reports
from bot.sources.ui.channel_sync import ChannelSync
from knowledge.discord_archive.archive import ChannelProblem, ProblemCode
from knowledge.values.guilds import SyncedContent, every_guild
from tests.bot.components import part
from tests.bot.forum import (
    ANSWER,
    QUESTION,
    TITLE,
    Forum,
    add,
    found,
    page_as_discord_does,
    read,
    report,
    texts,
)
from tests.bot.message_parts import content, text_of
from tests.bot.spoken import english
from tests.bot.world import NewBot, World


def pages_of(world: World, thread_id: int) -> list[HttpLogEntry]:
    """The requests for messages of a thread."""
    asked = world.env.http_requests
    return [one for one in asked if one.path.endswith(f"{thread_id}/messages")]


def to_this_day(world: World) -> None:
    """Set the fake Discord's clock to the present."""
    clock = world.env.backend.clock
    clock.advance((datetime.now(UTC) - clock.now()).total_seconds())


async def kept_of(world: World, member_id: int) -> list[int]:
    """Ids of a member's stored messages."""

    def look(core: Core) -> list[int]:
        rows = core.archive.tables.rows("select id from messages where author_id = ?", [member_id])
        return [row["id"] for row in rows]

    return await world.core(look)


async def test_solved_threads_are_quoted_and_counted(world: World, forum: Forum) -> None:
    await forum.solved()
    await forum.post("Weather", "Nice weather today!")
    begun = sources_messages._CHANNEL_ADDED[SyncedContent.THREADS]
    assert (await add(world, forum)).startswith(english(begun, channel=f"<#{forum.id}>"))

    await read(world)

    [hit] = await found(world, forum.id)
    assert hit.passage.title == TITLE
    assert QUESTION in hit.passage.text
    assert ANSWER in hit.passage.text
    told = world.general.last_message
    assert told is not None
    assert text_of(told) == english(
        sources_messages._DONE,
        channel=f"<#{forum.id}>",
        documents="1 document",
        messages="4 messages",
    )
    answer = content(await world.ask(QUESTION))
    assert ANSWER in answer
    assert f"https://discord.com/channels/{world.guild.id}/" in answer
    own = content(await world.second_member.slash(world.general, "privacy"))
    assert "`1 / 1` Your messages in channels that I read" in own
    exported = await world.core(lambda core: privacy_service.export(core, world.second_member.id))
    assert [message["text"] for message in exported["messages"]] == [ANSWER]


async def test_all_pages_of_archived_threads_are_read(
    world: World, forum: Forum, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_as_discord_does(monkeypatch)
    archived, _ = await forum.solved()
    await forum.archive(archived)
    for number in range(105):
        forum.archive_at_once(f"Post {number}", "Small talk, nothing else.")
    await world.env.settle()

    await add(world, forum)
    await read(world)

    assert (await report(world, forum.id)).counts.threads == 106
    assert len(await found(world, forum.id)) == 1


async def test_a_thread_without_its_post_is_not_quoted(world: World, forum: Forum) -> None:
    thread, _ = await forum.solved()
    await add(world, forum)
    await read(world)

    await world.member.delete(forum.first_message(thread))
    await read(world)

    assert await texts(world, forum.id) == ""


async def test_a_long_thread_is_read_in_pages_and_continued_after_a_restart(
    world: World,
    forum: Forum,
    new_bot: NewBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page_as_discord_does(monkeypatch)
    thread, _ = await forum.solved()
    for number in range(250):
        world.env.backend.create_message(thread.id, world.member.id, f"More of it: {number}")
    await world.env.settle()
    await add(world, forum)
    await part(world.bot, ChannelSync).round()
    assert 0 < (await report(world, forum.id)).counts.messages < 253
    asked = len(pages_of(world, thread.id))

    await world.bot.close()
    await world.restart(new_bot())
    await read(world)

    assert (await report(world, forum.id)).counts.messages == 253
    # The thread is a recent one, whose pages were read already and are looked at again.
    assert len(pages_of(world, thread.id)) <= asked + 3
    told = world.general.last_message
    assert told is not None
    assert ": 1 document from" in text_of(told)


async def test_offline_changes_are_fetched(world: World, forum: Forum, new_bot: NewBot) -> None:
    to_this_day(world)
    thread, answer = await forum.solved()
    gone, _ = await forum.solved("Stove at minus thirty", "Which stove burns at minus thirty?")
    await add(world, forum)
    await read(world)
    assert (await report(world, forum.id)).counts.documents == 2
    await world.bot.close()

    world.env.backend.delete_message(thread.id, answer.id)
    world.env.backend.delete_channel(gone.id)
    world.env.backend.create_message(thread.id, world.admin.id, "Take a tipi with a stove instead.")
    await world.restart(new_bot())
    await read(world)

    text = await texts(world, forum.id)
    assert ANSWER not in text
    assert "tipi with a stove" in text
    assert "minus thirty" not in text


# Other kinds of channels.


async def test_an_announcement_is_titled_by_its_first_line(world: World) -> None:
    news = world.guild.create_news_channel("news")
    await world.admin.send(news, "**Release 2.0**\nThe tundra branch is merged and tagged.")
    await world.admin.send(news, "Thanks!")

    await world.admin.slash(world.general, "source add", channel=news)
    await read(world)
    await world.admin.send(news, "The winter meeting is on the ice of the harbour.")
    await read(world)

    hits = await found(world, news.id, "release")
    assert {hit.passage.title for hit in hits} == {
        "Release 2.0",
        "The winter meeting is on the ice of the harbour.",
    }


async def test_text_channels_give_only_pins(world: World) -> None:
    pinned = await world.admin.send(world.help, "The password of the wifi is on the fridge.")
    await world.member.send(world.help, "Where is the cat that lives in the harbour office?")
    await world.admin.set_pinned(pinned, True)

    await world.admin.slash(world.general, "source add", channel=world.help)
    await read(world)
    await world.member.send(world.help, "The cat is asleep in the harbour office, as always.")
    await read(world)

    text = await texts(world, world.help.id)
    assert "fridge" in text
    assert "cat" not in text


async def test_a_visible_channel_is_read_again(world: World, forum: Forum) -> None:
    await forum.solved()
    await add(world, forum)
    await read(world)
    backend = world.env.backend
    payload = serializers.channel_payload(backend, forum.channel._channel)
    backend.emit("CHANNEL_DELETE", dict(payload))
    await world.env.settle()
    assert await texts(world, forum.id) == ""

    backend.emit("CHANNEL_CREATE", dict(payload))
    await world.env.settle()
    await read(world)

    assert len(await found(world, forum.id)) == 1


async def test_an_outage_of_discord_is_reported_and_retried(world: World, forum: Forum) -> None:
    await forum.solved()
    await add(world, forum)
    world.env.inject_error("GET", "/guilds/*/threads/active", status=502)

    await part(world.bot, ChannelSync).round()
    problem = (await report(world, forum.id)).channel.problem
    await read(world)

    assert problem == ChannelProblem(ProblemCode.ANSWERED, {"status": 502})
    assert len(await found(world, forum.id)) == 1
    assert (await report(world, forum.id)).channel.problem is None


async def test_an_unreadable_thread_stops_no_other(world: World, forum: Forum) -> None:
    await forum.solved()
    locked, _ = await forum.solved("Stove at minus thirty", "Which stove burns at minus thirty?")
    world.env.inject_error(
        "GET", f"/channels/{locked.id}/messages", status=403, message="Missing Access", times=None
    )

    await add(world, forum)
    await read(world)

    assert len(await found(world, forum.id)) == 1
    assert (await report(world, forum.id)).failures == (
        ("Stove at minus thirty", "can't be read: Missing Access"),
    )


async def test_members_stop_and_allow_quotation(world: World, forum: Forum) -> None:
    member = world.second_member

    async def press(*labels: str) -> None:
        shown = (await member.slash(world.general, "privacy")).response
        for label in labels:
            assert shown is not None
            shown = (await member.click(shown, label=label)).response
        await read(world)

    await forum.solved()
    await add(world, forum)
    await read(world)
    assert ANSWER in await texts(world, forum.id)
    await press("Don't quote my messages")
    assert ANSWER not in await texts(world, forum.id)
    assert await kept_of(world, member.id) == []

    await press("Quote my messages again")
    assert ANSWER in await texts(world, forum.id)

    await press("Delete…", privacy_messages.PRIVACY_LABELS["keep"].english)
    await part(world.bot, ChannelSync).begin(whole=True)
    await read(world)
    assert ANSWER not in await texts(world, forum.id)
    assert await kept_of(world, member.id) == []


async def test_purged_guilds_leave_no_channels(world: World, forum: Forum) -> None:
    await forum.solved()
    await add(world, forum)
    await read(world)
    await world.core(
        lambda core: core.store.guilds.leave(world.guild.id, datetime(2026, 1, 1, tzinfo=UTC))
    )

    def present(core: Core) -> list[int]:
        return privacy_service.purge_former_guilds(
            core, [], every_guild, datetime.now(UTC), timedelta()
        )

    await world.core(present)
    await world.bot.worker.run_slices(index_updates.check_channels)

    assert await texts(world, forum.id) == ""
    assert await world.core(reports) == []
