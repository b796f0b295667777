"""What a contributor is asked where a new note is like something on record; and who sees what."""

from collections.abc import Callable

import pytest
from simcord import InteractionResult, MemberActor

from bot.client import Bot
from bot.notes import messages as notes_messages
from knowledge.model.notes import State
from tests.bot.world import TEXT, TITLE, World, build_world, buttons, text_of

LIKE = "The community meetup is in Lisbon at Rua Augusta on Fridays, and for everybody."


async def propose(
    world: World, actor: MemberActor, title: str = "Meetup in Lisbon", text: str = LIKE
) -> InteractionResult:
    """Fill in the form of `/note add`, and stop where something is asked."""
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
    assert buttons(result.response) == ["This is the same", "Submit anyway", "Continue editing"]
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
    assert "Near it:" in text_of(world.card)


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


async def test_others_are_not_offered_to_extend_a_note(world: World) -> None:
    await world.publish()
    result = await propose(world, world.second_member)
    assert result.response is not None

    world.press(world.second_member, result.response.message, "extend:1")
    await world.env.settle()

    assert not [label for label in buttons(result.response) if label.startswith("Extend")]
    assert not await exists(world, 2)


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
