"""Erasure: summary, export and deletion of a member's personal data, and purge of guilds' data.

The queries in `personal_data.sql` list the summarized and exported rows; `schema` declares every
column for members' ids. Forgetting a member is one transaction. Live notes, decisions, reports and
verdicts stay without a name, because the community needs them. The log keeps its lines; they name
nobody once the member's key is gone.

A purge deletes the data of a guild that the bot has left. Each deletion is one transaction with its
tombstone, and deleted rows are overwritten. If an older copy of the data is restored, the deletions
recorded by later tombstones are repeated in the copy.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from knowledge.secrets import without_secrets
from knowledge.store.audit_log import NOTE_DELETED, PURGED, AuditLog
from knowledge.store.erasure.quote_opt_outs import QuoteOptOuts
from knowledge.store.erasure.tombstones import Tombstones
from knowledge.store.notes.decisions import Wordings
from knowledge.store.notes.note_states import NoteStates
from knowledge.store.notes.review_cards import mark_due
from knowledge.store.rows import Tables
from knowledge.store.schema import member_columns
from knowledge.values.documents import INSIDE, document_of_note
from knowledge.values.notes import NoticeEvent, State
from knowledge.values.questions import EARLIER_CHARACTERS
from knowledge.values.tombstones import FORGOTTEN, MEMBERS, Tombstone, TombstoneKind

ERASED_TITLE: Final = "Erased"
ERASED_TEXT: Final = "Erased at the request of its contributor."

# Ids of conversations, in channels and in files (`transcript.document_id`).
_CHAT: Final = re.compile(rf"^channel:|{re.escape(INSIDE)}(?:\d+:\d+|[0-9a-f]{{24}})$")

_QUERIES: Final = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
# Summarized and exported rows, by kind.
KINDS: Final = {
    head.removeprefix("-- "): sql
    for head, _, sql in (query.partition("\n") for query in _QUERIES.split("\n\n")[1:])
}


class Stored(NamedTuple):
    """How many rows of a kind a member has, in one guild (`here`) and in the whole database."""

    here: int
    everywhere: int


@dataclass(eq=False)
class PersonalData(Tables):
    """Personal data in the community database."""

    _states: NoteStates
    _tombstones: Tombstones
    _opt_outs: QuoteOptOuts
    _wordings: Wordings

    def summary(self, member_id: int, guild_id: int | None) -> dict[str, Stored]:
        return {
            kind: Stored(sum(row["guild"] == guild_id for row in rows), len(rows))
            for kind, rows in self.export(member_id).items()
        }

    def export(self, member_id: int) -> dict[str, list[dict[str, Any]]]:
        found = {}
        # Titles of the hits of the member's questions, best first, by question id.
        titles: dict[int, list[str]] = {}
        for row in self._db.rows(
            "select h.question_id, p.title from questions q join hits h on h.question_id = q.id "
            "join recorded_passages p on p.digest = h.passage_digest "
            "where q.asker_id = ? and p.title != '' order by h.question_id, h.rank",
            [member_id],
        ):
            titles.setdefault(row["question_id"], []).append(row["title"])
        for kind, sql in KINDS.items():
            rows = self._db.rows(sql, [member_id] * sql.count("?"))
            for row in rows:
                if kind == "questions":
                    row["found"] = titles.get(row["id"], [])
                for column in ("tags", "detail", "lines", "wordings"):
                    if isinstance(row.get(column), str):
                        row[column] = json.loads(row[column])
                # Others' texts come without secrets, as everywhere.
                if not row.pop("own", True):
                    told = {"title", "text", "link"} & row.keys()
                    row.update({column: without_secrets(row[column]) for column in told})
                    row.update({"wordings": [*map(without_secrets, row["wordings"])]}
                               if "wordings" in row else {})  # fmt: skip
            found[kind] = rows
        if self._opt_outs.is_withheld(member_id):
            found["preferences"].append({"guild": None, "preference": "not quoted from chats"})
        return found

    def forget(self, member_id: int, *, withdraw: bool, name: str = "") -> list[int]:
        """Forget a member, and overwrite the deleted rows.

        With `withdraw`, their live notes are withdrawn, and don't only lose the name. Their chat
        messages aren't quoted any more; `name` is their user name, for exports without ids. Returns
        the ids of notes with a changed text, name or wording.
        """
        with self._db.erasing():
            # A restored older copy must not bring them back.
            kind = TombstoneKind.MEMBER_AND_NOTES if withdraw else TombstoneKind.MEMBER
            self._tombstones.add(kind, member_id)
            self._opt_outs.withhold_name(name)
            return self.repeat_forgetting(member_id, withdraw=withdraw)

    def forget_chats(self, quotable: Callable[[str], Collection[str]]) -> None:
        """Delete recorded passages of chats that may not be quoted any more.

        `quotable` takes a document's id, and returns the texts of its passages that may be quoted.
        """
        with self._db.erasing():
            sql = "select distinct document_id from recorded_passages order by document_id"
            for document_id in filter(_CHAT.search, self._db.column(sql)):
                kept = frozenset(quotable(document_id))
                passages = self._db.rows(
                    # Passages of channels are recorded without words.
                    "select digest, passage from recorded_passages where document_id = ? "
                    "and source_channel_id is null and passage != ''",
                    [document_id],
                )
                gone = [found["digest"] for found in passages if found["passage"] not in kept]
                self._db.run("delete from recorded_passages where digest in (?)", [gone])

    def repeat_forgetting(self, member_id: int, *, withdraw: bool) -> list[int]:
        """Repeat `forget` on an older copy of the data, inside a transaction."""
        self._take_back_notes(member_id, withdraw=withdraw)
        changed = [*self._outdate_notes(member_id), *self._wordings.forget(member_id)]
        self._mark_cards_due("v.moderator_id = ? or p.member_id = ?", member_id)
        self._forget_questions(member_id)
        for table, column, kept in member_columns():
            # Declared in the schema; the value is bound.
            change = f"update {table} set {kept}" if kept else f"delete from {table}"  # noqa: S608
            self._db.run(f"{change} where {column} = ?", [member_id])
        return changed

    # Notes.

    def _take_back_notes(self, member_id: int, *, withdraw: bool) -> None:
        """Withdraw a member's pending texts; with `withdraw`, also their live and retired notes.

        Then erase the member's texts, except approved texts of notes that stay live or retired.
        """
        for row in self._db.rows(
            "select id, guild_id, live_revision_id, retired_revision_id from notes "
            "where contributor_id = ? order by id",
            [member_id],
        ):
            kept = row["live_revision_id"] or row["retired_revision_id"]
            for note in self._states.notes.history(row["guild_id"], row["id"]):
                waits = note.revision.state in {State.PENDING, State.CHANGES_REQUESTED}
                if waits or (withdraw and note.revision.id == kept):
                    self._states.set_state(note.revision.id, State.WITHDRAWN)
                    if not waits:
                        self._states.set_live(note, None, member_id)
                        withdrawn = NoticeEvent.REPORT_WITHDRAWN
                        self._states.close_reports(note, withdrawn, member_id)
                    self._states.record(note, member_id, "withdrawn")
                stays = kept is not None and not withdraw
                if not (stays and note.revision.state is State.APPROVED):
                    self._erase(note.revision.id)
            self._forget_quotations(row["id"])
        for row in self._db.rows(
            "select id, note_id, state from revisions where extension = 1 and writer_id = ? "
            "and state != 'approved' order by id",
            [member_id],
        ):
            note = self._states.notes.of_revision(row["id"])
            if note.revision.state in {State.PENDING, State.CHANGES_REQUESTED}:
                self._states.set_state(note.revision.id, State.WITHDRAWN)
                self._states.record(note, member_id, "withdrawn")
            self._erase(note.revision.id)
            self._forget_quotations(note.id)

    def _erase(self, revision_id: int) -> None:
        self._db.run(
            "update revisions set title = ?, text = ?, tags = '[]', link = '', wordings = '[]' "
            "where id = ?",
            [ERASED_TITLE, ERASED_TEXT, revision_id],
        )
        self._db.run("delete from revision_pictures where revision_id = ?", [revision_id])
        # Its card may just be posted, and has no message yet.
        mark_due(self._db, revision_id)

    def _forget_quotations(self, note_id: int) -> None:
        """Delete recorded passages of this note that are in none of its texts any more."""
        sql = "select text from revisions where note_id = ? and text != ?"
        texts = self._db.column(sql, [note_id, ERASED_TEXT])
        for row in self._db.rows(
            "select digest, passage from recorded_passages where document_id = ?",
            [document_of_note(note_id)],
        ):
            if not any(row["passage"] in text for text in texts):
                self._db.run("delete from recorded_passages where digest = ?", [row["digest"]])

    def _outdate_notes(self, member_id: int) -> list[int]:
        """Mark cards and pages with a member's name as outdated; returns the notes that show it."""
        shown = self._db.column(
            "select distinct n.id from notes n left join revisions r on r.note_id = n.id "
            "left join reviews v on v.revision_id = r.id "
            "where n.contributor_id = ? or v.moderator_id = ? "
            "or (r.extension = 1 and r.writer_id = ?) order by n.id",
            [member_id] * 3,
        )
        self._mark_cards_due("n.contributor_id = ? or r.writer_id = ?", member_id)
        self._db.run(
            # Their additions to others' notes leave public pages until a moderator releases them.
            "update revisions set for_page = 0 where note_id in (select e.note_id from revisions e "
            "where e.extension = 1 and e.writer_id = ? "
            "and (e.state = 'approved' or e.replaced_by is not null))",
            [member_id],
        )
        return shown

    def _mark_cards_due(self, condition: str, member_id: int) -> None:
        """Mark review cards as outdated, because they show the name of a member.

        `condition` is the SQL condition for these cards; each `?` in it stands for the member's id.
        """
        revision_ids = self._db.column(
            f"{_CARDS} where ({condition}) and r.card_message_id is not null order by r.id",
            [member_id] * condition.count("?"),
        )
        mark_due(self._db, *revision_ids)

    # Questions.

    def _forget_questions(self, member_id: int) -> None:
        """Delete a member's questions, except shared and judged ones.

        A *shared* question was asked by others in the same words. Its record loses only the asker,
        the channel and the earlier questions. A *judged* question has another member's verdict. Its
        record loses the words, too, unless the question is shared.
        """
        rows = self._db.rows(
            "select q.id, q.text, "
            "q.text != '' and exists (select 1 from questions o where o.asker_id not in (0, ?) "
            "  and lower(trim(o.text)) = lower(trim(q.text))) as shared, "
            "exists (select 1 from feedback f where f.question_id = q.id and f.member_id != ?) "
            "  as judged from questions q where q.asker_id = ? order by q.id",
            [member_id] * 3,
        )
        private = {row["text"] for row in rows if not row["shared"]}
        for row in rows:
            self._db.run("delete from phrasings where question_id = ?", [row["id"]])
            if row["judged"] and not row["shared"]:
                self._db.run(
                    "update questions set text = '', settings = '', confirmed_at = null "
                    "where id = ?",
                    [row["id"]],
                )
            elif not row["shared"]:
                self._db.run("delete from questions where id = ?", [row["id"]])
        # Others' follow-ups to a deleted question have its words, too.
        erased = {" ".join(text.split())[:EARLIER_CHARACTERS] for text in private} - {""}
        for row in self._db.rows("select id, earlier from questions where earlier != ''"):
            if not erased.isdisjoint(row["earlier"].split("\n")):
                self._db.run("update questions set earlier = '' where id = ?", [row["id"]])


_CARDS: Final = """
    select distinct r.id from revisions r join notes n on n.id = r.note_id
    left join reviews v on v.revision_id = r.id
    left join reports p on p.revision_id = r.id
"""


# Rows of notes, in an order without dangling references.
_OF_NOTES: Final = (
    "delete from notices where revision_id in (select id from revisions where note_id in (?))",
    "delete from reports where note_id in (?)",
    "delete from reviews where revision_id in (select id from revisions where note_id in (?))",
    "delete from revision_pictures "
    "where revision_id in (select id from revisions where note_id in (?))",
    "delete from copied_wordings where note_id in (?)",
    "delete from revisions where note_id in (?)",
    "delete from notes where id in (?)",
)


@dataclass(eq=False)
class Purge(Tables):
    """Permanent deletion in the community database."""

    _log: AuditLog
    _tombstones: Tombstones
    _personal_data: PersonalData

    def guilds_left_before(self, before: datetime) -> list[int]:
        return self._db.column("select id from guilds where left_at < ? order by id", [before])

    def guild(self, guild_id: int) -> list[int]:
        """Delete everything of a guild except its log lines.

        If all log lines of a member are in deleted guilds, the log no longer names the member. The
        ids of the guild's notes are returned, to be removed from the index.
        """
        with self._db.erasing():
            self._tombstones.add(TombstoneKind.GUILD, guild_id)
            return self._delete_guild(guild_id)

    def apply(self, tombstones: Iterable[Tombstone]) -> int:
        """Repeat the deletions that tombstones of another copy record, in one transaction.

        Tombstones that this copy already has are skipped. Their deletions were made in this copy,
        and a forgotten member may have come back since then. Returns the number of new tombstones.
        """
        fresh = sorted(set(tombstones) - self._tombstones.in_database())
        if not fresh:
            return 0
        members = self._members() if any(stone.kind in FORGOTTEN for stone in fresh) else {}
        with self._db.erasing():
            self._tombstones.keep(fresh)
            for tombstone in fresh:
                if tombstone.kind in FORGOTTEN:
                    member_id = members.get(tombstone.subject)
                    if member_id is not None:
                        withdraw = tombstone.kind is TombstoneKind.MEMBER_AND_NOTES
                        self._personal_data.repeat_forgetting(member_id, withdraw=withdraw)
                elif tombstone.kind is TombstoneKind.NOTE:
                    note_id = int(tombstone.subject)
                    sql = "select guild_id from notes where id = ?"
                    for guild_id in self._db.column(sql, [note_id]):
                        self._delete_notes([note_id])
                        subject, detail = document_of_note(note_id), {"note": note_id}
                        self._log.append(guild_id, None, NOTE_DELETED, subject, detail)
                elif tombstone.kind is TombstoneKind.QUESTION:
                    sql = "delete from questions where id = ?"
                    self._db.run(sql, [int(tombstone.subject)])
                elif tombstone.kind not in MEMBERS:
                    self._delete_guild(int(tombstone.subject))
        return len(fresh)

    def _members(self) -> dict[str, int]:
        """The ids of all stored members, by their tombstone digest."""
        found: set[int] = set()
        for table, column, _ in member_columns():
            # Declared in the schema.
            sql = f"select distinct {column} from {table} where {column} > 0"  # noqa: S608
            found.update(self._db.column(sql))
        digest = self._tombstones.digester()
        return {digest(str(member_id)): member_id for member_id in found}

    def _delete_guild(self, guild_id: int) -> list[int]:
        note_ids = self._db.column(
            "select id from notes where guild_id = ? order by id", [guild_id]
        )
        self._delete_notes(note_ids)
        for table in self._db.tables("guild_id"):
            if table not in ("log", "log_heads", "notes"):
                self._db.run(f"delete from {table} where guild_id = ?", [guild_id])  # noqa: S608
        self._db.run("delete from guilds where id = ?", [guild_id])
        self._db.run("delete from sources where scope = ?", [guild_id])
        # Members with lines only in purged guilds lose their name.
        self._db.run(
            "delete from members where key in (select actor from log where guild_id = ?) "
            "and not exists (select 1 from log l where l.actor = members.key and "
            "l.guild_id is distinct from ? and not exists (select 1 from tombstones t "
            "where t.kind = 'guild' and t.subject = cast(l.guild_id as text)))",
            [guild_id, guild_id],
        )
        self._log.append(guild_id, None, PURGED, "guild", {"notes": len(note_ids)})
        return note_ids

    def _delete_notes(self, note_ids: Sequence[int]) -> None:
        # Notes and revisions refer to each other.
        self._db.defer_references()
        documents = [document_of_note(note_id) for note_id in note_ids]
        self._db.run("delete from recorded_passages where document_id in (?)", [documents])
        for statement in _OF_NOTES:
            self._db.run(statement, [[*note_ids]])
