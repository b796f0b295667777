"""Notices to earlier askers: each question once, in the right place, at most one an hour."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord
from simcord import Env, InteractionResult, MemberActor

from bot.ask import messages
from bot.core.core import Core
from bot.gaps import messages as gaps_messages
from bot.gaps.service import COOLDOWN
from bot.gaps.ui.cog import AnswersForAskers
from bot.privacy import messages as privacy_messages
from knowledge.values.notes import Notice
from tests.bot.components import part
from tests.bot.faults import fail
from tests.bot.message_parts import buttons, said, text_of
from tests.bot.spoken import english
from tests.bot.world import OTHER_PASSAGES, UNKNOWN, NewBot, World, build_world, looked_into

TIMETABLE = "The Zanzibar ferry timetable: it leaves at nine and at four."
ANSWERED = "leaves at nine and at four"


async def listed(world: World) -> InteractionResult:
    return await world.moderator.slash(world.general, "gaps")


def posted(world: World) -> list[discord.Message]:
    """The notices in the general channel, oldest first."""
    return [
        message
        for message in world.general.history(viewer=world.moderator)
        if "Now there's an answer" in text_of(message)
    ]


def direct(member: MemberActor) -> list[discord.Message]:
    return [
        message
        for message in member.user.dm_channel.history()
        if "Now there's an answer" in text_of(message)
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


async def queue(world: World) -> list[Notice]:
    found = await world.core(lambda core: core.store.notices.queue())
    return [notice for notice in found if notice.question_id is not None]


async def test_askers_are_answered_once(world: World, new_bot: NewBot) -> None:
    await world.ask(UNKNOWN)
    await world.ask(UNKNOWN)
    await world.ask(f"{UNKNOWN}?", by=world.second_member)

    await publish(world)
    await an_hour_passes(world)

    told = posted(world)
    assert sorted(one.id for message in told for one in message.mentions) == sorted(
        [world.member.id, world.second_member.id]
    )
    assert all(ANSWERED in text_of(message).replace("**", "") for message in told)
    assert said(await listed(world)) == english(gaps_messages.page_of_gaps, [], 0).content

    message = told[0]
    assert buttons(message)[-1] == "Don't tell me about later answers"
    await world.start_again(new_bot)
    assert ANSWERED in await looked_into(world.member, message, OTHER_PASSAGES)
    helpful = await world.second_member.click(message, label="Helpful")
    assert said(helpful) == messages.FEEDBACK_HELPFUL.english
    quiet = await world.member.click(message, label="Don't tell me about later answers")
    assert said(quiet) == privacy_messages.QUIET.english
    assert await world.core(lambda core: core.store.gaps.has_opted_out(world.member.id))


async def test_other_notes_and_other_servers_answer_nothing(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.ask(UNKNOWN)

    await world.publish()
    await publish(other)

    assert posted(world) == []
    assert UNKNOWN in said(await listed(world))


async def test_a_private_question_is_answered_by_direct_message(world: World) -> None:
    await world.ask(UNKNOWN, private=True)

    await publish(world)

    assert posted(world) == []
    [told] = direct(world.member)
    assert ANSWERED in text_of(told).replace("**", "")
    assert ANSWERED in await looked_into(world.member.user, told, OTHER_PASSAGES)


async def test_former_and_quiet_members_get_no_notice(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask(UNKNOWN, by=world.second_member)
    await world.core(lambda core: core.store.gaps.set_opt_out(world.member.id, quiet=True))
    world.guild.remove_member(world.second_member)

    await publish(world)

    assert posted(world) == []
    assert await queue(world) == []


async def test_askers_without_access_are_answered_directly(world: World) -> None:
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
    assert "Now there's" not in str([text_of(one) for one in world.general.history()])


async def test_a_second_notice_waits_an_hour(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask("Quokka habitat size")
    await publish(world)

    await world.publish("Quokka habitat size", "The quokka habitat size is ten hectares.")
    await world.env.settle()
    assert len(posted(world)) == 1
    assert len(await queue(world)) == 1
    await an_hour_passes(world)

    assert len(posted(world)) == 2


async def test_an_unsent_notice_is_sent_once(world: World, new_bot: NewBot) -> None:
    await world.ask(UNKNOWN)
    fail(world, "POST", f"/channels/{world.general.id}/messages", (500, 0))
    await publish(world)
    assert posted(world) == []
    assert len(await queue(world)) == 1
    await world.start_again(new_bot)

    await part(world.bot, AnswersForAskers).catch_up()
    await part(world.bot, AnswersForAskers).catch_up()

    assert len(posted(world)) == 1


async def test_an_undone_publication_reopens_the_gap(world: World) -> None:
    await world.ask(UNKNOWN)
    fail(world, "POST", f"/channels/{world.general.id}/messages", (500, 0))
    await publish(world)

    await world.decide(world.moderator, "Undo", {"reason": ""})
    await world.env.settle()

    assert posted(world) == []
    assert UNKNOWN in said(await listed(world))
