"""Submission of notes in Discord: the card, its channel, and drafts from messages."""

from typing import Any

import discord
from simcord import Env, InteractionResult

from bot.notes import drafts, messages
from bot.notes.drafts import from_file
from bot.text import markdown
from knowledge.values.notes import State
from knowledge.values.submissions import FORM_CHARACTERS
from tests.bot.forum import QUESTION as FORUM_QUESTION
from tests.bot.forum import make_forum
from tests.bot.message_parts import buttons, content, said, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import TEXT, TITLE, UNKNOWN, World, build_world

TEXT_INPUT = 4


def typed(form: InteractionResult) -> dict[str, str]:
    """A form's initial values by label."""
    assert form.modal is not None
    fields: dict[str, Any] = {one["label"]: one["component"] for one in form.modal["components"]}
    return {
        label: component.get("value") or ""
        for label, component in fields.items()
        if component["type"] == TEXT_INPUT
    }


async def set_up_again(world: World) -> None:
    await world.admin.slash(
        world.general, "setup", review_channel=world.review, moderator_role=world.moderator_role
    )


async def test_a_proposal_is_a_card_only(world: World) -> None:
    result = await world.propose(tags="Lisbon, #meetup", link="https://example.org/meetup")

    assert said(result) == english(messages.note_submitted, await world.note())
    card = text_of(world.card)
    assert card.splitlines()[1] == f"**{TITLE}**"
    assert f"> {TEXT}" in card
    assert "Tags: lisbon, meetup" in card
    assert "Source: <https://example.org/meetup>" in card
    assert "**Pending**" in card
    assert buttons(world.card)[:2] == ["Approve", "Edit & approve"]
    assert TITLE not in content(await world.ask())

    await world.propose("Short", "Only a title and a text.")
    assert "Tags" not in text_of(world.card)
    assert "Source" not in text_of(world.card)


async def test_a_long_note_is_one_card_with_file(world: World) -> None:
    lines = [f"Line {number} of the longest note that there can be." for number in range(1, 100)]
    text = "\n".join(lines)[:FORM_CHARACTERS].ljust(FORM_CHARACTERS, "!")

    await world.propose(text=text)

    [card] = world.review.history()
    assert "> Line 1 of the longest note" in text_of(card)
    assert len(text_of(card)) <= markdown.LAYOUT_CHARACTERS
    [file] = card.attachments
    assert (await file.read()).decode() == text


# Without a review channel.


async def test_without_a_setup_the_draft_is_returned(simcord_env: Env) -> None:
    world = build_world(simcord_env)

    form = await world.member.slash(world.general, "note add", tag="one two")
    fields = {"title": TITLE, "text": TEXT, "tags": "one two"}
    result = await world.member.submit_modal(form, fields)

    assert said(result) == messages.NO_REVIEW_CHANNEL.english
    form = await world.member.click(shown_message(result), label="Continue editing")
    assert typed(form) == {
        "Title": TITLE,
        "Text": TEXT,
        "Tags": "one two",
    }


async def test_a_refused_card_is_posted_after_setup(world: World) -> None:
    def forbid_sending(denied: int) -> None:
        overwrites = world.env.backend.get_channel(world.review.id).overwrites
        mine = next(one for one in overwrites if one.target_id == world.bot_role.id)
        mine.deny = denied
        world.env.backend.set_overwrite(world.review.id, mine)

    forbid_sending(discord.Permissions(send_messages=True).value)
    result = await world.propose()
    assert said(result) == messages.CARD_NOT_POSTED.english
    assert (await world.note()).revision.state is State.PENDING

    forbid_sending(0)
    await set_up_again(world)
    await set_up_again(world)

    assert f"> {TEXT}" in text_of(world.card)
    assert len(world.review.history()) == 1


async def test_a_direct_proposal_needs_a_server(world: World) -> None:
    await world.member.user.send_dm(UNKNOWN)
    answer = world.member.user.dm_channel.last_message
    form = await world.member.user.click(answer, label="Write this note")

    result = await world.member.user.submit_modal(form, {"title": TITLE, "text": TEXT})

    assert content(result) == messages.NOTES_NEED_A_SERVER.english


# From a message.


async def test_save_as_note_fills_the_form(world: World) -> None:
    message = await world.second_member.send(world.general, TEXT)
    credit = f"\n\n— {world.second_member.name}"

    async def form() -> dict[str, str]:
        return typed(await world.member.context_menu(world.general, "Save as note", message))

    assert await form() == {
        "Title": TEXT,
        "Text": f"{TEXT}{credit}",
        "Source link": message.jump_url,
    }
    # Members with Nitro write 4,000 characters.
    world.env.backend.get_message(world.general.id, message.id).content = "x" * 4_000
    text = (await form())["Text"]
    assert len(text) == FORM_CHARACTERS
    assert text.endswith(credit)

    message = await world.second_member.send(world.general, attachments=[("a.pdf", b"pdf")])
    assert (await form())["Text"] == ""


async def test_without_content_a_post_is_one_message(world: World) -> None:
    """Discord gives the bot the menu's message, and no content of others."""
    forum = make_forum(world)
    thread, _ = await forum.solved()

    result = await world.member.context_menu(thread, "Save as note", forum.first_message(thread))

    assert said(result).startswith(drafts.NO_CONTENT.english)
    [file] = shown_message(result).attachments
    draft = from_file(await file.read())
    assert draft is not None
    assert draft.text == f"{FORUM_QUESTION}\n\n— {world.member.name}"
