"""Notes of members: submission, visibility, withdrawal, extension, reports.

Everything here runs in the core's thread. A note that isn't live is visible only to its contributor
and moderators.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from bot.answers.small_talk import small_talk
from bot.core.core import Core
from bot.interactions.policy import quota_check
from bot.interactions.policy.quota_check import Allowance
from bot.notes.drafts import check_picture_count
from bot.review import service as review_service
from bot.review.similar_notes import SimilarDocument, SimilarNotes
from knowledge.chat.intents import thanks
from knowledge.chat.transcript import Channel, Transcript, transcript
from knowledge.discord_archive.archive import quotable
from knowledge.discord_archive.messages import ArchivedMessage
from knowledge.values.documents import note_of_document
from knowledge.values.drafts import Draft, OnPage
from knowledge.values.notes import (
    Member,
    Note,
    Obstacle,
    Outcome,
    Picture,
    Problem,
    State,
)
from knowledge.values.submissions import TEXT_CHARACTERS

# Submission.


class Sender(NamedTuple):
    """The member who submits a draft; `channels` are followed channels that they can read."""

    member: Member
    guild_id: int
    channel_id: int
    interaction_id: int
    role_ids: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    allowance: Allowance | None = None


class Check(NamedTuple):
    """Result of the check before a submission; of similar documents, a note comes with its id."""

    is_set_up: bool
    similar: tuple[tuple[SimilarDocument, int | None], ...] = ()


class Proposal:
    """Submission of a draft, in slices; the last value of `check` and `submit` is the result."""

    def __init__(self, core: Core, draft: Draft, sender: Sender) -> None:
        """Check the draft; InvalidNoteError if it can't become a revision."""
        self._core = core
        self._draft = draft
        self._sender = sender
        self._submission = draft.submission()
        # Another member's text never gets the publishing rights of the sender's roles.
        self._author, self._role_ids = sender.member, sender.role_ids
        if draft.contributor is not None and draft.contributor.id != sender.member.id:
            self._author, self._role_ids = draft.contributor, ()

    def check(self) -> Iterator[Check | None]:
        """Search for documents similar to a new note, unless the sender chose to submit anyway."""
        guild_id = self._sender.guild_id
        if not self._core.store.guilds.settings(guild_id).complete:
            yield Check(is_set_up=False)
        elif self._draft.note_id is not None or self._draft.anyway:
            yield Check(is_set_up=True)
        else:
            yield from self._core.part(SimilarNotes).embed_ahead(guild_id, self._submission)
            yield Check(is_set_up=True, similar=tuple(self._similar()))

    def _similar(self) -> Iterator[tuple[SimilarDocument, int | None]]:
        """Yield similar documents and the ids of their notes; no pending notes of other members."""
        sender, notes = self._sender, self._core.store.notes
        for document in self._core.part(SimilarNotes).documents(
            sender.guild_id, self._submission, channels=sender.channels
        ):
            if document.revision_id is not None:
                note = notes.find(document.revision_id, sender.guild_id)
            else:
                number = note_of_document(document.document_id)
                note = notes.live(number) if number is not None else None
            own = note is not None and note.contributor_id == sender.member.id
            if own or not document.pending:
                yield document, note.id if note is not None else None

    def submit(self) -> Iterator[Outcome | None]:
        """Store the revision, once; None if the note is gone. InvalidNoteError if that can't be."""
        guild_id = self._sender.guild_id
        yield from review_service.embed_unreviewed_ahead(
            self._core, guild_id, self._submission, self._role_ids
        )
        yield review_service.once_per_interaction(
            self._core, guild_id, self._sender.interaction_id, self._write, self._draft.origin
        )

    def _write(self) -> Outcome | None:
        """Write the revision inside a transaction."""
        self._refuse_one_too_many()
        draft, guild_id, store = self._draft, self._sender.guild_id, self._core.store
        pictures = self._pictures()
        for_page = draft.page is not OnPage.UNTOLD and draft.is_own
        outcome: Outcome | None
        if draft.note_id is None:
            outcome = store.contributions.propose(
                guild_id,
                self._author,
                self._sender.channel_id,
                self._submission,
                role_ids=self._role_ids,
                source=draft.source,
                pictures=pictures or (),
                for_page=for_page,
                off_page=draft.page is OnPage.OFF,
            )
        else:
            outcome = store.contributions.revise(
                guild_id,
                draft.note_id,
                self._author,
                self._submission,
                role_ids=self._role_ids,
                pictures=pictures,
                for_page=for_page,
            )
        if outcome is not None and outcome.done and draft.question_id is not None:
            store.gaps.link_note(guild_id, outcome.note.id, draft.question_id)
        return outcome

    def _refuse_one_too_many(self) -> None:
        note_id = self._draft.note_id
        latest = self._core.store.notes.latest(None, note_id) if note_id is not None else None
        only_details = latest is not None and latest.can_be_described(self._submission)
        if self._sender.allowance is None or only_details:
            return
        # Inside the transaction, so that notes sent at the same moment count.
        wait = quota_check.note_wait(self._core, self._sender.allowance, note_id, datetime.now(UTC))
        if wait is not None:
            raise quota_check.wait_error(wait)

    def _pictures(self) -> Sequence[Picture] | None:
        """The revision's pictures, None to keep the note's; InvalidNoteError if too many."""
        draft, store = self._draft, self._core.store
        if not draft.pictures:
            return () if draft.without_pictures or draft.note_id is None else None
        note = store.notes.latest(None, draft.note_id or 0) if draft.adds_pictures else None
        if note is not None and note.contributor_id != self._author.id:
            note = store.notes.live(note.id)
        if note is None:
            return draft.pictures
        return check_picture_count([*store.pictures.of(note.revision.id), *draft.pictures])


# Visibility.


class Viewer(NamedTuple):
    """A member who views a note."""

    id: int
    is_moderator: bool = False


@dataclass(frozen=True, slots=True)
class VisibleNote:
    """A note as its viewer may see it.

    `latest` is None if the viewer may not see the latest revision. `page_url` is its address on the
    public page, if it is there.
    """

    live: Note | None
    latest: Note | None
    quorum: int = 1
    pictures: Mapping[int, tuple[Picture, ...]] = field(default_factory=dict)
    page_url: str = ""

    @property
    def note(self) -> Note | None:
        return self.live or self.latest


def visible_note(core: Core, guild_id: int, note_id: int, viewer: Viewer) -> VisibleNote | None:
    """Return a guild's note as its viewer may see it, or None if they may not see the note."""
    latest = core.store.notes.latest(guild_id, note_id)
    if latest is None:
        return None
    live = core.store.notes.live(note_id)
    inside = _insider(latest, viewer)
    shown = [note for note in (live, latest if inside else None) if note is not None]
    pictures = {note.revision.id: core.store.pictures.of(note.revision.id) for note in shown}
    url = core.page_links.of(guild_id, [note_id]).get(note_id, "")
    if not inside:
        return VisibleNote(live, None, pictures=pictures, page_url=url) if live else None
    return VisibleNote(live, latest, review_service.quorum(core, latest), pictures, url)


def own_notes(core: Core, guild_id: int, member_id: int) -> list[tuple[Note, int]]:
    """The notes of a member, also those handed to them, each with its quorum, newest first."""
    return [
        (note, review_service.quorum(core, note))
        for note in core.store.notes.of_member(guild_id, member_id)
    ]


def visible_history(core: Core, guild_id: int, note_id: int, viewer: Viewer) -> list[Note]:
    """Revisions that the viewer may see, oldest first: insiders all, others those approved."""
    revisions = core.store.notes.history(guild_id, note_id)
    if not revisions or _insider(revisions[0], viewer):
        return revisions
    if revisions[0].live_revision_id is None:
        return []
    return [note for note in revisions if note.revision.state is State.APPROVED]


def withdrawable(core: Core, guild_id: int, note_id: int, member_id: int) -> Note | None:
    """Return a member's own note with the revision to withdraw, or None without such a revision."""
    note = core.store.notes.latest(guild_id, note_id)
    if note is None or note.contributor_id != member_id:
        return None
    revision_id = revision_to_withdraw(note)
    return core.store.notes.of_revision(revision_id) if revision_id is not None else None


def revision_to_withdraw(note: Note) -> int | None:
    """The id of a note's revision that its contributor may withdraw, or None if there is none."""
    if note.revision.state in {State.PENDING, State.CHANGES_REQUESTED}:
        return note.revision.id
    return note.live_revision_id or note.retired_revision_id


def own_note(core: Core, note_id: int, member_id: int) -> Note | None:
    """A member's note of any guild: contributors get the latest revision, owners the live one."""
    note = core.store.notes.latest(None, note_id)
    if note is not None and note.owner_id == member_id != note.contributor_id:
        live = core.store.notes.live(note_id)
        return live and _without_secrets(live)
    return note if note is not None and note.contributor_id == member_id else None


def own_revision(core: Core, guild_id: int | None, revision_id: int, member_id: int) -> Note | None:
    """A revision of a member's own note in this guild, or any with None; None if there is none."""
    note = core.store.notes.find(revision_id, guild_id)
    return note if note is not None and note.contributor_id == member_id else None


def withdraw(
    core: Core, guild_id: int | None, revision_id: int, member_id: int, asked_in: int = 0
) -> Outcome | None:
    """Withdraw a revision after the member confirmed the withdrawal, once per interaction.

    None if the member has no such revision in this guild. The outcome has an obstacle if the
    withdrawal would now affect another revision of the note than the confirmed one.
    """
    confirmed = own_revision(core, guild_id, revision_id, member_id)
    if confirmed is None:
        return None
    guild_id = confirmed.guild_id
    note = withdrawable(core, guild_id, confirmed.id, member_id)
    if note is None or note.revision.id != revision_id:
        return Outcome(confirmed, Obstacle.DECIDED)
    return review_service.once_per_interaction(
        core,
        guild_id,
        asked_in,
        lambda: core.store.contributions.withdraw(guild_id, note.id, member_id),
    )


def report(
    core: Core,
    guild_id: int,
    note_id: int,
    member_id: int,
    problem: Problem,
    reason: str,
    asked_in: int,
) -> Outcome | None:
    """Record a report of a live note, once per interaction."""
    contributions, reason = core.store.contributions, " ".join(reason.split())
    return review_service.once_per_interaction(
        core,
        guild_id,
        asked_in,
        lambda: contributions.report(guild_id, note_id, member_id, problem, reason),
    )


def notes_found(core: Core, guild_id: int, question_id: int) -> list[Note]:
    """The live notes among the recorded hits of a question, best first."""
    question = core.store.question_records.question(question_id)
    if question is None or question.guild_id != guild_id:
        return []
    numbers = dict.fromkeys(note_of_document(hit.document_id) for hit in question.hits)
    notes = (core.store.notes.live(number) for number in numbers if number is not None)
    return [note for note in notes if note is not None and note.guild_id == guild_id]


def thread_transcript(
    core: Core, channel: Channel, messages: Sequence[ArchivedMessage]
) -> Transcript | None:
    """Return the transcript of a thread, or None if it can't become a note.

    Small talk and the messages of members who opted out of quotation are left out. There is no
    transcript if the thread has no answer, or if its first author opted out.
    """
    withheld = core.store.quote_opt_outs.withheld()
    said = [quotable(message, withheld) for message in messages]
    # Thanks mark the reply that was the answer; the transcript drops them afterwards.
    worth = [message for message in said if thanks(message.text) or not small_talk(message.text)]
    return transcript(channel, worth, withheld, TEXT_CHARACTERS)


def extendable_note(core: Core, guild_id: int | None, note_id: int, member_id: int) -> Note | None:
    """A note that a member may extend: their own, or a live one here without its secrets."""
    own = own_note(core, note_id, member_id)
    note = own or core.store.notes.live(note_id)
    if own is not None or note is None or note.guild_id != guild_id:
        return own
    return _without_secrets(note)


def _without_secrets(note: Note) -> Note:
    return replace(note, revision=replace(note.revision, submission=note.revision.submission.safe))


def live_note(core: Core, guild_id: int, note_id: int) -> list[Note]:
    note = core.store.notes.live(note_id)
    return [note] if note is not None and note.guild_id == guild_id else []


def _insider(note: Note, viewer: Viewer) -> bool:
    return viewer.is_moderator or note.contributor_id == viewer.id
