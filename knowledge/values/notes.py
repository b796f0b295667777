"""Notes with their revisions, reviews and reports, and the notices that members get about them.

Values and the rules between them: nothing here reads a clock or a database.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from knowledge.text import storable
from knowledge.values.submissions import Submission


@dataclass(frozen=True, slots=True)
class Member:
    """A member who does something to a note, under the name that is shown for it."""

    id: int
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", storable(self.name))


class State(StrEnum):
    """Where a revision stands. The one that is approved is *live*."""

    PENDING = "pending"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Decision(StrEnum):
    """What a moderator may decide; the first four on a pending revision, the others later."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    DUPLICATE = "duplicate"
    UNDO = "undo"
    RETIRE = "retire"
    RESTORE = "restore"

    @property
    def outcome(self) -> State:
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
class Watched:
    """A message that notes were saved from, and when the first of them was."""

    message_id: int
    channel_id: int
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """One text of a note, by the contributor or by a moderator who edited it.

    `replaced_by` is the later revision that took its place before it was decided on. An `extension`
    was proposed by somebody else than the contributor. One is `for_page` whose writer was told of
    the public page before they sent it, or that a moderator has released for it.
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
    extension: bool = False
    for_page: bool = False


class PageVeto(StrEnum):
    """Who keeps a note off the public page; each takes back their own veto alone."""

    WRITER = "writer"
    MODERATOR = "moderator"


class PageName(StrEnum):
    """How a contributor is named on public pages."""

    NAME = "name"
    INITIAL = "initial"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Note:
    """A document contributed by a member, with the revision in question.

    `channel_id` is where it was proposed: the contributor is told there when a direct message
    can't be delivered. `card` is the review card's (channel id, message id) once it is posted.
    `reviews` are the decisions on this revision that were not taken back, oldest first.
    A note is *live* with `live_revision_id`, or *retired* with `retired_revision_id`, or neither.
    `sampled` notes were published at once and wait to be looked at. `co_authors` have extended it.
    `off_page` says who keeps it off the public page.
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
    co_authors: tuple[str, ...] = ()
    off_page: frozenset[PageVeto] = frozenset()

    @property
    def credited(self) -> str:
        """Everybody whose name stands with the note."""
        return ", ".join([self.contributor, *self.co_authors])

    @property
    def review(self) -> Review | None:
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

    def can_be_undone(self, at: datetime, within: timedelta) -> bool:
        """Whether the last decision on this revision can still be taken back.

        It can't once something was built upon it (another revision, a retirement, a withdrawal),
        nor where nobody decided because a rule published the note.
        """
        review = self.review
        if review is None or review.moderator_id == self.contributor_id:
            return False
        gone = self.revision.state is State.APPROVED and not self.live
        later = self.latest_revision_id != self.revision.id
        withdrawn = self.revision.state is State.WITHDRAWN
        return not (gone or later or withdrawn) and at - review.created_at <= within


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
    WAITS = "waits"
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
    REPORT_RETIRED = "report_retired"
    REPORT_REVISED = "report_revised"
    REPORT_KEPT = "report_kept"
    REPORT_WITHDRAWN = "report_withdrawn"
    EXTENDED = "extended"
    EXTENSION_APPROVED = "extension_approved"
    EXTENSION_REFUSED = "extension_refused"
    EXTENSION_WITHDRAWN = "extension_withdrawn"
    HELPED = "helped"


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
    handed_on_id: int | None = None
