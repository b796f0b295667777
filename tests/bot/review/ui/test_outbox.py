"""The outbox posts each card and sends each notice once, whatever Discord refuses or loses."""

import asyncio
import gc
from datetime import UTC, datetime, timedelta

import discord
import pytest
from simcord import ChannelHandle

from bot.config.settings import Settings
from bot.notes import messages as notes_messages
from bot.review import cards
from bot.review.actions import Action, confirmation
from bot.review.ui.outbox import OutboxDispatcher
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member
from tests.bot.components import part
from tests.bot.faults import UNKNOWN_INTERACTION, fail
from tests.bot.launcher import run_bot
from tests.bot.message_parts import everything, said, text_of
from tests.bot.spoken import english
from tests.bot.strict_discord import StrictDiscord
from tests.bot.wire.server import WireServer
from tests.bot.world import SENTENCE, TITLE, NewBot, World, build_world

# HTTP status and code of Discord's refusals that last, and of those that don't.
MISSING_PERMISSIONS, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE = (403, 50013), (404, 10003), (404, 10008)


NO_DIRECT_MESSAGES = (403, 50007)


UNAVAILABLE = (503, 0)


def cards_shown(world: World) -> list[str]:
    return [text_of(message) for message in world.review.history()]


async def rounds(world: World, number: int = 1) -> None:
    for _ in range(number):
        await part(world.bot, OutboxDispatcher).round()


def refuse_direct_messages(world: World, error: tuple[int, int] = NO_DIRECT_MESSAGES) -> None:
    fail(world, "POST", f"/channels/{world.member.user.dm_channel.id}/messages", error)


# Cards.


@pytest.mark.parametrize("error", [MISSING_PERMISSIONS, UNKNOWN_CHANNEL, UNAVAILABLE])
async def test_a_refused_card_is_posted_later_once(world: World, error: tuple[int, int]) -> None:
    fail(world, "POST", f"/channels/{world.review.id}/messages", error)
    proposed = await world.propose()
    assert notes_messages.CARD_NOT_POSTED.english in everything(proposed)

    await rounds(world, 2)

    assert len(cards_shown(world)) == 1


async def test_a_lost_response_repeats_nothing(world: World, strict_discord: StrictDiscord) -> None:
    strict_discord.lost_answers.append(("POST", f"/channels/{world.review.id}/messages"))
    await world.propose()
    await rounds(world)
    assert len(cards_shown(world)) == 1

    dm = world.member.user.dm_channel
    strict_discord.lost_answers.append(("POST", f"/channels/{dm.id}/messages"))
    await world.moderator.click(world.card, label="Approve")
    await rounds(world)

    assert (await world.note()).live
    assert len(dm.history()) == 1


async def test_a_rejected_card_blocks_no_other(world: World) -> None:
    path = f"/channels/{world.review.id}/messages"
    fail(world, "POST", path, (400, 50035))
    await world.propose()
    fail(world, "POST", path, (400, 50035))

    await world.propose_as(world.second_member, "Zanzibar", "The ferry sails at noon on Mondays.")

    assert "Zanzibar" in "".join(cards_shown(world))


@pytest.mark.parametrize("error", [MISSING_PERMISSIONS, UNAVAILABLE, UNKNOWN_MESSAGE])
async def test_a_decision_counts_without_its_card(world: World, error: tuple[int, int]) -> None:
    await world.propose()
    fail(world, "PATCH", f"/channels/{world.review.id}/messages/*", error)

    clicked = await world.moderator.click(world.card, label="Approve")
    await rounds(world)

    assert said(clicked) == english(confirmation, await world.note(), Action.APPROVE)
    assert [review.moderator_id for review in (await world.note()).reviews] == [world.moderator.id]
    assert len(cards_shown(world)) == 1
    if error != UNKNOWN_MESSAGE:
        assert "**Approved**" in cards_shown(world)[0]


@pytest.mark.parametrize("error", [(404, UNKNOWN_INTERACTION), UNAVAILABLE])
async def test_decisions_show_without_a_response(world: World, error: tuple[int, int]) -> None:
    await world.propose()
    status, code = error
    for method in ("PATCH", "POST"):
        world.env.inject_error(method, "/webhooks/*", status=status, code=code, times=None)

    await world.moderator.click(world.card, label="Approve")

    assert "**Approved**" in text_of(world.card)
    assert len((await world.note()).reviews) == 1
    assert len(world.member.user.dm_channel.history()) == 1


async def set_up_in(world: World, channel: ChannelHandle) -> None:
    await world.admin.slash(
        world.general, "setup", review_channel=channel, moderator_role=world.moderator_role
    )


async def test_a_closed_channels_card_is_posted_anew(world: World) -> None:
    await world.propose()
    other = world.guild.create_text_channel("review-2")
    overwrites = world.env.backend.get_channel(world.review.id).overwrites
    mine = next(overwrite for overwrite in overwrites if overwrite.target_id == world.bot_role.id)
    mine.allow, mine.deny = 0, discord.Permissions(view_channel=True).value
    world.env.backend.set_overwrite(world.review.id, mine)

    await set_up_in(world, other)
    await world.core(lambda core: core.store.review_cards.mark_outdated(1))
    await rounds(world)

    assert [TITLE in text_of(message) for message in other.history()] == [True]


async def test_pending_cards_move_with_the_channel(world: World) -> None:
    await world.propose()
    await world.propose(title="Ferries", text="Boats leave from the other quay at noon.")
    second = world.guild.create_text_channel("review-2")
    await set_up_in(world, second)
    assert len(second.history()) == 2
    assert world.review.history() == []

    world.env.backend.delete_channel(second.id)
    await world.env.settle()
    third = world.guild.create_text_channel("review-3")
    await set_up_in(world, third)

    assert len(third.history()) == 2
    await world.moderator.click(third.history()[0], label="Approve")
    assert (await world.note()).live


async def test_a_refused_preview_is_measured_later(world: World) -> None:
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    await world.ask()
    await world.propose()
    dispatcher = part(world.bot, OutboxDispatcher)
    dispatcher._impacts.clear()
    await world.core(lambda core: core.store.review_cards.mark_outdated(1))
    await world.core(lambda core: core.store.database.run("pragma query_only = on"))

    await rounds(world)
    await asyncio.gather(*dispatcher._previews.values())
    gc.collect()

    assert failed == []
    await world.core(lambda core: core.store.database.run("pragma query_only = off"))
    await rounds(world)
    assert "If published" in text_of(world.card)


# Notices.


async def test_an_unreachable_contributor_is_notified_later_once(world: World) -> None:
    await world.propose()
    general = len(world.general.history())
    dm = world.member.user.dm_channel
    refuse_direct_messages(world, UNAVAILABLE)
    await world.moderator.click(world.card, label="Approve")
    assert dm.history() == []

    await rounds(world, 2)

    assert len(dm.history()) == 1
    assert len(world.general.history()) == general


async def test_public_notices_leave_out_rejected_text(world: World) -> None:
    await world.propose()
    refuse_direct_messages(world)

    await world.reject()

    assert world.member.user.dm_channel.history() == []
    public = world.general.last_message
    assert public is not None
    assert text_of(public).startswith(world.member.mention)
    assert public.raw_mentions == [world.member.id]
    assert "wasn't accepted" in text_of(public)
    assert SENTENCE not in text_of(public)


async def test_an_approval_stands_without_any_notice(world: World) -> None:
    await world.propose()
    refuse_direct_messages(world)
    fail(world, "POST", f"/channels/{world.general.id}/messages", MISSING_PERMISSIONS)

    result = await world.moderator.click(world.card, label="Approve")

    assert said(result) == english(confirmation, await world.note(), Action.APPROVE)
    assert SENTENCE in await world.answer()


async def test_a_decision_survives_a_kill_once(world: World, new_bot: NewBot) -> None:
    await world.propose()
    # The first half of a decision; the process ends before it updates index, card and contributor.
    max_ = Member(world.moderator.id, "max")
    await world.core(
        lambda core: core.store.decisions.decide(world.guild.id, 1, max_, Ruling(Decision.APPROVE))
    )
    assert SENTENCE not in await world.answer()
    await world.start_again(new_bot)
    await world.bot.outbox.catch_up()
    await world.bot.outbox.catch_up()

    assert (await world.answer()).count(SENTENCE) == 1
    assert "**Approved** by max" in text_of(world.card)
    assert len(world.review.history()) == 1
    assert len(world.notices()) == 1


# Reminders.


async def test_moderators_are_reminded_once_per_interval(world: World) -> None:
    other = build_world(world.env, "Another")
    await other.set_up()
    await world.propose()
    await other.propose()
    later = datetime.now(UTC) + timedelta(hours=25)

    def reminders(of: World) -> int:
        return sum("is awaiting a decision" in text_of(one) for one in of.review.history())

    dispatcher = part(world.bot, OutboxDispatcher)
    await dispatcher.remind(later)
    await dispatcher.remind(later + timedelta(hours=1))
    assert (reminders(world), reminders(other)) == (1, 1)
    await dispatcher.remind(later + timedelta(hours=25))
    assert (reminders(world), reminders(other)) == (2, 2)

    nonces = [
        request.json["nonce"]
        for request in world.env.http_requests
        if request.method == "POST"
        and isinstance(request.json, dict)
        and "is awaiting a decision" in str(request.json.get("content"))
    ]
    assert len(nonces) == len(set(nonces)) == 4
    assert max(map(len, nonces)) <= 25


pytestmark = pytest.mark.slow


TEXT = "The quokka enclosure of Perth opens at seven in summer."


# The bot sends a card so often before it waits for the next round.
ATTEMPTS = 3


async def test_a_card_changed_unheard_is_posted_once(
    server: WireServer, settings: Settings
) -> None:
    async with run_bot(server, settings):
        asked = await server.mia.slash(server.general, "ask", question="When opens the enclosure?")
        await server.answered(asked)
        cards_taken = f"/channels/{server.review['id']}/messages"
        silent = server.fail("POST", cards_taken, 503, taken=True, times=ATTEMPTS)
        await server.propose("Quokkas", TEXT)
        assert silent.met == ATTEMPTS
        # What publishing the note would change is found out meanwhile.
        preview = cards.IF_PUBLISHED.english.partition("{")[0]
        await server.until(
            lambda: any(preview in text_of(card) for card in server.waiting()), "the preview"
        )
        [card] = server.waiting()
        await server.answered(await server.ada.click(card, "Approve"))
        await server.until(lambda: not server.waiting(), "the decided card")
    assert len(server.messages(server.review)) == 1
