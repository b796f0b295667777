"""The commands of contributors: list, show, edit and withdraw notes, and their visibility."""

from collections.abc import Callable

from simcord import Env, InteractionResult, MemberActor

from bot.core.core import Core
from bot.notes import messages as notes_messages
from bot.process.client import Bot
from knowledge.values.notes import State
from knowledge.values.submissions import FORM_CHARACTERS
from tests.bot.steps import NEW_TEXT, edit, reject, said
from tests.bot.world import TEXT, TITLE, World, build_world, text_of

LONG = "\n".join(f"Line {number} of a handbook that no form holds." for number in range(200))


async def shown(world: World, actor: MemberActor, note: str = TITLE) -> str:
    return said(await actor.slash(world.general, "note show", note=note))


async def propose_long(world: World) -> InteractionResult:
    form = await world.member.slash(world.general, "note add", file=("handbook.md", LONG.encode()))
    return await world.member.submit_modal(form, {"title": TITLE, "tags": "", "link": ""})


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
    assert "Porto" in text_of(mine.followups[0])
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
    assert values == [TITLE, TEXT, None, "lisbon", None]


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

    assert said(result) == notes_messages.NOT_YOURS.english


async def test_that_a_pending_note_is_there_is_not_said_to_others(world: World) -> None:
    await world.propose()

    result = await world.second_member.slash(world.general, "note edit", note="1")

    assert said(result) == notes_messages.NO_SUCH_NOTE.english


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

    assert text_of(result.response) == notes_messages.NOT_A_MEMBER.english
    assert await world.core(_revision_count) == 1


def _revision_count(core: Core) -> int:
    return len(core.store.database.rows("select id from revisions"))


async def test_a_note_of_exactly_what_a_form_holds_is_edited_in_the_form(
    simcord_env: Env,
) -> None:
    world = build_world(simcord_env)
    await world.set_up()
    await world.propose(text="x" * FORM_CHARACTERS)

    form = await world.member.slash(world.general, "note edit", note=TITLE)

    assert form.modal is not None
