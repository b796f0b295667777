"""`Store`: all SQL about what people contributed, asked and decided.

The community database is the precious half of the data folder: nothing in it can be rebuilt.
Every method is one transaction. A `Store` belongs to the thread that opened it.

Errors:
    Exception
    └── StoreError             the database can't be opened or written, and what to do
        └── StoreTooNewError   it was written by a later release
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from sqlite_utils import Database

from knowledge.model import (
    Decision,
    Evidence,
    Feedback,
    GuildSettings,
    LogEntry,
    Note,
    Question,
    RecordedHit,
    Review,
    Revision,
    Scope,
    State,
    Submission,
    Verdict,
)
from knowledge.schema import MIGRATIONS

# How long a write waits for another process (`commonplace index` beside a running bot).
BUSY_SECONDS: Final = 10

_NOTE = """
    select n.id, n.guild_id, n.contributor_id, n.contributor, n.channel_id,
           r.id as revision_id, r.number, r.title, r.text, r.tags, r.link, r.state,
           r.created_at, r.card_channel_id, r.card_message_id,
           v.moderator_id, v.moderator, v.decision, v.reason, v.created_at as reviewed_at
    from notes n join revisions r on r.note_id = n.id
    left join reviews v on v.id = (select max(id) from reviews where revision_id = r.id)
"""


class StoreError(Exception):
    """The community database can't be opened or written; the message says what to do."""


class StoreTooNewError(StoreError):
    """The community database was written by a later release."""


class Store:
    """The opened community database."""

    def __init__(self, path: Path) -> None:
        """Open the database, make it if it is missing, and bring its tables up to date.

        Raises:
            StoreError: if it can't be opened or is damaged.
            StoreTooNewError: if a later release has migrated it.
        """
        self._path = path
        try:
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
        except sqlite3.Error as error:
            raise StoreError(f"{path} can't be opened: {error}.") from error
        self._db = Database(connection)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.close()
            raise StoreError(
                f"{path} is not a usable database ({error}). Restore it from a backup, or move it "
                "away to begin with an empty one."
            ) from error
        except StoreError:
            self.close()
            raise

    def _prepare(self) -> None:
        self._db.execute("pragma foreign_keys = on")
        self._db.enable_wal()
        known = {migration.name for migration in MIGRATIONS._migrations}
        unknown = {migration.name for migration in MIGRATIONS.applied(self._db)} - known
        if unknown:
            raise StoreTooNewError(
                f"{self._path} was written by a later release of Commonplace "
                f"({', '.join(sorted(unknown))}). Run that release, or restore an older backup."
            )
        if MIGRATIONS.pending(self._db):
            MIGRATIONS.apply(self._db)

    def close(self) -> None:
        """Close the database; the store can't be used afterwards."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, begun as a writer so that what it reads can't change under it."""
        try:
            self._db.execute("begin immediate")
            with self._db.atomic():
                yield
            self._db.execute("commit")
        except sqlite3.OperationalError as error:
            self._roll_back()
            raise StoreError(
                f"{self._path} can't be written: {error}. Nothing was changed. "
                "Check free space and permissions."
            ) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._db.conn.in_transaction:
            self._db.rollback()

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return list(self._db.query(sql, values))

    def _insert(self, table: str, row: dict[str, Any]) -> int:
        columns = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        # Table and column names are this module's own; every value is bound.
        sql = f"insert into {table} ({columns}) values ({marks})"  # noqa: S608
        return int(self._db.execute(sql, tuple(row.values())).lastrowid or 0)

    # Guild settings and the small things the bot remembers.

    def guild_settings(self, guild_id: int) -> GuildSettings:
        """What the guild's administrators chose; all None if they have not yet."""
        rows = self._rows("select * from guilds where id = ?", [guild_id])
        if not rows:
            return GuildSettings(guild_id)
        row = rows[0]
        return GuildSettings(guild_id, row["review_channel_id"], row["moderator_role_id"])

    def save_guild_settings(self, settings: GuildSettings, actor_id: int) -> None:
        """Keep what an administrator chose."""
        with self._writing():
            self._db.execute(
                "insert into guilds (id, review_channel_id, moderator_role_id) values (?, ?, ?) "
                "on conflict (id) do update set review_channel_id = excluded.review_channel_id, "
                "moderator_role_id = excluded.moderator_role_id",
                (settings.guild_id, settings.review_channel_id, settings.moderator_role_id),
            )
            chosen = {
                "review_channel_id": settings.review_channel_id,
                "moderator_role_id": settings.moderator_role_id,
            }
            self._log(settings.guild_id, actor_id, "settings", "guild", chosen)

    def recall(self, key: str) -> str | None:
        """The value kept under `key`, or None."""
        rows = self._rows("select value from memory where key = ?", [key])
        return str(rows[0]["value"]) if rows else None

    def remember(self, key: str, value: str) -> None:
        """Keep a value under `key`, in place of the last one."""
        with self._writing():
            self._db.execute(
                "insert or replace into memory (key, value) values (?, ?)", (key, value)
            )

    # Sources.

    def add_source(self, location: str, scope: Scope) -> bool:
        """Remember a file or folder as a source; False if it was one already."""
        with self._writing():
            cursor = self._db.execute(
                "insert or ignore into sources (location, scope, added_at) values (?, ?, ?)",
                (location, scope, _now()),
            )
            return cursor.rowcount == 1

    def remove_source(self, location: str, scope: Scope) -> None:
        """Forget a source; what came from it leaves the corpus."""
        with self._writing():
            self._db.execute(
                "delete from sources where location = ? and scope = ?", (location, scope)
            )

    def sources(self) -> list[tuple[str, Scope]]:
        """Every (location, scope), in the order in which they were added."""
        rows = self._rows("select location, scope from sources order by rowid")
        return [(row["location"], Scope(row["scope"])) for row in rows]

    def file_ids(self) -> dict[str, str]:
        """The document ids of files that have another one than their path gives, by path."""
        rows = self._rows("select path, document_id from file_ids")
        return {row["path"]: row["document_id"] for row in rows}

    def keep_file_ids(self, ids: Mapping[str, str]) -> None:
        """Keep the document ids of files, in place of those kept for the same paths."""
        with self._writing():
            self._db.conn.executemany(
                "insert or replace into file_ids (path, document_id) values (?, ?)",
                list(ids.items()),
            )

    # Notes and their reviews.

    def propose(
        self, guild_id: int, contributor: tuple[int, str], channel_id: int, submission: Submission
    ) -> Note:
        """Keep a new note with its first revision, pending.

        Args:
            guild_id: where it will be live once it is approved.
            contributor: the member's id and the name to credit.
            channel_id: where it was proposed.
            submission: what was proposed.
        """
        contributor_id, name = contributor
        with self._writing():
            note_id = self._insert(
                "notes",
                {
                    "guild_id": guild_id,
                    "contributor_id": contributor_id,
                    "contributor": name,
                    "channel_id": channel_id,
                    "created_at": _now(),
                },
            )
            revision_id = self._insert(
                "revisions",
                {
                    "note_id": note_id,
                    "number": 1,
                    "title": submission.title,
                    "text": submission.text,
                    "tags": json.dumps(submission.tags, ensure_ascii=False),
                    "link": submission.link,
                    "state": State.PENDING.value,
                    "created_at": _now(),
                },
            )
            self._log(guild_id, contributor_id, "proposed", f"revision:{revision_id}", {})
        note = self.note_of_revision(revision_id)
        if note is None:
            raise StoreError(f"{self._path} lost the note it has just taken.")
        return note

    def note_of_revision(self, revision_id: int) -> Note | None:
        """The note with this revision and the last review of it."""
        rows = self._rows(f"{_NOTE} where r.id = ?", [revision_id])
        return _note(rows[0]) if rows else None

    def pending(self, guild_id: int) -> list[Note]:
        """The guild's notes with a pending revision, oldest first."""
        rows = self._rows(
            f"{_NOTE} where n.guild_id = ? and r.state = 'pending' order by r.id", [guild_id]
        )
        return [_note(row) for row in rows]

    def live_notes(self) -> list[Note]:
        """Every note that is live, each with its live revision, oldest first."""
        rows = self._rows(f"{_NOTE} where r.id = n.live_revision_id order by n.id")
        return [_note(row) for row in rows]

    def live_note(self, note_id: int) -> Note | None:
        """The note with its live revision, or None if it has none."""
        rows = self._rows(f"{_NOTE} where n.id = ? and r.id = n.live_revision_id", [note_id])
        return _note(rows[0]) if rows else None

    def place_card(self, revision_id: int, channel_id: int, message_id: int) -> None:
        """Remember where the revision's review card is."""
        with self._writing():
            self._db.execute(
                "update revisions set card_channel_id = ?, card_message_id = ? where id = ?",
                (channel_id, message_id, revision_id),
            )

    def decide(
        self, revision_id: int, moderator: tuple[int, str], decision: Decision, reason: str = ""
    ) -> tuple[Note, bool] | None:
        """Decide on a pending revision; the database lets exactly one decision through.

        Returns:
            The note as it stands now with the review that counts, and whether it was this
            call that decided. None if there is no such revision.
        """
        moderator_id, name = moderator
        with self._writing():
            decided = self._db.execute(
                "update revisions set state = ? where id = ? and state = 'pending'",
                (decision.outcome.value, revision_id),
            )
            won = decided.rowcount == 1
            if won:
                self._insert(
                    "reviews",
                    {
                        "revision_id": revision_id,
                        "moderator_id": moderator_id,
                        "moderator": name,
                        "decision": decision.value,
                        "reason": reason,
                        "created_at": _now(),
                    },
                )
                if decision is Decision.APPROVE:
                    self._db.execute(
                        "update notes set live_revision_id = ?1 "
                        "where id = (select note_id from revisions where id = ?1)",
                        (revision_id,),
                    )
            note = self.note_of_revision(revision_id)
            if won and note is not None:
                subject = f"revision:{revision_id}"
                detail = {"reason": reason}
                self._log(note.guild_id, moderator_id, decision.outcome.value, subject, detail)
        return (note, won) if note is not None else None

    # Questions, their hits, and what people said of the answers.

    def record_questions(self, questions: Sequence[Question]) -> list[int]:
        """Keep questions with the hits they were answered from, in one transaction.

        Returns:
            Their ids, in the same order; the ids that the questions come with are passed over.
        """
        with self._writing():
            return [self._record_question(question) for question in questions]

    def _record_question(self, question: Question) -> int:
        question_id = self._insert(
            "questions",
            {
                "guild_id": question.guild_id,
                "channel_id": question.channel_id,
                "asker_id": question.asker_id,
                "text": question.text,
                "evidence": question.evidence.value,
                "asked_at": question.asked_at.isoformat(),
                "generation": question.generation,
                "earlier": question.earlier,
                "settings": question.settings,
                "signals": json.dumps(dict(question.signals)),
            },
        )
        self._db.conn.executemany(
            "insert into hits (question_id, rank, document_id, title, heading, passage, score, "
            "legs, link) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    question_id,
                    rank,
                    hit.document_id,
                    hit.title,
                    hit.heading,
                    hit.passage,
                    hit.score,
                    " ".join(hit.legs),
                    hit.link,
                )
                for rank, hit in enumerate(question.hits, start=1)
            ],
        )
        return question_id

    def question(self, question_id: int) -> Question | None:
        """A question as it was recorded, with its hits, best first."""
        rows = self._rows("select * from questions where id = ?", [question_id])
        if not rows:
            return None
        row = rows[0]
        hits = self._rows("select * from hits where question_id = ? order by rank", [question_id])
        return Question(
            id=row["id"],
            guild_id=row["guild_id"],
            channel_id=row["channel_id"],
            asker_id=row["asker_id"],
            text=row["text"],
            evidence=Evidence(row["evidence"]),
            asked_at=datetime.fromisoformat(row["asked_at"]),
            generation=row["generation"],
            earlier=row["earlier"],
            settings=row["settings"],
            signals=json.loads(row["signals"]),
            hits=[
                RecordedHit(
                    document_id=hit["document_id"],
                    title=hit["title"],
                    heading=hit["heading"],
                    passage=hit["passage"],
                    score=hit["score"],
                    legs=tuple(hit["legs"].split()),
                    link=hit["link"],
                )
                for hit in hits
            ],
        )

    def gaps(self, guild_id: int | None) -> list[Question]:
        """The refused questions of a guild (None: of direct messages), newest first."""
        rows = self._rows(
            "select id from questions where guild_id is ? and evidence = 'none' order by id desc",
            [guild_id],
        )
        found = (self.question(row["id"]) for row in rows)
        return [question for question in found if question is not None]

    def accepted_questions(self) -> list[Question]:
        """Questions whose answer was found helpful by somebody and unhelpful by nobody, by age."""
        rows = self._rows(
            "select q.id from questions q join feedback f on f.question_id = q.id "
            "where q.evidence != 'none' "
            "group by q.id having sum(f.verdict = 'unhelpful') = 0 order by q.id"
        )
        found = (self.question(row["id"]) for row in rows)
        return [question for question in found if question is not None]

    def record_feedback(self, feedback: Feedback) -> bool:
        """Keep a member's verdict in place of their last one; False if the question is unknown."""
        with self._writing():
            known = self._rows("select 1 from questions where id = ?", [feedback.question_id])
            if known:
                self._db.execute(
                    "insert or replace into feedback "
                    "(question_id, member_id, verdict, reason, created_at) values (?, ?, ?, ?, ?)",
                    (
                        feedback.question_id,
                        feedback.member_id,
                        feedback.verdict.value,
                        feedback.reason,
                        _now(),
                    ),
                )
        return bool(known)

    def feedback(self, question_id: int) -> list[Feedback]:
        """What members said of the answer to a question."""
        rows = self._rows("select * from feedback where question_id = ?", [question_id])
        return [
            Feedback(row["question_id"], row["member_id"], Verdict(row["verdict"]), row["reason"])
            for row in rows
        ]

    def counts(self, guild_id: int) -> dict[str, int]:
        """How many notes are live and pending in a guild, and how many questions were asked."""
        row = self._rows(
            "select (select count(*) from notes where guild_id = ?1 "
            "        and live_revision_id is not null) as live, "
            "(select count(*) from revisions r join notes n on n.id = r.note_id "
            "  where n.guild_id = ?1 and r.state = 'pending') as pending, "
            "(select count(*) from questions where guild_id = ?1) as questions",
            [guild_id],
        )[0]
        return {str(key): int(value) for key, value in row.items()}

    def totals(self) -> dict[str, dict[str, int]]:
        """Over all guilds: questions by evidence, verdicts by kind, and notes by where they stand.

        A pending revision of a live note counts once as pending and once as live.
        """
        totals = {
            "questions": {evidence.value: 0 for evidence in Evidence},
            "verdicts": {verdict.value: 0 for verdict in Verdict},
            "notes": {"live": 0, "pending": 0},
        }
        for table, key, count in self._db.execute(
            "select 'questions', evidence, count(*) from questions group by evidence "
            "union all select 'verdicts', verdict, count(*) from feedback group by verdict "
            "union all select 'notes', 'live', count(*) from notes "
            "where live_revision_id is not null "
            "union all select 'notes', 'pending', count(*) from revisions where state = 'pending'"
        ):
            totals[table][key] = count
        return totals

    def integrity_problem(self) -> str:
        """What SQLite's own checks find wrong with the file, or nothing."""
        problems = [str(row[0]) for row in self._db.execute("pragma integrity_check").fetchall()]
        if problems != ["ok"]:
            return "; ".join(problems[:3])
        orphans = self._db.execute("pragma foreign_key_check").fetchall()
        return f"{len(orphans)} rows refer to rows that are gone" if orphans else ""

    # The log.

    def log(self) -> list[LogEntry]:
        """The whole log, oldest first."""
        return [_entry(row) for row in self._rows("select * from log order by id")]

    def first_broken_entry(self) -> LogEntry | None:
        """The first line of the log whose digest does not follow from the one before it."""
        previous = ""
        for entry in self.log():
            if entry.digest != _digest(previous, entry):
                return entry
            previous = entry.digest
        return None

    def _log(
        self,
        guild_id: int | None,
        actor_id: int,
        event: str,
        subject: str,
        detail: dict[str, Any],
    ) -> None:
        """Append a line, inside the transaction that changes what it speaks of."""
        last = self._rows("select id, digest from log order by id desc limit 1")
        entry = LogEntry(
            id=last[0]["id"] + 1 if last else 1,
            at=datetime.now(UTC),
            guild_id=guild_id,
            actor_id=actor_id,
            event=event,
            subject=subject,
            detail=json.dumps(detail, ensure_ascii=False, sort_keys=True),
            digest="",
        )
        entry = replace(entry, digest=_digest(last[0]["digest"] if last else "", entry))
        self._insert(
            "log",
            {
                "id": entry.id,
                "at": entry.at.isoformat(),
                "guild_id": guild_id,
                "actor_id": actor_id,
                "event": event,
                "subject": subject,
                "detail": entry.detail,
                "digest": entry.digest,
            },
        )


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _digest(previous: str, entry: LogEntry) -> str:
    """The digest of a line of the log: SHA-256 over the line before it and its own fields."""
    fields = [
        previous,
        entry.id,
        entry.at.isoformat(),
        entry.guild_id,
        entry.actor_id,
        entry.event,
        entry.subject,
        entry.detail,
    ]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()


def _entry(row: dict[str, Any]) -> LogEntry:
    return LogEntry(
        id=row["id"],
        at=datetime.fromisoformat(row["at"]),
        guild_id=row["guild_id"],
        actor_id=row["actor_id"],
        event=row["event"],
        subject=row["subject"],
        detail=row["detail"],
        digest=row["digest"],
    )


def _note(row: dict[str, Any]) -> Note:
    review = None
    if row["moderator_id"] is not None:
        review = Review(
            revision_id=row["revision_id"],
            moderator_id=row["moderator_id"],
            moderator=row["moderator"],
            decision=Decision(row["decision"]),
            reason=row["reason"],
            created_at=datetime.fromisoformat(row["reviewed_at"]),
        )
    card = None
    if row["card_message_id"] is not None:
        card = (row["card_channel_id"], row["card_message_id"])
    submission = Submission(row["title"], row["text"], tuple(json.loads(row["tags"])), row["link"])
    return Note(
        id=row["id"],
        guild_id=row["guild_id"],
        contributor_id=row["contributor_id"],
        contributor=row["contributor"],
        channel_id=row["channel_id"],
        revision=Revision(
            id=row["revision_id"],
            note_id=row["id"],
            number=row["number"],
            submission=submission,
            state=State(row["state"]),
            created_at=datetime.fromisoformat(row["created_at"]),
        ),
        review=review,
        card=card,
    )
