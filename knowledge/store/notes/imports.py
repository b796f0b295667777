"""Transactions of imports: notes made of another bot's tags, and decisions on many of them.

An imported note is a pending revision without a review card: cards of hundreds of notes would bury
the review channel. Any later change of the revision makes a card due, as for other notes.
"""

from collections.abc import Sequence
from typing import Final

from knowledge.store.database import Database
from knowledge.store.guilds import Guilds
from knowledge.store.notes.decisions import Decisions, Ruling
from knowledge.store.notes.note_records import STANDING
from knowledge.store.notes.note_states import NoteStates
from knowledge.store.notes.public_notes import ListedText, texts_from
from knowledge.values.notes import Decision, Member, Outcome
from knowledge.values.submissions import Submission

_WAITING: Final = f"""
    from notes n join revisions r on r.note_id = n.id
    where n.guild_id = ? and r.state = 'pending' and r.card_due = 0 and r.card_message_id is null
    and n.contributor_id <> ? and not exists (select 1 from reviews v
    where v.revision_id = r.id and v.moderator_id = ? and {STANDING})
"""  # noqa: S608 - constants only
_NO_CARD: Final = "update revisions set card_due = 0 where id = ? and card_message_id is null"


class Imports:
    """Imported notes in the community database."""

    def __init__(
        self, database: Database, guilds: Guilds, states: NoteStates, decisions: Decisions
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._states = states
        self._decisions = decisions

    def propose(
        self,
        guild_id: int,
        contributor: Member,
        channel_id: int,
        submissions: Sequence[Submission],
    ) -> int:
        """Store pending notes, and return how many.

        Texts that are or were in the guild's notes under the same title are left out, so a file
        imported again doubles nothing.
        """
        new = 0
        with self._database.writing(guild_id):
            for submission in submissions:
                if self._database.rows(
                    "select 1 from revisions r join notes n on n.id = r.note_id "
                    "where n.guild_id = ? and r.title = ? and r.text = ? limit 1",
                    [guild_id, submission.title, submission.text],
                ):
                    continue
                note_id = self._states.add(guild_id, contributor, channel_id, None)
                note, _ = self._states.write(note_id, contributor, submission)
                self._states.record(note, contributor.id, "proposed")
                self._database.run(_NO_CARD, [note.revision.id])
                new += 1
        return new

    def waiting_count(self, guild_id: int, moderator_id: int) -> int:
        """The number of imported notes that a moderator may decide on."""
        rows = self._database.rows(
            f"select count(*) as number {_WAITING}",
            [guild_id, *self._deciding(guild_id, moderator_id)],
        )
        return int(rows[0]["number"])

    def waiting(
        self, guild_id: int, moderator_id: int, limit: int, offset: int = 0
    ) -> list[ListedText]:
        """A page of the imported notes that a moderator may decide on, by note number."""
        rows = self._database.rows(
            f"select n.id, r.id as revision_id, r.title, r.text, r.tags, r.link {_WAITING} "
            "order by n.id limit ? offset ?",
            [guild_id, *self._deciding(guild_id, moderator_id), limit, offset],
        )
        return texts_from(rows)

    def _deciding(self, guild_id: int, moderator_id: int) -> tuple[int, int]:
        """The contributor whose notes the moderator can't decide on, if any, and the moderator."""
        four_eyes = self._guilds.settings(guild_id).four_eyes
        # A forgotten contributor has the id 0.
        return (moderator_id if four_eyes else -1), moderator_id

    def decide(
        self, guild_id: int, revision_id: int, moderator: Member, decision: Decision
    ) -> Outcome | None:
        """Decide on an imported note, without a card and a notice to its importer."""
        with self._database.writing(guild_id):
            outcome = self._decisions.decide(
                guild_id, revision_id, moderator, Ruling(decision), quietly=True
            )
            if outcome is not None and outcome.done:
                self._database.run(_NO_CARD, [revision_id])
            return outcome
