"""What contributors do with their notes: list, show, edit, withdraw; and who sees what of them."""

from collections.abc import Callable

import pytest
from simcord import Env, InteractionResult, MemberActor

from bot.client import Bot
from bot.engine.core import Core
from bot.notes import messages as notes_messages
from bot.review import cards as review_cards
from knowledge.model.notes import State
from knowledge.model.submissions import FORM_CHARACTERS
from tests.bot.world import TEXT, TITLE, World, build_world, buttons

LONG = "\n".join(f"Line {number} of a handbook that no form holds." for number in range(200))
NEW_TEXT = "The community meetup is in Porto at Rua das Flores on Mondays."


def said(result: InteractionResult) -> str:
    """The text of a private response."""
    assert result.response is not None
    assert result.response.ephemeral
    return result.response.content


async def listed(world: World, actor: MemberActor, **options: str) -> str:
    return said(await actor.slash(world.general, "note mine", **options))


async def shown(world: World, actor: MemberActor, note: str = TITLE) -> str:
    return said(await actor.slash(world.general, "note show", note=note))


async def propose_long(world: World) -> InteractionResult:
    form = await world.member.slash(world.general, "note add", file=("handbook.md", LONG.encode()))
    return await world.member.submit_modal(form, {"title": TITLE, "tags": "", "link": ""})


async def edit(world: World, text: str = NEW_TEXT, note: str = TITLE) -> InteractionResult:
    form = await world.member.slash(world.general, "note edit", note=note)
    return await world.member.submit_modal(
        form, {"title": TITLE, "text": text, "tags": "", "link": ""}
    )


async def reject(world: World, reason: str = "Not about our topic.") -> None:
    form = await world.moderator.click(world.card, label="Reject")
    await world.moderator.submit_modal(form, {"reason": reason})


# Mine.


async def test_who_has_proposed_nothing_is_told_how_to(world: World) -> None:
    assert await listed(world, world.member) == notes_messages.NO_NOTES.english


async def test_mine_says_where_each_note_stands(world: World) -> None:
    await world.publish()
    await world.propose("Second", "Another text.")
    await reject(world)
    await world.propose("Third", "A third text.")

    content = await listed(world, world.member)

    assert "3 notes" in content
    third, second, first = content.split("\n-# ")[1:]
    assert third.startswith("**Pending**")
    assert second.startswith("**Rejected**")
    assert r"Not about our topic." in second
    assert first.startswith("**Approved**")
    assert "questions are answered from it" in first


async def test_mine_lists_nobody_elses_notes(world: World) -> None:
    await world.propose()

    assert await listed(world, world.second_member) == notes_messages.NO_NOTES.english


async def test_mine_lists_no_notes_of_another_server(world: World) -> None:
    await world.propose()
    other = build_world(world.env, "Another")

    elsewhere = other.guild.add_member(world.member.user)

    assert (
        said(await elsewhere.slash(other.general, "note mine")) == notes_messages.NO_NOTES.english
    )


@pytest.mark.parametrize(
    ("state", "title"), [("live", TITLE), ("rejected", "Second"), ("pending", "Third")]
)
async def test_mine_can_be_narrowed_to_a_state(world: World, state: str, title: str) -> None:
    await world.publish()
    await world.propose("Second", "Another text.")
    await reject(world)
    await world.propose("Third", "A third text.")

    content = await listed(world, world.member, state=state)

    assert [name for name in (TITLE, "Second", "Third") if f"**{name}**" in content] == [title]


async def test_only_moderators_get_a_link_to_the_card(world: World) -> None:
    await world.propose()
    await world.propose_as(world.moderator, "Another", "By a moderator.")

    assert "discord.com/channels" not in await listed(world, world.member)
    assert f"/{world.review.id}/" in await listed(world, world.moderator)


async def test_many_notes_are_paged_and_the_buttons_survive_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    for number in range(9):
        await world.propose(f"Title {number}", f"Text {number} of many.")
    result = await world.member.slash(world.general, "note mine")
    assert result.response is not None
    assert buttons(result.response) == ["Older"]
    assert "page 1 of 3" in result.response.content
    assert "Title 8" in result.response.content

    await world.bot.close()
    await world.restart(new_bot())
    await world.member.click(result.response, label="Older")

    assert "page 2 of 3" in result.response.content
    assert "Title 4" in result.response.content
    assert buttons(result.response) == ["Newer", "Older"]


# Show.


async def test_a_live_note_is_shown_to_everybody_with_its_credit(world: World) -> None:
    await world.publish()

    content = await shown(world, world.second_member)

    assert f"**{TITLE}**" in content
    assert f"> {TEXT}" in content
    assert "verified" in content


async def test_a_pending_note_is_not_shown_to_other_members(world: World) -> None:
    await world.propose()

    for note in (TITLE, "1", "#1"):
        assert await shown(world, world.second_member, note) == notes_messages.NO_HISTORY.english


async def test_a_pending_note_is_shown_to_its_contributor_and_moderators(world: World) -> None:
    await world.propose()

    assert TEXT in await shown(world, world.member)
    assert TEXT in await shown(world, world.moderator, "1")
    assert "**Pending**" in await shown(world, world.member)


async def test_a_rejected_text_is_for_its_contributor_and_moderators_alone(world: World) -> None:
    await world.propose()
    await reject(world)

    assert TEXT in await shown(world, world.member)
    assert await shown(world, world.second_member, "1") == notes_messages.NO_HISTORY.english


async def test_what_waits_beside_a_live_text_is_shown_to_its_contributor_alone(
    world: World,
) -> None:
    await world.publish()
    await edit(world)

    mine = await world.member.slash(world.general, "note show", note=TITLE)
    others = await world.second_member.slash(world.general, "note show", note=TITLE)

    assert TEXT in said(mine)
    assert "Porto" in mine.followups[0].content
    assert others.followups == []
    assert "Porto" not in said(others)


async def test_a_long_note_is_shown_with_its_whole_text_as_a_file(world: World) -> None:
    await propose_long(world)

    result = await world.member.slash(world.general, "note show", note=TITLE)

    assert result.response is not None
    [file] = result.response.attachments
    assert (await file.read()).decode() == LONG


async def test_no_note_of_another_server_is_shown(world: World) -> None:
    await world.publish()
    other = build_world(world.env, "Another")

    result = await other.moderator.slash(other.general, "note show", note="1")

    assert said(result) == notes_messages.NO_HISTORY.english


# Edit.


async def test_edit_opens_the_form_with_the_last_text(world: World) -> None:
    await world.propose(tags="lisbon")

    form = await world.member.slash(world.general, "note edit", note=TITLE)

    assert form.modal is not None
    values = [label["component"].get("value") for label in form.modal["components"]]
    assert values[:3] == [TITLE, TEXT, "lisbon"]


async def test_an_edit_of_a_live_note_waits_beside_it(world: World) -> None:
    await world.publish()

    await edit(world)

    latest = await world.note(2)
    assert latest.revision.state is State.PENDING
    assert latest.live_revision_id == 1
    assert "Lisbon" in said(await world.ask(private=True))


async def test_nobody_edits_another_members_note(world: World) -> None:
    await world.publish()

    result = await world.second_member.slash(world.general, "note edit", note=TITLE)

    assert said(result) == review_cards.NOT_YOURS.english


async def test_that_a_pending_note_is_there_is_not_said_to_others(world: World) -> None:
    await world.propose()

    result = await world.second_member.slash(world.general, "note edit", note="1")

    assert said(result) == review_cards.NO_SUCH_NOTE.english


async def test_a_long_note_is_given_as_a_file_and_taken_as_one(world: World) -> None:
    await propose_long(world)

    given = await world.member.slash(world.general, "note edit", note=TITLE)
    assert given.response is not None
    [file] = given.response.attachments
    assert (await file.read()).decode() == LONG
    form = await world.member.click(given.response, label="Upload the edited text")
    edited = LONG + "\nOne line more."
    await world.member.submit_modal(
        form, {"title": TITLE, "file": ("edited.md", edited.encode()), "tags": "", "link": ""}
    )

    assert (await world.note(2)).revision.submission.text == edited


async def test_a_long_text_stays_as_it_is_where_no_file_is_uploaded(world: World) -> None:
    await propose_long(world)
    given = await world.member.slash(world.general, "note edit", note=TITLE)
    assert given.response is not None

    form = await world.member.click(given.response, label="Upload the edited text")
    await world.member.submit_modal(form, {"title": "Handbook", "tags": "", "link": ""})

    revision = (await world.note(2)).revision
    assert (revision.submission.title, revision.submission.text) == ("Handbook", LONG)


async def test_a_file_given_with_edit_is_the_new_text(world: World) -> None:
    await world.propose()

    form = await world.member.slash(
        world.general, "note edit", note=TITLE, file=("new.txt", NEW_TEXT.encode())
    )
    await world.member.submit_modal(form, {"title": TITLE, "tags": "", "link": ""})

    assert (await world.note(2)).revision.submission.text == NEW_TEXT


async def test_the_upload_works_after_a_restart(world: World, new_bot: Callable[[], Bot]) -> None:
    await propose_long(world)
    given = await world.member.slash(world.general, "note edit", note=TITLE)
    assert given.response is not None

    await world.bot.close()
    await world.restart(new_bot())
    form = await world.member.click(given.response, label="Upload the edited text")

    assert form.modal is not None


async def test_a_rejected_long_note_is_revised_as_a_file_in_a_direct_message(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await propose_long(world)
    await reject(world)
    notice = next(
        message for message in world.member.user.dm_channel.history() if message.components
    )

    await world.bot.close()
    await world.restart(new_bot())
    given = await world.member.user.click(notice, label="Revise and resubmit")
    [file] = given.response.attachments
    assert (await file.read()).decode() == LONG
    form = await world.member.user.click(given.response, label="Upload the edited text")
    await world.member.user.submit_modal(
        form, {"title": TITLE, "file": ("new.md", b"Shorter now."), "tags": "", "link": ""}
    )

    latest = await world.note(2)
    assert latest.revision.submission.text == "Shorter now."
    assert latest.revision.state is State.PENDING


async def test_who_was_banned_proposes_nothing_from_a_direct_message(world: World) -> None:
    await world.propose()
    await reject(world)
    notice = next(
        message for message in world.member.user.dm_channel.history() if message.components
    )
    world.env.backend.remove_member(world.guild.id, world.member.id)

    form = await world.member.user.click(notice, label="Revise and resubmit")
    result = await world.member.user.submit_modal(
        form, {"title": TITLE, "text": NEW_TEXT, "tags": "", "link": ""}
    )

    assert result.response.content == notes_messages.NOT_A_MEMBER.english
    assert await world.core(_revision_count) == 1


def _revision_count(core: Core) -> int:
    return len(core.store.database.rows("select id from revisions"))


# Withdraw.


async def test_withdrawing_asks_first_and_says_what_it_means(world: World) -> None:
    await world.publish()

    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)

    assert "no longer be answered from it" in said(asked)
    assert buttons(asked.response) == ["Withdraw", "Keep it"]
    assert (await world.note()).live


async def test_a_withdrawn_note_is_answered_from_no_more(world: World) -> None:
    await world.publish()
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None

    await world.member.click(asked.response, label="Withdraw")

    assert "is withdrawn" in asked.response.content
    assert (await world.note()).revision.state is State.WITHDRAWN
    assert "Rua Augusta on Fridays" not in said(await world.ask(private=True))
    assert "**Withdrawn**" in world.card.content


async def test_a_note_is_kept_by_who_thinks_better_of_it(world: World) -> None:
    await world.publish()
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None

    await world.member.click(asked.response, label="Keep it")

    assert asked.response.content == notes_messages.NOT_WITHDRAWN.english
    assert (await world.note()).live


async def test_withdrawing_works_after_a_restart(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.propose()
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None

    await world.bot.close()
    await world.restart(new_bot())
    await world.member.click(asked.response, label="Withdraw")

    assert (await world.note()).revision.state is State.WITHDRAWN


async def test_withdrawing_takes_back_what_was_confirmed_and_nothing_else(world: World) -> None:
    await world.propose()
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None
    await world.moderator.click(world.card, label="Approve")
    await edit(world)

    await world.member.click(asked.response, label="Withdraw")

    assert asked.response.content == notes_messages.MOVED_ON.english
    assert (await world.note(1)).live


async def test_a_revision_is_withdrawn_without_the_live_text(world: World) -> None:
    await world.publish()
    await edit(world)
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None

    await world.member.click(asked.response, label="Withdraw")

    assert "stays live" in asked.response.content
    assert (await world.note(1)).live
    assert (await world.note(2)).revision.state is State.WITHDRAWN


async def test_nobody_withdraws_another_members_note(world: World) -> None:
    await world.publish()

    result = await world.second_member.slash(world.general, "note withdraw", note="1")
    message = await world.second_member.send(world.general, "Anything.")
    world.press(world.second_member, message, "withdraw:1:yes")
    await world.env.settle()

    assert said(result) == notes_messages.NOTHING_TO_WITHDRAW.english
    assert (await world.note()).live


# Choosing.


async def offered(world: World, actor: MemberActor, command: str, typed: str = "") -> list[str]:
    choices = await actor.autocomplete(world.general, f"note {command}", "note", typed)
    return [choice["name"] for choice in choices]


async def test_own_notes_are_offered_to_edit_with_where_they_stand(world: World) -> None:
    await world.propose()

    assert await offered(world, world.member, "edit") == [f"{TITLE} · pending"]
    assert await offered(world, world.second_member, "edit") == []


async def test_a_note_is_offered_to_everybody_once_it_is_live(world: World) -> None:
    await world.propose()
    assert await offered(world, world.second_member, "show") == []

    await world.moderator.click(world.card, label="Approve")

    assert await offered(world, world.second_member, "show") == [TITLE]
    assert await offered(world, world.second_member, "report", "lis") == [TITLE]
    assert await offered(world, world.second_member, "report", "porto") == []


async def test_no_notes_of_another_server_are_offered(world: World) -> None:
    await world.publish()
    other = build_world(world.env, "Another")

    assert await offered(other, other.admin, "show") == []


async def test_a_note_of_exactly_what_a_form_holds_is_edited_in_the_form(
    simcord_env: Env,
) -> None:
    world = build_world(simcord_env)
    await world.set_up()
    await world.propose(text="x" * FORM_CHARACTERS)

    form = await world.member.slash(world.general, "note edit", note=TITLE)

    assert form.modal is not None
