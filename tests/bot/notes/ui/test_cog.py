"""`/note show` and `/note edit` in Discord, for long notes and in direct messages, too."""

import discord
from simcord import InteractionResult, MemberActor

from bot.core.core import Core
from bot.notes import messages
from knowledge.values.notes import State
from knowledge.values.submissions import FORM_CHARACTERS
from tests.bot.message_parts import said, shown_message, text_of
from tests.bot.world import NEW_TEXT, TEXT, TITLE, NewBot, World, build_world, on_note

LONG = "\n".join(f"Line {number} of a handbook that no form holds." for number in range(200))


async def show(world: World, actor: MemberActor, note: str = TITLE) -> InteractionResult:
    return await actor.slash(world.general, "note show", note=note)


async def propose_long(world: World) -> None:
    form = await world.member.slash(world.general, "note add", file=("handbook.md", LONG.encode()))
    await world.member.submit_modal(form, {"title": TITLE})


async def file_of(result: InteractionResult) -> str:
    [file] = shown_message(result).attachments
    return (await file.read()).decode()


async def test_a_note_is_shown_by_right(world: World) -> None:
    await world.propose()
    for note in (TITLE, "1", "#1"):
        assert said(await show(world, world.second_member, note)) == messages.NO_HISTORY.english
    assert "**Pending**" in said(await show(world, world.member))
    assert TEXT in said(await show(world, world.moderator, "1"))

    await world.moderator.click(world.card, label="Approve")
    await world.edit()

    others = await show(world, world.second_member)
    assert f"> {TEXT}" in said(others)
    assert "verified" in said(others)
    assert others.followups == []
    mine = await show(world, world.member)
    assert TEXT in said(mine)
    assert "Porto" in text_of(mine.followups[0])
    elsewhere = build_world(world.env, "Another")
    result = await show(elsewhere, elsewhere.moderator, "1")
    assert said(result) == messages.NO_HISTORY.english


async def test_edit_opens_the_contributors_last_text(world: World) -> None:
    text = "x" * FORM_CHARACTERS
    await world.propose(text=text, tags="lisbon")
    form = await on_note(world.member, world.general, "Edit", TITLE)

    assert form.modal is not None
    values = [label["component"].get("value") for label in form.modal["components"]]
    assert values == [TITLE, text, None, "lisbon"]
    await world.moderator.click(world.card, label="Approve")
    message = await world.second_member.send(world.general, "Anything.")
    refused = world.press(world.second_member, message, "note:1:edit")
    await world.env.settle()
    assert said(refused) == messages.NOT_YOURS.english


async def test_an_edit_waits_beside_the_live_note(world: World) -> None:
    await world.publish()

    form = await on_note(world.member, world.general, "Edit", TITLE)
    fields = {"title": TITLE, "text": TEXT, "file": ("new.txt", NEW_TEXT.encode())}
    await world.member.submit_modal(form, fields)

    latest = await world.note(2)
    assert latest.revision.submission.text == NEW_TEXT
    assert latest.revision.state is State.PENDING
    assert latest.live_revision_id == 1
    assert "Lisbon" in said(await world.ask(private=True))


async def test_a_long_note_is_edited_as_file(world: World, new_bot: NewBot) -> None:
    await propose_long(world)
    assert await file_of(await show(world, world.member)) == LONG
    given = await on_note(world.member, world.general, "Edit", TITLE)
    assert await file_of(given) == LONG

    await world.start_again(new_bot)
    form = await world.member.click(shown_message(given), label="Upload the edited text")
    await world.member.submit_modal(form, {"title": "Handbook"})
    revision = (await world.note(2)).revision
    assert (revision.submission.title, revision.submission.text) == ("Handbook", LONG)

    form = await world.member.click(shown_message(given), label="Upload the edited text")
    edited = LONG + "\nOne line more."
    fields = {"title": TITLE, "file": ("edited.md", edited.encode())}
    await world.member.submit_modal(form, fields)
    assert (await world.note(3)).revision.submission.text == edited


def revise_button(world: World) -> discord.Message:
    notices = world.member.user.dm_channel.history()
    return next(message for message in notices if message.components)


async def test_a_rejected_long_note_returns_as_file(world: World, new_bot: NewBot) -> None:
    await propose_long(world)
    await world.reject()
    notice = revise_button(world)

    await world.start_again(new_bot)
    given = await world.member.user.click(notice, label="Revise and resubmit")
    assert await file_of(given) == LONG
    form = await world.member.user.click(given.response, label="Upload the edited text")
    fields = {"title": TITLE, "file": ("new.md", b"Shorter now.")}
    await world.member.user.submit_modal(form, fields)

    latest = await world.note(2)
    assert latest.revision.submission.text == "Shorter now."
    assert latest.revision.state is State.PENDING


async def test_a_banned_member_proposes_nothing_directly(world: World) -> None:
    await world.propose()
    await world.reject()
    world.env.backend.remove_member(world.guild.id, world.member.id)

    form = await world.member.user.click(revise_button(world), label="Revise and resubmit")
    result = await world.member.user.submit_modal(form, {"title": TITLE, "text": NEW_TEXT})

    assert text_of(result.response) == messages.NOT_A_MEMBER.english

    def revisions(core: Core) -> int:
        return len(core.store.database.rows("select id from revisions"))

    assert await world.core(revisions) == 1
