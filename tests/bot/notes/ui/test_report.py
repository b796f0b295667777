"""Reports of notes: by command, below an answer or a note, and their viewers."""

from collections.abc import Callable

import pytest
from simcord import InteractionResult

from bot.notes import messages as notes_messages
from bot.process.client import Bot
from bot.review import notice_messages
from bot.text.markdown import LAYOUT_CHARACTERS
from knowledge.values.notes import Note, NoticeEvent, Problem
from knowledge.values.submissions import REASON_CHARACTERS
from tests.bot.steps import decided, edit, restarted, said
from tests.bot.world import QUESTION, TEXT, TITLE, World, build_world, buttons, text_of

REASON = "It moved to Porto."


async def reports(world: World, revision_id: int = 1) -> list[tuple[Problem, str]]:
    note: Note = await world.note(revision_id)
    return [(report.problem, report.reason) for report in note.reports]


async def report(world: World, note: str = TITLE, reason: str = REASON) -> InteractionResult:
    return await world.second_member.slash(
        world.general, "note report", note=note, problem="outdated", reason=reason
    )


async def test_a_report_is_on_the_card_and_its_reporter_is_thanked(world: World) -> None:
    await world.publish()

    result = await report(world)

    assert said(result) == notes_messages.reported(await world.note(), Problem.OUTDATED)
    assert "Reported as **outdated**" in text_of(world.card)
    assert REASON in text_of(world.card)
    assert "Keep as it is" in buttons(world.card)


async def test_a_second_report_by_the_same_member_takes_the_firsts_place(world: World) -> None:
    await world.publish()

    await report(world, reason="First.")
    await report(world, reason="Second.")

    assert await reports(world) == [(Problem.OUTDATED, "Second.")]


async def test_what_is_not_live_can_not_be_reported_nor_found_out_about(world: World) -> None:
    await world.propose()

    for note in (TITLE, "1", "17", "no such title"):
        assert said(await report(world, note)) == notes_messages.NO_HISTORY.english
    assert await reports(world) == []


async def test_no_note_of_another_server_is_reported(world: World) -> None:
    await world.publish()
    other = build_world(world.env, "Another")

    result = await report(other, "1")

    assert said(result) == notes_messages.NO_HISTORY.english
    assert await reports(world) == []


async def test_an_answer_from_a_note_can_be_reported_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.publish()
    answer = await world.ask()
    assert answer.response is not None
    assert buttons(answer.response)[-1] == "Report"

    await world.bot.close()
    await world.restart(new_bot())
    form = await world.second_member.click(answer.response, label="Report")
    assert form.modal is not None
    assert [label["label"] for label in form.modal["components"]] == [
        notes_messages.PROBLEM.english,
        "Reason",
    ]
    await world.second_member.submit_modal(form, {"problem": ["wrong"], "reason": REASON})

    assert await reports(world) == [(Problem.WRONG, REASON)]


async def test_where_several_notes_are_quoted_the_form_asks_which(world: World) -> None:
    await world.publish()
    await world.publish("Second meetup", f"{TEXT} Everybody is welcome.")
    answer = await world.ask()
    assert answer.response is not None

    form = await world.second_member.click(answer.response, label="Report")
    assert form.modal is not None
    [which, *_] = form.modal["components"]
    assert {option["label"] for option in which["component"]["options"]} == {
        TITLE,
        "Second meetup",
    }
    await world.second_member.submit_modal(
        form, {"note": ["2"], "problem": ["unsafe"], "reason": REASON}
    )

    assert await reports(world, 2) == [(Problem.UNSAFE, REASON)]
    assert await reports(world, 1) == []


async def test_an_answer_from_articles_alone_has_no_report_button(world: World) -> None:
    answer = await world.ask("What is open source AI?")

    assert "Report" not in buttons(answer.response)


async def test_a_shared_answer_keeps_its_report_button(world: World) -> None:
    await world.publish()
    private = await world.ask(private=True)
    assert private.response is not None

    await world.member.click(private.response, label="Share")

    assert world.general.last_message is not None
    assert buttons(world.general.last_message)[-1] == "Report"


async def test_a_note_that_is_live_no_more_leaves_nothing_to_report(world: World) -> None:
    await world.publish()
    answer = await world.ask()
    assert answer.response is not None
    await decided(world, world.moderator, "Retire", {"reason": ""})

    result = await world.second_member.click(answer.response, label="Report")

    assert said(result) == notes_messages.NOTHING_TO_REPORT.english


async def test_a_note_shown_can_be_reported(world: World) -> None:
    await world.publish()
    shown = await world.second_member.slash(world.general, "note show", note=TITLE)
    assert shown.response is not None
    assert buttons(shown.response) == ["Report"]

    form = await world.second_member.click(shown.response, label="Report")
    await world.second_member.submit_modal(form, {"problem": ["wrong"], "reason": REASON})

    assert await reports(world) == [(Problem.WRONG, REASON)]


async def test_an_answer_is_reported_from_its_apps_menu_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.publish()
    await world.ask()
    answer = world.general.last_message
    assert answer is not None

    await restarted(world, new_bot)
    form = await world.second_member.context_menu(world.general, "Report", answer)
    await world.second_member.submit_modal(form, {"problem": ["wrong"], "reason": REASON})

    assert await reports(world) == [(Problem.WRONG, REASON)]


async def test_what_quotes_no_note_can_not_be_reported_from_its_menu(world: World) -> None:
    await world.ask("What is open source AI?")
    answer = world.general.last_message
    assert answer is not None
    message = await world.member.send(world.general, "hello")

    for each in (answer, message):
        result = await world.second_member.context_menu(world.general, "Report", each)
        assert said(result) == notes_messages.QUOTES_NO_NOTE.english


def told(world: World) -> list[str]:
    return [text_of(message) for message in world.second_member.user.dm_channel.history()]


async def settle(world: World, label: str) -> None:
    result = await world.moderator.click(world.card, label=label)
    if result.modal is not None:
        await world.moderator.submit_modal(result, {"reason": "It has closed."})


SETTLED = {
    "Keep as it is": NoticeEvent.REPORT_KEPT,
    "Retire": NoticeEvent.REPORT_RETIRED,
}


@pytest.mark.parametrize("label", SETTLED)
async def test_who_reported_is_told_what_came_of_it_by_direct_message(
    world: World, label: str
) -> None:
    await world.publish()
    await report(world)

    await settle(world, label)

    reason = "It has closed." if label == "Retire" else ""
    expected = notice_messages.notice(await world.note(), SETTLED[label], reason=reason)
    assert told(world) == expected
    assert len(world.general.history()) == 0


async def test_who_reported_is_told_of_the_text_that_came_of_it(world: World) -> None:
    await world.publish()
    await report(world)

    await edit(world)
    await world.moderator.click(world.card, label="Approve")

    assert told(world) == notice_messages.notice(await world.note(2), NoticeEvent.REPORT_REVISED)


async def test_who_settles_their_own_report_is_not_told_of_it(world: World) -> None:
    await world.publish()
    await world.moderator.slash(
        world.general, "note report", note=TITLE, problem="wrong", reason=REASON
    )

    await world.moderator.click(world.card, label="Keep as it is")

    assert len(world.moderator.user.dm_channel.history()) == 0


@pytest.mark.parametrize("custom_id", ["report:answer:1", "report:note:1", "report:note:99"])
async def test_a_forged_button_of_another_server_reports_nothing(
    world: World, custom_id: str
) -> None:
    await world.publish()
    await world.ask(QUESTION)
    other = build_world(world.env, "Another")
    message = await other.member.send(other.general, "Anything.")

    result = other.press(other.member, message, custom_id)
    await world.env.settle()

    assert said(result) == notes_messages.NOTHING_TO_REPORT.english


async def test_the_longest_reason_fits_on_the_card(world: World) -> None:
    await world.publish()

    await report(world, reason="@everyone " + "x" * (REASON_CHARACTERS - 10))

    note = await world.note()
    assert len(note.reports[0].reason) == REASON_CHARACTERS
    assert len(text_of(world.card)) <= LAYOUT_CHARACTERS
