"""Golden questions: confirmed and helpful answers are asked again, and moderators decide."""

from typing import Any

import pytest

from bot.answers.ask import Ask
from bot.config.settings import Settings
from bot.core.core import Core
from bot.process.client import Bot, start_worker
from bot.review import golden_questions as service
from bot.review import service as review_service
from bot.review.golden_questions import Changes, Result
from bot.review.ui.golden_questions import MOST_SHOWN, GoldenChecks
from bot.review.ui.panel import ReviewPage, heading
from bot.text.markdown import LAYOUT_CHARACTERS, size
from indexer.ingest.pipeline import index_document
from knowledge.store.notes.decisions import Ruling
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Document, Kind, Scope
from knowledge.values.guilds import Language
from knowledge.values.notes import Decision, Member
from knowledge.values.questions import (
    Evidence,
    Feedback,
    GoldenState,
    Question,
    RecordedHit,
    Verdict,
)
from knowledge.values.submissions import Submission
from tests.bot.components import part
from tests.bot.digests import AT, chosen, its_time_comes, posted
from tests.bot.message_parts import buttons, content, said, shown_message, text_of
from tests.bot.spoken import english, said_in
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import QUESTION, TEXT, TITLE, World
from tests.fakes import WordEmbedder

OTHER = "Community meetup Lisbon Rua Augusta"
OTHER_TEXT = "Community meetup Lisbon Rua Augusta: on Sundays."
KEEP, ACCEPT = (label.english for label in service.LABELS.values())


async def check(world: World) -> None:
    await part(world.bot, GoldenChecks).round()


async def helpful(world: World) -> None:
    """A note answers a question, its asker finds that helpful, and it is checked."""
    await world.choose(golden_questions="yes")
    await world.add_note()
    answer = await world.ask()
    await world.member.click(shown_message(answer), label="Helpful")
    await check(world)


async def confirm(world: World) -> None:
    """A moderator confirms the first passage of the first question."""

    def record(core: Core) -> None:
        [hit, *_] = core.store.question_records.hits(1)
        said = Feedback(1, world.moderator.id, Verdict.HELPFUL, document_id=hit.document_id)
        core.store.feedback_records.record_pick(said, digest_of(hit), by_moderator=True)

    await world.core(record)


async def moved(world: World) -> None:
    """Another note answers the question better."""
    await helpful(world)
    await world.add_note(OTHER, OTHER_TEXT)
    await check(world)


def retire(core: Core, world: World, note_id: int) -> None:
    moderator = Member(world.moderator.id, "Max")
    core.store.decisions.retire(world.guild.id, note_id, moderator)
    core.index_note(note_id)


def revise(core: Core, world: World, title: str, text: str) -> None:
    """Publish another text of the first note."""
    contributor, moderator = Member(world.member.id, "Mia"), Member(world.moderator.id, "Max")
    revised = core.store.contributions.revise(
        world.guild.id, 1, contributor, Submission(title, text)
    )
    assert revised is not None
    review_service.decide(
        core, world.guild.id, revised.note.revision.id, moderator, Ruling(Decision.APPROVE)
    )


def find_helpful(core: Core, world: World, questions: list[str]) -> None:
    asks = [Ask(text, world.member.id, world.guild.id) for text in questions]
    for reply in core.answer_pipeline.ask(asks):
        said = Feedback(reply.question_id or 0, world.member.id, Verdict.HELPFUL)
        core.store.feedback_records.record(said)


def times_of(core: Core) -> dict[int, Any]:
    [guild_id] = core.store.golden_questions.guilds()
    return {
        one.question_id: one.checked_at for one in core.store.golden_questions.of_guild(guild_id)
    }


async def page(world: World) -> Any:
    return await world.open_review(ReviewPage.CHANGES)


async def changed(world: World) -> list[tuple[GoldenState, list[int]]]:
    return await world.core(lambda core: core.store.golden_questions.changes(world.guild.id))


async def test_a_moved_answer_stays_confirmed(world: World, strict_discord: StrictDiscord) -> None:
    await helpful(world)
    assert await changed(world) == []
    await world.add_note(OTHER, OTHER_TEXT)
    await check(world)
    shown = await page(world)
    assert f"Before: “{TITLE}”" in text_of(shown)
    assert f"Now: “{OTHER}”" in text_of(shown)
    assert content(await world.ask()).index(OTHER_TEXT) < content(await world.ask()).index(TEXT)

    await world.moderator.click(shown, label=KEEP)
    assert service.DECIDED.english in text_of(shown)
    assert buttons(shown) == []
    answer = content(await world.ask())
    assert TEXT in answer
    assert OTHER_TEXT not in answer
    await check(world)
    assert await changed(world) == []


async def test_accepted_answer_is_the_new_expectation(world: World) -> None:
    await helpful(world)
    await confirm(world)
    await world.add_note(OTHER, OTHER_TEXT)
    await check(world)
    assert TEXT in content(await world.ask())

    await world.moderator.click(await page(world), label=ACCEPT)
    assert OTHER_TEXT in content(await world.ask())
    await check(world)
    assert await changed(world) == []
    await world.core(lambda core: retire(core, world, 2))
    await check(world)
    assert await changed(world) == [(GoldenState.GONE, [1])]


async def test_second_of_two_moderators_changes_nothing(world: World) -> None:
    await moved(world)
    first, second = (
        await page(world),
        await world.open_review(ReviewPage.CHANGES, world.second_moderator),
    )
    await world.moderator.click(first, label=KEEP)
    await world.second_moderator.click(second, label=ACCEPT)
    assert service.DECIDED_ALREADY.english in text_of(second)
    assert TEXT in content(await world.ask())
    confirmations = await world.core(lambda core: core.store.feedback_records.of(1))
    assert [one.member_id for one in confirmations] == [world.member.id, world.moderator.id]


async def test_answer_that_changed_again_is_not_accepted_unseen(world: World) -> None:
    await moved(world)
    shown = await page(world)
    await world.core(lambda core: retire(core, world, 2))
    await world.add_note(OTHER, "Community meetup Lisbon Rua Augusta: on Mondays.")
    await world.moderator.click(shown, label=ACCEPT)
    assert service.DECIDED_ALREADY.english in text_of(shown)
    assert "Mondays" in text_of(shown)
    assert await changed(world) == [(GoldenState.MOVED, [1])]


async def test_withdrawn_notes_and_removed_sources_are_named(world: World) -> None:
    await helpful(world)
    document = Document("file:ferry", Scope(world.guild.id), Kind.FILE, "Ferry", "Ferries at nine.")
    await world.core(lambda core: index_document(core.index, core.embedder, document))
    answer = await world.ask("Ferries at nine")
    await world.member.click(shown_message(answer), label="Helpful")
    await check(world)
    await world.core(lambda core: retire(core, world, 1))
    await world.core(lambda core: core.index.tables.apply([], [document.id]))
    await check(world)

    shown = await page(world)
    for place, sentence in ((TITLE, service._GONE[True]), ("Ferry", service._GONE[False])):
        assert english(sentence, place=f"“{place}”") in text_of(shown)
    assert buttons(shown) == [service.SETTLE_GONE.english]
    await chosen(world, world.review)
    await its_time_comes(world)
    assert english(service.count_changes, 0, 2) in text_of(posted(world.review)[0])
    await world.moderator.click(shown, label=service.SETTLE_GONE.english)
    await check(world)
    assert await changed(world) == []


@pytest.mark.parametrize(
    ("title", "text", "is_changed"),
    [(TITLE, TEXT.replace("Fridays", "Saturdays"), False), ("Pancakes", "Eat pancakes.", True)],
)
async def test_harmless_edits_pass(world: World, title: str, text: str, is_changed: bool) -> None:
    await helpful(world)
    await world.core(lambda core: revise(core, world, title, text))
    await check(world)
    expected = [(GoldenState.EDITED, [1])] if is_changed else []
    assert await changed(world) == expected
    if is_changed:
        shown = await page(world)
        assert "edited since" in text_of(shown)
        await world.moderator.click(shown, label=KEEP)
        assert text in content(await world.ask())


async def test_the_digest_counts_changes(world: World, strict_discord: StrictDiscord) -> None:
    await moved(world)
    await chosen(world, world.general)
    await its_time_comes(world)
    [digest] = posted(world.general)
    assert english(service.count_changes, 1, 0) in text_of(digest)
    opened = await world.moderator.click(digest, label=service.SHOW.english)
    assert f"Now: “{OTHER}”" in said(opened)
    refused = await world.member.click(digest, label=service.SHOW.english)
    assert OTHER not in said(refused)


async def test_card_counts_moved_answers_that_moderators_confirmed(world: World) -> None:
    await helpful(world)
    await world.propose(OTHER, OTHER_TEXT)
    assert "confirmed" not in text_of(world.card)
    await confirm(world)
    await world.propose(f"{OTHER} again", f"{OTHER_TEXT} Come!")
    await world.env.settle()
    assert "**1 answer** that a moderator confirmed would change." in text_of(world.card)
    effect = await world.moderator.click(world.card, label="What would change?")
    assert f"- “{QUESTION}”" in said(effect).partition("Confirmed by moderators")[2]


async def test_kills_between_slices_lose_nothing(world: World, settings: Settings) -> None:
    await helpful(world)
    questions = [f"{QUESTION} {number}" for number in range(3 * service.SLICE)]
    await world.core(lambda core: find_helpful(core, world, questions))
    await check(world)
    await world.add_note(OTHER, OTHER_TEXT)

    def first_slice(core: Core) -> None:
        steps = service.check(core, world.guild.id, most_seconds=60)
        next(steps)
        next(steps)

    await world.core(first_slice)
    before = await changed(world)
    assert len(before) == service.SLICE
    times = await world.core(times_of)
    await world.start_again(lambda: Bot(settings, start_worker(settings, WordEmbedder())))
    await check(world)
    after, now = await changed(world), await world.core(times_of)
    assert len(after) == len(questions) + 1
    assert after[: len(before)] == before
    once = {key for _, ids in before for key in ids}
    assert {key for key, at in times.items() if now[key] == at} == once


async def test_a_check_stops_at_its_budget_and_continues(world: World) -> None:
    await helpful(world)
    questions = [f"{QUESTION} {number}" for number in range(2 * service.SLICE)]
    await world.core(lambda core: find_helpful(core, world, questions))

    def slices(core: Core, most_seconds: float) -> int:
        return len([*service.check(core, world.guild.id, most_seconds)]) - 1

    await world.add_note(OTHER, OTHER_TEXT)
    assert await world.core(lambda core: slices(core, 0)) == 0
    assert await world.core(lambda core: slices(core, 60)) == 3
    assert await world.core(lambda core: slices(core, 60)) == 0


async def test_only_the_process_of_a_server_checks_it(world: World) -> None:
    await helpful(world)

    def guilds(core: Core, *, mine: bool) -> list[int]:
        return [guild_id for guild_id, _ in service.guilds_to_check(core, lambda _: mine, {})]

    assert await world.core(lambda core: guilds(core, mine=True)) == [world.guild.id]
    assert await world.core(lambda core: guilds(core, mine=False)) == []


async def test_forgotten_askers_leave_no_golden_question(world: World) -> None:
    await moved(world)
    await world.core(lambda core: core.store.personal_data.forget(world.member.id, withdraw=False))
    assert await changed(world) == []
    rows = await world.core(lambda core: core.store.database.rows("select * from golden_questions"))
    assert rows == []


async def test_nothing_is_asked_again_unless_turned_on(world: World) -> None:
    await helpful(world)
    await world.choose(golden_questions="no")
    await world.add_note(OTHER, OTHER_TEXT)
    await check(world)
    assert await changed(world) == []
    assert "turn that on in `/setup`" in text_of(await page(world))
    await world.propose(f"{OTHER} again", OTHER_TEXT)
    assert "confirmed" not in text_of(world.card)


@pytest.mark.parametrize("language", list(Language))
def test_full_page_fits_one_message(language: Language) -> None:
    hostile = "*_`[~<@&1>🦘|" * 400
    hit = RecordedHit("note:1", hostile, hostile, hostile, 1.0, ())
    asked = Question(1, 1, 1, 1, hostile, Evidence.STRONG, AT, 1, [hit])
    moved, gone = (
        [Result(asked, state, hit, Evidence.STRONG)] * MOST_SHOWN
        for state in (GoldenState.MOVED, GoldenState.GONE)
    )
    found = Changes(moved, 999_999, gone, 999_999)
    said = [
        said_in(language, heading, ReviewPage.CHANGES),
        said_in(language, service.DECIDED_ALREADY),
        said_in(language, service.introduction, found, is_checked=True),
        *(said_in(language, service.change, result, ()) for result in moved),
        *(said_in(language, service.before, result, ()) for result in gone),
        said_in(language, service.more, found),
    ]
    assert size("\n".join(said)) <= LAYOUT_CHARACTERS
