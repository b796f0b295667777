"""Export of a member's data."""

from bot.answers.ask import Ask
from bot.config.settings import Settings
from bot.core.core import Core
from bot.privacy import service as privacy_service
from bot.text.question_labels import FEEDBACK_REASONS
from knowledge.values.questions import Feedback, FeedbackReason, Verdict
from tests.fakes import WordEmbedder

GUILD, MEMBER = 10, 3


def test_an_export_has_the_reasons_of_feedback_in_words(
    settings: Settings,
) -> None:
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

        found = privacy_service.exported(core, MEMBER)["feedback"]

        off_topic = FEEDBACK_REASONS[FeedbackReason.OFF_TOPIC].english
        assert [row["reason"] for row in found] == ["", off_topic, "My own."]
        columns = ["guild", "question_id", "verdict", "document", "reason", "created_at"]
        assert [*found[0]] == columns
