"""The review queue: one note at a time in a private message."""

from collections.abc import Callable
from datetime import UTC, datetime

from simcord import Env

from bot.core.core import Core
from bot.process.client import Bot
from bot.review import messages as review_messages
from bot.review import service as review_service
from bot.review.ui.outbox import OutboxDispatcher
from bot.text import error_messages
from knowledge.values.guilds import Rule
from knowledge.values.notes import Member, SourceChange, SourceMessage, State
from knowledge.values.submissions import Submission
from tests.bot.components import part
from tests.bot.steps import rule, said, shown_message, state
from tests.bot.world import TEXT, TITLE, World, build_world, buttons, text_of


async def test_the_queue_shows_one_note_after_another_and_turns_its_page(world: World) -> None:
    for number in range(3):
        await world.propose(title=f"Note number {number}")
    shown = await world.moderator.slash(world.review, "review queue")
    assert "1 of 3" in said(shown)
    assert "Note number 0" in said(shown)

    result = await world.moderator.click(shown_message(shown), label="Approve")
    page = result.response
    assert page is not None
    assert "“Note number 0” is live" in text_of(page)
    assert "1 of 2" in text_of(page)
    assert "Note number 1" in text_of(page)

    form = await world.moderator.click(page, label="Reject")
    result = await world.moderator.submit_modal(form, {"reason": "Twice."})
    page = result.response
    assert page is not None
    assert "“Note number 1” is rejected" in text_of(page)
    result = await world.moderator.click(page, label="Approve")
    assert result.response is not None
    assert review_messages.QUEUE_EMPTY.english in text_of(result.response)
    assert [await state(world, number) for number in (1, 2, 3)] == [
        State.APPROVED,
        State.REJECTED,
        State.APPROVED,
    ]


async def test_the_queue_leads_on_and_back(world: World) -> None:
    for number in range(2):
        await world.propose(title=f"Note number {number}")
    shown = await world.moderator.slash(world.review, "review queue")
    following = await world.moderator.click(shown_message(shown), label="Next")
    assert following.response is not None
    assert "2 of 2" in text_of(following.response)
    before = await world.moderator.click(shown_message(following), label="Previous")
    assert before.response is not None
    assert "Note number 0" in text_of(before.response)


async def test_the_queue_is_for_moderators(world: World) -> None:
    await world.propose()
    await world.show_to_all("review")
    result = await world.member.slash(world.general, "review queue")
    assert said(result) == error_messages.NOT_A_MODERATOR.english


async def test_the_queue_of_another_server_is_its_own(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.propose()
    result = await other.moderator.slash(other.review, "review queue")
    assert said(result) == review_messages.QUEUE_EMPTY.english


async def test_a_card_that_was_deleted_by_hand_is_posted_again_by_the_queue(world: World) -> None:
    await world.propose()
    await world.admin_deletes(world.card)
    assert world.review.last_message is None
    await world.moderator.slash(world.general, "review queue")
    assert f"> {TEXT}" in text_of(world.card)
    await world.moderator.click(world.card, label="Approve")
    assert await state(world) is State.APPROVED


async def test_the_queues_buttons_work_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    for number in range(2):
        await world.propose(title=f"Note number {number}")
    shown = await world.moderator.slash(world.review, "review queue")
    await world.bot.close()
    await world.restart(new_bot())
    following = await world.moderator.click(shown_message(shown), label="Next")
    assert following.response is not None
    assert "2 of 2" in text_of(following.response)


async def test_a_note_that_falls_due_says_so_and_is_in_the_queue(world: World) -> None:
    await rule(world, review_after_days=1)
    await world.publish()
    card = world.card

    def make_due(core: Core) -> None:
        core.store.database.run("update notes set review_at = '2026-01-01T00:00:00+00:00'")

    await world.core(make_due)
    await part(world.bot, OutboxDispatcher).remind(datetime.now(UTC))
    await world.bot.outbox.catch_up()
    assert "Due for review" in text_of(world.review.history()[0])
    assert world.review.history()[0].id == card.id
    shown = await world.moderator.slash(world.review, "review queue")
    assert "Due for review" in said(shown)


async def test_a_note_whose_message_was_deleted_is_in_the_queue(world: World) -> None:
    message = await world.member.send(world.general, TEXT)

    def saved(core: Core) -> None:
        outcome = review_service.indexed(
            core,
            core.store.contributions.propose(
                world.guild.id,
                Member(world.member.id, "mia"),
                5,
                Submission(TITLE, TEXT),
                source=SourceMessage(world.general.id, message.id),
            ),
        )
        core.store.guilds.save_rule(world.guild.id, Rule("", review_after_days=90), 1)
        assert outcome.note.source is not None

    await world.core(saved)
    await world.bot.outbox.catch_up()
    await world.moderator.click(world.card, label="Approve")
    await world.core(
        lambda core: core.store.contributions.source_changed([message.id], SourceChange.DELETED)
    )
    await world.bot.outbox.catch_up()
    assert "has been deleted" in text_of(world.card)


async def test_who_is_no_moderator_any_more_turns_no_page(world: World) -> None:
    for number in range(2):
        await world.propose(title=f"Note number {number}")
    shown = await world.moderator.slash(world.general, "review queue")
    world.env.backend.remove_member_role(
        world.guild.id, world.moderator.id, world.moderator_role.id
    )

    following = await world.moderator.click(shown_message(shown), label="Next")

    assert said(following) == error_messages.NOT_A_MODERATOR.english
    assert buttons(following.response) == []
