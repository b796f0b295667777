"""*Point to …*: a document that is there already answers a group, and those who asked are told."""

from collections.abc import Callable
from typing import Any

import discord
from simcord import InteractionResult

from bot.answers.decision import recorded_hit
from bot.ask import messages as ask_messages
from bot.core.core import Core
from bot.gaps import existing_answer, messages, service
from bot.process.client import Bot
from indexer.ingest.pipeline import put
from indexer.retrieval.hit import Hit
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Document, Kind, channel_scope
from tests.bot.steps import restarted, said, shown_message
from tests.bot.world import TEXT, TITLE, UNKNOWN, World, choices, text_of

DONE = messages.POINTED.english


async def pointed(world: World, words: str = "Lisbon meetup", place: int = 0) -> InteractionResult:
    """What a moderator is told who points the first gap to what they look for."""
    offered = await looked_for(world, words)
    message = shown_message(offered)
    shown = await world.moderator.select(message, [[*choices(message)][place]])
    assert "Rua Augusta" in said(shown)
    return await world.moderator.click(shown_message(shown), label="This answers it")


async def looked_for(world: World, words: str) -> InteractionResult:
    form = world.press(world.moderator, await some_message(world), "gaps:0:1:point")
    await world.env.settle()
    return await world.moderator.submit_modal(form, {"words": words})


async def some_message(world: World) -> discord.Message:
    return await world.moderator.send(world.general, "hello")


def told(world: World) -> list[str]:
    found = [text_of(one) for one in world.general.history()]
    return [one for one in found if "Now there is an answer" in one]


async def open_groups(world: World) -> list[Any]:
    return await world.core(lambda core: service.groups(core, world.guild.id))


async def test_a_document_answers_the_group_and_everyone_who_asked_is_told_once(
    world: World,
) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    await world.ask(f"{UNKNOWN}?", by=world.second_member)

    assert said(await pointed(world)) == DONE
    await world.env.settle()

    assert await open_groups(world) == []
    assert len(told(world)) == 2
    assert all("Rua Augusta" in one.replace("**", "") for one in told(world))
    # From now on it answers whoever asks nearly the same, as *This answers it* does.
    again = await world.ask(UNKNOWN, by=world.moderator)
    assert ask_messages._CONFIRMED.english.removeprefix("-# ") in text_of(shown_message(again))
    events = await world.core(lambda core: [one.event for one in core.store.audit_log.entries()])
    assert events[-1] == "gap_pointed"


async def test_each_step_works_after_a_restart(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    form = world.press(world.moderator, await some_message(world), "gaps:0:1:point")
    await world.env.settle()
    await restarted(world, new_bot)
    offered = await world.moderator.submit_modal(form, {"words": TITLE})
    await restarted(world, new_bot)
    message = shown_message(offered)
    shown = await world.moderator.select(message, [next(iter(choices(message)))])
    await restarted(world, new_bot)

    done = await world.moderator.click(shown_message(shown), label="This answers it")

    assert said(done) == DONE
    await world.env.settle()
    assert len(told(world)) == 1


async def test_two_clicks_tell_once_and_the_second_finds_no_gap(world: World) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    offered = shown_message(await looked_for(world, TITLE))
    shown = await world.moderator.select(offered, [next(iter(choices(offered)))])
    message = shown_message(shown)

    first = await world.moderator.click(message, label="This answers it")
    second = await world.moderator.click(message, label="This answers it")
    await world.env.settle()

    assert [said(first), said(second)] == [DONE, messages.PASSAGE_GONE.english]
    assert len(told(world)) == 1


async def test_no_member_points_to_anything(world: World) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    offered = shown_message(await looked_for(world, TITLE))
    value = next(iter(choices(offered)))
    message = await some_message(world)

    clicks = [
        world.submit(world.member, "form:point:1:ab", {"words": TITLE}),
        world.press(world.member, message, "point:1", [value]),
        world.press(world.member, message, f"pointed:1:{value}:answers"),
    ]
    await world.env.settle()

    assert all(messages.NOT_A_MODERATOR.english in said(one) for one in clicks)
    assert len(await open_groups(world)) == 1


async def test_what_those_who_asked_may_not_read_is_neither_offered_nor_taken(
    world: World,
) -> None:
    """It is of a channel that the moderator may read; its id and digest are forged."""
    await world.ask(UNKNOWN)
    staff = 77

    def tried(core: Core) -> tuple[bool, object, bool]:
        said = Document(f"channel:{staff}:1", channel_scope(staff), Kind.CHAT, "Honey", "Jars.")
        put(core.index, core.embedder, said)
        [stored] = core.index.tables.document_passages(said.id)
        hit = Hit(stored, 0.0, 0.0, 0.0, 0.0, ())
        wanted = (stored.id, digest_of(recorded_hit(hit)))
        guild_id, channels = world.guild.id, [staff]
        offered = existing_answer.offered(core, guild_id, 1, "Honey jars", channels)
        return (
            stored.id in [passage.id for passage, _ in offered],
            existing_answer.passage(core, guild_id, 1, wanted, channels),
            existing_answer.point(core, guild_id, 1, wanted, world.moderator.id, channels),
        )

    assert await world.core(tried) == (False, None, False)
    assert len(await open_groups(world)) == 1


async def test_a_passage_that_was_changed_meanwhile_is_not_confirmed(world: World) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    offered = shown_message(await looked_for(world, TITLE))
    shown = await world.moderator.select(offered, [next(iter(choices(offered)))])
    form = await world.member.slash(world.general, "note edit", note=TITLE)
    await world.member.submit_modal(
        form, {"title": TITLE, "text": f"{TEXT} And on Mondays.", "tags": "", "link": ""}
    )
    await world.moderator.click(world.card, label="Approve")

    result = await world.moderator.click(shown_message(shown), label="This answers it")

    assert said(result) == messages.PASSAGE_GONE.english
    assert len(await open_groups(world)) == 1


async def test_where_nothing_comes_near_that_is_said(world: World) -> None:
    await world.ask(UNKNOWN)

    def emptied(core: Core) -> list[object]:
        return list(existing_answer.offered(core, world.guild.id, 99, "anything", ()))

    assert await world.core(emptied) == []
