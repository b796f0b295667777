"""What found no good answer: how moderators see it, write on it, and who is told what answers."""

from collections.abc import Callable
from dataclasses import replace

from simcord import Env, InteractionResult, MemberActor, ResponseMessage

from bot.core.core import Core
from bot.gaps import messages as gaps_messages
from bot.gaps import service as gaps_service
from bot.process.client import Bot
from indexer.retrieval import clusters
from knowledge.values.guilds import Language
from tests.bot.steps import longest_part, restarted, said, shown_message
from tests.bot.world import QUESTION, UNKNOWN, World, build_world, choices, custom_ids, text_of
from tests.counting import lines_run
from tests.fakes import WordEmbedder
from tests.refused import refused_questions


async def listed(world: World, by: MemberActor | None = None) -> InteractionResult:
    return await (by or world.moderator).slash(world.general, "gaps")


async def choose(world: World, shown: InteractionResult, *places: int) -> ResponseMessage:
    """The list with the groups chosen that stand at these places of the page."""
    message = shown_message(shown)
    [select] = [one for one in custom_ids(message) if one.startswith("groups:")]
    offered = [*choices(message)]
    values = [offered[place - 1] for place in places]
    await world.moderator.select(message, values, custom_id=select)
    return message


async def work_on(
    world: World, shown: InteractionResult, label: str, *places: int
) -> InteractionResult:
    """What comes of a button for the groups that stand at these places of the page."""
    return await world.moderator.click(await choose(world, shown, *places), label=label)


# What moderators see.


async def test_gaps_are_grouped_with_who_asked_how_often(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask("the Zanzibar ferry timetable?", by=world.second_member)
    await world.ask("Quokka habitat size")

    shown = said(await listed(world))

    assert shown.startswith(gaps_messages._GAPS(3, Language.ENGLISH, groups="2 groups"))
    assert gaps_messages._MEMBERS(2, Language.ENGLISH, times="2 times") in shown
    assert "Quokka habitat size" in shown


async def test_an_answer_that_was_found_unhelpful_is_a_gap(world: World) -> None:
    await world.publish()
    answered = await world.ask()
    assert answered.response is not None
    await world.second_member.click(answered.response, label="Not helpful")

    assert gaps_messages._UNHELPFUL(Language.ENGLISH, number=1) in said(await listed(world))


async def test_where_nothing_is_open_that_is_said(world: World) -> None:
    assert said(await listed(world)) == gaps_messages.gaps([], 0).content


async def test_members_do_not_see_gaps(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.show_to_all("gaps")

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

    assert text_of(forged.followups[0]) == gaps_messages.dismissed([])
    assert UNKNOWN in said(await listed(world))


async def test_a_dismissed_group_is_gone_until_it_is_asked_again(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask(f"{UNKNOWN}?", by=world.second_member)
    shown = await listed(world)
    await work_on(world, shown, "Dismiss", 1)

    assert said(await listed(world)) == gaps_messages.gaps([], 0).content
    await world.ask(UNKNOWN)
    assert "asked 1 time by 1 member" in said(await listed(world))
    events = await world.core(lambda core: [one.event for one in core.store.audit_log.entries()])
    assert events[-1] == "gap_dismissed"


async def test_more_groups_than_fit_are_paged(world: World) -> None:
    asked = ["Quokka habitat", "Zanzibar ferry", "Lava temperature", "Origami crane", "Yeti diet"]
    asked.append("Tundra moss")
    for question in asked:
        await world.ask(question)
    first = await listed(world)
    assert first.response is not None
    assert "page 1 of 2" in text_of(first.response)

    await world.moderator.click(first.response, label="Next")

    edits = [request.json for request in world.env.http_requests if request.method == "PATCH"]
    assert "page 2 of 2" in str(edits[-1])
    assert asked[0] in str(edits[-1])


async def test_the_lists_buttons_work_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    for question in ("Quokka habitat", "Zanzibar ferry", "Lava heat", "Origami crane", "Yeti diet"):
        await world.ask(question)
    await world.ask("Tundra moss")
    shown = await listed(world)
    for label in ("Claim", "Give it back", "Merge", "Dismiss"):
        await restarted(world, new_bot)
        message = await choose(world, shown, 1, 2)
        await restarted(world, new_bot)
        await world.moderator.click(message, label=label)
    assert len(await world.core(lambda core: gaps_service.groups(core, world.guild.id))) == 3

    for label in ("Write this note", "Point to …"):
        message = await choose(world, shown, 1)
        await restarted(world, new_bot)
        form = await world.moderator.click(message, label=label)
        assert form.modal is not None


async def test_who_lost_the_role_may_not_dismiss(world: World) -> None:
    await world.ask(UNKNOWN)
    shown = await listed(world)
    assert shown.response is not None
    world.env.backend.remove_member_role(
        world.guild.id, world.moderator.id, world.moderator_role.id
    )

    for action in ("dismiss", "claim", "merge", "back"):
        world.press(world.moderator, shown.response.message, f"gaps:0:1:{action}")
    await world.env.settle()

    [group] = await world.core(lambda core: gaps_service.groups(core, world.guild.id))
    assert group.handover is None


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

    form = await work_on(world, shown, "Write this note", 1)
    assert form.modal is not None
    assert UNKNOWN in str(form.modal)
    await world.moderator.submit_modal(form, {"title": UNKNOWN, "text": "It leaves at nine."})

    assert await world.core(lambda core: core.store.gaps.question_of(1)) == 1
    assert gaps_messages._AWAITED.english in said(await listed(world))


async def test_many_open_gaps_are_grouped_without_embedding_and_without_a_step_for_every_pair(
    world: World,
) -> None:
    number = 2_000

    def fill(core: Core) -> tuple[int, int]:
        question = refused_questions(core.store, world.guild.id)[0]
        core.store.question_records.record(
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


# What they do with it.


async def test_gaps_are_listed_by_how_many_asked_and_say_how_often_and_what_for(
    world: World,
) -> None:
    for _ in range(3):
        await world.ask("Quokka habitat size")
    for asker in (world.member, world.second_member):
        await world.ask(UNKNOWN, by=asker)

    shown = said(await listed(world))

    assert shown.index(UNKNOWN) < shown.index("Quokka")
    assert gaps_messages._MEMBERS(1, Language.ENGLISH, times="3 times") in shown


async def test_a_partial_answer_is_a_gap_until_somebody_finds_it_helpful(world: World) -> None:
    await world.publish()
    answered = await world.ask(QUESTION)

    def partly(core: Core) -> None:
        with core.store.database.writing():
            core.store.database.run("update questions set evidence = 'partial'")

    await world.core(partly)
    groups = await world.core(lambda core: gaps_service.groups(core, world.guild.id))
    assert gaps_messages.gaps(groups, 0).content.count("1 answered in part") == 1

    assert answered.response is not None
    await world.second_member.click(answered.response, label="Helpful")

    assert await world.core(lambda core: gaps_service.groups(core, world.guild.id)) == []


async def test_several_groups_are_dismissed_at_once(world: World) -> None:
    for question in (UNKNOWN, "Quokka habitat size", "Lava temperature"):
        await world.ask(question)

    result = await work_on(world, await listed(world), "Dismiss", 1, 3)

    assert "2 groups dismissed" in result.followups[-1].content
    assert gaps_messages._GAPS(1, Language.ENGLISH, groups="1 group") in said(await listed(world))


async def test_merged_groups_stay_one_and_take_what_is_asked_like_them(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask("Quokka habitat size")
    shown = await listed(world)

    await work_on(world, shown, "Merge", 1, 2)
    await world.ask(f"{UNKNOWN}!", by=world.second_member)
    again = said(await listed(world))

    assert gaps_messages._GAPS(3, Language.ENGLISH, groups="1 group") in again
    assert gaps_messages._MEMBERS(2, Language.ENGLISH, times="3 times") in again
    events = await world.core(lambda core: [one.event for one in core.store.audit_log.entries()])
    assert events[-1] == "gaps_merged"


async def test_one_moderator_claims_a_group_and_gives_it_back(world: World) -> None:
    await world.ask(UNKNOWN)
    shown = await listed(world)
    await work_on(world, shown, "Claim", 1)
    assert f"claimed by <@{world.moderator.id}>" in said(shown)

    other = await listed(world, world.second_moderator)
    late = world.press(world.second_moderator, shown_message(other).message, "gaps:0:1:claim")
    await world.env.settle()
    assert longest_part(gaps_messages._TAKEN) in late.followups[-1].content
    assert f"<@{world.moderator.id}>" in late.followups[-1].content

    await work_on(world, shown, "Give it back", 1)
    assert "with the helpers" in said(shown) or "claimed" not in said(shown)


async def test_two_moderators_who_claim_at_once_are_one(world: World) -> None:
    await world.ask(UNKNOWN)
    shown = await listed(world)
    clicks = [
        world.press(one, shown_message(shown).message, "gaps:0:1:claim")
        for one in (world.moderator, world.second_moderator)
    ]
    await world.env.settle()

    refused = [one for click in clicks for one in click.followups]
    assert len(refused) == 1
    [group] = await world.core(lambda core: gaps_service.groups(core, world.guild.id))
    assert group.handover is not None


async def test_with_nothing_chosen_nothing_can_be_done(world: World) -> None:
    await world.ask(UNKNOWN)
    shown = await listed(world)
    message = shown_message(shown).message
    disabled = {
        part.label
        for row in message.components
        for part in getattr(row, "children", ())
        if getattr(part, "disabled", False)
    }
    assert disabled == {"Write this note", "Point to …", "Claim", "Merge", "Dismiss"}

    form = world.press(world.moderator, message, "gaps:0:0:write")
    await world.env.settle()
    assert form.modal is None
    assert said(form) == gaps_messages.NONE_CHOSEN.english
