"""Who asked is told once there is an answer: each question once, in their own time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord
from simcord import Env, InteractionResult, MemberActor

from bot.ask import button_messages
from bot.core.core import Core
from bot.gaps import messages as gaps_messages
from bot.gaps.service import COOLDOWN
from bot.gaps.ui.answers_for_askers import AnswersForAskers
from bot.privacy import messages as privacy_messages
from bot.process.client import Bot
from knowledge.values.notes import Notice
from tests.bot.components import part
from tests.bot.steps import OTHER_PASSAGES, decided, looked_into, restarted, said
from tests.bot.world import UNKNOWN, World, build_world, buttons, text_of

TIMETABLE = "The Zanzibar ferry timetable: it leaves at nine and at four."


ANSWERED = "leaves at nine and at four"


async def listed(world: World, by: MemberActor | None = None) -> InteractionResult:
    return await (by or world.moderator).slash(world.general, "gaps")


def posted(world: World) -> list[discord.Message]:
    """What the bot said in the general channel by itself, oldest first."""
    return [
        message
        for message in world.general.history(viewer=world.second_member)
        if "Now there is an answer" in text_of(message)
    ]


def direct(member: MemberActor) -> list[str]:
    return [
        text_of(message)
        for message in member.user.dm_channel.history()
        if "Now there is an answer" in text_of(message)
    ]


async def publish(world: World) -> None:
    await world.publish("Zanzibar ferry timetable", TIMETABLE)
    await world.env.settle()


async def an_hour_passes(world: World) -> None:
    def earlier(core: Core) -> None:
        at = datetime.now(UTC) - COOLDOWN - timedelta(minutes=1)
        with core.store.database.writing():
            core.store.database.run(
                "update notices set sent_at = ? where sent_at is not null", [at.isoformat()]
            )

    await world.core(earlier)
    await part(world.bot, AnswersForAskers).catch_up()


async def unsent(world: World) -> list[Notice]:
    found = await world.core(lambda core: core.store.notices.unsent())
    return [notice for notice in found if notice.question_id is not None]


async def test_everyone_who_asked_is_answered_where_they_asked_once(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask(UNKNOWN)
    await world.ask(f"{UNKNOWN}?", by=world.second_member)

    await publish(world)
    await an_hour_passes(world)

    told = posted(world)
    assert sorted(message.mentions[0].id for message in told) == sorted(
        [world.member.id, world.second_member.id]
    )
    assert all(len(message.mentions) == 1 for message in told)
    assert all(ANSWERED in text_of(message).replace("**", "") for message in told)
    assert said(await listed(world)) == gaps_messages.gaps([], 0).content


async def test_a_told_answers_buttons_work_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.ask(UNKNOWN)
    await publish(world)
    [message] = posted(world)
    assert buttons(message)[-1] == "Don't tell me"
    await restarted(world, new_bot)

    assert ANSWERED in await looked_into(world.member, message, OTHER_PASSAGES)
    helpful = await world.second_member.click(message, label="Helpful")
    assert said(helpful) == button_messages.FEEDBACK_HELPFUL.english
    quiet = await world.member.click(message, label="Don't tell me")
    assert said(quiet) == privacy_messages.QUIET.english
    assert await world.core(lambda core: core.store.gaps.quiet(world.member.id))


async def test_a_note_on_something_else_tells_nobody(world: World) -> None:
    await world.ask(UNKNOWN)

    await world.publish()
    await world.env.settle()

    assert posted(world) == []
    assert UNKNOWN in said(await listed(world))


async def test_who_asked_privately_is_told_privately(world: World) -> None:
    await world.ask(UNKNOWN, private=True)

    await publish(world)

    assert posted(world) == []
    [told] = direct(world.member)
    assert ANSWERED in told.replace("**", "")


async def test_an_answer_told_privately_can_be_looked_into_there(world: World) -> None:
    await world.ask(UNKNOWN, private=True)
    await publish(world)
    message = world.member.user.dm_channel.history()[-1]

    assert ANSWERED in await looked_into(world.member.user, message, OTHER_PASSAGES)


async def test_who_opted_out_is_not_told(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.core(lambda core: core.store.gaps.keep_quiet(world.member.id, quiet=True))

    await publish(world)

    assert posted(world) == []


async def test_who_has_left_is_not_told(world: World) -> None:
    await world.ask(UNKNOWN, by=world.second_member)
    world.guild.remove_member(world.second_member)

    await world.publish("Zanzibar ferry timetable", TIMETABLE)
    await world.env.settle()

    general = [text_of(message) for message in world.general.history()]
    assert not any("Now there is an answer" in content for content in general)
    assert await unsent(world) == []


async def test_who_can_no_longer_read_the_channel_is_told_privately(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.propose("Zanzibar ferry timetable", TIMETABLE)
    everyone = next(
        one
        for one in world.env.backend.get_channel(world.review.id).overwrites
        if one.target_id == world.guild.id
    )
    world.env.backend.set_overwrite(world.general.id, replace(everyone))

    await world.moderator.click(world.card, label="Approve")
    await world.env.settle()

    assert len(direct(world.member)) == 1
    assert "Now there is" not in str([text_of(one) for one in world.general.history()])


async def test_more_than_one_an_hour_waits(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask("Quokka habitat size")
    await publish(world)

    await world.publish("Quokka habitat size", "The quokka habitat size is ten hectares.")
    await world.env.settle()
    assert len(posted(world)) == 1
    assert len(await unsent(world)) == 1
    await an_hour_passes(world)

    assert len(posted(world)) == 2


async def test_what_was_not_told_before_a_restart_is_told_after_it_once(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.ask(UNKNOWN)
    path = f"/channels/{world.general.id}/messages"
    world.env.inject_error("POST", path, status=500, code=0)
    await publish(world)
    assert posted(world) == []
    assert len(await unsent(world)) == 1
    await restarted(world, new_bot)

    await part(world.bot, AnswersForAskers).catch_up()
    await part(world.bot, AnswersForAskers).catch_up()

    assert len(posted(world)) == 1


async def test_a_publication_that_was_undone_before_it_was_told_is_not_told(world: World) -> None:
    await world.ask(UNKNOWN)
    path = f"/channels/{world.general.id}/messages"
    world.env.inject_error("POST", path, status=500, code=0)
    await publish(world)

    await decided(world, world.moderator, "Undo", {"reason": ""})
    await world.env.settle()

    assert posted(world) == []
    assert UNKNOWN in said(await listed(world))


async def test_another_servers_note_tells_nobody_here(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.ask(UNKNOWN)

    await publish(other)

    assert posted(world) == []
    assert UNKNOWN in said(await listed(world))
