"""Decisions by clicks: each is made once, by a moderator, whatever happens at the same time."""

import pytest
from simcord import Env, InteractionResult, MemberActor

from bot.review import messages as review_messages
from bot.review import service as review_service
from bot.review.actions import Action, confirmation
from bot.review.ui.panel import ReviewPage
from bot.text import error_messages, markdown
from knowledge.values.notes import Member, Obstacle, State
from knowledge.values.submissions import Submission
from tests.bot.message_parts import buttons, said, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import EDITED, SENTENCE, TITLE, World, build_world


async def test_an_undone_approval_is_decided_anew(world: World) -> None:
    await world.propose()
    await world.moderator.click(world.card, label="Approve")
    await world.decide(world.second_moderator, "Undo", {"reason": "Too early."})
    assert SENTENCE not in await world.answer()
    assert "**Pending**" in text_of(world.card)
    assert "was undone" in world.notices()[-1]
    assert "Reason: Too early." in world.notices()[-1]
    await world.second_moderator.click(world.card, label="Approve")
    assert SENTENCE in await world.answer()


async def test_retiring_and_restoring_take_reasons(world: World) -> None:
    await world.publish()
    await world.decide(world.moderator, "Retire", {"reason": "It has closed."})
    assert SENTENCE not in await world.answer()
    assert "**Retired** by max" in text_of(world.card)
    assert ": It has closed." in text_of(world.card)
    assert world.notices()[-1].endswith("Reason: It has closed.")
    await world.decide(world.second_moderator, "Restore", {"reason": "It has opened again."})
    assert SENTENCE in await world.answer()
    assert world.notices()[-1].endswith("Reason: It has opened again.")
    log = text_of(await world.open_review(ReviewPage.LOG))
    assert "retired “Lisbon meetup”: It has closed." in log
    assert "restored “Lisbon meetup”: It has opened again." in log


async def test_an_earlier_text_is_made_live_again(world: World) -> None:
    await world.publish()
    revised = Submission(TITLE, EDITED)
    mia = Member(world.member.id, "mia")
    await world.core(
        lambda core: review_service.update_index(
            core, core.store.contributions.revise(world.guild.id, 1, mia, revised)
        )
    )
    await world.bot.outbox.catch_up()
    _, second = world.review.history()
    assert "~~Fridays~~**Saturdays**" in text_of(second)
    await world.moderator.click(second, label="Approve")
    assert buttons(world.review.history()[0]) == []
    panel = await world.open_note()
    history = await world.moderator.click(panel, label="History")
    earlier = shown_message(history)
    assert "Make live again" not in buttons(earlier)
    await world.moderator.click(earlier, label="Earlier")
    await world.moderator.click(earlier, label="Make live again")
    assert "on Fridays" in await world.answer()


async def test_a_tag_can_need_two_approvals(world: World) -> None:
    await world.set_rule(tag="meetup", quorum=2)
    await world.propose(tags="meetup")
    first = await world.moderator.click(world.card, label="Approve")
    assert "1 of 2 approvals" in said(first)
    assert "1 of 2 approvals" in text_of(world.card)
    again = await world.moderator.click(world.card, label="Approve")
    assert "already approved this" in said(again)
    await world.second_moderator.click(world.card, label="Approve")
    assert SENTENCE in await world.answer()


# At the same time.


async def test_many_moderators_decide_each_note_once(world: World) -> None:
    number = 12
    lanterns = [
        Submission(f"Note {each}", f"The lantern number {each} is lit at dusk.")
        for each in range(number)
    ]
    await world.propose_all(lanterns, world.general.id)
    await world.bot.outbox.catch_up()
    roles = [world.moderator_role]
    moderators = [
        world.guild.add_member(world.env.create_user(f"moderator-{each}"), roles=roles)
        for each in range(number)
    ]
    cards = world.review.history()
    assert len(cards) == number

    # Each moderator clicks on their own card and on the one before.
    results = [
        world.press(moderators[each], cards[card], f"card:{card + 1}:approve")
        for each in range(number)
        for card in (each, each - 1)
        if card >= 0
    ]
    await world.env.settle(timeout=600)

    entries = await world.core(lambda core: core.store.audit_log.entries())
    approved = [entry.subject for entry in entries if entry.event == "approved"]
    assert sorted(approved) == sorted(f"revision:{each}" for each in range(1, number + 1))
    assert sum("is live" in said(result) for result in results) == number
    assert len(world.review.history()) == number


async def test_of_simultaneous_clicks_exactly_one_decides(world: World) -> None:
    await world.propose()
    moderators = (world.moderator, world.second_moderator, world.moderator)
    clicks = [world.press(one, world.card, "card:1:approve") for one in moderators]
    await world.env.settle()

    note = await world.note()
    assert len(note.reviews) == 1
    late = english(review_messages.obstacle, note, Obstacle.DECIDED)
    done = english(confirmation, note, Action.APPROVE)
    assert sorted(said(one) for one in clicks) == sorted([done, late, late])
    assert len(world.member.user.dm_channel.history()) == 1


async def test_the_second_of_two_moderators_is_told_who_was_first(world: World) -> None:
    await world.propose()
    form = await world.second_moderator.click(world.card, label="Reject")
    await world.moderator.click(world.card, label="Approve")

    late = await world.second_moderator.submit_modal(form, {"reason": "Too short."})

    assert "Already decided" in said(late)
    assert f"**Approved** by {markdown.plain(world.moderator.name)}" in said(late)
    assert await world.state() is State.APPROVED


async def test_a_decision_stands_without_its_card(world: World) -> None:
    await world.propose()
    form = await world.moderator.click(world.card, label="Reject")
    card = world.card
    # The form stays open in the moderator's client; simcord would refuse it, Discord does not.
    form._interaction.source_message_id = None
    await world.admin_deletes(card)

    result = await world.moderator.submit_modal(form, {"reason": "Because."})

    assert said(result) == english(confirmation, await world.note(), Action.REJECT)
    assert await world.state() is State.REJECTED


# Rights.


async def test_own_notes_need_another_moderator(world: World) -> None:
    await world.propose_as(world.moderator)

    result = await world.moderator.click(world.card, label="Approve")

    assert said(result) == review_messages.OWN_NOTE.english
    assert await world.state() is State.PENDING
    # An administrator needs no moderator role.
    await world.admin.click(world.card, label="Approve")
    assert await world.state() is State.APPROVED


async def test_members_and_former_moderators_are_refused(world: World) -> None:
    overwrites = world.env.backend.get_channel(world.review.id).overwrites
    everyone = next(one for one in overwrites if one.target_id == world.guild.id)
    everyone.deny = 0
    world.env.backend.set_overwrite(world.review.id, everyone)
    await world.propose()

    async def decides(actor: MemberActor, form: InteractionResult | None = None) -> list[str]:
        form = form or await actor.click(world.card, label="Reject")
        if form.modal is not None:
            form = await actor.submit_modal(form, {"reason": "Because."})
        return [said(form), said(await actor.click(world.card, label="Approve"))]

    refusal = error_messages.NOT_A_MODERATOR.english
    assert await decides(world.second_member) == [refusal, refusal]

    opened = await world.moderator.click(world.card, label="Reject")
    world.demote(world.moderator)
    given_back, clicked = await decides(world.moderator, opened)
    assert given_back.startswith(refusal)
    assert clicked == refusal
    assert await world.state() is State.PENDING


@pytest.mark.parametrize("number", ["1", "999999999999999999"])
async def test_a_forged_button_decides_nothing(simcord_env: Env, world: World, number: str) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.propose()
    await other.propose()

    for action in ("approve", "reject"):
        result = other.press(other.moderator, other.card, f"card:{number}:{action}")
        await simcord_env.settle()
        if result.modal is not None:
            result = await other.moderator.submit_modal(result, {"reason": "Mine."})
        assert said(result) == review_messages.CARD_GONE.english
    assert await world.state() is State.PENDING
