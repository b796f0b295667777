"""`/source add tags:` and *Imported notes* of `/review`: another bot's tags become notes."""

from typing import Any

from bot.review.service import PAGE_NOTES
from bot.review.ui import note_lists
from bot.review.ui.panel import ReviewPage
from bot.sources import messages
from bot.text import error_messages
from knowledge.values.guilds import Language
from knowledge.values.notes import State
from tests.bot.steps import content, everything, restarted, reviewed, said, told
from tests.bot.world import World, choices, custom_ids, text_of

ENGLISH = Language.ENGLISH
FILE = b"name,text,aliases\nferry,The ferry to Lisbon leaves at nine.,boat times\nx,y,\n"


def table(number: int) -> bytes:
    rows = (f"tag{each},The lantern number {each} is lit." for each in range(1, number + 1))
    return "\n".join(["name,text", *rows]).encode()


async def imported(world: World, file: bytes = FILE, name: str = "tags.csv") -> str:
    return said(await world.admin.slash(world.general, "source add", tags=(name, file)))


async def states(world: World) -> list[State]:
    waiting = await world.core(lambda core: core.store.notes.listed(world.guild.id))
    return [note.state for note in reversed(waiting)]


async def test_approved_tags_answer_by_alias(world: World, new_bot: Any) -> None:
    posted = len(world.review.history())
    result = await imported(world)
    assert messages._TAGS_IMPORTED(1, ENGLISH) in result
    assert messages._TAGS_REFUSED(1, ENGLISH) in result
    note = await world.note()
    assert (note.contributor_id, note.revision.state) == (world.admin.id, State.PENDING)
    assert note.revision.submission.wordings == ("boat times",)
    await restarted(world, new_bot)
    shown = await reviewed(world, ReviewPage.IMPORTED)
    assert note_lists._IMPORTED(1, ENGLISH) in text_of(shown)

    await world.moderator.click(shown, custom_id="imported:0:approve")

    assert note_lists._APPROVED(1, ENGLISH) in text_of(shown)
    assert "leaves at nine" in content(await world.ask("boat times"))
    # Neither cards in the channel nor messages to the importer.
    assert len(world.review.history()) == posted
    assert not world.admin.user.dm_channel.history()


async def test_the_same_file_again_doubles_nothing(world: World) -> None:
    await imported(world)
    await world.moderator.click(
        await reviewed(world, ReviewPage.IMPORTED), custom_id="imported:0:approve"
    )
    assert messages._TAGS_KNOWN(1, ENGLISH) in await imported(world)
    assert await states(world) == [State.APPROVED]


async def test_twenty_are_approved_at_once(world: World) -> None:
    await imported(world, table(PAGE_NOTES + 2))
    shown = await reviewed(world, ReviewPage.IMPORTED)
    await world.moderator.select(shown, ["2"], custom_id="imported_out:0")
    await world.moderator.click(shown, custom_id="imported:0:approve")
    await world.moderator.click(shown, custom_id="imported:0:approve")

    assert note_lists._NOTHING_IMPORTED.english in text_of(shown)
    found = await states(world)
    assert found[1] is State.REJECTED
    assert found.count(State.APPROVED) == PAGE_NOTES + 1


async def test_importers_do_not_approve_their_own_tags(world: World) -> None:
    await imported(world)
    shown = await reviewed(world, ReviewPage.IMPORTED, by=world.admin)
    assert note_lists._NOTHING_IMPORTED.english in text_of(shown)
    assert "imported:0:approve" not in custom_ids(shown)


async def test_a_note_decided_on_alone_leaves_the_list(world: World) -> None:
    await imported(world)
    shown = await reviewed(world, ReviewPage.QUEUE)
    [approve] = [one for one in custom_ids(shown) if one.endswith(":approve")]
    await world.moderator.click(shown, custom_id=approve)
    assert not choices(await reviewed(world, ReviewPage.IMPORTED)).keys() & {"1"}


async def test_only_moderators_decide_on_imported_notes(world: World) -> None:
    await imported(world)
    shown = await reviewed(world, ReviewPage.IMPORTED)
    for pressed in (
        world.press(world.member, shown.message, "imported:0:approve"),
        world.press(world.member, shown.message, "imported_out:0", ["1"]),
    ):
        await world.env.settle()
        assert error_messages.NOT_A_MODERATOR.english in everything(pressed)
    assert await states(world) == [State.PENDING]


async def test_a_tagless_file_is_refused(world: World) -> None:
    assert "tags.json has no tags that I know" in await imported(world, b"[]", "tags.json")
    assert told(world) == []
