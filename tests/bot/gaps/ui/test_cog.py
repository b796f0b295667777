"""What found no good answer: how moderators see it, write on it, and who is told what answers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord
from simcord import Env, InteractionResult, MemberActor

from bot.ask import messages as ask_messages
from bot.client import Bot
from bot.engine.core import Core
from bot.gaps import messages as gaps_messages
from bot.gaps import service as gaps_service
from bot.notices.ui.answers_for_askers import COOLDOWN
from bot.privacy import messages as privacy_messages
from indexer.retrieval import clusters
from knowledge.model.notes import Notice
from tests.bot.world import UNKNOWN, World, build_world, buttons
from tests.counting import lines_run
from tests.fakes import WordEmbedder
from tests.refused import refused_questions

TIMETABLE = "The Zanzibar ferry timetable: it leaves at nine and at four."
ANSWERED = "leaves at nine and at four"


def said(result: InteractionResult) -> str:
    """The text of a private response."""
    assert result.response is not None
    assert result.response.ephemeral
    return result.response.content


async def listed(world: World, by: MemberActor | None = None) -> InteractionResult:
    return await (by or world.moderator).slash(world.general, "gaps")


async def restarted(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.bot.close()
    await world.restart(new_bot())


def posted(world: World) -> list[discord.Message]:
    """What the bot said in the general channel by itself, oldest first."""
    return [
        message
        for message in world.general.history(viewer=world.second_member)
        if "Now there is an answer" in message.content
    ]


def direct(member: MemberActor) -> list[str]:
    return [
        message.content
        for message in member.user.dm_channel.history()
        if "Now there is an answer" in message.content
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
    await world.bot.answers_for_askers.catch_up()


async def unsent(world: World) -> list[Notice]:
    found = await world.core(lambda core: core.store.notices.unsent())
    return [notice for notice in found if notice.question_id is not None]


# What moderators see.


async def test_gaps_are_grouped_with_who_asked_how_often(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask("the Zanzibar ferry timetable?", by=world.second_member)
    await world.ask("Quokka habitat size")

    shown = said(await listed(world))

    assert shown.startswith("**3 questions found no good answer**, in 2 groups")
    assert "asked 2 times by 2 members" in shown
    assert "Quokka habitat size" in shown


async def test_an_answer_that_was_found_unhelpful_is_a_gap(world: World) -> None:
    await world.publish()
    answered = await world.ask()
    assert answered.response is not None
    await world.second_member.click(answered.response, label="Not helpful")

    assert "1 answered, but found unhelpful" in said(await listed(world))


async def test_where_nothing_is_open_that_is_said(world: World) -> None:
    assert said(await listed(world)) == gaps_messages.gaps([], 0).content


async def test_members_do_not_see_gaps(world: World) -> None:
    await world.ask(UNKNOWN)

    assert said(await listed(world, world.member)) == gaps_messages.NOT_A_MODERATOR.english


async def test_another_servers_gaps_are_not_shown_nor_dismissed(
    simcord_env: Env, world: World
) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.ask(UNKNOWN)
    await other.ask("Quokka habitat size")
    mine = await listed(other)

    assert UNKNOWN not in said(mine)
    assert mine.response is not None
    forged = other.press(other.moderator, mine.response.message, "gaps:0:1:dismiss")
    await simcord_env.settle()

    assert forged.followups[0].content == gaps_messages.dismissed(None)
    assert UNKNOWN in said(await listed(world))


async def test_a_dismissed_group_is_gone_until_it_is_asked_again(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask(f"{UNKNOWN}?", by=world.second_member)
    shown = await listed(world)
    assert shown.response is not None

    await world.moderator.click(shown.response, label="1 · Dismiss")

    assert said(await listed(world)) == gaps_messages.gaps([], 0).content
    await world.ask(UNKNOWN)
    assert "asked 1 time by 1 member" in said(await listed(world))
    events = await world.core(lambda core: [one.event for one in core.store.audit_log.entries()])
    assert events[-1] == "gap_dismissed"


async def test_more_groups_than_fit_are_paged(world: World) -> None:
    asked = ["Quokka habitat", "Zanzibar ferry", "Lava temperature", "Origami crane", "Yeti diet"]
    for question in asked:
        await world.ask(question)
    first = await listed(world)
    assert first.response is not None
    assert "page 1 of 2" in first.response.content

    await world.moderator.click(first.response, label="Next")

    edits = [request.json for request in world.env.http_requests if request.method == "PATCH"]
    assert "page 2 of 2" in str(edits[-1])
    assert asked[0] in str(edits[-1])


async def test_the_lists_buttons_work_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    for question in ("Quokka habitat", "Zanzibar ferry", "Lava heat", "Origami crane", "Yeti diet"):
        await world.ask(question)
    shown = await listed(world)
    assert shown.response is not None
    message = shown.response.message
    await restarted(world, new_bot)

    await world.moderator.click(message, label="Next")
    form = await world.moderator.click(message, label="5 · Write this note")
    assert form.modal is not None
    await world.moderator.click(message, label="5 · Dismiss")

    assert len(await world.core(lambda core: gaps_service.groups(core, world.guild.id))) == 4


async def test_who_lost_the_role_may_not_dismiss(world: World) -> None:
    await world.ask(UNKNOWN)
    shown = await listed(world)
    assert shown.response is not None
    world.env.backend.remove_member_role(
        world.guild.id, world.moderator.id, world.moderator_role.id
    )

    await world.moderator.click(shown.response, label="1 · Dismiss")

    assert len(await world.core(lambda core: gaps_service.groups(core, world.guild.id))) == 1


async def test_a_private_question_is_no_title_for_others(world: World) -> None:
    await world.ask(UNKNOWN, private=True)
    theirs = await world.ask("Quokka habitat", by=world.second_member)
    assert theirs.response is not None

    forged = world.press(world.second_member, theirs.response.message, "gap:1:write")
    await world.env.settle()

    assert forged.modal is not None
    assert "Zanzibar" not in str(forged.modal)


async def test_a_note_that_is_written_for_a_group_is_remembered_with_it(world: World) -> None:
    await world.ask(UNKNOWN)
    shown = await listed(world)
    assert shown.response is not None

    form = await world.moderator.click(shown.response, label="1 · Write this note")
    assert form.modal is not None
    assert UNKNOWN in str(form.modal)
    await world.moderator.submit_modal(form, {"title": UNKNOWN, "text": "It leaves at nine."})

    assert await world.core(lambda core: core.store.gaps.question_of(1)) == 1
    assert "a note for it waits for review" in said(await listed(world))


# Who is told.


async def test_everyone_who_asked_is_answered_where_they_asked_once(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask(UNKNOWN)
    await world.ask(f"{UNKNOWN}?", by=world.second_member)

    await publish(world)
    await an_hour_passes(world)

    told = posted(world)
    assert sorted(message.raw_mentions[0] for message in told) == sorted(
        [world.member.id, world.second_member.id]
    )
    assert all(len(message.raw_mentions) == 1 for message in told)
    assert all(ANSWERED in message.content.replace("**", "") for message in told)
    assert said(await listed(world)) == gaps_messages.gaps([], 0).content


async def test_a_told_answers_buttons_work_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.ask(UNKNOWN)
    await publish(world)
    [message] = posted(world)
    assert buttons(message)[-1] == "Don't tell me"
    await restarted(world, new_bot)

    more = await world.member.click(message, label="More passages")
    assert ANSWERED in said(more)
    helpful = await world.second_member.click(message, label="Helpful")
    assert said(helpful) == ask_messages.FEEDBACK_HELPFUL.english
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

    more = await world.member.user.click(message, label="More passages")

    assert more.response is not None
    assert ANSWERED in more.response.content


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

    general = [message.content for message in world.general.history()]
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
    assert "Now there is" not in str([one.content for one in world.general.history()])


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

    await world.bot.answers_for_askers.catch_up()
    await world.bot.answers_for_askers.catch_up()

    assert len(posted(world)) == 1


async def test_a_publication_that_was_undone_before_it_was_told_is_not_told(world: World) -> None:
    await world.ask(UNKNOWN)
    path = f"/channels/{world.general.id}/messages"
    world.env.inject_error("POST", path, status=500, code=0)
    await publish(world)

    await world.moderator.click(world.card, label="Undo")
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


async def test_many_open_gaps_are_grouped_without_embedding_and_without_a_step_for_every_pair(
    world: World,
) -> None:
    number = 2_000

    def fill(core: Core) -> tuple[int, int]:
        question = refused_questions(core.store, world.guild.id)[0]
        core.store.record_questions(
            [replace(question, text=f"Where is item{i} of shelf{i % 40}?") for i in range(number)]
        )
        for _ in core.question_vectors.prepare(
            [one.text for one in core.store.gaps.open(world.guild.id)]
        ):
            pass
        embedder = core.embedder
        assert isinstance(embedder, WordEmbedder)
        embedded = len(embedder.calls)
        lines = lines_run(lambda: gaps_service.groups(core, world.guild.id), gaps_service, clusters)
        return len(embedder.calls) - embedded, lines

    await world.ask(UNKNOWN)

    calls, lines = await world.core(fill)
    assert calls == 0
    assert lines < 50 * number
