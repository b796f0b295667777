"""Cards and notices are delivered once each, whatever Discord refuses or never confirms."""

import asyncio
import gc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import discord
import pytest

from bot.notes import messages as notes_messages
from bot.process.client import Bot
from bot.review import messages as review_messages
from bot.review import notice_messages
from bot.review.service import Action
from bot.review.ui.outbox import OutboxDispatcher
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member, NoticeEvent
from knowledge.values.submissions import REASON_CHARACTERS
from tests.bot.components import part
from tests.bot.faults import BROKEN, EXPIRED, fail
from tests.bot.steps import SENTENCE, answer, everything, reject, restarted, said, told
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import TEXT, TITLE, World, build_world, text_of

# What Discord answers: HTTP status and code.
REFUSED = [
    pytest.param(403, 50001, id="missing access"),
    pytest.param(403, 50013, id="missing permissions"),
    pytest.param(404, 10003, id="unknown channel"),
]


def cards_shown(world: World) -> list[str]:
    return [text_of(message) for message in world.review.history()]


@pytest.mark.parametrize(("status", "code"), [*REFUSED, *BROKEN])
async def test_a_card_that_was_refused_is_posted_later_and_once(
    world: World, status: int, code: int
) -> None:
    fail(world, "POST", f"/channels/{world.review.id}/messages", (status, code))
    proposed = await world.propose()
    assert notes_messages.CARD_NOT_POSTED.english in everything(proposed)

    await part(world.bot, OutboxDispatcher).round()
    await part(world.bot, OutboxDispatcher).round()

    assert len(cards_shown(world)) == 1


async def test_a_card_of_which_discord_never_said_that_it_is_there_is_there_once(
    world: World, strict_discord: StrictDiscord
) -> None:
    strict_discord.lost_answers.append(("POST", f"/channels/{world.review.id}/messages"))
    await world.propose()

    await part(world.bot, OutboxDispatcher).round()

    assert len(cards_shown(world)) == 1
    await world.moderator.click(world.card, label="Approve")
    assert (await world.note()).live


async def test_a_card_that_discord_does_not_take_keeps_no_other_from_being_posted(
    world: World,
) -> None:
    path = f"/channels/{world.review.id}/messages"
    world.env.inject_error("POST", path, status=400, code=50035, times=1)
    await world.propose()
    world.env.inject_error("POST", path, status=400, code=50035, times=1)

    await world.propose_as(world.second_member, "Zanzibar", "The ferry sails at noon on Mondays.")

    assert "Zanzibar" in "".join(cards_shown(world))


@pytest.mark.parametrize(
    ("status", "code"), [*REFUSED, *BROKEN, pytest.param(404, 10008, id="deleted")]
)
async def test_a_decision_counts_once_though_its_card_could_not_be_edited(
    world: World, status: int, code: int
) -> None:
    await world.propose()
    card = world.card
    fail(world, "PATCH", f"/channels/{world.review.id}/messages/*", (status, code))

    clicked = await world.moderator.click(card, label="Approve")
    await part(world.bot, OutboxDispatcher).round()

    assert "is live" in everything(clicked)
    note = await world.note()
    assert [review.moderator_id for review in note.reviews] == [world.moderator.id]
    assert len(cards_shown(world)) == 1
    if status != 404:
        assert "**Approved**" in cards_shown(world)[0]


async def test_a_card_in_a_channel_that_is_closed_now_is_posted_in_the_new_one(
    world: World,
) -> None:
    await world.propose()
    other = world.guild.create_text_channel("review-2")
    overwrites = world.env.backend.get_channel(world.review.id).overwrites
    mine = next(overwrite for overwrite in overwrites if overwrite.target_id == world.bot_role.id)
    mine.allow, mine.deny = 0, discord.Permissions(view_channel=True).value
    world.env.backend.set_overwrite(world.review.id, mine)

    await world.admin.slash(
        world.general, "setup", review_channel=other, moderator_role=world.moderator_role
    )
    await world.core(lambda core: core.store.review_cards.changed(1))
    await part(world.bot, OutboxDispatcher).round()

    assert [TITLE in text_of(message) for message in other.history()] == [True]


@pytest.mark.parametrize(("status", "code"), [*EXPIRED, *REFUSED, *BROKEN])
async def test_a_decision_is_shown_to_everybody_though_its_moderator_can_not_be_told(
    world: World, status: int, code: int
) -> None:
    await world.propose()
    world.env.inject_error("PATCH", "/webhooks/*", status=status, code=code, times=None)
    world.env.inject_error("POST", "/webhooks/*", status=status, code=code, times=None)

    await world.moderator.click(world.card, label="Approve")

    assert "**Approved**" in text_of(world.card)
    assert len((await world.note()).reviews) == 1
    assert len(world.member.user.dm_channel.history()) == 1


@pytest.mark.parametrize(("status", "code"), BROKEN)
async def test_a_contributor_who_could_not_be_reached_is_told_later_and_once(
    world: World, status: int, code: int
) -> None:
    await world.propose()
    general = len(world.general.history())
    dm = world.member.user.dm_channel
    fail(world, "POST", f"/channels/{dm.id}/messages", (status, code))
    await world.moderator.click(world.card, label="Approve")
    assert dm.history() == []

    await part(world.bot, OutboxDispatcher).round()
    await part(world.bot, OutboxDispatcher).round()

    assert len(dm.history()) == 1
    assert len(world.general.history()) == general


async def test_a_contributor_of_whom_discord_never_said_that_they_were_told_is_told_once(
    world: World, strict_discord: StrictDiscord
) -> None:
    await world.propose()
    dm = world.member.user.dm_channel
    strict_discord.lost_answers.append(("POST", f"/channels/{dm.id}/messages"))
    await world.moderator.click(world.card, label="Approve")

    await part(world.bot, OutboxDispatcher).round()

    assert len(dm.history()) == 1


async def test_who_takes_no_direct_messages_is_told_where_they_proposed_the_note(
    world: World,
) -> None:
    await world.propose()
    dm = world.member.user.dm_channel
    fail(world, "POST", f"/channels/{dm.id}/messages", (403, 50007))

    await world.moderator.click(world.card, label="Approve")

    assert dm.history() == []
    assert world.general.last_message is not None
    assert "was approved" in text_of(world.general.last_message)


async def test_moderators_are_reminded_once_of_what_has_waited_too_long(world: World) -> None:
    await world.propose()
    later = datetime.now(UTC) + timedelta(hours=25)
    await part(world.bot, OutboxDispatcher).remind(later)
    await part(world.bot, OutboxDispatcher).remind(later + timedelta(hours=1))
    reminders = [m for m in world.review.history() if "waits for a decision" in text_of(m)]
    assert len(reminders) == 1
    await part(world.bot, OutboxDispatcher).remind(later + timedelta(hours=25))
    assert sum("waits for a decision" in text_of(m) for m in world.review.history()) == 2


async def test_reminders_of_two_servers_in_one_round_have_nonces_of_their_own(
    world: World, strict_discord: StrictDiscord
) -> None:
    other = build_world(world.env, "Another")
    await other.set_up()
    await world.propose()
    await other.propose()
    await part(world.bot, OutboxDispatcher).remind(datetime.now(UTC) + timedelta(hours=25))
    nonces = [
        request.json["nonce"]
        for request in world.env.http_requests
        if request.method == "POST"
        and isinstance(request.json, dict)
        and "waits for a decision" in str(request.json.get("content"))
    ]
    assert len(nonces) == len(set(nonces)) == 2
    assert max(map(len, nonces)) <= 25


@pytest.mark.parametrize("deleted", [True, False])
async def test_cards_of_what_waits_move_to_another_review_channel(
    world: World, deleted: bool
) -> None:
    await world.propose()
    await world.propose(title="Ferries", text="Boats leave from the other quay at noon.")
    if deleted:
        world.env.backend.delete_channel(world.review.id)
        await world.env.settle()
    new = world.guild.create_text_channel("review-2")
    await world.admin.slash(
        world.general, "setup", review_channel=new, moderator_role=world.moderator_role
    )
    assert len(new.history()) == 2
    assert deleted or world.review.history() == []
    await world.moderator.click(new.history()[0], label="Approve")
    assert (await world.note()).live


async def test_the_contributor_is_told_of_an_approval_by_direct_message(world: World) -> None:
    await world.propose()

    await world.moderator.click(world.card, label="Approve")

    assert told(world) == notice_messages.notice(await world.note(), NoticeEvent.APPROVED)


async def test_the_contributor_is_told_in_the_channel_where_direct_messages_fail(
    world: World,
) -> None:
    await world.propose()
    world.env.inject_error(
        "POST", f"/channels/{world.member.user.dm_channel.id}/messages", status=403, code=50007
    )

    await world.moderator.click(world.card, label="Approve")

    public = world.general.last_message
    assert public is not None
    assert text_of(public).startswith(world.member.mention)
    assert "was approved" in text_of(public)
    assert public.raw_mentions == [world.member.id]


async def test_an_approval_stands_though_the_contributor_can_not_be_told_anywhere(
    world: World,
) -> None:
    await world.propose()
    dms = f"/channels/{world.member.user.dm_channel.id}/messages"
    world.env.inject_error("POST", dms, status=403, code=50007)
    world.env.inject_error("POST", f"/channels/{world.general.id}/messages", status=403, code=50013)

    result = await world.moderator.click(world.card, label="Approve")

    assert said(result) == review_messages.done(await world.note(), Action.APPROVE)
    assert SENTENCE in await answer(world)


async def test_the_contributor_is_told_the_reason_and_gets_the_text_back(world: World) -> None:
    await world.propose()

    await reject(world, "Not about our topic.")

    outcome, text = told(world)
    assert outcome.endswith("Reason: Not about our topic.")
    assert f"> {TEXT}" in text


async def test_without_a_reason_none_is_told(world: World) -> None:
    await world.propose()

    await reject(world, "   ")

    assert "Reason:" not in told(world)[0]


async def test_a_long_rejected_note_comes_back_whole(world: World) -> None:
    sentences = [f"Sentence number {number} of a long note." for number in range(100)]
    await world.propose(text=" ".join(sentences))

    await reject(world, "_" * REASON_CHARACTERS)

    everything = "\n".join(told(world)).replace("\n> ", " ")
    assert [sentence for sentence in sentences if sentence not in everything] == []


async def test_a_rejected_text_is_not_shown_where_others_read(world: World) -> None:
    await world.propose()
    world.env.inject_error(
        "POST", f"/channels/{world.member.user.dm_channel.id}/messages", status=403, code=50007
    )

    await reject(world)

    public = world.general.last_message
    assert public is not None
    assert "was not accepted" in text_of(public)
    assert SENTENCE not in text_of(public)


async def test_after_such_a_death_the_card_and_the_contributor_learn_of_it_once(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.propose()
    await world.core(
        lambda core: core.store.decisions.decide(
            world.guild.id, 1, Member(world.moderator.id, "max"), Ruling(Decision.APPROVE)
        )
    )
    await restarted(world, new_bot)
    await world.bot.outbox.catch_up()
    await world.bot.outbox.catch_up()

    assert "**Approved** by max" in text_of(world.card)
    assert len(world.review.history()) == 1
    assert len(told(world)) == 1


async def test_the_contributor_is_told_of_which_note_by_its_title(world: World) -> None:
    await world.publish(title="Where we meet")

    assert "“Where we meet”" in told(world)[0]


async def test_a_preview_that_the_database_does_not_take_is_no_failed_task(world: World) -> None:
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    await world.ask()
    await world.ask("when is the community meetup in Lisbon", private=True)
    await world.propose()
    part(world.bot, OutboxDispatcher)._impacts.clear()
    await world.core(lambda core: core.store.review_cards.changed(1))
    await world.core(lambda core: core.store.database.run("pragma query_only = on"))

    await part(world.bot, OutboxDispatcher).round()
    await asyncio.gather(*part(world.bot, OutboxDispatcher)._previews)
    gc.collect()

    assert failed == []
    await world.core(lambda core: core.store.database.run("pragma query_only = off"))
    await part(world.bot, OutboxDispatcher).round()
    assert "If published" in text_of(world.card)
