"""Questions as they are recorded: the hits, the evidence, and the feedback of members.

Only values; what is answered and why is decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from knowledge.values.channel_settings import EVERYTHING, AnsweredFrom

# At most so many characters of earlier questions go with a follow-up; the model cuts off the rest.
EARLIER_CHARACTERS: Final = 500


class Evidence(StrEnum):
    """How well the hits support an answer."""

    STRONG = "strong"
    PARTIAL = "partial"
    NONE = "none"


class Verdict(StrEnum):
    """What a member says of an answer."""

    HELPFUL = "helpful"
    UNHELPFUL = "unhelpful"


class FeedbackReason(StrEnum):
    """Why an answer did not help, to choose from."""

    OFF_TOPIC = "off_topic"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    WRONG = "wrong"
    UNCLEAR = "unclear"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A member's verdict on the answer to a question; the last one counts.

    `reason` is in the member's own words, where they chose to give another one than is offered.
    `document_id` is the document that they say it of, where that is not what was quoted.
    """

    question_id: int
    member_id: int
    verdict: Verdict
    reason: str = ""
    chosen: FeedbackReason | None = None
    document_id: str = ""


@dataclass(frozen=True, slots=True)
class RecordedHit:
    """A hit as it was when the question was answered, kept so that the answer can be explained.

    What comes from a channel's messages has the channel's id and its `position` in the document in
    place of title, heading and text, which only the index holds: nothing is to outlive a message.
    Of a note's, `revision` and `approved_by` are what the index says when it is shown.
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


@dataclass(frozen=True, slots=True)
class ConfirmedAnswer:
    """A passage of which the asker of a question, or a moderator, said that it answers.

    Of what comes from a channel's messages the `passage` is blank: only its document is known.
    """

    text: str
    earlier: str
    document_id: str
    passage: str
    by_moderator: bool
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asked, where, and what came of it.

    `earlier` are the questions that it follows up, a line each, `settings` what judged it,
    `signals` what the evidence was judged by: names and numbers, as the retriever gives them. What
    was asked `private`ly is answered to its asker alone. `told_for` is the earlier question whose
    answer this is: its asker was told it later, or shared it. `channels` are those that everybody
    whom it was answered to could read; it was `answered_from` these documents, with as many
    `quotations` as its channel allowed, or None as everywhere. `pruned` is one so old that its
    words are no longer kept.
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
    """A question that is a gap. `content` is whether its asker found the answer helpful.

    `unhelpful` is whether anybody found it unhelpful.
    `channels` are those that everybody whom it was answered to could read; `answered_from` and
    `quotations` held where it was asked. What was asked `private`ly was answered to its asker
    alone.
    """

    id: int
    guild_id: int
    channel_id: int | None
    asker_id: int
    text: str
    earlier: str
    asked_at: datetime
    evidence: Evidence
    content: bool
    channels: tuple[int, ...] = ()
    unhelpful: bool = False
    answered_from: AnsweredFrom = EVERYTHING
    private: bool = False
    quotations: int | None = None
