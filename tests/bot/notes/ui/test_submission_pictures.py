"""Pictures of notes: from a form or message to card and answer, and deleted with the note."""

from concurrent.futures import Future
from typing import Any

import discord
import pytest
from simcord import InteractionResult

from bot.core.core import Core
from bot.interactions.kit.layouts import text_of as text_in
from bot.interactions.pictures import PictureTexts
from bot.notes import drafts, messages
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.picture_text import TextLine
from knowledge.values.guilds import Language
from knowledge.values.notes import PICTURE_BYTES, PICTURES
from tests.bot.faults import silent
from tests.bot.message_parts import buttons, choices, custom_ids, said, shown_message
from tests.bot.spoken import english, said_in
from tests.bot.world import QUESTION, TEXT, TITLE, NewBot, World, in_menu, on_note
from tests.knowledge.full_store import picture

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
# Its header claims four billion pixels.
BOMB = picture().content[:16] + b"\0\1\0\0" * 2 + picture().content[24:]
FIELDS = {"title": TITLE, "text": TEXT}


async def proposed(world: World, *files: tuple[str, bytes], **more: str) -> InteractionResult:
    """Propose a note with files in its form."""
    form = await world.member.slash(world.general, "note add")
    fields: dict[str, Any] = {"title": TITLE, "text": TEXT, "file": list(files), **more}
    return await world.member.submit_modal(form, fields)


async def edit(world: World, form: InteractionResult, **changed: Any) -> InteractionResult:
    return await world.member.submit_modal(form, {**FIELDS, **changed})


async def continue_editing(world: World, result: InteractionResult) -> InteractionResult:
    return await world.member.click(shown_message(result), label="Continue editing")


def photos(number: int) -> list[tuple[str, bytes]]:
    return [(f"photo {each}.PNG", picture(each).content) for each in range(1, number + 1)]


async def published(world: World, *files: tuple[str, bytes]) -> None:
    await proposed(world, *files)
    await world.moderator.click(world.card, label="Approve")


async def kept(world: World, revision_id: int = 1) -> list[bytes]:
    found = await world.core(lambda core: core.store.pictures.of(revision_id))
    return [one.content for one in found]


async def contents(message: Any) -> list[bytes]:
    """The pictures of a message."""
    return [await one.read() for one in message.attachments if one.filename.startswith("picture-")]


PHOTOS = [content for _, content in photos(2)]


async def test_pictures_are_shown_wherever_their_note_is(world: World) -> None:
    result = await proposed(world, *photos(2))
    assert said(result) == english(messages.note_submitted, await world.note())
    assert await contents(world.card) == PHOTOS
    await world.moderator.click(world.card, label="Approve")

    answer = shown_message(await world.ask())
    assert await contents(answer) == PHOTOS
    message = world.general.last_message
    assert message is not None
    [gallery] = [
        one
        for container in message.components
        for one in getattr(container, "children", ())
        if isinstance(one, discord.MediaGalleryComponent)
    ]
    assert len(gallery.items) == 2
    [digest] = choices(answer)
    [select] = [one for one in custom_ids(answer) if one.startswith("passages:")]
    chosen = await world.second_member.select(answer, [digest], custom_id=select)
    assert await contents(shown_message(chosen)) == PHOTOS
    shown = await world.second_member.slash(world.general, "note show", note=TITLE)
    assert await contents(shown_message(shown)) == PHOTOS
    assert await contents(await world.open_note()) == PHOTOS
    private = shown_message(await world.ask(private=True))
    assert await contents(private) == PHOTOS
    await in_menu(world.member, private, "Share with everyone here")
    shared = world.general.last_message
    assert await contents(shared) == PHOTOS
    assert "passages:" in " ".join(custom_ids(shared))

    assert world.bot.user is not None
    mention = f"{world.bot.user.mention} {QUESTION}"
    await world.member.send(world.general, mention)
    assert await contents(world.general.last_message) == PHOTOS
    async with silent(world, attach_files=False) as channel:
        await world.member.send(channel, mention)
        assert channel.last_message.attachments == []
        assert TITLE in text_in(channel.last_message)


# Forms and messages.


REFUSED = [
    ([("a.svg", SVG)], "a.svg isn't a picture that I can keep"),
    ([("a.png", SVG)], "a.png isn't a picture that I can keep"),
    ([("a.gif", b"MZ" + b"\0" * 99)], "a picture that I can keep"),
    ([("b.png", BOMB)], "is too large: "),
    ([("c.png", picture().content + b"\0" * PICTURE_BYTES)], "limit for a picture is 2 MB"),
    (photos(PICTURES + 1), "That's 5 pictures; a note can have 4 at most"),
    ([("a.md", b"One text."), ("b.md", b"Another.")], drafts.TWO_FILES.english),
]


async def test_unsafe_files_are_refused_but_drafts_kept(world: World) -> None:
    for files, sentence in REFUSED:
        result = await proposed(world, *files)
        assert sentence in said(result)
        assert await world.core(lambda core: core.store.notes.find(1, world.guild.id)) is None

    await edit(world, await continue_editing(world, result))
    assert (await world.note()).revision.submission.text == TEXT


async def test_a_draft_survives_a_restart_whole(world: World, new_bot: NewBot) -> None:
    files = [("meetup.md", TEXT.encode()), *photos(2)]
    form = await world.member.slash(world.general, "note add", tag="?")
    fields = {"title": TITLE, "text": "", "file": files, "tags": "?"}
    result = await world.member.submit_modal(form, fields)
    assert await contents(shown_message(result)) == PHOTOS

    await world.start_again(new_bot)
    form = await continue_editing(world, result)
    assert form.modal is not None
    assert TEXT in str(form.modal)
    await world.start_again(new_bot)
    await edit(world, form, tags="")

    assert await kept(world) == PHOTOS
    assert await contents(world.card) == PHOTOS


async def test_a_messages_pictures_survive_a_restart(world: World, new_bot: NewBot) -> None:
    message = await world.second_member.send(
        world.general, TEXT, attachments=[*photos(1), ("b.png", SVG), ("notes.txt", b"Text.")]
    )

    result = await world.member.context_menu(world.general, "Save as note", message)

    assert english(drafts.PICTURES_TAKEN, 1) in said(result)
    assert "b.png isn't a picture that I can keep" in said(result)
    await world.start_again(new_bot)
    await edit(world, await continue_editing(world, result))
    assert await kept(world) == PHOTOS[:1]


async def test_an_edit_keeps_pictures_without_others(world: World) -> None:
    await published(world, *photos(2))
    form = await on_note(world.member, world.general, "Edit", TITLE)
    await edit(world, form, text=f"{TEXT} Bring a cup.")
    assert await contents(world.card) == PHOTOS

    form = await on_note(world.member, world.general, "Edit", TITLE)
    await edit(world, form, file=[("other.png", picture(9).content)])
    assert await contents(world.card) == [picture(9).content]
    # Pictures of a pending text are in no answer yet.
    assert await contents(shown_message(await world.ask())) == PHOTOS


async def test_removed_pictures_stay_removed_over_restarts(world: World, new_bot: NewBot) -> None:
    await published(world, *photos(2))

    form = await on_note(world.member, world.general, "Remove the pictures", TITLE)
    await world.start_again(new_bot)
    refused = await edit(world, form, title=" ")
    again = await continue_editing(world, refused)
    await world.start_again(new_bot)
    await edit(world, again)
    await world.moderator.click(world.card, label="Approve")

    assert await kept(world, 2) == []
    assert await contents(shown_message(await world.ask())) == []


async def test_an_extension_adds_its_pictures(world: World, new_bot: NewBot) -> None:
    await published(world, *photos(2))
    more = f"{TEXT} Everybody is welcome."
    form = await world.second_member.slash(world.general, "note add")
    fields = {"title": "Meetup", "text": more, "file": [("c.png", picture(9).content)]}
    result = await world.second_member.submit_modal(form, fields)

    form = await world.second_member.click(shown_message(result), label=f"Extend “{TITLE}”")
    await world.start_again(new_bot)
    await world.second_member.submit_modal(form, {**FIELDS, "text": f"{TEXT}\n\n{more}"})

    assert await kept(world, 2) == [*PHOTOS, picture(9).content]


async def test_a_withdrawn_note_leaves_no_picture(world: World) -> None:
    await published(world, *photos(2))

    asked = await on_note(world.member, world.general, "Withdraw", TITLE)
    await world.member.click(shown_message(asked), label="Withdraw")

    def left(core: Core) -> int:
        return len(core.store.database.rows("select 1 from pictures"))

    assert await world.core(left) == 0
    assert world.card.attachments == []


# Text in pictures.

SHOWN = "RuntimeError: CUDA out of memory"


def recognized(content: bytes) -> "Future[list[TextLine]]":
    """The text in a picture, with the picture's number."""
    future: Future[list[TextLine]] = Future()
    future.set_result([TextLine(f"{SHOWN} ({PHOTOS.index(content)})", 0.9)])
    return future


@pytest.fixture
def reading(world: World) -> World:
    world.bot.picture_texts = PictureTexts(is_on=True, recognize=recognized)
    return world


async def test_text_in_pictures_is_added_by_click(reading: World) -> None:
    result = await proposed(reading, *photos(2))

    offer = shown_message(result)
    assert messages.TEXT_READ.english in offer.content
    assert f"{SHOWN} (0)\n{SHOWN} (1)" in offer.content
    assert buttons(offer) == ["Add to the text", "Submit anyway", "Continue editing"]
    assert await reading.core(lambda core: core.store.notes.find(1, reading.guild.id)) is None

    form = await reading.member.click(offer, label="Add to the text")
    assert form.modal is not None
    [text] = [one["component"] for one in form.modal["components"] if one["label"] == "Text"]
    assert text["value"] == f"{TEXT}\n\n{SHOWN} (0)\n{SHOWN} (1)"
    corrected = f"{TEXT} It says CUDA out of memory."
    await edit(reading, form, text=corrected)

    assert (await reading.note()).revision.submission.text == corrected
    assert await kept(reading) == PHOTOS


async def test_a_pictures_text_can_be_the_note(reading: World) -> None:
    offer = shown_message(await proposed(reading, *photos(1), text=""))
    assert buttons(offer) == ["Add to the text", "Continue editing"]

    form = await reading.member.click(offer, label="Add to the text")
    await edit(reading, form, text=f"{SHOWN} (0)")

    assert (await reading.note()).revision.submission.text == f"{SHOWN} (0)"


async def test_text_is_offered_once_over_restarts(reading: World, new_bot: NewBot) -> None:
    form = await continue_editing(reading, await proposed(reading, *photos(1)))
    await reading.start_again(new_bot)
    reading.bot.picture_texts = PictureTexts(is_on=True, recognize=recognized)

    await edit(reading, form)

    assert (await reading.note()).revision.submission.text == TEXT


async def test_similar_notes_come_before_pictures_text(reading: World) -> None:
    await reading.publish()
    text = f"{TEXT} Everybody is welcome."
    message = shown_message(await proposed(reading, *photos(1), text=text))
    assert "This is the same" in buttons(message)

    offer = await reading.member.click(message, label="Submit anyway")
    assert messages.TEXT_READ.english in said(offer)
    await reading.member.click(message, label="Submit anyway")

    assert (await reading.note(2)).revision.submission.text == text
    assert await kept(reading, 2) == PHOTOS[:1]


def unreadable(content: bytes) -> "Future[list[TextLine]]":
    """Fail for the second picture, as when it takes too long."""
    if content != PHOTOS[1]:
        return recognized(content)
    future: Future[list[TextLine]] = Future()
    future.set_exception(UnreadableError("took too long."))
    return future


async def test_an_unreadable_picture_is_mentioned(world: World) -> None:
    german = Language.GERMAN
    world.speaks(world.member, german.value)
    unread = said_in(german, messages.TEXT_UNREAD)
    world.bot.picture_texts = PictureTexts(is_on=True, recognize=unreadable)

    result = await proposed(world, *photos(2))
    assert said_in(german, messages.TEXT_READ) in said(result)
    assert unread in said(result)
    result = await proposed(world, photos(2)[1], title="Another title", text="Another text.")
    assert unread in said(result)
    assert (await world.note()).revision.submission.text == "Another text."
    result = await proposed(world, photos(2)[1], text="")
    assert said(result) == f"{said_in(german, drafts.NEITHER)}\n{unread}"

    world.bot.picture_texts = PictureTexts(is_on=False, recognize=unreadable)
    result = await proposed(world, photos(2)[1], title="Third", text="A third text.")
    assert unread not in said(result)
