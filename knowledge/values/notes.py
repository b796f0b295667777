"""Notes with their revisions, reviews and pictures, and checks of notes with their writers."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from knowledge.text import storable
from knowledge.values.submissions import Submission

# Pictures.

# Each answer that quotes the note sends its pictures along, below the quotation.
PICTURES: Final = 4
PICTURE_BYTES: Final = 2_000_000
# A phone's photo has 12 to 50 million pixels; a file of 2 MB that claims more is malicious.
PICTURE_PIXELS: Final = 50_000_000


class PictureKind(StrEnum):
    """Formats that every Discord client shows; the value is the file name's suffix."""

    PNG = "png"
    JPEG = "jpg"
    GIF = "gif"
    WEBP = "webp"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, checked by `knowledge.files.pictures.checked_picture`."""

    kind: PictureKind
    content: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


# Notes.


@dataclass(frozen=True, slots=True)
class Member:
    """A member with the name shown for their action."""

    id: int
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", storable(self.name))


class State(StrEnum):
    """States of a revision. At most one approved revision of a note is *live* (`Note`)."""

    PENDING = "pending"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Decision(StrEnum):
    """Decisions of moderators. The last three change an earlier decision or a published note."""

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
    """Problems to report about a live note."""

    OUTDATED = "outdated"
    WRONG = "wrong"
    UNSAFE = "unsafe"


class SourceChange(StrEnum):
    """Changes of the message a note was saved from."""

    NONE = ""
    EDITED = "edited"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Review:
    """One decision on a revision. `duplicate_of` is a title or a link."""

    revision_id: int
    moderator_id: int
    moderator: str
    decision: Decision
    reason: str
    created_at: datetime
    duplicate_of: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A member's report about a live note; open until a moderator handles it."""

    id: int
    note_id: int
    member_id: int
    problem: Problem
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """The message a note was saved from."""

    channel_id: int
    message_id: int
    change: SourceChange = SourceChange.NONE


@dataclass(frozen=True, slots=True)
class Watched:
    """A message that notes were saved from, with the time of the first note."""

    message_id: int
    channel_id: int
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """One text of a note, by its contributor or another writer.

    `replaced_by` is the later revision that replaced this revision while pending. An `extension`
    was proposed by another member than the contributor. A revision is `for_page` if its writer knew
    about the public page, or if a moderator has released it for the page.
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


@dataclass(frozen=True, slots=True)
class SuggestedWording:
    """A member's question, suggested as another wording for the note that answers it."""

    question_id: int
    text: str
    asker_id: int
    channel_id: int | None


class PageVeto(StrEnum):
    """Vetoes against the public page; everybody can take back only their own."""

    WRITER = "writer"
    MODERATOR = "moderator"


class PageName(StrEnum):
    """Names for contributors on public pages."""

    NAME = "name"
    INITIAL = "initial"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Note:
    """A note together with one of its revisions.

    A note with a `live_revision_id` is *live*; a note with a `retired_revision_id` is *retired*.

    Attributes:
        channel_id: the channel where the note was proposed. Notices go there if a direct message
            can't be delivered.
        reviews: the decisions on this revision, oldest first, without revoked ones.
        card: the channel id and message id of the review card; None until the card is posted.
        reports: the open ones.
        verified_at: when the note was last published or confirmed.
        review_at: when the note is due for another review.
        sampled: whether the note was published without review, and waits for a review.
        co_authors: the names of members with an accepted extension.
        asked_message_id: the message with the question, if the bot proposed the note from a
            member's reply to it.
        owner_id: the member who looks after the note in the contributor's place.
        offered_id: the member who is asked to do so.
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
    asked_message_id: int | None = None
    retirement: Review | None = None
    owner_id: int | None = None
    offered_id: int | None = None

    @property
    def responsible_id(self) -> int:
        """The member who gets the notices about the note; 0 for a forgotten one."""
        return self.owner_id or self.contributor_id

    @property
    def authors_line(self) -> str:
        """All authors' names."""
        return ", ".join([self.contributor, *self.co_authors])

    @property
    def review(self) -> Review | None:
        return self.reviews[-1] if self.reviews else None

    @property
    def live(self) -> bool:
        return self.live_revision_id == self.revision.id

    @property
    def retired(self) -> bool:
        """Whether this revision was live until the note was retired."""
        return self.retired_revision_id == self.revision.id

    @property
    def formerly_live(self) -> bool:
        """Whether this revision was approved, and a later one took its place."""
        approved = self.revision.state is State.APPROVED
        return approved and not (self.live or self.retired)

    @property
    def approvals(self) -> tuple[Review, ...]:
        return tuple(review for review in self.reviews if review.decision is Decision.APPROVE)

    def can_be_described(self, submission: Submission) -> bool:
        """Whether a submission changes only the tags, link or wordings of an unvoted revision."""
        mine, revision = self.revision.submission, self.revision
        same = (mine.title, mine.text) == (submission.title, submission.text)
        pending = revision.state is State.PENDING and not revision.extension
        return pending and same and not self.reviews

    def due(self, moment: datetime) -> bool:
        return self.live and self.review_at is not None and self.review_at <= moment

    @property
    def waiting_since(self) -> datetime:
        """When the note began to wait for a moderator."""
        if self.revision.state is State.PENDING:
            return self.revision.created_at
        if self.reports:
            return self.reports[0].created_at
        return self.review_at or self.verified_at or self.revision.created_at

    def needs_another_review(self, moment: datetime) -> bool:
        """Whether this live revision is due, sampled or reported, or its source has changed."""
        changed = self.source is not None and self.source.change is not SourceChange.NONE
        return self.live and (self.due(moment) or self.sampled or bool(self.reports) or changed)

    def can_be_undone(self, at: datetime, within: timedelta) -> bool:
        """Whether the last decision on this revision can still be taken back.

        A decision can't be taken back after another revision, a retirement or a withdrawal. If a
        rule published the note, there is no decision.
        """
        review = self.review
        if review is None or review.moderator_id == self.contributor_id:
            return False
        gone = self.revision.state is State.APPROVED and not self.live
        later = self.latest_revision_id != self.revision.id
        withdrawn = self.revision.state is State.WITHDRAWN
        return not (gone or later or withdrawn) and at - review.created_at <= within


class Obstacle(StrEnum):
    """Reasons for refusing an action on a note; returned, not raised."""

    DECIDED = "decided"
    OWN_NOTE = "own_note"
    VOTED = "voted"
    TOO_LATE = "too_late"
    REVISED = "revised"
    NOT_LIVE = "not_live"
    NOT_YOURS = "not_yours"
    UNCHANGED = "unchanged"
    PENDING = "pending"
    WAITS = "waits"
    NO_ORIGINAL = "no_original"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an action on a note.

    `note` is the note after the action, with the affected revision. `obstacle` is the reason if
    nothing was changed. `live_changed` is whether the quotable text changed.
    """

    note: Note
    obstacle: Obstacle | None = None
    live_changed: bool = False

    @property
    def done(self) -> bool:
        return self.obstacle is None


class NoticeEvent(StrEnum):
    """Events of notices."""

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
    FROM_REPLY = "from_reply"
    STILL_TRUE = "still_true"
    OFFERED = "offered"
    TAKEN_OVER = "taken_over"
    NOT_TAKEN_OVER = "not_taken_over"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to a member, kept until it is delivered."""

    id: int
    guild_id: int
    member_id: int
    channel_id: int
    event: NoticeEvent
    revision_id: int | None
    question_id: int | None
    created_at: datetime
    handed_on_id: int | None = None


# Checks with writers.

# The writer's time to answer; the period of quotations of an urgent overdue note.
WEEK: Final = timedelta(days=7)
# The verdicts *Not helpful* in a row for a question, and their period.
UNHELPFUL_IN_A_ROW: Final = 3
VERDICTS_COUNT_FOR: Final = timedelta(days=30)
# The most open questions to one member of a guild.
MOST_ASKED: Final = 3

# Signs around words, but for those within names and versions.
_WITHOUT_SIGNS: Final = str.maketrans(dict.fromkeys(",:;!?()[]{}\"'`*“”„«»", " "))


class CheckReason(StrEnum):
    """Reasons to ask whether a note is still true."""

    DATE = "date"
    UNHELPFUL = "unhelpful"
    RELEASE = "release"


class CheckState(StrEnum):
    """States of a check: the writer is asked, the moderators are, or it is settled."""

    ASKED = "asked"
    MODERATORS = "moderators"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class NoteCheck:
    """A question to the writer of a live note: is it still true?

    Attributes:
        cause: the review date, the time of the last verdict, or the release's product and version.
            One cause raises one question.
    """

    id: int
    note_id: int
    reason: CheckReason
    cause: str
    asked_at: datetime
    state: CheckState


class Release(NamedTuple):
    """A version of a product, such as `("qbittorrent", (5, 1, 2))`."""

    product: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"


def release_at(link: str) -> Release | None:
    """The release at an address of GitHub or GitLab, from its repository and tag.

    The tag is a version, as in `…/name/releases/tag/v1.2` or `…/name/-/releases/1.2`.
    """
    parts = [part for part in urlsplit(link).path.split("/") if part not in ("", "-")]
    if len(parts) > 3 and parts[-2] == "tag":
        del parts[-2]
    version = _version(parts[-1]) if len(parts) > 2 and parts[-2] == "releases" else ()
    return Release(parts[-3].casefold(), version) if version else None


def newer_release(text: str, releases: Mapping[str, tuple[int, ...]]) -> Release | None:
    """The first release newer than every version of its product in a text.

    A text names a version by the product's word right before it: `qBittorrent 5.0`, `qBittorrent
    v5.0` or `qBittorrent version 5.0`. Versions are compared as exactly as the text names them, so
    5.0 includes 5.0.2. The result is shortened to two numbers, so patches raise no question.
    """
    words = text.casefold().translate(_WITHOUT_SIGNS).split()
    if releases.keys().isdisjoint(words):
        return None
    named: dict[str, tuple[int, ...]] = {}
    for product, word in pairwise(word for word in words if word != "version"):
        if product in releases and (version := _version(word.rstrip("."))):
            named[product] = max(version, named.get(product, ()))
    for product, version in named.items():
        if releases[product][: len(version)] > version:
            return Release(product, releases[product][:2])
    return None


def _version(word: str) -> tuple[int, ...]:
    """The numbers of a version such as `v1.2.3`; empty for other words."""
    numbers = word.casefold().removeprefix("v").split(".")
    are_numbers = all(part.isascii() and part.isdecimal() and len(part) < 10 for part in numbers)
    return tuple(map(int, numbers)) if are_numbers and len(numbers) > 1 else ()
