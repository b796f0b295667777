"""Note visibility: what members may see of notes, and the steps that they have to confirm first.

Each function takes the core that it works on, so that it can be called in the worker's thread.
What is not live is for its contributor and the moderators alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.answers.small_talk import small_talk
from bot.core.core import Core
from bot.review import service as review_service
from bot.review.similar_notes import Near, SimilarNotes
from knowledge.channels.documents import quotable
from knowledge.channels.messages import ArchivedMessage
from knowledge.chat.intents import thanks
from knowledge.chat.transcript import Channel, Transcript, transcript
from knowledge.values.documents import note_of_document
from knowledge.values.notes import Note, Obstacle, Outcome, State
from knowledge.values.pictures import Picture
from knowledge.values.submissions import TEXT_CHARACTERS, Submission


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and whether they are a moderator there."""

    id: int
    is_moderator: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody may see of a note.

    `live` is the note with its live revision, `latest` with its latest one, each None if there is
    none or it is not theirs to see. `quorum` approvals are needed by `latest`. `pictures` are by
    the revision that has them. `page_url` is where it is public, if it is.
    """

    live: Note | None
    latest: Note | None
    quorum: int = 1
    pictures: Mapping[int, tuple[Picture, ...]] = field(default_factory=dict)
    page_url: str = ""

    @property
    def note(self) -> Note | None:
        return self.live or self.latest


def seen(core: Core, guild_id: int, note_id: int, viewer: Viewer) -> Seen | None:
    """What somebody may see of a guild's note; None if it is not there for them."""
    latest = core.store.notes.latest(guild_id, note_id)
    if latest is None:
        return None
    live = core.store.notes.live(note_id)
    inside = _insider(latest, viewer)
    shown = [note for note in (live, latest if inside else None) if note is not None]
    pictures = {note.revision.id: core.store.pictures.of(note.revision.id) for note in shown}
    url = core.page_links.of(guild_id, [note_id]).get(note_id, "")
    if not inside:
        return Seen(live, None, pictures=pictures, page_url=url) if live else None
    return Seen(live, latest, review_service.quorum(core, latest), pictures, url)


def mine(core: Core, guild_id: int, member_id: int) -> list[tuple[Note, int]]:
    """A member's notes with their latest revisions, newest first, each with its quorum."""
    return [
        (note, review_service.quorum(core, note))
        for note in core.store.notes.by(guild_id, member_id)
    ]


def history(core: Core, guild_id: int, note_id: int, viewer: Viewer) -> list[Note]:
    """The revisions of a note that somebody may see, oldest first; none if it is not theirs to see.

    Others than its contributor and moderators see what was public once, of a note that still is.
    """
    revisions = core.store.notes.history(guild_id, note_id)
    if not revisions or _insider(revisions[0], viewer):
        return revisions
    if revisions[0].live_revision_id is None:
        return []
    return [note for note in revisions if note.revision.state is State.APPROVED]


def own(core: Core, guild_id: int, note_id: int, member_id: int) -> Note | Obstacle | None:
    """A member's own note in this guild with its latest revision, or why they can't have it."""
    note = core.store.notes.latest(guild_id, note_id)
    if note is None:
        return None
    if note.contributor_id == member_id:
        return note
    # That there is a note which is not live is nobody's business but its contributor's.
    return Obstacle.NOT_YOURS if note.live_revision_id is not None else None


def to_withdraw(core: Core, guild_id: int, note_id: int, member_id: int) -> Note | None:
    """The member's note with the revision that withdrawing would take back, if any would."""
    note = core.store.notes.latest(guild_id, note_id)
    if note is None or note.contributor_id != member_id:
        return None
    if note.revision.state in {State.PENDING, State.CHANGES_REQUESTED}:
        return note
    published = note.live_revision_id or note.retired_revision_id
    return core.store.notes.of_revision(published) if published is not None else None


def withdraw(
    core: Core, guild_id: int, revision_id: int, member_id: int, asked_in: int = 0
) -> Outcome | None:
    """Withdraw what was confirmed; where another revision would be by now, nothing is done.

    Returns None if the member has no such revision here. Once for the interaction `asked_in`.
    """
    confirmed = core.store.notes.find(revision_id, guild_id)
    if confirmed is None or confirmed.contributor_id != member_id:
        return None
    note = to_withdraw(core, guild_id, confirmed.id, member_id)
    if note is None or note.revision.id != revision_id:
        return Outcome(confirmed, Obstacle.DECIDED)
    return review_service.taken(
        core,
        guild_id,
        asked_in,
        lambda: core.store.contributions.withdraw(guild_id, note.id, member_id),
    )


def quoted_notes(core: Core, guild_id: int, question_id: int) -> list[Note]:
    """The notes that the answer to a question quoted and that are still live, best first."""
    question = core.store.question_records.question(question_id)
    if question is None or question.guild_id != guild_id:
        return []
    numbers = dict.fromkeys(note_of_document(hit.document_id) for hit in question.hits)
    found = (core.store.notes.live(number) for number in numbers if number is not None)
    return [note for note in found if note is not None and note.guild_id == guild_id]


def near(
    core: Core,
    guild_id: int,
    submission: Submission,
    member_id: int,
    channels: Sequence[int] = (),
) -> list[tuple[Near, int | None]]:
    """What is on record already that is like a new note, each with its id if it can be extended.

    That is a note of their own, or one that is live.
    What waits for a decision is left out unless it is their own: others may not see it. The
    review card shows all of it. `channels` are those that the member may read.
    """
    found: list[tuple[Near, int | None]] = []
    for one in core.part(SimilarNotes).documents(guild_id, submission, channels=channels):
        if one.revision_id is not None:
            note = core.store.notes.find(one.revision_id, guild_id)
        else:
            number = note_of_document(one.document_id)
            note = core.store.notes.live(number) if number is not None else None
        own = note is not None and note.contributor_id == member_id
        if own or not one.pending:
            found.append((one, note.id if note is not None else None))
    return found


def exchange(
    core: Core, channel: Channel, messages: Sequence[ArchivedMessage]
) -> Transcript | None:
    """What a thread's messages come to as a note, without small talk and who is not to be quoted.

    None where they answer nothing, or whoever began it is not to be quoted.
    """
    withheld = core.store.quote_opt_outs.withheld()
    said = [quotable(message, withheld) for message in messages]
    # Thanks tell which reply was the answer; they are left out after that.
    worth = [one for one in said if thanks(one.text) or not small_talk(one.text)]
    return transcript(channel, worth, withheld, TEXT_CHARACTERS)


def extendable(core: Core, guild_id: int | None, note_id: int, member_id: int) -> Note | None:
    """A note of their own as it is now, or a live one of others in their guild as it is shown."""
    own = review_service.own_note(core, note_id, member_id)
    note = own or core.store.notes.live(note_id)
    if own is not None or note is None or note.guild_id != guild_id:
        return own
    return replace(note, revision=replace(note.revision, submission=note.revision.submission.shown))


def live_note(core: Core, guild_id: int, note_id: int) -> list[Note]:
    note = core.store.notes.live(note_id)
    return [note] if note is not None and note.guild_id == guild_id else []


def _insider(note: Note, viewer: Viewer) -> bool:
    return viewer.is_moderator or note.contributor_id == viewer.id
