"""Submission of notes: the form, its refusals, and the review card."""

from collections.abc import Callable
from typing import Any

import discord
import pytest
from simcord import Env, InteractionResult

from bot.notes import form_messages as notes_form_messages
from bot.notes import messages as notes_messages
from bot.notes.drafts import from_file
from bot.notes.ui.submission import TAKEN_CACHED, NoteSubmissions
from bot.process.client import Bot
from bot.text import markdown
from knowledge.values.notes import State
from knowledge.values.submissions import FORM_CHARACTERS
from tests.bot.forum import QUESTION as FORUM_QUESTION
from tests.bot.forum import make_forum
from tests.bot.steps import said, shown_message
from tests.bot.world import TEXT, TITLE, UNKNOWN, World, build_world, buttons, text_of

TEXT_INPUT = 4


def fields(form: InteractionResult) -> dict[str, dict[str, Any]]:
    """A form's inputs by their labels."""
    assert form.modal is not None
    return {label["label"]: label["component"] for label in form.modal["components"]}


def typed(form: InteractionResult) -> dict[str, str]:
    """A form's initial values by label."""
    return {
        label: component.get("value") or ""
        for label, component in fields(form).items()
        if component["type"] == TEXT_INPUT
    }


async def test_the_form_asks_for_title_text_or_file_tags_and_source_link(world: World) -> None:
    form = await world.member.slash(world.general, "note add")

    assert list(fields(form)) == [
        "Title",
        "Text",
        notes_form_messages.OR_FILE.english,
        "Tags",
        "Source link",
    ]


async def test_nothing_is_required_where_a_file_can_stand_for_title_and_text(
    world: World,
) -> None:
    form = await world.member.slash(world.general, "note add")

    assert not [label for label, field in fields(form).items() if field["required"]]


async def test_a_proposed_note_becomes_a_card_in_the_review_channel(world: World) -> None:
    await world.propose(tags="Lisbon, #meetup", link="https://example.org/meetup")

    content = text_of(world.card)
    assert content.splitlines()[1] == f"**{TITLE}**"
    assert f"> {TEXT}" in content
    assert "Tags: lisbon, meetup" in content
    assert "Source: <https://example.org/meetup>" in content
    assert "**Pending**" in content
    assert buttons(world.card)[:2] == ["Approve", "Edit & approve"]


async def test_a_note_with_nothing_but_title_and_text_shows_no_empty_lines(world: World) -> None:
    await world.propose()

    assert "Tags" not in text_of(world.card)
    assert "Source" not in text_of(world.card)


async def test_the_contributor_is_told_that_the_note_is_with_the_moderators(world: World) -> None:
    result = await world.propose()

    assert said(result) == notes_messages.note_taken(await world.note())


async def test_a_pending_note_is_not_answered_from(world: World) -> None:
    await world.propose()

    result = await world.ask()

    assert result.response is not None
    assert TITLE not in text_of(result.response)


async def test_save_as_note_fills_the_form_with_text_link_and_credit(world: World) -> None:
    message = await world.second_member.send(world.general, TEXT)

    form = await world.member.context_menu(world.general, "Save as note", message)

    assert typed(form) == {
        "Title": TEXT,
        "Text": f"{TEXT}\n\n— {world.second_member.name}",
        "Tags": "",
        "Source link": message.jump_url,
    }


async def test_a_message_too_long_for_a_note_is_saved_with_its_credit(world: World) -> None:
    # Members with Nitro write 4,000 characters.
    message = await world.second_member.send(world.general, "x" * 2_000)
    stored = world.env.backend.get_message(world.general.id, message.id)
    stored.content = "x" * 4_000

    form = await world.member.context_menu(world.general, "Save as note", message)

    text = typed(form)["Text"]
    assert len(text) == FORM_CHARACTERS
    assert text.endswith(world.second_member.name)


async def test_a_message_without_text_opens_a_form_without_text(world: World) -> None:
    picture = await world.second_member.send(world.general, attachments=[("a.pdf", b"pdf")])

    form = await world.member.context_menu(world.general, "Save as note", picture)

    assert typed(form)["Text"] == ""


BAD = [
    pytest.param({"title": "   "}, "The title is empty", id="blank title"),
    pytest.param({"text": "  \n "}, notes_form_messages.NEITHER.english, id="blank text"),
    pytest.param({"link": "example"}, "The source link is not an address", id="link"),
    pytest.param({"link": "javascript:alert(1)"}, "The source link is not", id="script"),
    pytest.param({"tags": "what? ever"}, "The tag “what?” can't be used", id="tag"),
    pytest.param({"tags": "a b c d e f"}, "There are 6 tags; 5 is the most", id="six tags"),
]


@pytest.mark.parametrize(("change", "sentence"), BAD)
async def test_bad_input_gets_one_sentence_and_takes_no_note(
    world: World, change: dict[str, str], sentence: str
) -> None:
    result = await world.propose(**change)

    assert said(result).startswith(sentence)
    assert await world.core(lambda core: core.store.notes.find(1, world.guild.id)) is None


@pytest.mark.parametrize(("change", "sentence"), BAD)
async def test_bad_input_can_be_edited_on_and_nothing_typed_is_lost(
    world: World, change: dict[str, str], sentence: str
) -> None:
    given = {
        "title": TITLE,
        "text": TEXT,
        "tags": "one,two",
        "link": "https://example.org/",
        **change,
    }
    result = await world.propose(**given)
    assert result.response is not None

    form = await world.member.click(result.response, label="Continue editing")

    assert typed(form) == {
        "Title": given["title"],
        "Text": given["text"],
        "Tags": given["tags"],
        "Source link": given["link"],
    }


async def test_what_was_edited_on_is_taken(world: World) -> None:
    refused = await world.propose(link="nowhere")
    assert refused.response is not None
    form = await world.member.click(refused.response, label="Continue editing")

    taken = await world.member.submit_modal(
        form, {"title": TITLE, "text": TEXT, "tags": "", "link": "https://example.org/"}
    )

    assert said(taken) == notes_messages.note_taken(await world.note())
    assert "Source: <https://example.org/>" in text_of(world.card)


async def test_without_a_setup_the_contributor_is_told_and_can_go_on_later(
    simcord_env: Env,
) -> None:
    world = build_world(simcord_env)

    result = await world.propose()

    assert said(result) == notes_messages.NO_REVIEW_CHANNEL.english
    assert buttons(result.response) == ["Continue editing"]


async def test_without_a_setup_what_was_typed_comes_back(simcord_env: Env) -> None:
    world = build_world(simcord_env)
    result = await world.propose(tags="one two", link="https://example.org/")
    assert result.response is not None

    form = await world.member.click(result.response, label="Continue editing")

    assert typed(form) == {
        "Title": TITLE,
        "Text": TEXT,
        "Tags": "one two",
        "Source link": "https://example.org/",
    }


def forbid_sending(world: World, *, allowed: bool = False) -> None:
    """Take away the bot's right to send in the review channel, or give it back."""
    overwrites = world.env.backend.get_channel(world.review.id).overwrites
    mine = next(overwrite for overwrite in overwrites if overwrite.target_id == world.bot_role.id)
    mine.deny = 0 if allowed else discord.Permissions(send_messages=True).value
    world.env.backend.set_overwrite(world.review.id, mine)


async def test_a_note_is_kept_though_its_card_can_not_be_posted(world: World) -> None:
    forbid_sending(world)

    result = await world.propose()

    assert said(result) == notes_messages.CARD_NOT_POSTED.english
    assert (await world.note()).revision.state is State.PENDING


async def test_the_card_is_posted_once_setup_finds_the_permissions_granted(world: World) -> None:
    forbid_sending(world)
    await world.propose()
    forbid_sending(world, allowed=True)

    await world.admin.slash(
        world.general,
        "setup",
        review_channel=world.review,
        moderator_role=world.moderator_role,
    )

    assert f"> {TEXT}" in text_of(world.card)
    assert buttons(world.card)[:2] == ["Approve", "Edit & approve"]


async def test_setup_posts_no_card_twice(world: World) -> None:
    await world.propose()

    await world.admin.slash(
        world.general,
        "setup",
        review_channel=world.review,
        moderator_role=world.moderator_role,
    )

    assert len(world.review.history()) == 1


async def test_a_long_note_is_one_card_with_the_whole_text_in_a_file(world: World) -> None:
    lines = [f"Line {number} of the longest note that there can be." for number in range(1, 100)]
    text = "\n".join(lines)[:FORM_CHARACTERS].ljust(FORM_CHARACTERS, "!")

    await world.propose(text=text)

    [card] = world.review.history()
    assert "> Line 1 of the longest note" in text_of(card)
    assert len(text_of(card)) <= markdown.LAYOUT_CHARACTERS
    [file] = card.attachments
    assert (await file.read()).decode() == text


async def test_a_short_note_is_whole_on_its_card(world: World) -> None:
    await world.propose(text="word " * 150)

    [card] = world.review.history()
    assert text_of(card).count("word") == 150
    assert card.attachments == []


async def test_a_note_proposed_in_a_direct_message_is_sent_to_a_server(world: World) -> None:
    refused = await world.member.user.send_dm(UNKNOWN)
    answer = world.member.user.dm_channel.last_message
    assert answer is not None
    assert answer.id != refused.id
    form = await world.member.user.click(answer, label="Write this note")

    result = await world.member.user.submit_modal(form, {"title": TITLE, "text": TEXT})

    assert result.response is not None
    assert text_of(result.response) == notes_messages.NOTES_NEED_A_SERVER.english


async def test_a_proposed_note_survives_a_restart(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.propose()

    await world.bot.close()
    await world.restart(new_bot())

    assert (await world.note()).revision.submission.text == TEXT


async def test_of_the_messages_whose_drafts_were_taken_the_last_are_remembered(
    world: World,
) -> None:
    submissions = world.bot.submissions
    assert isinstance(submissions, NoteSubmissions)
    for message_id in range(1, TAKEN_CACHED + 100):
        submissions._taken[message_id] = None

    assert len(submissions._taken) == TAKEN_CACHED
    assert TAKEN_CACHED + 99 in submissions._taken


async def test_without_message_content_a_forum_post_is_its_one_message(world: World) -> None:
    """Discord gives the bot the menu's message, and no content of others."""
    forum = make_forum(world)
    thread, _ = await forum.solved()

    result = await world.member.context_menu(thread, "Save as note", forum.first_message(thread))

    assert said(result).startswith(notes_form_messages.NO_CONTENT.english)
    [file] = shown_message(result).attachments
    draft = from_file(await file.read())
    assert draft is not None
    assert draft.text == f"{FORUM_QUESTION}\n\n— {world.member.name}"
