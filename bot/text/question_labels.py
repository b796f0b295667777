"""Labels of evidence, and of reasons for unhelpful answers. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.text.languages import Sentence
from knowledge.values.questions import Evidence, FeedbackReason

EVIDENCE: Final[Mapping[Evidence, Sentence]] = {
    Evidence.STRONG: Sentence("strong"),
    Evidence.PARTIAL: Sentence("partial"),
    Evidence.NONE: Sentence("none"),
}

FEEDBACK_REASONS: Final[Mapping[FeedbackReason, Sentence]] = {
    FeedbackReason.OFF_TOPIC: Sentence("It's about something else"),
    FeedbackReason.INCOMPLETE: Sentence("Part of the answer is missing"),
    FeedbackReason.OUTDATED: Sentence("It's outdated"),
    FeedbackReason.WRONG: Sentence("It's wrong"),
    FeedbackReason.UNCLEAR: Sentence("I don't understand it"),
    FeedbackReason.OTHER: Sentence("Something else…"),
}
