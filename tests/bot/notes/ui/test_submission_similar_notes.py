"""The question about documents similar to a new note, and their visibility."""

from collections.abc import Callable

import pytest
from simcord import InteractionResult, MemberActor

from bot.notes import form_messages
from bot.notes import messages as notes_messages
from bot.process.client import Bot
from bot.review import messages as review_messages
from bot.review import notice_messages
from bot.text.markdown import plain
from knowledge.values.guilds import Language
from knowledge.values.notes import NoticeEvent, Obstacle, State
from tests.bot.steps import edit, everything, longest_part, restarted, said, told
from tests.bot.world import TEXT, TITLE, World, build_world, buttons, text_of

LIKE = "The community meetup is in Lisbon at Rua Augusta on Fridays, and for everybody."


async def propose(
    world: World, actor: MemberActor, title: str = "Meetup in Lisbon", text: str = LIKE
) -> InteractionResult:
    """Fill in the form of `/note add`, and stop at its first reply."""
    form = await actor.slash(world.general, "note add")
    return await actor.submit_modal(
        form, {"title": title, "text": text, "tags": "meetup", "link": ""}
    )


async def exists(world: World, revision_id: int) -> bool:
    note = await world.core(lambda core: core.store.notes.find(revision_id, world.guild.id))
    return note is not None


async def test_what_is_like_nothing_is_submitted_at_once(world: World) -> None:
    result = await propose(world, world.member)

    assert result.response is not None
    assert text_of(result.response) == notes_messages.note_taken(await world.note())


async def test_who_writes_what_is_on_record_is_asked_before_anything_is_kept(
    world: World,
) -> None:
    await world.publish()

    result = await propose(world, world.second_member)

    assert result.response is not None
    assert result.response.ephemeral
    assert TITLE in text_of(result.response)
    assert buttons(result.response) == [
        "This is the same",
        "Submit anyway",
        "Continue editing",
        f"Extend “{TITLE}”",
    ]
    assert not await exists(world, 2)


async def test_this_is_the_same_submits_nothing_and_shows_what_is_there(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.publish()
    result = await propose(world, world.second_member)
    assert result.response is not None

    await world.bot.close()
    await world.restart(new_bot())
    await world.second_member.click(result.response, label="This is the same")

    assert text_of(result.response).startswith(notes_messages.SAME.english)
    assert TITLE in text_of(result.response)
    assert buttons(result.response) == []
    assert not await exists(world, 2)


async def test_submit_anyway_submits_after_a_restart_and_the_card_shows_what_is_near(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.publish()
    result = await propose(world, world.second_member)
    assert result.response is not None

    await world.bot.close()
    await world.restart(new_bot())
    await world.second_member.click(result.response, label="Submit anyway")

    note = await world.note(2)
    assert text_of(result.response) == notes_messages.note_taken(note)
    assert (note.contributor_id, note.revision.submission.text) == (world.second_member.id, LIKE)
    assert note.revision.submission.tags == ("meetup",)
    assert "Similar:" in text_of(world.card)


async def test_two_clicks_on_submit_anyway_submit_once(world: World) -> None:
    await world.publish()
    result = await propose(world, world.second_member)
    assert result.response is not None

    message = result.response.message
    world.press(world.second_member, message, "draft:submit")
    world.press(world.second_member, message, "draft:submit")
    await world.env.settle()

    assert await exists(world, 2)
    assert not await exists(world, 3)


async def test_continue_editing_brings_back_what_was_typed(world: World) -> None:
    await world.publish()
    result = await propose(world, world.second_member)
    assert result.response is not None

    form = await world.second_member.click(result.response, label="Continue editing")

    assert form.modal is not None
    assert [label["component"].get("value") for label in form.modal["components"]][:2] == [
        "Meetup in Lisbon",
        LIKE,
    ]


async def test_ones_own_note_can_be_extended_instead(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.publish()
    result = await propose(world, world.member)
    assert result.response is not None
    assert buttons(result.response)[-1] == f"Extend “{TITLE}”"

    await world.bot.close()
    await world.restart(new_bot())
    form = await world.member.click(result.response, label=f"Extend “{TITLE}”")
    assert form.modal is not None
    values = [label["component"].get("value") for label in form.modal["components"]]
    assert values == [TITLE, f"{TEXT}\n\n{LIKE}", None, "meetup", None]
    await world.member.submit_modal(
        form, {"title": TITLE, "text": values[1], "tags": "meetup", "link": ""}
    )

    latest = await world.note(2)
    assert (latest.id, latest.revision.state) == (1, State.PENDING)


OTHER_TITLE = "Zanzibar by sea"


async def extended(world: World, new_bot: Callable[[], Bot]) -> None:
    """Another member proposes to extend a live note, over two restarts."""
    await world.publish()
    result = await propose(world, world.second_member)
    assert result.response is not None
    assert buttons(result.response)[-1] == f"Extend “{TITLE}”"

    await restarted(world, new_bot)
    form = await world.second_member.click(result.response, label=f"Extend “{TITLE}”")
    assert form.modal is not None
    assert form.modal["title"] == form_messages.EXTENSION_TITLE.english
    values = [label["component"].get("value") for label in form.modal["components"]]
    await restarted(world, new_bot)
    taken = await world.second_member.submit_modal(
        form, {"title": OTHER_TITLE, "text": values[1], "tags": values[3], "link": ""}
    )
    assert said(taken) == notes_messages.note_taken(await world.note(2))


async def test_others_notes_are_extended_by_a_proposal_that_both_are_credited_for(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await extended(world, new_bot)

    note = await world.note(2)
    assert (note.id, note.revision.state, note.contributor) == (1, State.PENDING, note.contributor)
    name = plain(world.second_member.name)
    assert f"extended by {name}" in text_of(world.card)
    assert told(world)[-1].startswith(
        notice_messages._SENTENCES[NoticeEvent.EXTENDED](Language.ENGLISH, name=name, title=TITLE)
    )
    await world.moderator.click(world.card, label="Approve")

    for member in (world.member, world.second_member):
        last = member.user.dm_channel.history()[-1].content
        assert last.startswith(f"The addition by {name} to “{TITLE}” was approved")
    await world.ask()
    assert world.general.last_message is not None
    cited = text_of(world.general.last_message)
    assert plain(f"{world.member.name}, {world.second_member.name}"[:39]) in cited


async def test_who_extends_a_note_does_not_approve_that_as_a_moderator(world: World) -> None:
    await world.publish()
    result = await propose(world, world.moderator)
    assert result.response is not None
    form = await world.moderator.click(result.response, label=f"Extend “{TITLE}”")
    await world.moderator.submit_modal(
        form, {"title": TITLE, "text": f"{TEXT}\n\n{LIKE}", "tags": "", "link": ""}
    )

    refused = await world.moderator.click(world.card, label="Approve")

    assert said(refused) == review_messages.OWN_NOTE.english
    await world.second_moderator.click(world.card, label="Approve")
    assert (await world.note(2)).live


async def test_its_contributor_can_take_back_what_somebody_wants_to_add(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await extended(world, new_bot)

    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None
    await world.member.click(asked.response, label="Withdraw")

    assert (await world.note(2)).revision.state is State.WITHDRAWN
    assert (await world.note(1)).live
    [message] = world.second_member.user.dm_channel.history()
    assert message.content.startswith(
        notice_messages._SENTENCES[NoticeEvent.EXTENSION_WITHDRAWN](Language.ENGLISH, title=TITLE)
    )


async def test_what_waits_is_not_replaced_by_somebody_else_and_nothing_typed_is_lost(
    world: World,
) -> None:
    await world.publish()
    await edit(world)
    result = await propose(world, world.second_member)
    assert result.response is not None

    form = await world.second_member.click(result.response, label=f"Extend “{TITLE}”")
    told_so = await world.second_member.submit_modal(
        form, {"title": TITLE, "text": f"{TEXT}\n\n{LIKE}", "tags": "", "link": ""}
    )

    assert longest_part(review_messages._OBSTACLES[Obstacle.WAITS]) in said(told_so)
    assert told_so.response is not None
    assert buttons(told_so.response) == ["Continue editing"]
    assert (await world.note(2)).revision.state is State.PENDING


async def test_what_is_hidden_in_others_notes_is_hidden_where_they_are_extended(
    world: World,
) -> None:
    secret = "ghp_" + "a1B2" * 9
    await world.publish(text=f"{TEXT} The token is {secret}.")
    result = await propose(world, world.second_member)
    assert result.response is not None

    form = await world.second_member.click(result.response, label=f"Extend “{TITLE}”")

    assert secret not in repr(form.modal)


async def test_no_note_of_another_server_nor_one_that_is_not_live_is_extended(
    world: World,
) -> None:
    await world.propose()
    result = await propose(world, world.second_member)
    assert result.response is not None

    for number in (1, 99):
        pressed = world.press(world.second_member, result.response.message, f"extend:{number}")
        await world.env.settle()
        assert everything(pressed) == notes_messages.NO_HISTORY.english
    assert not await exists(world, 3)


async def test_what_others_wait_for_a_decision_on_is_not_shown(world: World) -> None:
    await world.propose()

    result = await propose(world, world.second_member)

    assert result.response is not None
    assert text_of(result.response) == notes_messages.note_taken(await world.note(2))


async def test_ones_own_pending_note_is_shown(world: World) -> None:
    await world.propose()

    result = await propose(world, world.member)

    assert result.response is not None
    assert "Submit anyway" in buttons(result.response)


async def test_nothing_of_another_server_is_near(world: World) -> None:
    await world.publish()
    other = build_world(world.env, "Another")
    await other.set_up()

    result = await propose(other, other.second_member)

    assert result.response is not None
    assert "Submit anyway" not in buttons(result.response)


async def test_where_the_two_disagree_both_sentences_are_shown(world: World) -> None:
    await world.publish(TITLE, "The community meetup in Lisbon at Rua Augusta is for 25 people.")

    result = await propose(
        world,
        world.second_member,
        TITLE,
        "The community meetup in Lisbon at Rua Augusta is for 40 people.",
    )

    assert result.response is not None
    assert "**40**" in text_of(result.response)
    assert "**25**" in text_of(result.response)


@pytest.mark.parametrize("title", ["@everyone [a](https://b.example)", "\u202ebad\u200b title"])
async def test_a_hostile_title_is_text_where_it_is_near(world: World, title: str) -> None:
    await world.publish(title, TEXT)

    result = await propose(world, world.second_member)

    assert result.response is not None
    assert "\u202e" not in text_of(result.response)
    assert "[a](https://b.example)" not in text_of(result.response)
    assert buttons(result.response)[0] == "This is the same"
