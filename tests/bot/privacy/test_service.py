"""Export and erasure of a member's data."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.answers.ask import Ask
from bot.ask.messages import ANSWER_LABELS, FEEDBACK_GONE
from bot.cluster.processes import Shards
from bot.config.settings import Settings
from bot.core.core import Core
from bot.privacy import service
from bot.privacy.ui.cog import prune_questions
from bot.review import service as review_service
from bot.text.question_labels import FEEDBACK_REASONS
from knowledge.store.notes.decisions import Ruling
from knowledge.values.guilds import every_guild
from knowledge.values.notes import Decision, Member
from knowledge.values.questions import Feedback, FeedbackReason, HelpedQuestion, Verdict
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.bot.world import QUESTION, NewBot, World, looked_into
from tests.fakes import WordEmbedder

GUILD, MEMBER = 10, 3
# A guild as it left.
FORMER = 1 << 22
NOW = datetime(2026, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def test_exports_have_feedback_reasons_in_words(settings: Settings) -> None:
    with Core(settings, WordEmbedder()) as core:
        core.answer_pipeline.ask(
            [Ask(f"Where is number {number}?", MEMBER, GUILD) for number in range(1, 4)]
        )
        for feedback in (
            Feedback(1, MEMBER, Verdict.HELPFUL),
            Feedback(2, MEMBER, Verdict.UNHELPFUL, "", FeedbackReason.OFF_TOPIC),
            Feedback(3, MEMBER, Verdict.UNHELPFUL, "My own.", FeedbackReason.OTHER),
        ):
            assert core.store.feedback_records.record(feedback)

        found = service.export(core, MEMBER)["feedback"]

        off_topic = FEEDBACK_REASONS[FeedbackReason.OFF_TOPIC].english
        assert [row["reason"] for row in found] == ["", off_topic, "My own."]
        columns = ["guild", "question_id", "verdict", "document", "reason", "created_at"]
        assert [*found[0]] == columns


def test_the_index_forgets_a_moderators_name(settings: Settings) -> None:
    moderator = Member(7_654_321, "Zuqname")
    with Core(settings, WordEmbedder()) as core:
        core.store.guilds.save_settings(GuildSettings(GUILD, 1, 2), 9)
        note = core.store.contributions.propose(
            GUILD, Member(MEMBER, "Mira"), 5, Submission("Ferries", "They leave at nine o'clock.")
        ).note
        review_service.decide(core, GUILD, note.revision.id, moderator, Ruling(Decision.APPROVE))
        assert b"Zuqname" in _index_bytes(settings)

        forgotten = service.forget(core, moderator.id, withdraw=False)
        for _ in service.update_index(core, forgotten):
            pass

        assert b"Zuqname" not in _index_bytes(settings)


def _index_bytes(settings: Settings) -> bytes:
    folder = settings.data.folder / "index"
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


AGED = "update questions set asked_at = '2020-01-01T00:00:00+00:00'"


def _age(core: Core) -> None:
    with core.store.database.writing():
        core.store.database.run(AGED)


async def test_a_running_bot_prunes_old_questions(world: World, new_bot: NewBot) -> None:
    await world.publish()
    asked = await world.ask()
    await world.core(_age)
    await world.start_again(new_bot)

    await prune_questions(world.bot)

    assert await world.core(lambda core: core.replay(1)) is None
    assert await world.core(lambda core: core.store.counts(world.guild.id)["questions"]) == 1
    assert asked.response is not None
    told = await looked_into(world.member, asked.response, ANSWER_LABELS["why"].english)
    assert told == FEEDBACK_GONE.english


def test_questions_that_helpers_answer_are_pruned_too(settings: Settings) -> None:
    with Core(settings, WordEmbedder()) as core:
        asked = HelpedQuestion(7, GUILD, 20, MEMBER, is_post=False, asked_at=NOW, due_at=NOW)
        core.store.helped_questions.add(asked)
        assert list(service.prune_questions(core, NOW + DAY)) == []
        assert core.store.helped_questions.waiting() == []


def test_many_questions_are_pruned_in_slices(settings: Settings) -> None:
    asked = service.SLICE + 1
    questions = [QUESTION] * asked

    with Core(settings, WordEmbedder()) as core:
        core.answer_pipeline.ask([Ask(text, 5, 10) for text in questions])
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert list(service.prune_questions(core, tomorrow)) == [service.SLICE, asked]


@pytest.fixture
def core(settings: Settings) -> Iterator[Core]:
    with Core(settings, WordEmbedder()) as opened:
        opened.store.guilds.save_settings(GuildSettings(FORMER, 1, 2), 3)
        yield opened


def purge(core: Core, at: datetime) -> list[int]:
    return service.purge_former_guilds(core, [], every_guild, at, 30 * DAY)


def purged_after(core: Core, start: datetime) -> int:
    """Number of days until the data is deleted, with a round on each."""
    return next(day for day in range(1, 99) if purge(core, start + day * DAY) == [FORMER])


def test_data_is_deleted_after_thirty_days_running(core: Core) -> None:
    assert core.store.guilds.leave(FORMER, NOW)

    assert purged_after(core, NOW) in (30, 31)
    assert core.store.guilds.known() == set()


def test_a_clock_that_jumps_ahead_deletes_nothing(core: Core) -> None:
    core.store.guilds.leave(FORMER, NOW)
    assert purge(core, NOW + 400 * DAY) == []
    assert purge(core, NOW + 400 * DAY + timedelta(hours=1)) == []

    # The clock is corrected, and from then on each day counts.
    assert purge(core, NOW) == []
    assert purged_after(core, NOW) in (30, 31)


def test_years_without_a_running_bot_do_not_count(core: Core) -> None:
    core.store.guilds.leave(FORMER, NOW)

    for years in range(1, 30):
        assert purge(core, NOW + years * 365 * DAY) == []


def test_guilds_of_other_shards_are_left_alone(core: Core) -> None:
    """Another process may be in them, or this one soon."""
    mine, other = (Shards(2, frozenset({shard})).have for shard in (1, 0))
    unnamed = Shards(1, frozenset()).have

    for known in (other, unnamed):
        assert service.compare_guilds(core, [], known, NOW) == ([], [])
    core.store.guilds.leave(FORMER, NOW)
    for known in (other, unnamed):
        assert service.purge_former_guilds(core, [], known, NOW, -DAY) == []
    assert service.purge_former_guilds(core, [], mine, NOW, -DAY) == [FORMER]
