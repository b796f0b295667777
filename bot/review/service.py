"""Review of notes: decisions, cards, queue, rules, log, and checks whether notes are still true.

These functions run in the core's thread. After a decision, the index contains exactly the live
notes of the store. A decision stands even if the index can't be written. The index is then
updated later, at the latest when the core is opened again.
"""

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple, TypeVar

from bot.core.core import Core
from bot.review.similar_notes import SimilarDocument, SimilarNotes, document_of_submission
from indexer.embedding.embedder import ModelError
from indexer.index.database import IndexError_
from indexer.ingest.pipeline import UpdateReport, cut_in_slices, embed_documents
from knowledge.review.risk_flags import Flag, submission_flags
from knowledge.secrets import without_secrets
from knowledge.store.audit_log import LogEntry, LogFilter
from knowledge.store.database import StoreError
from knowledge.store.notes.decisions import Ruling
from knowledge.store.notes.public_notes import ListedText
from knowledge.store.notes.review_cards import card_number
from knowledge.values.documents import SHARED, Scope
from knowledge.values.guilds import GuildFilter, every_guild, requirements
from knowledge.values.notes import (
    CheckState,
    Decision,
    Member,
    Note,
    NoteCheck,
    Notice,
    NoticeEvent,
    Obstacle,
    Outcome,
    PageVeto,
    Picture,
    State,
    SuggestedWording,
    newer_release,
    release_at,
)
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission, checked_wordings

_logger = logging.getLogger(__name__)

# Notices of extensions use the note's earlier title: both contributor and writer know it.
_OF_EXTENSIONS: Final = frozenset(
    {
        NoticeEvent.EXTENDED,
        NoticeEvent.EXTENSION_APPROVED,
        NoticeEvent.EXTENSION_REFUSED,
        NoticeEvent.EXTENSION_WITHDRAWN,
    }
)

# Questions to one member of the guild, by direct message only.
QUESTIONS: Final = frozenset({NoticeEvent.STILL_TRUE, NoticeEvent.OFFERED})

# Decisions made after the review. The review of the revision doesn't have their reasons.
DECIDED_LATER: Final[Mapping[NoticeEvent, Decision]] = {
    NoticeEvent.UNDONE: Decision.UNDO,
    NoticeEvent.RETIRED: Decision.RETIRE,
    NoticeEvent.REPORT_RETIRED: Decision.RETIRE,
    NoticeEvent.RESTORED: Decision.RESTORE,
}

_Outcome = TypeVar("_Outcome", Outcome, Outcome | None)


@dataclass(frozen=True, slots=True)
class CardData:
    """Information for the card of a revision.

    `record` counts the contributor's other notes by state. `before` is the text to compare a
    pending revision with: the live note that it would replace, or else a revision that a moderator
    returned. With `suggests`, members' questions are suggested as wordings.
    """

    record: Mapping[str, int]
    before: Note | None = None
    quorum: int = 1
    flags: tuple[Flag, ...] = ()
    near: tuple[SimilarDocument, ...] = ()
    pictures: tuple[Picture, ...] = ()
    suggests: bool = False
    check: NoteCheck | None = None


NO_DATA: Final = CardData({})


def update_index(core: Core, outcome: _Outcome) -> _Outcome:
    """Update the index after a change of the store, which stands even if that fails."""
    if outcome is not None and outcome.live_changed:
        try:
            core.index_note(outcome.note.id)
        except (StoreError, IndexError_, ModelError) as error:
            _logger.error("Note %d is not followed by the index yet: %s", outcome.note.id, error)
    return outcome


def once_per_interaction(
    core: Core,
    guild_id: int,
    interaction_id: int,
    change: Callable[[], _Outcome],
    origin: int = 0,
) -> _Outcome:
    """Change a note, but only once for the same interaction.

    A repeated call makes no change, and returns the note as it is now. One transaction makes the
    change and marks the interaction as handled (`knowledge.store.interactions`). The index is
    updated afterwards, so nothing is embedded while the database is locked. A message `origin` may
    be used for one change only: a further interaction with it counts as a repeated call.
    """
    store = core.store

    def act() -> tuple[_Outcome, int | None]:
        outcome = change()
        if outcome is None or not outcome.done:
            return outcome, None
        store.inbox.mark_acted_on(interaction_id)
        return outcome, outcome.note.revision.id

    def again(revision_id: int) -> Outcome | None:
        note = store.notes.find(revision_id, guild_id)
        return Outcome(note, live_changed=True) if note is not None else None

    ids = [key for key in (interaction_id, origin) if key]
    return update_index(core, store.handled.once(guild_id, ids, act, again))


def decide(
    core: Core,
    guild_id: int,
    revision_id: int,
    moderator: Member,
    ruling: Ruling,
    asked_in: int = 0,
) -> Outcome | None:
    """Decide on a pending revision, once for `asked_in`; a duplicate's original must be there."""
    if ruling.decision is Decision.DUPLICATE:
        note = core.store.notes.find(revision_id, guild_id)
        if note and note.revision.state is State.PENDING:
            named = core.part(SimilarNotes).original(note, ruling.duplicate_of)
            if not named:
                return Outcome(note, Obstacle.NO_ORIGINAL)
            ruling = replace(ruling, duplicate_of=named)
    change = partial(core.store.decisions.decide, guild_id, revision_id, moderator, ruling)
    return once_per_interaction(core, guild_id, asked_in, change)


# Longest text embedded in one slice; it takes about 14 embeddings.
SHORT_CHARACTERS: Final = 4_000


def embed_ahead(core: Core, guild_id: int, submission: Submission) -> Iterator[None]:
    """Embed a text in slices before it is published, because a long text takes seconds.

    The decision then indexes the text without embedding it. If the text isn't published after all,
    the next `commonplace index` drops the vectors. A short text is embedded with the decision.
    """
    if len(submission.text) <= SHORT_CHARACTERS:
        return
    document = document_of_submission(guild_id, submission.safe)
    cut = yield from cut_in_slices(core.embedder, document)
    yield from embed_documents(core.index, core.embedder, [cut], UpdateReport())


def embed_unreviewed_ahead(
    core: Core, guild_id: int, submission: Submission, role_ids: Sequence[int]
) -> Iterator[None]:
    """Embed a submission in slices if it is published without a review."""
    asked = requirements(core.store.guilds.rules(guild_id), submission.tags)
    if asked.publishes_at_once(role_ids):
        yield from embed_ahead(core, guild_id, submission)


def embed_revision_ahead(core: Core, guild_id: int, revision_id: int) -> Iterator[None]:
    """Embed a revision in slices before it goes live."""
    note = core.store.notes.find(revision_id, guild_id)
    if note is not None:
        yield from embed_ahead(core, guild_id, note.revision.submission)


def embed_similar_ahead(core: Core, note: Note) -> Iterator[None]:
    """Embed the texts that `card_data` compares, in slices."""
    if note.revision.state is State.PENDING:
        submission = note.revision.submission
        yield from core.part(SimilarNotes).embed_ahead(note.guild_id, submission, note.id)


# Cards and notices.


def card_data(core: Core, note: Note, channels: Sequence[int] = ()) -> CardData:
    """Collect the information for a note's card. Every reader of the card can read `channels`."""
    notes = core.store.notes
    record = notes.record_of(note)
    pictures = core.store.pictures.of(note.revision.id)
    if note.revision.state is not State.PENDING:
        suggests = bool(note.live and suggested_wordings(core, note))
        check = core.store.note_checks.open_for(note.id) if note.live else None
        return CardData(record, pictures=pictures, suggests=suggests, check=check)
    submission = note.revision.submission
    flags = submission_flags(submission, core.store.guilds.settings(note.guild_id).allowed_hosts)
    near = core.part(SimilarNotes).documents(note.guild_id, submission, note.id, channels)
    before = notes.live(note.id) or earlier_revision(
        core, note, lambda earlier: earlier.revision.state is State.CHANGES_REQUESTED
    )
    return CardData(record, before, quorum(core, note), tuple(flags), tuple(near), pictures)


def earlier_revision(core: Core, note: Note, fits: Callable[[Note], bool]) -> Note | None:
    """The last revision before this one that `fits`, if any."""
    history = core.store.notes.history(note.guild_id, note.id)
    earlier = [former for former in history if former.revision.id < note.revision.id]
    return next(filter(fits, reversed(earlier)), None)


def suggested_wordings(core: Core, note: Note) -> list[SuggestedWording]:
    """Suggest wordings of a note: questions with the note as confirmed answer, newest first.

    Questions of members who opted out of quotation are left out. The caller has to check that
    everyone on the server can read the channels of the suggested questions.
    """
    submission = note.revision.submission
    taken = {text.casefold() for text in (submission.title, *submission.wordings)}
    suggested = []
    for wording in core.store.wordings.suggested(note):
        try:
            [text] = checked_wordings(without_secrets(wording.text))
        except ValueError:
            continue
        withheld = core.store.quote_opt_outs.is_withheld(wording.asker_id)
        if text.casefold() not in taken and not withheld:
            taken.add(text.casefold())
            suggested.append(replace(wording, text=text))
    return suggested


def reword(
    core: Core,
    note: Note,
    moderator: Member,
    wordings: Sequence[str] | SuggestedWording,
    interaction_id: int,
) -> Outcome | None:
    """Change the wordings of a note. A live note is indexed again at once."""
    guild_id, reword = note.guild_id, core.store.decisions.reword
    change = partial(reword, guild_id, note.revision.id, moderator, wordings)
    return once_per_interaction(core, guild_id, interaction_id, change)


def quorum(core: Core, note: Note) -> int:
    rules = core.store.guilds.rules(note.guild_id)
    return requirements(rules, note.revision.submission.tags).quorum


def replace_card(core: Core, message_id: int) -> int:
    """Mark a card as deleted, and return the change number for posting the card again."""
    core.store.review_cards.forget_messages([message_id])
    return card_number(message_id)


class Delivery(NamedTuple):
    """A notice to a contributor or reporter, with its content.

    `before` is the contributor's own revision, if a moderator edited it. The review's own reason is
    in `note`; `reason` is that of a later decision (`DECIDED_LATER`). A notice of an extension has
    the note's earlier title.
    """

    notice: Notice
    note: Note
    before: Note | None
    reason: str
    title: str
    settings: GuildSettings
    check: NoteCheck | None = None


def unsent_notices(core: Core, mine: GuildFilter) -> list[Notice]:
    """Undelivered notices about notes, without those to askers, whom `bot.gaps` notifies."""
    return [
        notice
        for notice in core.store.notices.queue(mine)
        if notice.event not in {NoticeEvent.ANSWERED, NoticeEvent.HELPED}
        and notice.revision_id is not None
    ]


def notice_delivery(core: Core, notice: Notice) -> Delivery | None:
    """The content of a notice; None, and marked as sent, if note or question are gone."""
    note = core.store.notes.find(notice.revision_id or 0, notice.guild_id)
    check = core.store.note_checks.open_for(note.id) if note is not None else None
    if note is None or not _is_current(note, check, notice):
        core.store.notices.mark_sent(notice.id)
        return None
    own, title = None, ""
    if note.revision.writer_id != note.contributor_id:
        own = earlier_revision(
            core, note, lambda other: other.revision.writer_id == other.contributor_id
        )
    if notice.event in _OF_EXTENSIONS:
        approved = earlier_revision(
            core, note, lambda other: other.revision.state is State.APPROVED
        )
        title = (approved or note).revision.submission.safe.title
    decision = DECIDED_LATER.get(notice.event)
    reason = core.store.notes.last_reason(note.revision.id, decision) if decision else ""
    settings = core.store.guilds.settings(note.guild_id)
    return Delivery(notice, note, own, reason, title, settings, check)


def _is_current(note: Note, check: NoteCheck | None, notice: Notice) -> bool:
    """Whether a question still waits for the notice's member; True for other notices."""
    if notice.event is NoticeEvent.OFFERED:
        return note.offered_id == notice.member_id
    if notice.event is not NoticeEvent.STILL_TRUE:
        return True
    waits = check is not None and check.state is CheckState.ASKED
    return waits and note.live and note.responsible_id == notice.member_id


def reminders(
    core: Core, at: datetime, mine: GuildFilter = every_guild
) -> list[tuple[GuildSettings, int, datetime]]:
    """Return the reminders to moderators that are due at the time `at`, and count them as sent.

    A reminder has the guild's settings, the number of waiting notes, and the start of the longest
    wait. The next reminder of a guild is due after the guild's reminder interval. The cards of live
    notes with a newly due review are marked as outdated.
    """
    core.store.review_cards.mark_newly_due(at, mine)
    core.find_overdue_notes(at)
    due = []
    for guild_id in core.store.notes.waiting(at, mine):
        waiting = core.store.notes.queue(guild_id, at)
        since = waiting[0].waiting_since if waiting else at
        if waiting and core.store.guilds.claim_reminder(guild_id, at, since):
            due.append((core.store.guilds.settings(guild_id), len(waiting), since))
    return due


class NotePage(NamedTuple):
    """A note with the information for its card, at a `place` in a queue of `total` notes."""

    note: Note
    settings: GuildSettings
    card_data: CardData
    place: int = 0
    total: int = 1


def queue_page(
    core: Core, guild_id: int, place: int, at: datetime, channels: Sequence[int]
) -> Iterator[NotePage | None]:
    """Look up the note at a place in the queue, in slices. The last value is the note's page.

    A place after the end of the queue stands for the last note. Nothing is yielded if the queue is
    empty. The viewer can read `channels`.
    """
    waiting = core.store.notes.queue(guild_id, at)
    if waiting:
        place = min(place, len(waiting) - 1)
        yield from _page(core, waiting[place], channels, place, len(waiting))


def note_page(
    core: Core, guild_id: int, note_id: int, channels: Sequence[int]
) -> Iterator[NotePage | None]:
    """Look up a note for a viewer who can read `channels`; the last value is its page, if any.

    The page has the note's pending revision, or else the live or latest one.
    """
    notes = core.store.notes
    note = notes.latest(guild_id, note_id)
    if note is not None and note.revision.state is not State.PENDING:
        note = notes.live(note_id) or note
    if note is not None:
        yield from _page(core, note, channels)


def _page(
    core: Core, note: Note, channels: Sequence[int], place: int = 0, total: int = 1
) -> Iterator[NotePage | None]:
    yield from embed_similar_ahead(core, note)
    settings = core.store.guilds.settings(note.guild_id)
    yield NotePage(note, settings, card_data(core, note, channels), place, total)


# The log.


LOG_LINES: Final = 15


class LogDirection(StrEnum):
    """Direction of paging in the log."""

    NEWER = "newer"
    OLDER = "older"


class LogLine(NamedTuple):
    """A line of the log with the acting member, the note's title and the reason."""

    entry: LogEntry
    member_id: int | None
    title: str
    reason: str


class LogPage(NamedTuple):
    """Consecutive lines of the log, newest first, and whether there are `newer` or `older` ones."""

    lines: tuple[LogLine, ...]
    newer: bool
    older: bool


@dataclass(frozen=True, slots=True)
class LogFilters:
    """Filters of the log. With 0 days, member 0 and the event `any`, nothing is filtered."""

    days: int
    member_id: int
    event: str

    @property
    def filter(self) -> LogFilter:
        since = datetime.now(UTC) - timedelta(days=self.days) if self.days else None
        event = None if self.event == "any" else self.event
        return LogFilter(since, self.member_id or None, event)


def log(core: Core, guild_id: int, filters: LogFilters) -> list[LogLine]:
    """The whole log of a guild, filtered, oldest first."""
    wanted = filters.filter
    return [
        line
        for line in _log_lines(core, guild_id, core.store.audit_log.entries(guild_id))
        if (wanted.since is None or line.entry.at >= wanted.since)
        and wanted.member_id in (None, line.member_id)
        and wanted.event in (None, line.entry.event)
    ]


def log_page(
    core: Core,
    guild_id: int,
    filters: LogFilters,
    beside: tuple[LogDirection, int],
    fitting: Callable[[Sequence[LogLine]], int],
) -> LogPage:
    """Read a page of a guild's log.

    `beside` is a direction and the id of a line. The page has the lines that follow this line in
    the direction; with `OLDER` and 0, the newest lines. `fitting` counts how many of the given
    lines fit in one message, beginning with the first.
    """
    side, entry_id = beside
    page = partial(core.store.audit_log.page, guild_id, filters.filter)
    if side is LogDirection.NEWER:
        entries = page(LOG_LINES, after=entry_id)
    else:
        entries = page(LOG_LINES, before=entry_id) if entry_id else page(LOG_LINES)
    lines = _log_lines(core, guild_id, entries)
    lines = lines[: fitting(lines)]
    if side is LogDirection.NEWER:
        lines.reverse()
    if not lines:
        return LogPage((), newer=False, older=False)
    newest, oldest = lines[0].entry.id, lines[-1].entry.id
    return LogPage(tuple(lines), bool(page(1, after=newest)), bool(page(1, before=oldest)))


def _log_lines(core: Core, guild_id: int, entries: Sequence[LogEntry]) -> list[LogLine]:
    details = [json.loads(entry.detail) for entry in entries]
    members = core.store.audit_log.members(
        {entry.actor for entry in entries if entry.actor is not None}
    )
    notes = core.store.notes
    titles = notes.revision_titles(
        guild_id, {detail["revision"] for detail in details if "revision" in detail}
    )
    reasons = notes.reasons(
        guild_id, {detail["review"] for detail in details if "review" in detail}
    )
    return [
        LogLine(
            entry,
            members.get(entry.actor) if entry.actor is not None else None,
            titles.get(detail.get("revision"), ""),
            reasons.get(detail.get("review"), ""),
        )
        for entry, detail in zip(entries, details, strict=True)
    ]


# Lists of notes to decide on together.


# Notes shown at once; Discord's lists offer 25.
PAGE_NOTES: Final = 20


@dataclass(frozen=True, slots=True)
class NoteList:
    """A page of a list of notes; `flagged` are those whose card would warn of something."""

    notes: Sequence[ListedText]
    number: int
    count: int
    total: int
    flagged: Set[int]


def _note_list(
    core: Core,
    guild_id: int,
    number: int,
    total: int,
    texts: Callable[[int, int], Sequence[ListedText]],
) -> NoteList:
    """The page `number`, or else the last; `texts` takes the page's size and offset."""
    count = max(-(-total // PAGE_NOTES), 1)
    number = min(number, count - 1)
    shown = texts(PAGE_NOTES, number * PAGE_NOTES)
    hosts = core.store.guilds.settings(guild_id).allowed_hosts
    flagged = {text.id for text in shown if submission_flags(text.submission, hosts)}
    return NoteList(shown, number, count, total, flagged)


def list_unreleased(core: Core, guild_id: int, number: int) -> tuple[NoteList, bool]:
    """A page of live notes from before the public page, and whether the page is on."""
    notes = core.store.public_notes
    total = notes.unreleased_count(guild_id)
    page = _note_list(core, guild_id, number, total, partial(notes.unreleased, guild_id))
    return page, core.store.guilds.settings(guild_id).page


def keep_off(core: Core, guild_id: int, revision_ids: Collection[int], by: Member) -> None:
    """Keep the notes with these revisions off the public page."""
    for revision_id in revision_ids:
        if note := core.store.notes.find(revision_id, guild_id):
            core.store.public_notes.set_veto(guild_id, note.id, by, PageVeto.MODERATOR, vetoed=True)


def list_imported(core: Core, guild_id: int, moderator_id: int, number: int) -> NoteList:
    """A page of the imported notes that a moderator may decide on."""
    imports = core.store.imports
    total = imports.waiting_count(guild_id, moderator_id)
    texts = partial(imports.waiting, guild_id, moderator_id)
    return _note_list(core, guild_id, number, total, texts)


def decide_on_imported(
    core: Core,
    guild_id: int,
    revision_ids: Sequence[int],
    moderator: Member,
    decision: Decision,
) -> Iterator[int]:
    """Decide on imported notes, each once, in slices; yields how many are published so far."""
    published = 0
    for revision_id in revision_ids:
        yield from (published for _ in embed_revision_ahead(core, guild_id, revision_id))
        outcome = core.store.imports.decide(guild_id, revision_id, moderator, decision)
        update_index(core, outcome)
        published += outcome is not None and outcome.live_changed
        yield published


# 10 to 40 ms of a busy core, with texts of a thousand characters.
SLICE_NOTES: Final = 250


def ask_about_dates(core: Core, at: datetime, mine: GuildFilter) -> None:
    """Ask writers of overdue notes, and the moderators about notes without a writer's answer."""
    checks = core.store.note_checks
    for guild_id in checks.asking_guilds(mine):
        checks.ask(guild_id, at)
    checks.end_waiting(at, mine)


def ask_writers(core: Core, at: datetime, mine: GuildFilter) -> Iterator[None]:
    """Ask writers for every reason, in slices, because all texts are read."""
    checks = core.store.note_checks
    for guild_id in checks.asking_guilds(mine):
        links = core.index.tables.links_with("/releases/", [SHARED, Scope(guild_id)])
        # Of a product's versions, the newest comes last.
        releases = dict(sorted(filter(None, map(release_at, links))))
        newer, note_id = dict[int, str](), 0
        while releases and (texts := checks.live_texts(guild_id, note_id, SLICE_NOTES)):
            for note_id, text in texts:
                if release := newer_release(text, releases):
                    newer[note_id] = str(release)
            yield
        checks.ask(guild_id, at, newer)
        yield
