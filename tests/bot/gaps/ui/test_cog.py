"""`/gaps`: the worklist of unanswered questions, and its actions."""

from simcord import Env, InteractionResult, MemberActor, ResponseMessage

from bot.gaps import messages as gaps_messages
from bot.gaps import service as gaps_service
from bot.gaps.service import Group
from knowledge.values.guilds import Language
from tests.bot.message_parts import choices, custom_ids, longest_part, said, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import UNKNOWN, NewBot, World, build_world

EN = Language.ENGLISH
NOTHING_OPEN = english(gaps_messages.page_of_gaps, [], 0).content


async def listed(world: World, by: MemberActor | None = None) -> InteractionResult:
    return await (by or world.moderator).slash(world.general, "gaps")


async def groups(world: World) -> list[Group]:
    return await world.core(lambda core: gaps_service.groups(core, world.guild.id))


async def last_event(world: World) -> str:
    events = await world.core(lambda core: [one.event for one in core.store.audit_log.entries()])
    return events[-1]


async def choose(world: World, shown: InteractionResult, *places: int) -> ResponseMessage:
    """Choose the groups at these places of the page; returns the list's message."""
    message = shown_message(shown)
    [select] = [one for one in custom_ids(message) if one.startswith("groups:")]
    offered = [*choices(message)]
    values = [offered[place - 1] for place in places]
    await world.moderator.select(message, values, custom_id=select)
    return message


async def work_on(
    world: World, shown: InteractionResult, label: str, *places: int
) -> InteractionResult:
    """Click a button for the groups at these places of the page."""
    return await world.moderator.click(await choose(world, shown, *places), label=label)


# The list.


async def test_gaps_are_grouped_most_askers_first(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask("the Zanzibar ferry timetable?", by=world.second_member)
    for _ in range(3):
        await world.ask("Quokka habitat size")
    await world.publish()
    answered = await world.ask()
    await world.second_member.click(shown_message(answered), label="Not helpful")

    shown = said(await listed(world))

    assert shown.startswith(english(gaps_messages._GAPS, 6, groups="3 groups"))
    assert shown.index(UNKNOWN) < shown.index("Quokka")
    assert english(gaps_messages._MEMBERS, 2, times="2 times") in shown
    assert english(gaps_messages._MEMBERS, 1, times="3 times") in shown
    assert english(gaps_messages._UNHELPFUL, number=1) in shown


async def test_the_list_pages_after_a_restart(world: World, new_bot: NewBot) -> None:
    asked = ["Quokka habitat", "Zanzibar ferry", "Lava heat", "Origami crane", "Yeti diet"]
    for question in (*asked, "Tundra moss"):
        await world.ask(question)
    shown = await listed(world)
    assert "page 1 of 2" in said(shown)
    await world.start_again(new_bot)
    message = await choose(world, shown, 1)
    await world.start_again(new_bot)
    for label in ("Write this note", "Point to …"):
        assert (await world.moderator.click(message, label=label)).modal is not None

    await world.moderator.click(message, label="Next")

    edits = [request.json for request in world.env.http_requests if request.method == "PATCH"]
    assert "page 2 of 2" in str(edits[-1])
    assert asked[0] in str(edits[-1])


async def test_nothing_can_be_done_without_a_choice(world: World) -> None:
    await world.ask(UNKNOWN)
    message = shown_message(await listed(world)).message
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


# Rights.


async def test_gaps_are_for_current_moderators(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.show_to_all("gaps")
    assert said(await listed(world, world.member)) == gaps_messages.NOT_A_MODERATOR.english
    shown = shown_message(await listed(world))
    world.demote(world.moderator)

    for action in ("dismiss", "claim", "merge", "back"):
        world.press(world.moderator, shown.message, f"gaps:0:1:{action}")
    await world.env.settle()

    [group] = await groups(world)
    assert group.handover is None


async def test_gaps_of_other_servers_stay_theirs(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.ask(UNKNOWN)
    await other.ask("Quokka habitat size")
    mine = await listed(other)

    assert UNKNOWN not in said(mine)
    forged = other.press(other.moderator, shown_message(mine).message, "gaps:0:1:dismiss")
    await simcord_env.settle()

    assert text_of(forged.followups[0]) == english(gaps_messages.confirm_dismissal, [])
    assert UNKNOWN in said(await listed(world))


# Actions.


async def test_dismissed_groups_return_when_asked_again(world: World) -> None:
    for question in (UNKNOWN, f"{UNKNOWN}?", "Quokka habitat size"):
        await world.ask(question)

    result = await work_on(world, await listed(world), "Dismiss", 1, 2)

    assert "2 groups dismissed" in result.followups[-1].content
    assert said(await listed(world)) == NOTHING_OPEN
    assert await last_event(world) == "gap_dismissed"
    await world.ask(UNKNOWN)
    assert "asked 1 time by 1 member" in said(await listed(world))


async def test_a_groups_note_is_awaited(world: World) -> None:
    await world.ask(UNKNOWN, private=True)
    theirs = shown_message(await world.ask("Quokka habitat", by=world.second_member))
    forged = world.press(world.second_member, theirs.message, "gap:1:write")
    await world.env.settle()
    assert forged.modal is not None
    assert "Zanzibar" not in str(forged.modal)

    form = await work_on(world, await listed(world), "Write this note", 1)
    assert "Quokka habitat" in str(form.modal)
    await world.moderator.submit_modal(form, {"title": "Quokkas", "text": "It is an island."})

    assert await world.core(lambda core: core.store.gaps.question_of_note(1)) == 2
    assert gaps_messages._AWAITED.english in said(await listed(world))


async def test_merged_groups_take_new_questions(world: World) -> None:
    await world.ask(UNKNOWN)
    await world.ask("Quokka habitat size")

    await work_on(world, await listed(world), "Merge", 1, 2)
    await world.ask(f"{UNKNOWN}!", by=world.second_member)

    again = said(await listed(world))
    assert english(gaps_messages._GAPS, 3, groups="1 group") in again
    assert english(gaps_messages._MEMBERS, 2, times="3 times") in again
    assert await last_event(world) == "gaps_merged"


async def test_one_of_simultaneous_claims_holds(world: World) -> None:
    await world.ask(UNKNOWN)
    shown = await listed(world)
    clicks = [
        world.press(one, shown_message(shown).message, "gaps:0:1:claim")
        for one in (world.moderator, world.second_moderator)
    ]
    await world.env.settle()

    [group] = await groups(world)
    assert group.handover is not None
    winner = f"<@{group.handover.helper_id}>"
    [refused] = [one.content for click in clicks for one in click.followups]
    assert longest_part(gaps_messages._TAKEN) in refused
    assert winner in refused
    shown = await listed(world)
    assert f"claimed by {winner}" in said(shown)

    pair = (world.moderator, world.second_moderator)
    [claimant] = [one for one in pair if one.id == group.handover.helper_id]
    world.press(claimant, shown_message(shown).message, "gaps:0:1:back")
    await world.env.settle()
    assert "claimed" not in said(await listed(world))
