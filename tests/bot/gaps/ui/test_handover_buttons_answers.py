"""Hand-overs from the question to the answer and the note: by whom, exactly once."""

from collections.abc import Callable
from typing import Any

import discord
import pytest
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.gaps import handover_messages as messages
from bot.process.client import Bot
from tests.bot.gaps.handing_over import ANSWER, EN, Helping, direct, post, told
from tests.bot.steps import longest_part, restarted, said, up_to
from tests.bot.world import UNKNOWN, buttons

# From the question to the note.


async def test_a_helpers_answer_goes_to_the_asker_and_becomes_a_note_with_their_name(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    assert "**Open**" in post(helping).content

    await helping.helper.click(post(helping), label="Claim")
    assert (
        up_to("when", messages._CLAIMED, helper=f"<@{helping.helper.id}>") in post(helping).content
    )
    assert buttons(post(helping)) == ["Answer", "Give it back", "Not for us"]
    thanks = await helping.answer(post(helping))

    assert said(thanks) == messages.THANKS(EN)
    [message] = told(world.general)
    assert f"**{helping.helper.user.name}** answers:" in message.content.replace("\\", "")
    assert "> It leaves at **nine** and at four." in message.content
    assert [one.id for one in message.mentions] == [world.member.id]
    assert not message.mention_everyone
    assert "**Answered**" in post(helping).content
    assert buttons(post(helping)) == ["Send to review"]

    await world.moderator.click(post(helping), label="Send to review")

    note = await world.note()
    assert note.contributor_id == helping.helper.id
    assert note.revision.submission.text == ANSWER
    assert note.revision.submission.title == UNKNOWN
    assert buttons(post(helping)) == []
    # Who was told what a helper wrote is not told once more when it is a note.
    [approve] = [one for one in buttons(world.card) if one == "Approve"]
    await world.second_moderator.click(world.card, label=approve)
    await world.env.settle()
    assert len(told(world.general)) == 1


async def test_who_does_not_agree_is_named_nowhere_and_the_note_is_whose_sends_it(
    helping: Helping,
) -> None:
    await helping.hand_over()
    await helping.answer(post(helping), name="unnamed")

    [message] = told(helping.world.general)
    assert "A helper answers:" in message.content
    assert f"<@{helping.helper.id}>" not in post(helping).content
    await helping.world.moderator.click(post(helping), label="Send to review")
    assert (await helping.world.note()).contributor_id == helping.world.moderator.id


async def test_the_note_is_the_helpers_also_where_it_is_submitted_whatever_is_near(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    await world.publish("Departures", ANSWER)
    await helping.answer(post(helping))

    asked = await world.moderator.click(post(helping), label="Send to review")
    assert asked.response is not None
    await world.moderator.click(asked.response, custom_id="draft:submit")

    notes = await world.core(lambda core: core.store.notes.by(world.guild.id, helping.helper.id))
    assert [one.revision.submission.text for one in notes] == [ANSWER]


async def test_two_clicks_on_send_to_review_are_one_note(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    await helping.answer(post(helping))
    message = post(helping)

    for actor in (helping.helper, world.moderator):
        world.press(actor, message, "handover:1:send")
    await world.env.settle()

    notes = await world.core(lambda core: core.store.notes.listed(world.guild.id))
    assert len(notes) == 1


async def test_a_private_question_is_answered_to_its_asker_alone(helping: Helping) -> None:
    world = helping.world
    await world.ask(UNKNOWN, by=world.second_member)
    await helping.hand_over(private=True)
    assert "asked privately" in post(helping).content

    await helping.answer(post(helping))

    assert told(world.general) == []
    [message] = direct(world)
    assert ANSWER.split(".", maxsplit=1)[0] in message.content


async def test_where_the_asker_reads_no_more_the_answer_comes_directly(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    hidden = discord.Permissions(view_channel=True).value
    world.env.backend.set_overwrite(
        world.general.id, Overwrite(world.member.id, OverwriteType.MEMBER, deny=hidden)
    )

    await helping.answer(post(helping))

    assert told(world.general) == []
    assert len(direct(world)) == 1


async def test_everybody_who_asked_it_in_these_words_is_told_once(helping: Helping) -> None:
    world = helping.world
    await world.ask(f"{UNKNOWN}?", by=world.second_member)
    await world.ask(UNKNOWN.upper(), by=world.second_member)
    refused = await world.ask(UNKNOWN)
    assert refused.response is not None
    await world.member.click(refused.response, label="Ask the moderators")

    await helping.answer(post(helping))

    asked = {f"<@{one.id}>" for one in (world.member, world.second_member)}
    assert {one.content.split()[0] for one in told(world.general)} == asked
    assert len(told(world.general)) == 2


async def test_who_has_left_or_wants_to_be_left_alone_is_told_nothing(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    world.env.backend.remove_member(world.guild.id, world.member.id)

    assert said(await helping.answer(post(helping))) == messages.THANKS(EN)
    assert told(world.general) == []
    assert await world.core(lambda core: core.store.notices.unsent()) == []


async def test_who_wants_to_be_left_alone_is_not_told_and_the_helper_knows(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    await world.core(lambda core: core.store.gaps.keep_quiet(world.member.id, quiet=True))

    assert said(await helping.answer(post(helping))) == messages.THANKS_TO_NOBODY(EN)
    assert told(world.general) == []


# Who may do what.


async def test_of_two_who_claim_at_once_exactly_one_does(helping: Helping) -> None:
    await helping.hand_over()
    message = post(helping)

    clicks = [
        helping.world.press(actor, message, "handover:1:claim")
        for actor in (helping.helper, helping.second)
    ]
    await helping.world.env.settle()

    refused = [one.content for click in clicks for one in click.followups]
    winner = (await helping.standing()).helper_id
    assert len(refused) == 1
    assert up_to("when", messages._TAKEN, helper=f"<@{winner}>") in refused[0]
    assert f"<@{winner}>" in post(helping).content


async def test_of_two_who_answer_at_once_exactly_one_is_told_to_the_asker(
    helping: Helping,
) -> None:
    await helping.hand_over()
    forms = [
        await by.click(post(helping), label="Answer") for by in (helping.helper, helping.second)
    ]

    first = await helping.helper.submit_modal(forms[0], {"answer": "One.", "name": ["unnamed"]})
    second = await helping.second.submit_modal(forms[1], {"answer": "Two.", "name": ["unnamed"]})

    assert said(first) == messages.THANKS(EN)
    assert up_to("when", messages._DONE, helper=f"<@{helping.helper.id}>") in said(second)
    assert "Two." in said(second)
    [message] = told(helping.world.general)
    assert "> One." in message.content


async def test_what_one_has_claimed_another_neither_answers_nor_declines(helping: Helping) -> None:
    await helping.hand_over()
    await helping.helper.click(post(helping), label="Claim")

    for label in ("Answer", "Give it back", "Not for us"):
        refused = await helping.second.click(post(helping), label=label)
        text = "\n".join(
            one.content for one in [refused.response, *refused.followups] if one is not None
        )
        assert up_to("when", messages._TAKEN, helper=f"<@{helping.helper.id}>") in text
    assert (await helping.standing()).helper_id == helping.helper.id
    # A moderator ends anybody's claim.
    await helping.world.moderator.click(post(helping), label="Give it back")
    assert "**Open**" in post(helping).content


@pytest.mark.parametrize("action", ["claim", "answer", "decline", "back", "again", "send"])
async def test_no_member_and_nobody_whose_role_is_gone_does_anything(
    helping: Helping, action: str
) -> None:
    world = helping.world
    await helping.hand_over()
    message = post(helping)
    demoted = helping.joined("hedy", helping.role)
    helping.demote(demoted)
    before = await helping.standing()

    clicks = [
        world.press(actor, message, f"handover:1:{action}") for actor in (world.member, demoted)
    ]
    await world.env.settle()

    for click in clicks:
        shown = [click.response, *click.followups]
        assert messages.NOT_A_HELPER(EN) in [one.content for one in shown if one is not None]
    assert await helping.standing() == before


async def test_a_form_that_was_open_when_the_role_was_taken_is_given_back(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    helping.demote(helping.helper)

    typed: dict[str, str | list[str]] = {"answer": "Nine.", "name": ["named"]}
    result = world.submit(helping.helper, "form:helper:1:ab", typed)
    await world.env.settle()

    assert messages.NOT_A_HELPER(EN) in said(result)
    assert "Nine." in said(result)
    assert told(world.general) == []


async def test_what_is_not_for_them_can_be_opened_again(helping: Helping) -> None:
    await helping.hand_over()

    await helping.helper.click(post(helping), label="Not for us")
    assert (
        up_to("when", messages._DECLINED, helper=f"<@{helping.helper.id}>") in post(helping).content
    )
    assert buttons(post(helping)) == ["Open again"]
    await helping.second.click(post(helping), label="Open again")

    assert buttons(post(helping)) == ["Claim", "Answer", "Not for us"]


async def test_what_has_waited_too_long_says_so_and_somebody_else_may_take_it(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    await helping.helper.click(post(helping), label="Claim")

    def age(core: Any) -> None:
        with core.store.database.writing():
            core.store.database.run("update handed_on set changed_at = '2020-01-01T00:00:00+00:00'")

    await world.core(age)
    await world.bot.outbox.catch_up()

    assert longest_part(messages._STALE_CLAIM) in post(helping).content
    await helping.second.click(post(helping), label="Claim")
    assert (
        up_to("when", messages._CLAIMED, helper=f"<@{helping.second.id}>") in post(helping).content
    )


async def test_every_button_works_after_a_restart(
    helping: Helping, new_bot: Callable[[], Bot]
) -> None:
    await helping.hand_over()
    for label, state in (
        ("Claim", "**Claimed**"),
        ("Give it back", "**Open**"),
        ("Not for us", "**Not for us**"),
        ("Open again", "**Open**"),
    ):
        await restarted(helping.world, new_bot)
        await helping.helper.click(post(helping), label=label)
        assert state in post(helping).content
    await restarted(helping.world, new_bot)
    await helping.answer(post(helping))
    await restarted(helping.world, new_bot)
    await helping.helper.click(post(helping), label="Send to review")
    assert (await helping.world.note()).contributor_id == helping.helper.id
