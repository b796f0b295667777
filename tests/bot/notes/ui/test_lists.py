"""History, own notes and withdrawal in Discord."""

from typing import Any

from simcord import InteractionResult, MemberActor

from bot.notes import messages
from bot.review import messages as review_messages
from knowledge.values.notes import NoticeEvent, Problem, State
from tests.bot.message_parts import (
    actions,
    buttons,
    choices,
    content,
    longest_part,
    said,
    shown_message,
    text_of,
)
from tests.bot.spoken import english
from tests.bot.world import QUESTION, TEXT, TITLE, NewBot, World, build_world, in_menu, on_note

FIRST = "The meetup is in Lisbon on Fridays."


SECOND = "The meetup is in Porto on Fridays."


THIRD = "The meetup is in Faro on Mondays."


async def test_the_history_is_shown_by_right(world: World, new_bot: NewBot) -> None:
    await world.publish(TITLE, FIRST)
    await world.edit(SECOND)
    await world.moderator.click(world.card, label="Approve")
    await world.edit(THIRD)
    await world.reject("That is not so.")

    async def history(actor: MemberActor, note: str = "1") -> InteractionResult:
        return await on_note(actor, world.general, "History", note)

    others = await history(world.second_member)
    assert "2 of 2" in said(others)
    assert "Porto" in said(others)
    # A forged page shows nothing that was never public.
    world.press(world.second_member, shown_message(others).message, "history:1:2")
    await world.env.settle()
    assert "Faro" not in content(others)
    assert "Faro" in said(await history(world.moderator))

    mine = await history(world.member)
    assert "revision 3" in said(mine)
    assert "That is not so" in said(mine)
    assert buttons(mine.response) == ["Earlier"]
    await world.start_again(new_bot)
    await world.member.click(shown_message(mine), label="Earlier")
    assert "~~Lisbon~~**Porto**" in content(mine)
    assert buttons(mine.response) == ["Earlier", "Later"]
    await world.member.click(shown_message(mine), label="Earlier")
    assert f"> {FIRST}" in content(mine)


# Own notes.


async def listed(world: World, actor: MemberActor, **options: str) -> str:
    return said(await actor.slash(world.general, "note mine", **options))


async def test_own_notes_are_listed_over_a_restart(world: World, new_bot: NewBot) -> None:
    assert await listed(world, world.member) == messages.NO_NOTES.english
    await world.publish("First", FIRST)
    await world.propose("Second", "Another text.")
    await world.reject()
    for number in range(3):
        await world.propose(f"Ferry {number}", f"Ferry number {number} leaves.")
    result = await world.member.slash(world.general, "note mine")
    assert buttons(result.response) == ["Older"]
    assert "5 notes · page 1 of 2" in said(result)
    *_, rejected = said(result).split("\n-# ")
    assert rejected.startswith("**Rejected**")
    assert "Not about our topic." in rejected

    await world.start_again(new_bot)
    await world.member.click(shown_message(result), label="Older")

    [_, live] = content(result).split("\n-# ")
    assert live.startswith("**Approved**")
    assert longest_part(messages._ANSWERED_FROM) in live
    assert buttons(result.response) == ["Newer"]
    assert "“" not in await listed(world, world.member, state="live")
    assert "**Second**" in await listed(world, world.member, state="rejected")


async def test_only_moderators_get_card_links(world: World) -> None:
    await world.propose()
    await world.propose_as(world.moderator, "Another", "By a moderator.")

    assert "discord.com/channels" not in await listed(world, world.member)
    assert f"/{world.review.id}/" in await listed(world, world.moderator)


async def test_a_listed_note_is_opened_and_withdrawn(world: World, new_bot: NewBot) -> None:
    await world.publish(TITLE, FIRST)
    await world.edit(SECOND)
    mine = await world.member.slash(world.general, "note mine")
    assert choices(mine.response) == {"1": f"1. {TITLE}"}
    await world.start_again(new_bot)

    shown = await world.member.select(shown_message(mine), ["1"], custom_id="my_note")

    assert FIRST in said(shown)
    assert buttons(shown.response)[:4] == ["Edit", "Add details", "Withdraw", "History"]
    history = await world.member.click(shown_message(shown), label="Withdraw")
    assert buttons(history.response) == ["Withdraw", "Keep it"]
    await world.member.click(shown_message(shown), label="History")
    assert "~~Lisbon~~**Porto**" in content(shown)


# Withdrawal.


async def to_withdraw(world: World) -> InteractionResult:
    return await on_note(world.member, world.general, "Withdraw", TITLE)


async def test_a_note_is_withdrawn_after_a_confirmation(world: World, new_bot: NewBot) -> None:
    await world.publish()
    asked = await to_withdraw(world)
    assert longest_part(messages._WITHDRAW_LIVE) in said(asked)
    assert buttons(asked.response) == ["Withdraw", "Keep it"]
    await world.member.click(shown_message(asked), label="Keep it")
    assert content(asked) == messages.NOT_WITHDRAWN.english
    assert (await world.note()).live

    asked = await to_withdraw(world)
    await world.start_again(new_bot)
    await world.member.click(shown_message(asked), label="Withdraw")

    assert "is withdrawn" in content(asked)
    assert (await world.note()).revision.state is State.WITHDRAWN
    assert "Rua Augusta on Fridays" not in said(await world.ask(private=True))
    assert "**Withdrawn**" in text_of(world.card)


async def test_a_withdrawal_affects_only_what_was_confirmed(world: World) -> None:
    await world.propose()
    asked = await to_withdraw(world)
    await world.moderator.click(world.card, label="Approve")
    await world.edit()

    await world.member.click(shown_message(asked), label="Withdraw")
    assert content(asked) == messages.MOVED_ON.english
    assert (await world.note(1)).live

    asked = await to_withdraw(world)
    await world.member.click(shown_message(asked), label="Withdraw")
    withdrawn = english(messages.confirm_withdrawal, await world.note(2))
    assert content(asked) == withdrawn
    assert "The live text stays" in withdrawn
    assert (await world.note(1)).live


async def test_other_members_withdraw_nothing(world: World) -> None:
    await world.publish()

    message = await world.second_member.send(world.general, "Anything.")
    for action in ("yes", "reply", "ask"):
        world.press(world.second_member, message, f"withdraw:1:{action}")
    await world.env.settle()

    assert (await world.note()).live


REASON = "It moved to Porto."


async def reports(world: World, revision_id: int = 1) -> list[tuple[Problem, str]]:
    note = await world.note(revision_id)
    return [(report.problem, report.reason) for report in note.reports]


async def report(
    world: World,
    reason: str = REASON,
    problem: Problem = Problem.OUTDATED,
    by: MemberActor | None = None,
) -> InteractionResult:
    actor = by or world.second_member
    form = await on_note(actor, world.general, "Report")
    return await actor.submit_modal(form, {"problem": [problem], "reason": reason})


async def submit(world: World, form: InteractionResult, problem: str, **more: Any) -> None:
    fields = {"problem": [problem], "reason": REASON, **more}
    await world.second_member.submit_modal(form, fields)


def labels(form: InteractionResult) -> list[str]:
    assert form.modal is not None
    return [label["label"] for label in form.modal["components"]]


def notices(world: World) -> list[str]:
    return [text_of(message) for message in world.second_member.user.dm_channel.history()]


async def test_a_report_stays_until_the_decision(world: World) -> None:
    await world.publish()
    await report(world, reason="First.")
    await report(world, "Second.", Problem.WRONG, world.moderator)

    result = await report(world, reason=REASON)

    assert said(result) == english(messages.confirm_report, await world.note(), Problem.OUTDATED)
    # A member's second report replaces the first.
    assert sorted(await reports(world)) == [(Problem.OUTDATED, REASON), (Problem.WRONG, "Second.")]
    assert "Reported as **outdated**" in text_of(world.card)
    assert REASON in text_of(world.card)
    await world.moderator.click(world.card, label="Keep as it is")
    assert "Reported" not in text_of(world.card)
    assert notices(world) == english(
        review_messages.notice_parts, await world.note(), NoticeEvent.REPORT_KEPT
    )
    # A moderator gets no notice about a report that they settled.
    assert len(world.moderator.user.dm_channel.history()) == 0
    assert len(world.general.history()) == 0


async def test_reporters_hear_of_new_text_and_retirement(world: World) -> None:
    await world.publish()
    await report(world)
    await world.edit()
    await world.moderator.click(world.card, label="Approve")
    assert notices(world) == english(
        review_messages.notice_parts, await world.note(2), NoticeEvent.REPORT_REVISED
    )

    await report(world)
    await world.decide(world.moderator, "Retire", {"reason": "It has closed."})
    expected = english(
        review_messages.notice_parts,
        await world.note(2),
        NoticeEvent.REPORT_RETIRED,
        reason="It has closed.",
    )
    assert notices(world)[1:] == expected


async def test_unpublished_notes_escape_reports(world: World) -> None:
    await world.propose()
    other = build_world(world.env, "Another")
    for server in (world, other):
        for number in (1, 17):
            fields: dict[str, str | list[str]] = {"problem": ["wrong"], "reason": REASON}
            refused = server.submit(server.second_member, f"form:report:{number}:ab", fields)
            await world.env.settle()
            assert said(refused) == messages.NO_HISTORY.english
        if server is world:
            await world.moderator.click(world.card, label="Approve")
    assert await reports(world) == []


# By button and menu.


async def test_any_quoting_answer_reports_its_note(world: World, new_bot: NewBot) -> None:
    articles = await world.ask("What is open source AI?")
    assert "report" not in actions(articles.response)
    await world.publish()
    await world.publish("Second meetup", f"{TEXT} Everybody is welcome.")
    private = await world.ask(private=True)
    await in_menu(world.member, shown_message(private), "Share with everyone here")
    shared = world.general.last_message
    assert shared is not None
    assert "report" in actions(shared)

    await world.start_again(new_bot)
    form = await in_menu(world.second_member, shared, "Report")
    assert form.modal is not None
    [which, *_] = form.modal["components"]
    options = {option["label"] for option in which["component"]["options"]}
    assert options == {TITLE, "Second meetup"}
    await submit(world, form, "unsafe", note=["2"])
    assert await reports(world, 2) == [(Problem.UNSAFE, REASON)]

    await world.start_again(new_bot)
    form = await world.second_member.context_menu(world.general, "Report", shared)
    await submit(world, form, "wrong", note=["1"])
    assert await reports(world, 1) == [(Problem.WRONG, REASON)]


async def test_a_shown_note_is_reported_while_it_is_live(world: World) -> None:
    await world.publish()
    shown = shown_message(await world.second_member.slash(world.general, "note show", note=TITLE))
    assert buttons(shown) == ["Report"]
    form = await world.second_member.click(shown, label="Report")
    assert labels(form) == [messages.PROBLEM.english, "Reason"]
    await submit(world, form, "wrong")
    assert await reports(world) == [(Problem.WRONG, REASON)]

    await world.decide(world.moderator, "Retire", {"reason": ""})
    result = await world.second_member.click(shown, label="Report")
    assert said(result) == messages.NOTHING_TO_REPORT.english


async def test_messages_without_notes_report_nothing(world: World) -> None:
    await world.ask("What is open source AI?")
    answer = world.general.last_message
    assert answer is not None
    message = await world.member.send(world.general, "hello")

    for reported, sentence in (
        (answer, messages.NOTHING_TO_REPORT),
        (message, messages.QUOTES_NO_NOTE),
    ):
        result = await world.second_member.context_menu(world.general, "Report", reported)
        assert said(result) == sentence.english


async def test_forged_buttons_in_another_server_report_nothing(world: World) -> None:
    await world.publish()
    await world.ask(QUESTION)
    other = build_world(world.env, "Another")
    message = await other.member.send(other.general, "Anything.")

    for custom_id in ("report:answer:1", "report:note:1", "report:note:99"):
        result = other.press(other.member, message, custom_id)
        await world.env.settle()
        assert said(result) == messages.NOTHING_TO_REPORT.english
