"""The review queue: one note at a time in a private message."""

from collections.abc import Callable
from datetime import UTC, datetime

from simcord import Env

from bot.core.core import Core
from bot.process.client import Bot
from bot.review import messages as review_messages
from bot.review.ui.outbox import OutboxDispatcher
from bot.text import error_messages
from knowledge.values.notes import State
from tests.bot.components import part
from tests.bot.steps import content, restarted, rule, said, shown_message, state
from tests.bot.world import TEXT, World, build_world, buttons, text_of


async def test_the_queue_continues(world: World, new_bot: Callable[[], Bot]) -> None:
    for number in range(3):
        await world.propose(title=f"Note number {number}")
    shown = await world.moderator.slash(world.review, "review")
    assert "1 of 3" in said(shown)
    assert "Note number 0" in said(shown)

    result = await world.moderator.click(shown_message(shown), label="Approve")
    assert "“Note number 0” is live" in content(result)
    assert "1 of 2" in content(result)
    assert "Note number 1" in content(result)
    await restarted(world, new_bot)
    following = await world.moderator.click(shown_message(result), label="Next")
    assert "2 of 2" in content(following)
    before = await world.moderator.click(shown_message(following), label="Previous")
    assert "Note number 1" in content(before)

    form = await world.moderator.click(shown_message(before), label="Reject")
    result = await world.moderator.submit_modal(form, {"reason": "Twice."})
    assert "“Note number 1” is rejected" in content(result)
    result = await world.moderator.click(shown_message(result), label="Approve")
    assert review_messages.QUEUE_EMPTY.english in content(result)
    expected = [State.APPROVED, State.REJECTED, State.APPROVED]
    assert [await state(world, number) for number in (1, 2, 3)] == expected


async def test_the_queue_is_for_its_servers_moderators(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.propose()
    result = await other.moderator.slash(other.review, "review")
    assert review_messages.QUEUE_EMPTY.english in said(result)

    shown = await world.moderator.slash(world.general, "review")
    world.env.backend.remove_member_role(
        world.guild.id, world.moderator.id, world.moderator_role.id
    )
    following = await world.moderator.click(shown_message(shown), label="Next")
    assert said(following) == error_messages.NOT_A_MODERATOR.english
    assert buttons(following.response) == []


async def test_the_queue_posts_a_deleted_card_again(world: World) -> None:
    await world.propose()
    await world.admin_deletes(world.card)
    assert world.review.last_message is None
    await world.moderator.slash(world.general, "review")
    assert f"> {TEXT}" in text_of(world.card)
    await world.moderator.click(world.card, label="Approve")
    assert await state(world) is State.APPROVED


async def test_a_due_note_is_in_the_queue(world: World) -> None:
    await rule(world, days=1)
    await world.publish()
    card = world.card

    def make_due(core: Core) -> None:
        core.store.database.run("update notes set review_at = '2026-01-01T00:00:00+00:00'")

    await world.core(make_due)
    await part(world.bot, OutboxDispatcher).remind(datetime.now(UTC))
    await world.bot.outbox.catch_up()
    assert "Due for review" in text_of(world.review.history()[0])
    assert world.review.history()[0].id == card.id
    shown = await world.moderator.slash(world.review, "review")
    assert "Due for review" in said(shown)
