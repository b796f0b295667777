"""How moderators decide: who may, what happens then, and what survives a restart."""

from collections.abc import Callable

import pytest
from simcord import Env, InteractionResult, SetupError

from bot.ask import messages as ask_messages
from bot.client import Bot
from bot.engine.core import Core
from bot.notices import messages as notices_messages
from bot.review import cards as review_cards
from bot.review.cards import Action
from bot.text import error_messages, markdown
from knowledge.model.notes import Decision, Member, NoticeEvent, Obstacle, State
from knowledge.model.submissions import REASON_CHARACTERS
from knowledge.store.decisions import Ruling
from tests.bot.world import TEXT, World, build_world, buttons

SENTENCE = "meetup is in Lisbon at Rua Augusta"


def said(result: InteractionResult) -> str:
    """The text of a private response."""
    assert result.response is not None
    assert result.response.ephemeral
    return result.response.content


async def state(world: World) -> State:
    return (await world.note()).revision.state


async def answer(world: World) -> str:
    """What a member is answered, without the marks of the deciding sentence."""
    result = await world.ask()
    assert result.response is not None
    return result.response.content.replace("**", "")


def told(world: World) -> list[str]:
    """What the contributor was told by direct message."""
    return [message.content for message in world.member.user.dm_channel.history()]


async def reject(world: World, reason: str = "Not about our topic.") -> InteractionResult:
    form = await world.moderator.click(world.card, label="Reject")
    return await world.moderator.submit_modal(form, {"reason": reason})


async def test_an_approved_note_is_answered_from_at_once(world: World) -> None:
    await world.propose()

    await world.moderator.click(world.card, label="Approve")

    assert SENTENCE in await answer(world)


async def test_a_card_says_who_approved_and_can_be_undone_or_retired(world: World) -> None:
    await world.propose()

    await world.moderator.click(world.card, label="Approve")

    name = markdown.plain(world.moderator.name)
    assert f"**Approved** by {name}" in world.card.content
    assert "**Pending**" not in world.card.content
    assert buttons(world.card) == ["Retire", "Undo"]


async def test_a_decided_card_is_the_same_message(world: World) -> None:
    await world.propose()
    before = world.card.id

    await world.moderator.click(world.card, label="Approve")

    assert [message.id for message in world.review.history()] == [before]


async def test_the_moderator_is_told_what_became_of_the_click(world: World) -> None:
    await world.propose()

    result = await world.moderator.click(world.card, label="Approve")

    assert said(result) == review_cards.done(await world.note(), Action.APPROVE)


async def test_the_contributor_is_told_of_an_approval_by_direct_message(world: World) -> None:
    await world.propose()

    await world.moderator.click(world.card, label="Approve")

    assert told(world) == notices_messages.notice(await world.note(), NoticeEvent.APPROVED)


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
    assert public.content.startswith(world.member.mention)
    assert "was approved" in public.content
    assert public.raw_mentions == [world.member.id]


async def test_an_approval_stands_though_the_contributor_can_not_be_told_anywhere(
    world: World,
) -> None:
    await world.propose()
    dms = f"/channels/{world.member.user.dm_channel.id}/messages"
    world.env.inject_error("POST", dms, status=403, code=50007)
    world.env.inject_error("POST", f"/channels/{world.general.id}/messages", status=403, code=50013)

    result = await world.moderator.click(world.card, label="Approve")

    assert said(result) == review_cards.done(await world.note(), Action.APPROVE)
    assert SENTENCE in await answer(world)


async def test_rejecting_asks_for_a_reason(world: World) -> None:
    await world.propose()

    form = await world.moderator.click(world.card, label="Reject")

    assert form.modal is not None
    [label] = form.modal["components"]
    assert label["label"] == "Reason"
    assert label["component"]["max_length"] == REASON_CHARACTERS


async def test_opening_the_reason_form_decides_nothing(world: World) -> None:
    await world.propose()

    await world.moderator.click(world.card, label="Reject")

    assert await state(world) is State.PENDING


async def test_a_rejected_note_is_not_answered_from(world: World) -> None:
    await world.propose()

    await reject(world)

    assert SENTENCE not in await answer(world)


async def test_a_rejected_card_shows_who_and_why(world: World) -> None:
    await world.propose()

    await reject(world, "Not about our topic.")

    assert f"**Rejected** by {markdown.plain(world.moderator.name)}" in world.card.content
    assert "Not about our topic." in world.card.content
    assert buttons(world.card) == ["Undo"]


async def test_the_contributor_is_told_the_reason_and_gets_the_text_back(world: World) -> None:
    await world.propose()

    await reject(world, "Not about our topic.")

    outcome, text = told(world)
    assert outcome.endswith("The reason: Not about our topic.")
    assert f"> {TEXT}" in text


async def test_without_a_reason_none_is_told(world: World) -> None:
    await world.propose()

    await reject(world, "   ")

    assert "The reason:" not in told(world)[0]


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
    assert "was not accepted" in public.content
    assert SENTENCE not in public.content


@pytest.mark.parametrize("length", [200, 900, 1_300, 1_700, 1_850, 2_100, 3_000, 4_000])
async def test_a_card_still_shows_the_whole_note_once_it_is_rejected(
    world: World, length: int
) -> None:
    text = " ".join(f"word{number}" for number in range(1_000))[:length].rsplit(" ", 1)[0]
    await world.propose(text=text, tags="one two", link="https://example.org/")

    await reject(world, "_" * REASON_CHARACTERS)

    files = [await file.read() for file in world.card.attachments]
    posted = " ".join([world.card.content, *(file.decode() for file in files)])
    assert [word for word in text.split() if word not in posted.split()] == []
    assert "**Rejected**" in world.card.content
    assert len(world.card.content) <= markdown.MESSAGE_CHARACTERS


async def test_of_two_moderators_at_once_exactly_one_decides(world: World) -> None:
    await world.propose()
    first = world.press(world.moderator, world.card, "card:1:approve")
    second = world.press(world.second_moderator, world.card, "card:1:approve")
    await world.env.settle()

    note = await world.note()
    assert note.review is not None
    assert note.review.moderator_id == world.moderator.id
    assert said(first) == review_cards.done(note, Action.APPROVE)
    assert said(second) == review_cards.obstacle(note, Obstacle.DECIDED)


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

    assert said(result) == review_cards.OWN_NOTE.english
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

    assert said(result) == error_messages.NOT_A_MODERATOR.english
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

    assert said(result) == review_cards.CARD_GONE.english
    assert await state(world) is State.PENDING


async def test_a_button_of_a_note_that_is_not_on_record_says_so(world: World) -> None:
    await world.propose()

    result = world.press(world.moderator, world.card, "card:999999999999999999:approve")
    await world.env.settle()

    assert said(result) == review_cards.CARD_GONE.english


async def restarted(world: World, new_bot: Callable[[], Bot]) -> None:
    """The process ends and starts again on the same data folder."""
    await world.bot.close()
    await world.restart(new_bot())


async def test_approve_works_after_a_restart(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.propose()
    await restarted(world, new_bot)

    await world.moderator.click(world.card, label="Approve")

    assert "**Approved**" in world.card.content
    assert SENTENCE in await answer(world)


async def test_reject_works_after_a_restart(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.propose()
    await restarted(world, new_bot)

    await reject(world)

    assert "**Rejected**" in world.card.content


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Helpful", ask_messages.FEEDBACK_HELPFUL.english),
        ("Not helpful", ask_messages.FEEDBACK_UNHELPFUL.english),
        ("More passages", SENTENCE),
        ("Why this answer?", "Evidence:"),
        ("Share", ask_messages.SHARED.english),
    ],
)
async def test_an_answers_button_works_after_a_restart(
    world: World, new_bot: Callable[[], Bot], label: str, words: str
) -> None:
    await world.publish()
    answered = await world.ask(private=True)
    assert answered.response is not None
    message = answered.response.message
    await restarted(world, new_bot)

    result = await world.member.click(message, label=label)

    assert result.response is not None
    assert words in result.response.content.replace("**", "")


async def test_write_this_note_works_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    refused = await world.ask("Zanzibar ferry timetable")
    assert refused.response is not None
    message = refused.response.message
    await restarted(world, new_bot)

    form = await world.member.click(message, label="Write this note")

    assert form.modal is not None


async def test_a_note_whose_process_died_before_publishing_is_answered_from_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.propose()

    def approve_and_die(core: Core) -> None:
        # What `reviewing.decide` does first; the process ends before it publishes.
        core.store.decisions.decide(
            world.guild.id, 1, Member(world.moderator.id, "max"), Ruling(Decision.APPROVE)
        )

    await world.core(approve_and_die)
    assert SENTENCE not in await answer(world)
    await restarted(world, new_bot)

    assert (await answer(world)).count(SENTENCE) == 1


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

    assert "**Approved** by max" in world.card.content
    assert len(world.review.history()) == 1
    assert len(told(world)) == 1


async def test_a_decision_stands_though_its_card_was_deleted_meanwhile(world: World) -> None:
    await world.propose()
    form = await world.moderator.click(world.card, label="Reject")
    card = world.card
    # The form stays open in the moderator's client; simcord would refuse it, Discord does not.
    form._interaction.source_message_id = None
    await world.admin_deletes(card)

    result = await world.moderator.submit_modal(form, {"reason": "Because."})

    assert said(result) == review_cards.done(await world.note(), Action.REJECT)
    assert await state(world) is State.REJECTED


async def test_a_click_on_a_card_that_is_being_deleted_decides_all_the_same(world: World) -> None:
    await world.propose()
    world.env.inject_error("PATCH", f"/channels/{world.review.id}/*", status=404, code=10008)

    result = await world.moderator.click(world.card, label="Approve")

    assert said(result) == review_cards.done(await world.note(), Action.APPROVE)
    assert SENTENCE in await answer(world)


async def test_a_member_does_not_even_see_the_review_channel(world: World) -> None:
    await world.propose()

    with pytest.raises(SetupError):
        await world.member.click(world.card, label="Approve")


async def test_mentions_in_a_notes_title_stay_text(world: World) -> None:
    await world.propose(title="<@&1> @everyone **bold**")

    assert "\\@everyone" in world.card.content
    assert not world.card.mention_everyone


async def test_the_whole_way_of_a_note_is_in_the_log(world: World) -> None:
    await world.publish()

    entries = await world.core(lambda core: core.store.audit_log.entries())
    assert [entry.event for entry in entries] == ["settings", "proposed", "approved"]
    members = await world.core(lambda core: core.store.audit_log.members())
    assert members[entries[-1].actor or 0] == world.moderator.id


async def test_the_contributor_is_told_of_which_note_by_its_title(world: World) -> None:
    await world.publish(title="Where we meet")

    assert "“Where we meet”" in told(world)[0]
