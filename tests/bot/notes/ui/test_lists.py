"""History, own notes and withdrawal in Discord."""

from collections.abc import Callable

from simcord import InteractionResult, MemberActor

from bot.notes import messages
from bot.process.client import Bot
from knowledge.values.notes import State
from tests.bot.steps import (
    content,
    edit,
    longest_part,
    on_note,
    reject,
    restarted,
    said,
    shown_message,
)
from tests.bot.world import TITLE, World, buttons, choices, text_of

FIRST = "The meetup is in Lisbon on Fridays."
SECOND = "The meetup is in Porto on Fridays."
THIRD = "The meetup is in Faro on Mondays."


async def test_the_history_is_shown_by_right(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.publish(TITLE, FIRST)
    await edit(world, SECOND)
    await world.moderator.click(world.card, label="Approve")
    await edit(world, THIRD)
    await reject(world, "That is not so.")

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
    await restarted(world, new_bot)
    await world.member.click(shown_message(mine), label="Earlier")
    assert "~~Lisbon~~**Porto**" in content(mine)
    assert buttons(mine.response) == ["Earlier", "Later"]
    await world.member.click(shown_message(mine), label="Earlier")
    assert f"> {FIRST}" in content(mine)


# Own notes.


async def listed(world: World, actor: MemberActor, **options: str) -> str:
    return said(await actor.slash(world.general, "note mine", **options))


async def test_own_notes_are_listed_over_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    assert await listed(world, world.member) == messages.NO_NOTES.english
    await world.publish("First", FIRST)
    await world.propose("Second", "Another text.")
    await reject(world)
    for number in range(3):
        await world.propose(f"Ferry {number}", f"Ferry number {number} leaves.")
    result = await world.member.slash(world.general, "note mine")
    assert buttons(result.response) == ["Older"]
    assert "5 notes · page 1 of 2" in said(result)
    *_, rejected = said(result).split("\n-# ")
    assert rejected.startswith("**Rejected**")
    assert "Not about our topic." in rejected

    await restarted(world, new_bot)
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


async def test_a_listed_note_is_opened_and_withdrawn(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.publish(TITLE, FIRST)
    await edit(world, SECOND)
    mine = await world.member.slash(world.general, "note mine")
    assert choices(mine.response) == {"1": f"1. {TITLE}"}
    await restarted(world, new_bot)

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


async def test_a_note_is_withdrawn_after_a_confirmation(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.publish()
    asked = await to_withdraw(world)
    assert longest_part(messages._WITHDRAW_LIVE) in said(asked)
    assert buttons(asked.response) == ["Withdraw", "Keep it"]
    await world.member.click(shown_message(asked), label="Keep it")
    assert content(asked) == messages.NOT_WITHDRAWN.english
    assert (await world.note()).live

    asked = await to_withdraw(world)
    await restarted(world, new_bot)
    await world.member.click(shown_message(asked), label="Withdraw")

    assert "is withdrawn" in content(asked)
    assert (await world.note()).revision.state is State.WITHDRAWN
    assert "Rua Augusta on Fridays" not in said(await world.ask(private=True))
    assert "**Withdrawn**" in text_of(world.card)


async def test_a_withdrawal_affects_only_what_was_confirmed(world: World) -> None:
    await world.propose()
    asked = await to_withdraw(world)
    await world.moderator.click(world.card, label="Approve")
    await edit(world)

    await world.member.click(shown_message(asked), label="Withdraw")
    assert content(asked) == messages.MOVED_ON.english
    assert (await world.note(1)).live

    asked = await to_withdraw(world)
    await world.member.click(shown_message(asked), label="Withdraw")
    withdrawn = messages.confirm_withdrawal(await world.note(2))
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
