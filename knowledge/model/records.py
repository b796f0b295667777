"""What we talk about: documents and who they are for, notes and their revisions, reviews, guilds.

Only values and the rules between them live here, as in `submissions` and `questions`. Nothing reads
a file, a clock or a database, so every rule can be tested with plain values.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NewType

from knowledge.model.submissions import Submission

Scope = NewType("Scope", int)
"""Who a document is for: `SHARED`, the id of one guild, or the readers of one of its channels."""

SHARED: Final = Scope(0)


def channel_scope(channel_id: int) -> Scope:
    """The scope of those who may read a channel.

    It is negative: an old guild's first channel has the very id of the guild.
    """
    return Scope(-channel_id)


def channel_of(scope: Scope) -> int | None:
    """The id of the channel whose readers a scope is, or None."""
    return -scope if scope < 0 else None


# Stands between a file's id or path and what is one of several inside it: a file in a zip, a
# conversation in a chat export.
INSIDE: Final = "!/"


class Kind(StrEnum):
    """Where a document comes from."""

    ARTICLE = "article"
    FILE = "file"
    NOTE = "note"
    CHAT = "chat"
    PAGE = "page"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Document:
    """The unit people write and we cite.

    `id` is stable for as long as the document exists: `article:<name>`, `file:<path>`,
    `note:<number>`, `page:<address>` or `channel:<channel>:<thread>:<message>`; that of what is
    inside a file begins with the file's.
    `text` is Markdown without its front matter.
    """

    id: str
    scope: Scope
    kind: Kind
    title: str
    text: str
    link: str = ""
    tags: tuple[str, ...] = ()
    contributor: str = ""
    verified: date | None = None
    revision: int | None = None
    approved_by: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be read: which, and the sentence that says why.

    `document_id` is the document it would have been, which keeps its last good text.
    """

    source: str
    reason: str
    document_id: str


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What is remembered of an imported file, so that it is not read again until it changes.

    `document_id` is the file's own; those of the files in a zip begin with it. `documents` are the
    ids of what can be quoted from it, last good texts included. `mtime_ns` is None where size and
    time can't be trusted to tell the next change. `readers` is the version of the readers, and
    `withheld` that of whose messages were left out; it is empty for a file without chats.
    """

    path: str
    scope: Scope
    document_id: str
    size: int
    mtime_ns: int | None
    digest: str
    readers: int
    read_at: datetime
    documents: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    withheld: str = ""


class State(StrEnum):
    """Where a revision stands. The one that is approved is *live*."""

    PENDING = "pending"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Decision(StrEnum):
    """What a moderator may decide on a pending revision."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    DUPLICATE = "duplicate"

    @property
    def outcome(self) -> State:
        """The state that a pending revision enters by this decision."""
        return {
            Decision.APPROVE: State.APPROVED,
            Decision.REQUEST_CHANGES: State.CHANGES_REQUESTED,
            Decision.REJECT: State.REJECTED,
            Decision.DUPLICATE: State.REJECTED,
        }[self]


class Problem(StrEnum):
    """What a member may report about a live note."""

    OUTDATED = "outdated"
    WRONG = "wrong"
    UNSAFE = "unsafe"


class SourceChange(StrEnum):
    """What became of the message that a note was saved from."""

    NONE = ""
    EDITED = "edited"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Review:
    """One decision on a revision: by whom, when, why. `duplicate_of` is a title or a link."""

    revision_id: int
    moderator_id: int
    moderator: str
    decision: Decision
    reason: str
    created_at: datetime
    duplicate_of: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a member says is the matter with a live note; open until a moderator has looked."""

    id: int
    note_id: int
    member_id: int
    problem: Problem
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """The message that a note was saved from."""

    channel_id: int
    message_id: int
    change: SourceChange = SourceChange.NONE


@dataclass(frozen=True, slots=True)
class Revision:
    """One text of a note, by the contributor or by a moderator who edited it.

    `replaced_by` is the later revision that took its place before it was decided on.
    """

    id: int
    note_id: int
    number: int
    submission: Submission
    state: State
    created_at: datetime
    writer_id: int = 0
    writer: str = ""
    replaced_by: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A document contributed by a member, with the revision in question.

    `channel_id` is where it was proposed: the contributor is told there when a direct message
    can't be delivered. `card` is the review card's (channel id, message id) once it is posted.
    `reviews` are the decisions on this revision that were not taken back, oldest first.
    A note is *live* with `live_revision_id`, or *retired* with `retired_revision_id`, or neither.
    `sampled` notes were published at once and wait to be looked at.
    """

    id: int
    guild_id: int
    contributor_id: int
    contributor: str
    channel_id: int
    revision: Revision
    reviews: tuple[Review, ...] = ()
    card: tuple[int, int] | None = None
    live_revision_id: int | None = None
    retired_revision_id: int | None = None
    reports: tuple[Report, ...] = ()
    verified_at: datetime | None = None
    review_at: datetime | None = None
    source: SourceMessage | None = None
    sampled: bool = False
    latest_revision_id: int = 0

    @property
    def review(self) -> Review | None:
        """The last decision on this revision, if there is one."""
        return self.reviews[-1] if self.reviews else None

    @property
    def live(self) -> bool:
        """Whether this revision is what questions are answered from."""
        return self.live_revision_id == self.revision.id

    @property
    def retired(self) -> bool:
        """Whether this revision was live until the note was retired."""
        return self.retired_revision_id == self.revision.id

    @property
    def approvals(self) -> tuple[Review, ...]:
        """The approvals of this revision that count."""
        return tuple(review for review in self.reviews if review.decision is Decision.APPROVE)

    def due(self, moment: datetime) -> bool:
        """Whether the note is live and past its review date."""
        return self.live and self.review_at is not None and self.review_at <= moment

    @property
    def waiting_since(self) -> datetime:
        """When what waits for a moderator began to wait, if anything does."""
        if self.revision.state is State.PENDING:
            return self.revision.created_at
        if self.reports:
            return self.reports[0].created_at
        return self.review_at or self.verified_at or self.revision.created_at

    def reconsidered(self, moment: datetime) -> bool:
        """Whether this live revision waits for a moderator to look at it again."""
        changed = self.source is not None and self.source.change is not SourceChange.NONE
        return self.live and (self.due(moment) or self.sampled or bool(self.reports) or changed)


class Obstacle(StrEnum):
    """Why something could not be done to a note, as an everyday outcome."""

    DECIDED = "decided"
    OWN_NOTE = "own_note"
    VOTED = "voted"
    TOO_LATE = "too_late"
    NOT_LIVE = "not_live"
    NOT_YOURS = "not_yours"
    UNCHANGED = "unchanged"
    PENDING = "pending"
    NO_ORIGINAL = "no_original"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt to change a note.

    `note` is the note as it stands now, with the revision that was spoken of; `obstacle` says why
    nothing was changed, if nothing was. `live_changed` is whether what can be quoted is another
    text than before.
    """

    note: Note
    obstacle: Obstacle | None = None
    live_changed: bool = False

    @property
    def done(self) -> bool:
        """Whether it was this attempt that changed something."""
        return self.obstacle is None


class NoticeEvent(StrEnum):
    """What somebody is told about."""

    APPROVED = "approved"
    EDITED = "edited"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    UNDONE = "undone"
    RETIRED = "retired"
    RESTORED = "restored"
    ROLLED_BACK = "rolled_back"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a member is still to be told, kept until it has been sent."""

    id: int
    guild_id: int
    member_id: int
    channel_id: int
    event: NoticeEvent
    revision_id: int | None
    question_id: int | None
    created_at: datetime


class Language(StrEnum):
    """A language that the bot speaks to a guild."""

    ENGLISH = "en"
    GERMAN = "de"


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """What a guild's administrators chose in `/setup`; None means not chosen yet.

    With `four_eyes` nobody decides on a note of their own. One in `sample_every` notes that were
    published at once is looked at afterwards. Links to `allowed_hosts` are not flagged.

    `private_answers` is whether `/ask` answers privately unless asked otherwise; None leaves that
    to the operator. Mentions are answered in `listen_channels`, or everywhere if there are none.
    `language` is that of answers, and of what members are told without having asked for it.
    With `hand_on`, who is refused an answer may have the question put to the moderators.
    """

    guild_id: int
    review_channel_id: int | None = None
    moderator_role_id: int | None = None
    four_eyes: bool = True
    undo_minutes: int = 15
    reminder_hours: int = 24
    sample_every: int = 5
    allowed_hosts: tuple[str, ...] = ()
    private_answers: bool | None = None
    listen_channels: tuple[int, ...] = ()
    language: Language = Language.ENGLISH
    hand_on: bool = False

    @property
    def complete(self) -> bool:
        """Whether notes can be reviewed here."""
        return self.review_channel_id is not None and self.moderator_role_id is not None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the append-only log; each line's digest covers the line before it.

    `actor` is a key of the log's own, by which a member can be forgotten without breaking it.
    """

    id: int
    at: datetime
    guild_id: int | None
    actor: int | None
    event: str
    subject: str
    detail: str
    digest: str
