"""Recorded questions: hits, evidence, and members' feedback."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from knowledge.values.settings import EVERYTHING, AnsweredFrom

# How many characters of earlier questions are kept with a follow-up; a model reads no more.
EARLIER_CHARACTERS: Final = 500


class Evidence(StrEnum):
    """How well the hits support an answer."""

    STRONG = "strong"
    PARTIAL = "partial"
    NONE = "none"


class Verdict(StrEnum):
    """A member's verdict on an answer."""

    HELPFUL = "helpful"
    UNHELPFUL = "unhelpful"


class FeedbackReason(StrEnum):
    """Offered reasons for an unhelpful answer."""

    OFF_TOPIC = "off_topic"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    WRONG = "wrong"
    UNCLEAR = "unclear"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A member's verdict on the answer to a question; the last one counts.

    Attributes:
        reason: the reason in the member's own words, in place of an offered reason.
        chosen: the offered reason that the member chose, if any.
        document_id: the document that the verdict is about, because the member picked or confirmed
            it as the right one; empty for a verdict on the whole answer.
    """

    question_id: int
    member_id: int
    verdict: Verdict
    reason: str = ""
    chosen: FeedbackReason | None = None
    document_id: str = ""


@dataclass(frozen=True, slots=True)
class RecordedHit:
    """A hit at the time of the answer, kept to explain the answer.

    A hit from a channel's messages is kept without title, heading and text, so no text outlives its
    message. `source_channel_id` and `position`, the passage's place in the document, are kept
    instead; the index has the text. When a hit from a note is shown, `revision`, `approved_by` and
    `wordings` are read from the index.
    """

    document_id: str
    title: str
    heading: str
    passage: str
    score: float
    legs: tuple[str, ...]
    link: str = ""
    source_channel_id: int | None = None
    position: int | None = None
    revision: int | None = None
    approved_by: str = ""
    wordings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmedAnswer:
    """The right passage for a question, as picked by its asker or a moderator.

    `passage` is empty for a channel's messages; only their document is known.
    """

    text: str
    earlier: str
    document_id: str
    passage: str
    by_moderator: bool
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """A recorded question with its outcome.

    Attributes:
        hits: the hits, best first.
        earlier: the questions before a follow-up, one per line.
        settings: the model and parameters used for the evidence, and the guild's synonyms found in
            the question.
        signals: the measurements used for the evidence, by name.
        private: whether the asker alone saw the answer.
        told_for: the id of an earlier record of the question, if this record is of a later answer,
            or of a private answer that was shared with others.
        channels: the channels searched for messages; all readers of the answer can read them.
        answered_from: the channel's setting for documents to answer from.
        quotations: the channel's limit of quotations; None for the default.
        pruned: whether the words were deleted.
    """

    id: int
    guild_id: int | None
    channel_id: int | None
    asker_id: int
    text: str
    evidence: Evidence
    asked_at: datetime
    generation: int
    hits: Sequence[RecordedHit] = ()
    earlier: str = ""
    settings: str = ""
    signals: Mapping[str, float] = field(default_factory=dict)
    private: bool = False
    told_for: int | None = None
    channels: tuple[int, ...] = ()
    answered_from: AnsweredFrom = EVERYTHING
    quotations: int | None = None
    pruned: bool = False


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A recorded question without its hits, usually a gap.

    Attributes:
        earlier: the questions before a follow-up, one per line.
        satisfied: whether the asker found the answer helpful.
        channels: the channels searched for messages; all readers of the answer can read them.
        answered_from: the channel's setting for documents to answer from.
        private: whether the asker alone saw the answer.
        quotations: the channel's limit of quotations; None for the default.
    """

    id: int
    guild_id: int
    channel_id: int | None
    asker_id: int
    text: str
    earlier: str
    asked_at: datetime
    evidence: Evidence
    satisfied: bool
    channels: tuple[int, ...] = ()
    unhelpful: bool = False
    answered_from: AnsweredFrom = EVERYTHING
    private: bool = False
    quotations: int | None = None
