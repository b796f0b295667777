"""Export and erasure of a member's data."""

from bot.answers.ask import Ask
from bot.config.settings import Settings
from bot.core.core import Core
from bot.privacy import service as privacy_service
from bot.review import service as review_service
from bot.text.question_labels import FEEDBACK_REASONS
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member
from knowledge.values.questions import Feedback, FeedbackReason, Verdict
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

GUILD, MEMBER = 10, 3


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

        found = privacy_service.export(core, MEMBER)["feedback"]

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

        forgotten = privacy_service.forget(core, moderator.id, withdraw=False)
        for _ in privacy_service.update_index(core, forgotten):
            pass

        assert b"Zuqname" not in _index_bytes(settings)


def _index_bytes(settings: Settings) -> bytes:
    folder = settings.data.folder / "index"
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
