"""Decisions: each is made once, by a moderator, and told to the people concerned."""

from dataclasses import replace

import discord
import pytest
from simcord import Env

from bot.core.core import Core
from bot.review import messages as review_messages
from bot.review import notice_messages
from bot.review import service as review_service
from bot.review.service import Action
from bot.text import error_messages, markdown
from knowledge.values.notes import Member, NoticeEvent, Obstacle, State
from knowledge.values.submissions import Submission
from tests.bot.steps import (
    EDITED,
    SENTENCE,
    answer,
    content,
    decided,
    proposed,
    rule,
    said,
    state,
    told,
)
from tests.bot.world import TITLE, World, build_world, buttons, text_of


async def test_an_approval_can_be_undone_and_decided_anew(world: World) -> None:
    await world.propose()
    await world.moderator.click(world.card, label="Approve")
    await decided(world, world.second_moderator, "Undo", {"reason": "Too early."})
    assert SENTENCE not in await answer(world)
    assert "**Pending**" in text_of(world.card)
    assert "was undone" in told(world)[-1]
    assert "Reason: Too early." in told(world)[-1]
    await world.second_moderator.click(world.card, label="Approve")
    assert SENTENCE in await answer(world)


async def test_who_approves_twice_is_told_how_many_approvals_are_needed(world: World) -> None:
    await rule(world, quorum=2)
    await world.propose()
    await world.moderator.click(world.card, label="Approve")
    again = await world.moderator.click(world.card, label="Approve")
    assert "1 of 2 approvals" in said(again)


async def test_undoing_too_late_is_explained(world: World) -> None:
    await world.propose()
    await world.moderator.click(world.card, label="Approve")
    card = world.card

    def no_time(core: Core) -> None:
        settings = core.store.guilds.settings(world.guild.id)
        core.store.guilds.save_settings(replace(settings, undo_minutes=0), 1)

    await world.core(no_time)
    form = await world.moderator.click(card, label="Undo")
    result = await world.moderator.submit_modal(form, {"reason": ""})
    assert "too late to undo" in said(result)
    assert SENTENCE in await answer(world)


async def test_a_live_note_is_retired_and_restored(world: World) -> None:
    await world.publish()
    await decided(world, world.moderator, "Retire", {"reason": "It has closed."})
    assert SENTENCE not in await answer(world)
    assert "Retired" in text_of(world.card)
    assert told(world)[-1].endswith("Reason: It has closed.")
    await decided(world, world.second_moderator, "Restore", {"reason": "It has opened again."})
    assert SENTENCE in await answer(world)
    assert told(world)[-1].endswith("Reason: It has opened again.")
    log = content(await world.moderator.slash(world.general, "review log"))
    assert "retired “Lisbon meetup”: It has closed." in log
    assert "restored “Lisbon meetup”: It has opened again." in log


async def test_a_retirement_without_a_reason_is_told_without_one(world: World) -> None:
    await world.publish()
    await decided(world, world.moderator, "Retire", {"reason": ""})
    assert told(world)[-1] == notice_messages.notice(await world.note(), NoticeEvent.RETIRED)[0]


async def test_an_earlier_text_is_made_live_again(world: World) -> None:
    await world.publish()
    await world.core(
        lambda core: review_service.indexed(
            core,
            core.store.contributions.revise(
                world.guild.id, 1, Member(world.member.id, "mia"), Submission(TITLE, EDITED)
            ),
        )
    )
    await world.bot.outbox.catch_up()
    first, second = world.review.history()
    await world.moderator.click(second, label="Approve")
    first = world.review.history()[0]
    assert buttons(first) == ["Make live again"]
    await world.second_moderator.click(first, label="Make live again")
    assert "on Fridays" in await answer(world)


async def test_two_moderators_may_have_the_same_form_open(world: World) -> None:
    await world.propose()
    first = await world.moderator.click(world.card, label="Reject")
    second = await world.second_moderator.click(world.card, label="Reject")
    await world.moderator.submit_modal(first, {"reason": "Mine."})
    late = await world.second_moderator.submit_modal(second, {"reason": "Also mine."})
    assert "decided already" in said(late)


async def test_a_tag_can_ask_for_two_approvals(world: World) -> None:
    await rule(world, tag="meetup", quorum=2)
    await world.propose(tags="meetup")
    await world.moderator.click(world.card, label="Approve")
    assert "1 of 2 approvals" in text_of(world.card)
    again = await world.moderator.click(world.card, label="Approve")
    assert "approved this already" in said(again)
    await world.second_moderator.click(world.card, label="Approve")
    assert SENTENCE in await answer(world)


async def test_fifty_moderators_on_fifty_cards_give_exactly_fifty_outcomes(world: World) -> None:
    lanterns = [
        Submission(f"Note {number}", f"The lantern number {number} is lit at dusk.")
        for number in range(50)
    ]
    await proposed(world, lanterns, world.general.id)
    await world.bot.outbox.catch_up()
    moderators = [
        world.guild.add_member(
            world.env.create_user(f"moderator-{number}"), roles=[world.moderator_role]
        )
        for number in range(50)
    ]
    cards_posted = world.review.history()
    assert len(cards_posted) == 50
    # Each moderator clicks on their own card and on the one before.
    results = []
    for first in range(0, 50, 10):
        results += [
            world.press(moderators[number], cards_posted[card], f"card:{card + 1}:approve")
            for number in range(first, first + 10)
            for card in (number, number - 1)
            if card >= 0
        ]
        # Ten at a time: Discord gives each click three seconds, and the machine may be busy.
        await world.env.settle(timeout=600)
    entries = await world.core(lambda core: core.store.audit_log.entries())
    approved = [entry.subject for entry in entries if entry.event == "approved"]
    assert sorted(approved) == sorted(f"revision:{number}" for number in range(1, 51))
    assert sum("is live" in said(result) for result in results) == 50
    assert len({message.id for message in world.review.history()}) == 50
    assert all(isinstance(message, discord.Message) for message in world.review.history())


async def test_of_two_moderators_at_once_exactly_one_decides(world: World) -> None:
    await world.propose()
    first = world.press(world.moderator, world.card, "card:1:approve")
    second = world.press(world.second_moderator, world.card, "card:1:approve")
    await world.env.settle()

    note = await world.note()
    assert note.review is not None
    assert note.review.moderator_id == world.moderator.id
    assert said(first) == review_messages.done(note, Action.APPROVE)
    assert said(second) == review_messages.obstacle(note, Obstacle.DECIDED)


async def test_the_second_of_two_moderators_is_told_who_was_first(world: World) -> None:
    await world.propose()
    form = await world.second_moderator.click(world.card, label="Reject")
    await world.moderator.click(world.card, label="Approve")

    late = await world.second_moderator.submit_modal(form, {"reason": "Too short."})

    assert f"**Approved** by {markdown.plain(world.moderator.name)}" in said(late)
    assert await state(world) is State.APPROVED


async def test_of_two_moderators_at_once_the_contributor_hears_once(world: World) -> None:
    await world.propose()
    world.press(world.moderator, world.card, "card:1:approve")
    world.press(world.second_moderator, world.card, "card:1:approve")
    await world.env.settle()

    assert len(world.member.user.dm_channel.history()) == 1


async def test_a_double_click_decides_once(world: World) -> None:
    await world.propose()
    world.press(world.moderator, world.card, "card:1:approve")
    world.press(world.moderator, world.card, "card:1:approve")
    await world.env.settle()

    entries = await world.core(lambda core: core.store.audit_log.entries())
    assert [entry.event for entry in entries].count("approved") == 1


async def test_a_moderators_own_note_is_left_to_another_moderator(world: World) -> None:
    await world.propose_as(world.moderator)

    result = await world.moderator.click(world.card, label="Approve")

    assert said(result) == review_messages.OWN_NOTE.english
    assert await state(world) is State.PENDING


async def test_another_moderator_can_decide_on_a_moderators_note(world: World) -> None:
    await world.propose_as(world.moderator)

    await world.second_moderator.click(world.card, label="Approve")

    assert await state(world) is State.APPROVED


async def test_an_administrator_may_decide_without_the_role(world: World) -> None:
    await world.propose()

    await world.admin.click(world.card, label="Approve")

    assert await state(world) is State.APPROVED


def let_everybody_into_review(world: World) -> None:
    overwrites = world.env.backend.get_channel(world.review.id).overwrites
    everyone = next(one for one in overwrites if one.target_id == world.guild.id)
    everyone.deny = 0
    world.env.backend.set_overwrite(world.review.id, everyone)


@pytest.mark.parametrize("label", ["Approve", "Reject"])
async def test_a_member_without_the_role_is_refused(world: World, label: str) -> None:
    let_everybody_into_review(world)
    await world.propose()

    result = await world.second_member.click(world.card, label=label)
    if result.modal is not None:
        result = await world.second_member.submit_modal(result, {"reason": "Because."})

    assert said(result) == error_messages.NOT_A_MODERATOR.english
    assert await state(world) is State.PENDING


async def test_who_lost_the_role_after_the_card_was_posted_is_refused(world: World) -> None:
    let_everybody_into_review(world)
    await world.propose()
    world.env.backend.remove_member_role(
        world.guild.id, world.moderator.id, world.moderator_role.id
    )

    result = await world.moderator.click(world.card, label="Approve")

    assert said(result) == error_messages.NOT_A_MODERATOR.english
    assert await state(world) is State.PENDING


async def test_who_lost_the_role_while_giving_a_reason_is_refused(world: World) -> None:
    let_everybody_into_review(world)
    await world.propose()
    form = await world.moderator.click(world.card, label="Reject")
    world.env.backend.remove_member_role(
        world.guild.id, world.moderator.id, world.moderator_role.id
    )

    result = await world.moderator.submit_modal(form, {"reason": "Because."})

    assert said(result).startswith(error_messages.NOT_A_MODERATOR.english)
    assert await state(world) is State.PENDING


@pytest.mark.parametrize("action", ["approve", "reject"])
async def test_a_forged_button_for_another_servers_note_decides_nothing(
    simcord_env: Env, world: World, action: str
) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.propose()
    await other.propose()

    result = other.press(other.moderator, other.card, f"card:1:{action}")
    await simcord_env.settle()
    if result.modal is not None:
        result = await other.moderator.submit_modal(result, {"reason": "Mine."})

    assert said(result) == review_messages.CARD_GONE.english
    assert await state(world) is State.PENDING


async def test_a_button_of_a_note_that_is_not_on_record_says_so(world: World) -> None:
    await world.propose()

    result = world.press(world.moderator, world.card, "card:999999999999999999:approve")
    await world.env.settle()

    assert said(result) == review_messages.CARD_GONE.english


async def test_a_decision_stands_though_its_card_was_deleted_meanwhile(world: World) -> None:
    await world.propose()
    form = await world.moderator.click(world.card, label="Reject")
    card = world.card
    # The form stays open in the moderator's client; simcord would refuse it, Discord does not.
    form._interaction.source_message_id = None
    await world.admin_deletes(card)

    result = await world.moderator.submit_modal(form, {"reason": "Because."})

    assert said(result) == review_messages.done(await world.note(), Action.REJECT)
    assert await state(world) is State.REJECTED


async def test_a_click_on_a_card_that_is_being_deleted_decides_all_the_same(world: World) -> None:
    await world.propose()
    world.env.inject_error("PATCH", f"/channels/{world.review.id}/*", status=404, code=10008)

    result = await world.moderator.click(world.card, label="Approve")

    assert said(result) == review_messages.done(await world.note(), Action.APPROVE)
    assert SENTENCE in await answer(world)
