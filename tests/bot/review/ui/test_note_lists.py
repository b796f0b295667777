"""Notes from before the public page in `/review`: released by moderators, or kept off."""

from typing import Any

from bot.review.service import PAGE_NOTES
from bot.review.ui import note_lists
from bot.review.ui.panel import ReviewPage
from bot.text import error_messages
from knowledge.values.guilds import Language
from knowledge.values.notes import PageVeto
from knowledge.values.submissions import Submission
from tests.bot.message_parts import choices, custom_ids, everything, said, text_of
from tests.bot.page.turned_on import on_page, turn_on
from tests.bot.spoken import english
from tests.bot.world import World
from tests.knowledge.decided_notes import APPROVE, BEN, MIRA

ENGLISH = Language.ENGLISH


def offered(panel: Any) -> dict[str, str]:
    """The notes in the list below them."""
    return {value: label for value, label in choices(panel).items() if value.isdigit()}


async def live(world: World, number: int, text: str = "The lantern number {} is lit.") -> None:
    """Publish notes before the server has a page."""

    def decide(core: Any) -> None:
        for each in range(1, number + 1):
            said = Submission(f"Note {each}", text.format(each))
            note = core.store.contributions.propose(world.guild.id, MIRA, 5, said).note
            core.store.decisions.decide(world.guild.id, note.revision.id, BEN, APPROVE)

    await world.core(decide)


async def test_older_notes_are_public_once_released(world: World, new_bot: Any) -> None:
    await live(world, 3)
    await turn_on(world)
    assert await on_page(world) == set()
    shown = await world.open_review(ReviewPage.PUBLIC)
    assert english(note_lists._WAITING, 3) in text_of(shown)
    assert [*offered(shown).values()] == ["1. Note 1", "2. Note 2", "3. Note 3"]
    await world.start_again(new_bot)

    await world.moderator.select(shown, ["1", "3"], custom_id="keepoff:0")
    assert [*offered(shown)] == ["2"]
    await world.moderator.click(shown, custom_id="release:0:release")

    assert english(note_lists._RELEASED, 1) in text_of(shown)
    assert note_lists._NOTHING.english in text_of(shown)
    assert await on_page(world) == {"Note 2"}
    assert (await world.note(1)).off_page == {PageVeto.MODERATOR}
    await world.core(lambda core: core.store.public_notes.release(world.guild.id, [1, 3], 9))
    assert await on_page(world) == {"Note 2"}


async def test_notes_with_contact_details_are_marked(world: World) -> None:
    await live(world, 1)
    shown = await world.open_review(ReviewPage.PUBLIC)
    assert note_lists._FLAGGED.english not in text_of(shown)
    await live(world, 1, "The lighthouse keeper answers at +351 912 345 678.")
    shown = await world.open_review(ReviewPage.PUBLIC)
    assert "2\\. ⚠ **Note 1**" in text_of(shown)
    assert note_lists._FLAGGED.english in text_of(shown)


async def test_only_the_shown_notes_are_released(world: World) -> None:
    await live(world, PAGE_NOTES + 1)
    await turn_on(world)
    shown = await world.open_review(ReviewPage.PUBLIC)
    assert len(offered(shown)) == PAGE_NOTES
    await world.moderator.click(shown, custom_id="release:0:later")
    assert [*offered(shown).values()] == [f"{PAGE_NOTES + 1}. Note {PAGE_NOTES + 1}"]

    await world.moderator.click(shown, custom_id="release:1:release")

    assert await on_page(world) == {f"Note {PAGE_NOTES + 1}"}


async def test_a_newer_note_is_not_released_unseen(world: World) -> None:
    await live(world, 1)
    shown = await world.open_review(ReviewPage.PUBLIC)
    assert note_lists._PAGE_IS_OFF.english in text_of(shown)
    await live(world, 2)
    await turn_on(world)

    await world.moderator.click(shown, custom_id="release:0:release")

    assert await on_page(world) == {"Note 1"}
    assert len(offered(shown)) == 2


async def test_a_full_page_fits_one_message(world: World) -> None:
    def write(core: Any) -> None:
        for _ in range(PAGE_NOTES):
            said = Submission("*" * 100, "_*`|~" * 200)
            note = core.store.contributions.propose(world.guild.id, MIRA, 5, said).note
            core.store.decisions.decide(world.guild.id, note.revision.id, BEN, APPROVE)

    await world.core(write)
    shown = await world.open_review(ReviewPage.PUBLIC)
    assert "release:0:release" in custom_ids(shown)


async def test_only_moderators_manage_the_page(world: World) -> None:
    await live(world, 1)
    await turn_on(world)
    shown = await world.open_review(ReviewPage.PUBLIC)
    await world.show_to_all("review")

    listed = await world.member.slash(world.general, "review")
    released = world.press(world.member, shown.message, "release:0:release")
    kept_off = world.press(world.member, shown.message, "keepoff:0", ["1"])
    await world.env.settle()

    assert said(listed) == error_messages.NOT_A_MODERATOR.english
    for result in (released, kept_off):
        assert error_messages.NOT_A_MODERATOR.english in everything(result)
    assert await on_page(world) == set()
    assert (await world.note(1)).off_page == frozenset()
