"""Pictures of notes: from a form or a message to card and answer, and gone with the note."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import discord
import pytest
from simcord import InteractionResult

from bot.core.core import Core
from bot.interactions.kit.layouts import text_of as text_in
from bot.interactions.picture_texts import PictureTexts
from bot.notes import form_messages, picture_messages
from bot.notes import messages as notes_messages
from bot.process.client import Bot
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.picture_text import TextLine
from knowledge.values.guilds import Language
from knowledge.values.pictures import PICTURE_BYTES, PICTURES, Picture
from tests.bot.faults import silent
from tests.bot.steps import decided, restarted, said, shown_message
from tests.bot.world import TEXT, TITLE, World, buttons, choices, custom_ids
from tests.knowledge.full_store import picture

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
# Its header claims four billion pixels.
BOMB = picture().content[:16] + b"\0\1\0\0" * 2 + picture().content[24:]


async def proposed(world: World, *files: tuple[str, bytes], **more: str) -> InteractionResult:
    """Propose a note with files in its form."""
    form = await world.member.slash(world.general, "note add")
    fields: dict[str, Any] = {"title": TITLE, "text": TEXT, "file": list(files), **more}
    return await world.member.submit_modal(form, fields)


def photos(number: int) -> list[tuple[str, bytes]]:
    return [(f"photo {each}.PNG", picture(each).content) for each in range(1, number + 1)]


async def published(world: World, *files: tuple[str, bytes]) -> None:
    await proposed(world, *files)
    await world.moderator.click(world.card, label="Approve")


async def kept(world: World, revision_id: int = 1) -> tuple[Picture, ...]:
    return await world.core(lambda core: core.store.pictures.of(revision_id))


async def contents(message: Any) -> list[bytes]:
    """The pictures of a message."""
    return [await one.read() for one in message.attachments if one.filename.startswith("picture-")]


PHOTOS = [content for _, content in photos(2)]


async def test_pictures_of_a_form_are_on_the_card_and_below_the_quotation(world: World) -> None:
    result = await proposed(world, *photos(2))

    assert said(result) == notes_messages.note_taken(await world.note())
    assert await contents(world.card) == PHOTOS
    await world.moderator.click(world.card, label="Approve")
    await world.ask()
    answer = world.general.last_message
    assert answer is not None
    assert await contents(answer) == PHOTOS
    [gallery] = [
        one
        for container in answer.components
        for one in getattr(container, "children", ())
        if isinstance(one, discord.MediaGalleryComponent)
    ]
    assert len(gallery.items) == 2


async def test_a_note_without_pictures_is_answered_without_files(world: World) -> None:
    await world.publish()

    await world.ask()

    assert world.general.last_message is not None
    assert world.general.last_message.attachments == []


async def test_a_mention_is_answered_with_pictures_where_files_may_be_attached(
    world: World,
) -> None:
    await published(world, *photos(1))
    assert world.bot.user is not None
    mention = world.bot.user.mention

    await world.member.send(world.general, f"{mention} community meetup Lisbon Rua Augusta")
    assert world.general.last_message is not None
    assert await contents(world.general.last_message) == PHOTOS[:1]

    async with silent(world, attach_files=False) as channel:
        await world.member.send(channel, f"{mention} community meetup Lisbon Rua Augusta")
        assert channel.last_message.attachments == []
        assert TITLE in text_in(channel.last_message)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        pytest.param([("a.svg", SVG)], "a.svg isn't a picture that I can keep", id="svg"),
        pytest.param([("a.png", SVG)], "a.png isn't a picture that I can keep", id="wrong type"),
        pytest.param([("a.gif", b"MZ" + b"\0" * 99)], "a picture that I can keep", id="a program"),
        pytest.param([("b.png", BOMB)], "is too large: ", id="a bomb"),
        pytest.param(
            [("c.png", picture().content + b"\0" * PICTURE_BYTES)], "may have 2 MB", id="bytes"
        ),
        pytest.param(photos(PICTURES + 1), "There are 5 pictures; a note has 4 at most", id="five"),
        pytest.param(
            [("a.md", b"One text."), ("b.md", b"Another.")],
            form_messages.TWO_FILES.english,
            id="texts",
        ),
    ],
)
async def test_what_can_not_be_kept_is_refused_with_the_reason_and_nothing_is_lost(
    world: World, files: list[tuple[str, bytes]], sentence: str
) -> None:
    result = await proposed(world, *files)

    assert sentence in said(result)
    assert await world.core(lambda core: core.store.notes.find(1, world.guild.id)) is None
    form = await world.member.click(shown_message(result), label="Continue editing")
    await world.member.submit_modal(form, {"title": TITLE, "text": TEXT, "tags": "", "link": ""})
    assert (await world.note()).revision.submission.text == TEXT


async def test_a_file_with_the_text_and_pictures_come_in_one_field(world: World) -> None:
    await proposed(world, ("meetup.md", TEXT.encode()), *photos(1), text="")

    assert (await world.note()).revision.submission.text == TEXT
    assert [one.content for one in await kept(world)] == PHOTOS[:1]


async def test_pictures_wait_with_the_draft_also_over_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    result = await proposed(world, *photos(2), link="nowhere")
    assert await contents(shown_message(result)) == PHOTOS

    await restarted(world, new_bot)
    form = await world.member.click(shown_message(result), label="Continue editing")
    await restarted(world, new_bot)
    await world.member.submit_modal(form, {"title": TITLE, "text": TEXT, "tags": "", "link": ""})

    assert [one.content for one in await kept(world)] == PHOTOS
    assert await contents(world.card) == PHOTOS


async def test_pictures_are_submitted_anyway_where_something_is_near(world: World) -> None:
    await world.publish()
    result = await proposed(world, *photos(1), text=f"{TEXT} Everybody is welcome.")
    assert "Submit anyway" in buttons(shown_message(result))

    await world.member.click(shown_message(result), label="Submit anyway")

    assert [one.content for one in await kept(world, 2)] == PHOTOS[:1]


async def test_pictures_of_a_message_are_saved_with_its_note_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    message = await world.second_member.send(
        world.general, TEXT, attachments=[*photos(1), ("b.png", SVG), ("notes.txt", b"Text.")]
    )

    result = await world.member.context_menu(world.general, "Save as note", message)

    assert form_messages.PICTURES_TAKEN(1, Language.ENGLISH) in said(result)
    assert "b.png isn't a picture that I can keep" in said(result)
    await restarted(world, new_bot)
    form = await world.member.click(shown_message(result), label="Continue editing")
    await world.member.submit_modal(form, {"title": TITLE, "text": TEXT, "tags": "", "link": ""})
    assert [one.content for one in await kept(world)] == PHOTOS[:1]


async def test_another_text_keeps_the_pictures_unless_it_brings_others(world: World) -> None:
    await published(world, *photos(2))
    form = await world.member.slash(world.general, "note edit", note=TITLE)
    await world.member.submit_modal(
        form, {"title": TITLE, "text": f"{TEXT} Bring a cup.", "tags": "", "link": ""}
    )
    assert await contents(world.card) == PHOTOS

    form = await world.member.slash(world.general, "note edit", note=TITLE)
    other = ("other.png", picture(9).content)
    await world.member.submit_modal(
        form, {"title": TITLE, "text": TEXT, "tags": "", "link": "", "file": [other]}
    )
    assert await contents(world.card) == [picture(9).content]
    # A pending text is shown to nobody yet.
    await world.ask()
    assert world.general.last_message is not None
    assert await contents(world.general.last_message) == PHOTOS


async def test_who_looks_at_a_note_sees_its_pictures(world: World) -> None:
    await published(world, *photos(2))

    shown = await world.second_member.slash(world.general, "note show", note=TITLE)
    assert await contents(shown_message(shown)) == PHOTOS
    looked = await world.moderator.slash(world.review, "review note", note=1)
    assert await contents(shown_message(looked)) == PHOTOS


async def test_a_retired_note_shows_its_pictures_to_nobody_until_it_is_restored(
    world: World,
) -> None:
    await published(world, *photos(1))

    await decided(world, world.moderator, "Retire", {"reason": ""})
    await world.ask()
    assert world.general.last_message is not None
    assert world.general.last_message.attachments == []

    await decided(world, world.moderator, "Restore", {"reason": ""})
    await world.ask()
    assert await contents(world.general.last_message) == PHOTOS[:1]


async def test_a_withdrawn_note_leaves_no_picture_on_its_card_nor_in_the_database(
    world: World,
) -> None:
    await published(world, *photos(2))

    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    await world.member.click(shown_message(asked), label="Withdraw")

    def left(core: Core) -> int:
        return len(core.store.database.rows("select 1 from pictures"))

    assert await world.core(left) == 0
    assert world.card.attachments == []


async def test_a_passage_that_is_chosen_from_the_list_has_its_pictures(world: World) -> None:
    await published(world, *photos(1))
    answer = shown_message(await world.ask())
    [digest] = choices(answer)
    [select] = [one for one in custom_ids(answer) if one.startswith("passages:")]

    chosen = await world.second_member.select(answer, [digest], custom_id=select)

    assert await contents(shown_message(chosen)) == PHOTOS[:1]


async def test_a_shared_answer_has_the_pictures_too(world: World) -> None:
    await published(world, *photos(1))
    private = await world.ask(private=True)
    assert await contents(shown_message(private)) == PHOTOS[:1]

    await world.member.click(shown_message(private), label="Share")

    assert world.general.last_message is not None
    assert await contents(world.general.last_message) == PHOTOS[:1]
    assert "passages:" in " ".join(custom_ids(world.general.last_message))


async def test_pictures_are_taken_from_a_note_and_nothing_else_also_over_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await published(world, *photos(2))

    form = await world.member.slash(world.general, "note edit", note=TITLE, without_pictures=True)
    await restarted(world, new_bot)
    refused = await world.member.submit_modal(
        form, {"title": TITLE, "text": TEXT, "tags": "", "link": "nowhere"}
    )
    again = await world.member.click(shown_message(refused), label="Continue editing")
    await restarted(world, new_bot)
    await world.member.submit_modal(again, {"title": TITLE, "text": TEXT, "tags": "", "link": ""})
    await world.moderator.click(world.card, label="Approve")

    assert await kept(world, 2) == ()
    await world.ask()
    assert world.general.last_message is not None
    assert world.general.last_message.attachments == []


async def test_who_extends_a_note_adds_pictures_to_those_that_it_has(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await published(world, *photos(2))
    more = f"{TEXT} Everybody is welcome."
    form = await world.second_member.slash(world.general, "note add")
    fields = {"title": "Meetup", "text": more, "file": [("c.png", picture(9).content)]}
    result = await world.second_member.submit_modal(form, fields)

    form = await world.second_member.click(shown_message(result), label=f"Extend “{TITLE}”")
    await restarted(world, new_bot)
    await world.second_member.submit_modal(
        form, {"title": TITLE, "text": f"{TEXT}\n\n{more}", "tags": "", "link": ""}
    )

    assert [one.content for one in await kept(world, 2)] == [*PHOTOS, picture(9).content]


# The text in them.

SHOWN = "RuntimeError: CUDA out of memory"


def recognized(content: bytes) -> "Future[list[TextLine]]":
    """The text in a picture, by its number."""
    future: Future[list[TextLine]] = Future()
    future.set_result([TextLine(f"{SHOWN} ({PHOTOS.index(content)})", 0.9)])
    return future


@pytest.fixture
def reading(world: World) -> World:
    world.bot.picture_texts = PictureTexts(is_on=True, recognize=recognized)
    return world


async def test_the_text_in_a_picture_is_offered_and_in_the_note_once_it_was_added(
    reading: World,
) -> None:
    result = await proposed(reading, *photos(2))

    offer = shown_message(result)
    assert picture_messages.READ.english in offer.content
    assert f"{SHOWN} (0)\n{SHOWN} (1)" in offer.content
    assert buttons(offer) == ["Add to the text", "Submit anyway", "Continue editing"]
    assert await reading.core(lambda core: core.store.notes.find(1, reading.guild.id)) is None

    form = await reading.member.click(offer, label="Add to the text")
    assert form.modal is not None
    [text] = [one["component"] for one in form.modal["components"] if one["label"] == "Text"]
    assert text["value"] == f"{TEXT}\n\n{SHOWN} (0)\n{SHOWN} (1)"
    corrected = f"{TEXT} It says CUDA out of memory."
    await reading.member.submit_modal(
        form, {"title": TITLE, "text": corrected, "tags": "", "link": ""}
    )

    assert (await reading.note()).revision.submission.text == corrected
    assert [one.content for one in await kept(reading)] == PHOTOS


async def test_nothing_of_a_picture_is_in_a_note_to_which_it_was_not_added(
    reading: World,
) -> None:
    result = await proposed(reading, *photos(1))

    await reading.member.click(shown_message(result), label="Submit anyway")

    assert (await reading.note()).revision.submission.text == TEXT
    assert SHOWN not in text_in(reading.card)


async def test_what_was_offered_once_is_not_offered_again_also_after_a_restart(
    reading: World, new_bot: Callable[[], Bot]
) -> None:
    result = await proposed(reading, *photos(1))
    form = await reading.member.click(shown_message(result), label="Continue editing")
    await restarted(reading, new_bot)
    reading.bot.picture_texts = PictureTexts(is_on=True, recognize=recognized)

    await reading.member.submit_modal(form, {"title": TITLE, "text": TEXT, "tags": "", "link": ""})

    assert (await reading.note()).revision.submission.text == TEXT


async def test_a_picture_without_a_text_beside_it_can_become_the_text(reading: World) -> None:
    result = await proposed(reading, *photos(1), text="")

    offer = shown_message(result)
    assert buttons(offer) == ["Add to the text", "Continue editing"]
    form = await reading.member.click(offer, label="Add to the text")
    await reading.member.submit_modal(
        form, {"title": TITLE, "text": f"{SHOWN} (0)", "tags": "", "link": ""}
    )
    assert (await reading.note()).revision.submission.text == f"{SHOWN} (0)"


def unreadable(content: bytes) -> "Future[list[TextLine]]":
    """The second picture takes too long, or breaks its reader."""
    if content != PHOTOS[1]:
        return recognized(content)
    future: Future[list[TextLine]] = Future()
    future.set_exception(UnreadableError("took too long."))
    return future


@pytest.mark.parametrize("language", [*Language])
async def test_who_sends_a_picture_that_can_not_be_read_is_told(
    world: World, language: Language
) -> None:
    world.bot.picture_texts = PictureTexts(is_on=True, recognize=unreadable)
    world.speaks(world.member, language.value)
    unread = picture_messages.UNREAD(language)

    result = await proposed(world, *photos(2))
    assert picture_messages.READ(language) in said(result)
    assert unread in said(result)

    result = await proposed(world, photos(2)[1], title="Another title", text="Another text.")
    assert unread in said(result)
    assert (await world.note()).revision.submission.text == "Another text."

    result = await proposed(world, photos(2)[1], text="")
    assert said(result) == f"{form_messages.NEITHER(language)}\n{unread}"


async def test_nobody_is_told_of_a_picture_that_no_text_was_wanted_of(world: World) -> None:
    world.bot.picture_texts = PictureTexts(is_on=False, recognize=unreadable)
    assert picture_messages.UNREAD.english not in said(await proposed(world, photos(2)[1]))


async def test_what_is_near_is_asked_about_first(reading: World) -> None:
    await reading.publish()
    result = await proposed(reading, *photos(1), text=f"{TEXT} Everybody is welcome.")
    assert "This is the same" in buttons(shown_message(result))

    offer = await reading.member.click(shown_message(result), label="Submit anyway")
    assert picture_messages.READ.english in said(offer)
    await reading.member.click(shown_message(result), label="Submit anyway")

    assert (await reading.note(2)).revision.submission.text == f"{TEXT} Everybody is welcome."
