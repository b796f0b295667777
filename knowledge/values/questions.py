"""Recorded questions: hits, evidence, feedback, and what becomes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
        hits: best first.
        earlier: the questions before a follow-up, one per line.
        settings: the model and parameters used for the evidence, and the guild's synonyms found in
            the question.
        signals: the measurements used for the evidence.
        private: whether the asker alone saw the answer.
        told_for: the id of an earlier record of the question, if this record is of a later answer,
            or of a private answer that was shared with others.
        channels: the channels searched for messages; all readers of the answer can read them.
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
    """A recorded question without its hits, usually a gap; its other fields are as in `Question`.

    `satisfied` is whether the asker found the answer helpful, and `unhelpful` whether somebody
    didn't.
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


# Questions with a known right passage, asked again later.


class GoldenState(StrEnum):
    """The expected passage when a golden question was asked again, without confirmed answers.

    `HELD`: it comes first. `MOVED`: it is there, but doesn't come first. `EDITED`: its document is
    there without it. `GONE`: its document was withdrawn, deleted, or lost with its source.
    """

    HELD = "held"
    MOVED = "moved"
    EDITED = "edited"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A golden question with the result of its last check, if there was one.

    Attributes:
        expected: the digest of the right passage, the question's first recorded hit.
        answered_at: the time of the confirmation, or of the last *Helpful*.
        checked: a digest of index, model and synonyms at the last check.
        first: a digest of the first passage then, or of no answer.
        changed_at: the time of a change without a decision so far.
    """

    question_id: int
    guild_id: int
    expected: str
    answered_at: datetime
    channels: tuple[int, ...] = ()
    checked: str = ""
    checked_at: datetime | None = None
    state: GoldenState | None = None
    first: str = ""
    changed_at: datetime | None = None


# Hand-overs to the helpers.

# A member can hand over one question in this time.
HANDING_PAUSE: Final = timedelta(minutes=10)


class NotHandedOn(StrEnum):
    """Reasons for refusing a hand-over."""

    ALREADY = "already"
    TOO_SOON = "too soon"
    NO_GAP = "no gap"
    PRIVATE = "private"


class HandoverState(StrEnum):
    """States of a hand-over."""

    OPEN = "open"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Handover:
    """A question for the helpers.

    Attributes:
        stale: whether the hand-over has waited for the guild's `handover_hours` without a change.
        helper_id: the helper who claimed, answered or declined the question; 0 for none.
        helper: empty if the helper hides the name.
        tried: whether posting was begun.
        noted: whether a note was written for the question.
        changes: the number of changes, to recognize a message that shows an earlier state.
    """

    question_id: int
    guild_id: int
    state: HandoverState
    stale: bool
    changed_at: datetime
    helper_id: int = 0
    helper: str = ""
    answer: str = ""
    posted: bool = False
    tried: bool = False
    channel_id: int | None = None
    message_id: int | None = None
    noted: bool = False
    changes: int = 0

    @property
    def waits(self) -> bool:
        return self.state in {HandoverState.OPEN, HandoverState.CLAIMED}

    def free_for(self, member_id: int) -> bool:
        """Whether this member may claim or answer the question."""
        theirs = self.state is HandoverState.CLAIMED and self.helper_id != member_id
        return self.waits and (self.stale or not theirs)


@dataclass(frozen=True, slots=True)
class HandoverOutcome:
    """Whether a step was done, and the hand-over's state after it."""

    done: bool
    handover: Handover


# Messages with an answer by the bot itself, or with a note of a helper's choice.


class HelpState(StrEnum):
    """States of a helped question."""

    WAITING = "waiting"
    WATCHED = "watched"
    DONE = "done"


class PostState(StrEnum):
    """States of a forum post until it is solved.

    `OPEN`: its helpers may be pinged. `PINGED`: they were. `SOLVED`: its author said so, and the
    post has to be marked. `ENDED`: nothing more is due.
    """

    OPEN = "open"
    PINGED = "pinged"
    SOLVED = "solved"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class HelpedQuestion:
    """A member's message with a question.

    Attributes:
        message_id: the message. The first message of a forum post has the id of the post.
        due_at: when the present state ends.
        question_id: the record of the answer or the gap, once there is one.
        reply_id: the message with the answer or the similar posts, once it is posted.
        similar_ids: the ids of the documents offered as similar posts.
        look_at: the time of the next look at a post; None for the first that its settings demand.
    """

    message_id: int
    guild_id: int
    channel_id: int
    asker_id: int
    is_post: bool
    asked_at: datetime
    due_at: datetime
    state: HelpState = HelpState.WAITING
    question_id: int | None = None
    reply_id: int | None = None
    similar_ids: tuple[str, ...] = ()
    post_state: PostState = PostState.OPEN
    look_at: datetime | None = None

    @property
    def place_id(self) -> int:
        return self.message_id if self.is_post else self.channel_id


@dataclass(frozen=True, slots=True)
class DailyCaps:
    """Limits of answers to each member of a guild, and in each channel, in a day; 0 for none."""

    member: int
    channel: int


@dataclass(frozen=True, slots=True)
class HelperAnswer:
    """A note, chosen by a helper as the answer to a message.

    The message is recorded as a question, with the note as its confirmed answer. `reply_id` is the
    message with the note, once it is posted.
    """

    message_id: int
    note_id: int
    guild_id: int
    channel_id: int
    helper_id: int
    question_id: int
    chosen_at: datetime
    reply_id: int | None = None


# A language model's sentences for an answer.

# The outcome of a phrasing in progress, and of one that never ended.
UNDER_WAY: Final = "under way"


@dataclass(frozen=True, slots=True)
class PhrasingCaps:
    """Limits of requests to a model; 0 is unlimited."""

    member_hourly: int = 0
    guild_daily: int = 0
    daily_tokens: int = 0


@dataclass(frozen=True, slots=True)
class UsedUp:
    """Reached limits of requests to a model, each with the time of the next allowed request.

    The guild None stands for direct messages. `everywhere` is set at the limit of tokens.
    """

    members: Mapping[int, datetime] = field(default_factory=dict)
    guilds: Mapping[int | None, datetime] = field(default_factory=dict)
    everywhere: datetime | None = None

    def stops(self, member_id: int, guild_id: int | None, now: datetime) -> bool:
        """Whether a limit stops a request for a member in a guild at the time `now`."""
        until = (self.members.get(member_id), self.guilds.get(guild_id), self.everywhere)
        return any(end is not None and now < end for end in until)


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A sentence by a model, with the numbers of its quotations."""

    text: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordedPhrasing:
    """The outcome of a question's phrasing.

    Attributes:
        chosen: the ids of verbatim sentences; `2.3` is the third sentence of the second passage.
        places: the hits in the order given by the model, by their index; empty if the model gave
            no order, or left the order unchanged.
        lines: the model's own sentences; empty if a hit is from a channel or chat, or was deleted.
        verdicts: the number of the model's sentences, by verdict of the check.
        repeated: whether an earlier question's phrasing was shown, without asking a model.
    """

    mode: str
    outcome: str
    asked_at: datetime
    model: str = ""
    prompt_version: int = 0
    chosen: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    lines: tuple[WrittenLine, ...] = ()
    verdicts: Mapping[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    reply_tokens: int = 0
    milliseconds: int = 0
    repeated: bool = False
