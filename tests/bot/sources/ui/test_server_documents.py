"""The server itself as a source: what members are answered about its channels and events."""

import pytest
from simcord import ChannelHandle
from simcord.backend import serializers
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.preview.simcord_internals import ROUTES
from bot.process.client import Bot
from bot.sources.ui.server_documents import ServerDocuments
from knowledge.values.documents import document_of_server
from tests.bot.components import part
from tests.bot.message_parts import content
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import VIEW, NewBot, World, build_world

TOPIC = "One bug a post, with your log."
QUESTION = "Where can I post about bug reports?"


@pytest.fixture
async def bugs(world: World) -> ChannelHandle:
    channel = world.guild.create_text_channel("bug-reports", topic=TOPIC)
    await compare(world)
    return channel


async def compare(world: World) -> None:
    await world.env.settle()
    await part(world.bot, ServerDocuments).round()


def everyone_sees(world: World, channel: ChannelHandle, *, seen: bool) -> None:
    allow, deny = (VIEW, 0) if seen else (0, VIEW)
    overwrite = Overwrite(world.guild.id, OverwriteType.ROLE, allow=allow, deny=deny)
    world.env.backend.set_overwrite(channel.id, overwrite)


async def answer(world: World, question: str = QUESTION) -> str:
    return content(await world.ask(question)).replace("**", "")


async def indexed(world: World) -> set[str]:
    """The channels and events in the index, by their ids."""
    prefix = document_of_server(world.guild.id, "")
    found = await world.core(lambda core: core.index.tables.digests_under(prefix))
    return {document_id.removeprefix(prefix) for document_id in found}


async def test_question_where_to_post_names_the_channel(
    world: World, bugs: ChannelHandle, strict_discord: StrictDiscord
) -> None:
    told = await answer(world)
    assert TOPIC in told
    assert bugs.mention in told


async def test_other_questions_get_no_topic(world: World, bugs: ChannelHandle) -> None:
    assert TOPIC not in await answer(world, "bug reports log")


async def test_note_with_its_own_channel_wins(world: World, bugs: ChannelHandle) -> None:
    note = "Bug reports belong in #tracker, post about them there."
    await world.add_note("Where can I post about bug reports", note)
    told = await answer(world)
    assert note in told
    assert TOPIC not in told


async def test_hidden_channel_leaves_answers_at_once(world: World, bugs: ChannelHandle) -> None:
    everyone_sees(world, bugs, seen=False)
    await world.env.settle()
    assert TOPIC not in await answer(world)
    assert bugs.mention not in await indexed(world)

    everyone_sees(world, bugs, seen=True)
    await compare(world)
    assert TOPIC in await answer(world)


async def test_a_hidden_server_hides_its_channels(world: World, bugs: ChannelHandle) -> None:
    world.env.backend.edit_role(world.guild.id, world.guild.id, {"permissions": 0})
    await world.env.settle()
    assert bugs.mention not in await indexed(world)


@pytest.mark.parametrize("deleted", [True, False])
async def test_restricted_or_deleted_channel_leaves(
    world: World, bugs: ChannelHandle, deleted: bool
) -> None:
    backend = world.env.backend
    if deleted:
        backend.delete_channel(bugs.id)
    else:
        payload = serializers.channel_payload(backend, backend.get_channel(bugs.id))
        backend.emit("CHANNEL_UPDATE", {**payload, "nsfw": True})
    await world.env.settle()
    assert bugs.mention not in await indexed(world)


async def test_change_while_the_bot_was_away_is_found(
    world: World, bugs: ChannelHandle, new_bot: NewBot
) -> None:
    hidden = world.guild.create_text_channel("secret-plans", topic="Plans")
    await compare(world)

    def change() -> Bot:
        everyone_sees(world, hidden, seen=False)
        world.env.backend.edit_channel(bugs.id, {"topic": "Elsewhere now."})
        return new_bot()

    await world.start_again(change)
    await world.env.settle()
    assert hidden.mention not in await indexed(world)
    everyone_sees(world, world.help, seen=False)
    await world.env.settle()
    assert world.help.mention not in await indexed(world)
    await compare(world)
    assert "Elsewhere now." in await answer(world)


async def test_burst_of_changes_is_indexed_once(world: World, bugs: ChannelHandle) -> None:
    before = await world.core(lambda core: core.index.generation)
    for number in range(20):
        world.env.backend.edit_channel(bugs.id, {"topic": f"Topic number {number}"})
    await compare(world)
    assert await world.core(lambda core: core.index.generation) == before + 1
    assert "Topic number 19" in await answer(world)


async def test_switch_of_the_server_ends_it_at_once(world: World, bugs: ChannelHandle) -> None:
    await world.choose(server_documents="no")
    assert TOPIC not in await answer(world)
    await compare(world)
    assert await indexed(world) == set()

    await world.choose(server_documents="yes")
    await compare(world)
    assert TOPIC in await answer(world)


async def test_next_event_is_told_in_the_readers_time(world: World, bugs: ChannelHandle) -> None:
    world.guild.create_scheduled_event(
        "Boss night",
        start_time="2099-01-02T18:00:00+00:00",
        end_time="2099-01-02T20:00:00+00:00",
        entity_type=3,
        location="https://stream.example",
        description="We fight every boss.",
    )
    await compare(world)
    assert "<t:4071060000:F>" in await answer(world, "When is the next event?")


async def test_other_servers_are_not_told(world: World, bugs: ChannelHandle) -> None:
    other = build_world(world.env, "Elsewhere")
    await other.set_up()
    await compare(world)
    assert TOPIC not in await answer(other)


async def test_welcome_screen_says_what_its_channels_are_for(
    world: World,
    bugs: ChannelHandle,
    strict_discord: StrictDiscord,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emoji = {"emoji_id": None, "emoji_name": None}
    screen = {
        "description": "Say hello and stay.",
        "welcome_channels": [
            {**emoji, "channel_id": str(channel.id), "description": text}
            for channel, text in ((bugs, "Tell us of crashes"), (world.review, "Staff room"))
        ],
    }
    route = (["guilds", "{guild_id}", "welcome-screen"], lambda _: screen)
    monkeypatch.setitem(ROUTES, "GET", [route, *ROUTES["GET"]])
    backend = world.env.backend
    payload = serializers.guild_create_payload(backend, backend.get_guild(world.guild.id))
    backend.emit("GUILD_UPDATE", {**payload, "features": ["WELCOME_SCREEN_ENABLED"]})
    await compare(world)
    told = await answer(world, "Where do I start on this server?")
    assert "Say hello and stay." in told
    assert f"{bugs.mention}: Tell us of crashes" in told
    assert "Staff room" not in told
    assert "Tell us of crashes" in await answer(world)


async def test_event_in_a_hidden_channel_is_not_told(world: World) -> None:
    stage = world.guild.create_stage_channel("plenum")
    event = world.guild.create_scheduled_event(
        "Boss night", start_time="2099-01-02T18:00:00+00:00", entity_type=1, channel=stage
    )
    await compare(world)
    assert str(event.id) in await indexed(world)
    everyone_sees(world, stage, seen=False)
    await world.env.settle()
    assert str(event.id) not in await indexed(world)


async def test_former_server_is_forgotten(
    world: World, bugs: ChannelHandle, new_bot: NewBot
) -> None:
    def forgotten() -> Bot:
        world.env.backend.guilds.pop(world.guild.id)
        return new_bot()

    await world.start_again(forgotten)
    await compare(world)
    assert await indexed(world) == set()
