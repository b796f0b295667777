"""Writers are asked by direct message whether a note is still true, and can hand it on."""

from datetime import timedelta
from typing import Any

import pytest
from simcord import MemberActor

from bot.core.core import Core
from bot.review import messages
from bot.review.ui.outbox import OutboxDispatcher
from indexer.ingest.pipeline import index_document
from knowledge.store.database import now
from knowledge.values.documents import Document, Kind, Scope
from knowledge.values.questions import Evidence, Feedback, Verdict
from tests.bot.components import part
from tests.bot.faults import fail
from tests.bot.message_parts import buttons, choices, content, custom_ids, said, text_of
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import SENTENCE, TITLE, NewBot, World
from tests.knowledge.decided_notes import asked

STILL_TRUE, CHANGE, HAND_ON = "Still true", "Change it", "Hand it to someone else"
QUESTION = "Is your note"
PORTO = {"title": TITLE, "text": "The community meetup moved to Porto."}


@pytest.fixture
async def doubted(world: World) -> World:
    """A server that asks writers, where three members found a note not helpful."""
    await world.core(
        lambda core: core.store.guilds.change(world.guild.id, {"ask_writers": True}, 1)
    )
    await world.publish()
    await doubt(world)
    return world


async def doubt(world: World) -> None:
    def record(core: Core) -> None:
        for number in range(3):
            question_id = asked(
                core.store,
                f"Where {number}?",
                Evidence.STRONG,
                "note:1",
                guild_id=world.guild.id,
            )
            core.store.feedback_records.record(Feedback(question_id, number, Verdict.UNHELPFUL))

    await world.core(record)


async def rounds(world: World, number: int = 2) -> None:
    for _ in range(number):
        await part(world.bot, OutboxDispatcher).ask_writers()
        await part(world.bot, OutboxDispatcher).round()
    await world.env.settle()


def asked_of(member: MemberActor) -> list[Any]:
    """The questions in a member's direct messages."""
    return [
        message
        for message in member.user.dm_channel.history()
        if text_of(message).startswith(QUESTION)
    ]


def last_dm(member: MemberActor) -> Any:
    return member.user.dm_channel.last_message


async def queue(world: World, days: int = 0) -> list[int]:
    at = now() + timedelta(days=days)
    notes = await world.core(lambda core: core.store.notes.queue(world.guild.id, at))
    return [note.id for note in notes]


async def pass_days(world: World, days: int) -> None:
    """Let a round come when the questions were asked some days ago."""

    def move(core: Core) -> None:
        with core.store.database.writing():
            at = (now() - timedelta(days=days)).isoformat()
            core.store.database.run("update note_checks set asked_at = ?", [at])

    await world.core(move)
    await rounds(world)


# Questions.


async def test_a_writer_is_asked_once(doubted: World, new_bot: NewBot) -> None:
    await rounds(doubted)
    await doubted.start_again(new_bot)
    await rounds(doubted)

    [question] = asked_of(doubted.member)
    assert buttons(question) == [STILL_TRUE, CHANGE, HAND_ON]
    assert TITLE in text_of(question)
    assert "I asked" in text_of(doubted.card)
    assert await queue(doubted) == []


async def test_a_lost_response_asks_once(doubted: World, strict_discord: StrictDiscord) -> None:
    dm = doubted.member.user.dm_channel
    strict_discord.lost_answers.append(("POST", f"/channels/{dm.id}/messages"))
    await rounds(doubted)
    assert len(asked_of(doubted.member)) == 1


async def test_early_kills_lose_nothing(doubted: World, new_bot: NewBot) -> None:
    await doubted.core(lambda core: core.store.note_checks.ask(doubted.guild.id, now(), {}))
    assert asked_of(doubted.member) == []
    await doubted.start_again(new_bot)
    await rounds(doubted)
    assert len(asked_of(doubted.member)) == 1


async def test_nobody_is_asked_by_default(world: World) -> None:
    await world.publish()
    await doubt(world)
    await rounds(world)
    assert asked_of(world.member) == []


async def test_a_closed_writer_leaves_it_to_the_moderators(doubted: World) -> None:
    path = f"/channels/{doubted.member.user.dm_channel.id}/messages"
    fail(doubted, "POST", path, (403, 50007))
    general = len(doubted.general.history())

    await rounds(doubted)

    assert await queue(doubted) == [1]
    assert len(doubted.general.history()) == general
    assert asked_of(doubted.member) == []
    assert "no answer" in text_of(doubted.card)
    assert "Keep as it is" in buttons(doubted.card)


async def test_a_former_member_isnt_asked(doubted: World) -> None:
    doubted.guild.remove_member(doubted.member)
    await rounds(doubted)
    assert asked_of(doubted.member) == []
    assert await queue(doubted) == [1]


async def test_moderators_have_it_after_a_week(doubted: World) -> None:
    await rounds(doubted)
    await pass_days(doubted, 6)
    assert await queue(doubted) == []
    await pass_days(doubted, 8)
    assert await queue(doubted) == [1]
    assert len(asked_of(doubted.member)) == 1


async def test_a_newer_release_is_named(world: World) -> None:
    await world.core(
        lambda core: core.store.guilds.change(world.guild.id, {"ask_writers": True}, 1)
    )
    await world.add_note(text="With Quokka 5.0, the community meetup is in Lisbon.")
    release = Document(
        "web:github.com/o/quokka/releases#1",
        Scope(world.guild.id),
        Kind.PAGE,
        "quokka 5.1",
        "Faster.",
        link="https://github.com/o/Quokka/releases/tag/v5.1.2",
    )
    await world.core(lambda core: index_document(core.index, core.embedder, release))
    await rounds(world)
    [question] = asked_of(world.member)
    assert "quokka 5.1" in text_of(question)


# Answers, from a direct message.


async def test_still_true_counts_once(doubted: World, new_bot: NewBot) -> None:
    await rounds(doubted)
    [question] = asked_of(doubted.member)
    await doubted.start_again(new_bot)

    first = await doubted.member.user.click(question, label=STILL_TRUE)
    again = await doubted.member.user.click(question, label=STILL_TRUE)

    assert content(first) == messages.CONFIRMED.english.format(title=TITLE)
    assert content(again) == messages.SETTLED.english
    assert SENTENCE in await doubted.answer()
    await pass_days(doubted, 8)
    assert await queue(doubted) == []


async def test_a_change_goes_through_review(doubted: World) -> None:
    await rounds(doubted)
    [question] = asked_of(doubted.member)
    form = await doubted.member.user.click(question, label=CHANGE)
    await doubted.member.user.submit_modal(form, PORTO)

    assert "Porto" in text_of(doubted.card)
    await pass_days(doubted, 8)
    assert await queue(doubted) == [1]
    await doubted.moderator.click(doubted.card, label="Approve")
    assert await queue(doubted, 8) == []
    assert "Porto" in await doubted.answer()


async def test_a_former_writer_cant_answer(doubted: World) -> None:
    await rounds(doubted)
    [question] = asked_of(doubted.member)
    doubted.guild.remove_member(doubted.member)
    for label in (STILL_TRUE, HAND_ON):
        clicked = await doubted.member.user.click(question, label=label)
        assert content(clicked) == messages.NOT_YOURS_NOW.english


# Owners.


async def hand_on(world: World, name: str) -> Any:
    [question] = asked_of(world.member)
    form = await world.member.user.click(question, label=HAND_ON)
    return await world.member.user.submit_modal(form, {"name": name})


async def test_a_new_owner_accepts_and_is_asked(doubted: World, new_bot: NewBot) -> None:
    await rounds(doubted)
    offered = await hand_on(doubted, f"@{doubted.second_member.user.name.upper()}")
    assert TITLE in content(offered)
    invitation = last_dm(doubted.second_member)
    assert TITLE in text_of(invitation)
    await doubted.start_again(new_bot)

    for _ in range(2):
        await doubted.second_member.user.click(invitation, label="I'll look after it")
    await rounds(doubted)

    assert len(asked_of(doubted.second_member)) == 1
    assert text_of(last_dm(doubted.member)).startswith("The member you chose now looks after")
    assert "Looked after by" in text_of(doubted.card)
    mine = await doubted.second_member.slash(doubted.general, "note mine")
    assert TITLE in said(mine)
    assert f"looked after by {doubted.second_member.mention}" in said(mine)
    # The writer's own buttons do nothing now.
    [question] = asked_of(doubted.member)
    clicked = await doubted.member.user.click(question, label=STILL_TRUE)
    assert content(clicked) == messages.NOT_YOURS_NOW.english


async def test_an_owner_changes_the_note_by_review(doubted: World) -> None:
    await rounds(doubted)
    await hand_on(doubted, doubted.second_member.user.name)
    await doubted.second_member.user.click(
        last_dm(doubted.second_member), label="I'll look after it"
    )
    [question] = asked_of(doubted.second_member)
    form = await doubted.second_member.user.click(question, label=CHANGE)
    await doubted.second_member.user.submit_modal(form, PORTO)
    await doubted.moderator.click(doubted.card, label="Approve")

    note = await doubted.note(2)
    assert (note.live, note.contributor_id) == (True, doubted.member.id)
    assert note.co_authors == (doubted.second_member.user.name,)


async def test_a_declined_offer_is_told(doubted: World) -> None:
    await rounds(doubted)
    await hand_on(doubted, doubted.second_member.user.name)
    await doubted.second_member.user.click(last_dm(doubted.second_member), label="No, thanks")
    assert text_of(last_dm(doubted.member)).startswith("The member you chose won't")
    clicked = await doubted.second_member.user.click(
        last_dm(doubted.second_member), label="I'll look after it"
    )
    assert content(clicked) == messages.NOT_OFFERED.english


async def test_a_closed_member_cant_be_offered_a_note(doubted: World) -> None:
    await rounds(doubted)
    path = f"/channels/{doubted.second_member.user.dm_channel.id}/messages"
    fail(doubted, "POST", path, (403, 50007))
    await hand_on(doubted, doubted.second_member.user.name)
    await rounds(doubted)
    assert text_of(last_dm(doubted.member)).startswith("The member you chose won't")


@pytest.mark.parametrize("name", ["nobody at all", "@", "own", "bot"])
async def test_only_another_member_can_be_named(doubted: World, name: str) -> None:
    await rounds(doubted)
    assert doubted.bot.user is not None
    names = {"own": doubted.member.user.name, "bot": doubted.bot.user.name}
    refused = await hand_on(doubted, names.get(name, name))
    assert messages.NOT_A_NEXT_OWNER.english in content(refused)
    assert (await doubted.note()).offered_id is None


async def test_moderators_hand_on_notes_of_leavers_only(doubted: World) -> None:
    async def choose(member: MemberActor) -> Any:
        [menu] = [one for one in custom_ids(doubted.card) if one.startswith("card_menu:")]
        assert "hand_on" in choices(doubted.card)
        form = await doubted.moderator.select(doubted.card, ["hand_on"], custom_id=menu)
        return await doubted.moderator.submit_modal(form, {"member": [member]})

    await rounds(doubted)
    refused = await choose(doubted.second_member)
    assert "still on the server" in content(refused)

    doubted.guild.remove_member(doubted.member)
    await choose(doubted.second_member)
    await doubted.second_member.user.click(
        last_dm(doubted.second_member), label="I'll look after it"
    )

    assert (await doubted.note()).owner_id == doubted.second_member.id
    assert len(asked_of(doubted.second_member)) == 1


async def test_an_owner_finds_the_buttons_on_the_note(doubted: World) -> None:
    shown = await doubted.member.slash(doubted.general, "note show", note=TITLE)
    assert HAND_ON in buttons(shown.response)
    shown = await doubted.second_member.slash(doubted.general, "note show", note=TITLE)
    assert HAND_ON not in buttons(shown.response)
