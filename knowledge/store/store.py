"""Store: the opened community database, with the SQL for sources, settings of the bot, and totals.

The community database can't be rebuilt, unlike derived data in the data folder. Other modules
have the tables of notes, questions and guilds; the store holds one object for each. Every method is
one transaction. A `Store` belongs to the thread that opened it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from knowledge.store.audit_log import AuditLog
from knowledge.store.database import Database, now, recall
from knowledge.store.database import StoreError as StoreError
from knowledge.store.erasure.personal_data import PersonalData, Purge
from knowledge.store.erasure.quote_opt_outs import QuoteOptOuts
from knowledge.store.erasure.tombstones import Tombstones
from knowledge.store.figures import Credit, PeriodFigures, note_counts
from knowledge.store.guilds import (
    ChannelSettingsTable,
    Guilds,
    SourceCards,
    SyncedChannels,
    WeeklyDigests,
)
from knowledge.store.interactions import HandledInteractions, Inbox, Notices
from knowledge.store.notes.contributions import Contributions
from knowledge.store.notes.decisions import Decisions, Imports, Wordings
from knowledge.store.notes.note_checks import NoteChecks
from knowledge.store.notes.note_records import Notes
from knowledge.store.notes.note_states import NoteStates, Pictures
from knowledge.store.notes.public_notes import PublicNotes
from knowledge.store.notes.review_cards import ReviewCards
from knowledge.store.questions.gaps import Gaps, Handovers
from knowledge.store.questions.helped_questions import HelpedQuestions, HelperAnswers
from knowledge.store.questions.question_records import (
    FeedbackRecords,
    GoldenQuestions,
    Phrasings,
    QuestionRecords,
    RecentQuestions,
)
from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.values.documents import Scope
from knowledge.values.questions import Evidence, Verdict


class Store:
    """The opened community database."""

    def __init__(self, opened: Database | Path) -> None:
        """Use an opened database, or open the SQLite file at this path.

        A missing file is made, and its tables are migrated. Raises StoreError if the database can't
        be opened or is damaged, and StoreVersionError if another version made the tables.
        """
        self.database: Database = SqliteDatabase(opened) if isinstance(opened, Path) else opened
        self.audit_log = AuditLog(self.database)
        self.guilds = Guilds(self.database, self.audit_log)
        self.channel_settings = ChannelSettingsTable(self.database, self.audit_log, self.guilds)
        self.synced_channels = SyncedChannels(self.database, self.audit_log)
        self.source_cards = SourceCards(self.database)
        self.digests = WeeklyDigests(self.database, self.audit_log)
        self.notes = Notes(self.database)
        self.review_cards = ReviewCards(self.database, self.notes)
        self.notices = Notices(self.database)
        self.pictures = Pictures(self.database)
        self.note_states = NoteStates(
            self.database, self.audit_log, self.guilds, self.notes, self.notices, self.pictures
        )
        self.public_notes = PublicNotes(self.database, self.note_states)
        self.note_checks = NoteChecks(self.database, self.note_states, self.notices)
        self.inbox = Inbox(self.database)
        self.handled = HandledInteractions(self.database)
        self.contributions = Contributions(self.database, self.guilds, self.note_states)
        self.gaps = Gaps(self.database, self.audit_log, self.notices)
        self.handovers = Handovers(self.database, self.notices)
        self.question_records = QuestionRecords(self.database)
        self.feedback_records = FeedbackRecords(self.database)
        self.golden_questions = GoldenQuestions(self.database)
        self.helped_questions = HelpedQuestions(self.database, self.question_records)
        self.helper_answers = HelperAnswers(self.database)
        self.recent_questions = RecentQuestions(self.database)
        self.phrasings = Phrasings(self.database)
        self.credit = Credit(self.database)
        self.period_figures = PeriodFigures(self.database)
        self.tombstones = Tombstones(self.database)
        self.quote_opt_outs = QuoteOptOuts(self.database, self.tombstones)
        self.wordings = Wordings(self.database)
        self.personal_data = PersonalData(
            self.database, self.note_states, self.tombstones, self.quote_opt_outs, self.wordings
        )
        self.purge = Purge(self.database, self.audit_log, self.tombstones, self.personal_data)
        self.decisions = Decisions(self.database, self.guilds, self.note_states, self.wordings)
        self.imports = Imports(self.database, self.guilds, self.note_states, self.decisions)
        # A counter of this process's changes of sources, for caches to compare.
        self.source_changes = 0

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Key-value memory.

    def recall(self, key: str) -> str | None:
        return recall(self.database, key)

    def remember(self, key: str, value: str) -> None:
        with self.database.writing():
            self.database.replace("memory", {"key": key, "value": value}, ["key"])

    # Sources.

    def add_source(
        self, location: str, scope: Scope, base_url: str = "", actor_id: int | None = None
    ) -> bool:
        """Store a source and the base URL of its files; False if the source was stored before.

        A member who adds the source, `actor_id`, is in the log.
        """
        self.source_changes += 1
        row = {"location": location, "scope": scope, "added_at": now(), "base_url": base_url}
        with self.database.writing(scope or None):
            is_new = self.database.insert_new("sources", row)
            if is_new and actor_id is not None:
                self.audit_log.append(scope, actor_id, "followed", f"source:{location}")
        return is_new

    def move_source(self, location: str, base_url: str) -> None:
        with self.database.writing():
            self.database.run(
                "update sources set base_url = ? where location = ?", (base_url, location)
            )

    def base_urls(self) -> dict[str, str]:
        """The base URL of each source's files, by location; sources without a URL are missing."""
        rows = self.database.rows(
            "select location, base_url from sources where base_url <> '' "
            "order by added_at, location, scope"
        )
        return {row["location"]: row["base_url"] for row in rows}

    def remove_source(self, location: str, scope: Scope, actor_id: int | None = None) -> None:
        """Remove a source; a member who removes it, `actor_id`, is in the log."""
        self.source_changes += 1
        with self.database.writing(scope or None):
            removed = self.database.run(
                "delete from sources where location = ? and scope = ?", (location, scope)
            )
            if removed and actor_id is not None:
                self.audit_log.append(scope, actor_id, "unfollowed", f"source:{location}")

    def sources(self) -> list[tuple[str, Scope]]:
        rows = self.database.rows(
            "select location, scope from sources order by added_at, location, scope"
        )
        return [(row["location"], Scope(row["scope"])) for row in rows]

    # Moved files.

    def file_ids(self) -> dict[str, str]:
        rows = self.database.rows("select path, document_id from file_ids")
        return {row["path"]: row["document_id"] for row in rows}

    def keep_file_ids(self, ids: Mapping[str, str]) -> None:
        with self.database.writing():
            self.database.run_many(
                "insert into file_ids (path, document_id) values (?, ?) "
                "on conflict (path) do update set document_id = excluded.document_id",
                list(ids.items()),
            )

    # Figures.

    def counts(self, guild_id: int) -> dict[str, int]:
        """The numbers of live notes, pending notes and questions in a guild."""
        [asked] = self.database.rows(
            "select count(*) as questions from questions where guild_id = ? and told_for is null",
            [guild_id],
        )
        return {**note_counts(self.database, guild_id), **asked}

    def totals(self) -> dict[str, dict[str, int]]:
        """All guilds' questions by evidence, verdicts by kind, and notes by state.

        A pending revision of a live note counts once as pending and once as live.
        """
        totals = {
            "questions": {evidence.value: 0 for evidence in Evidence},
            "verdicts": {verdict.value: 0 for verdict in Verdict},
            "notes": {"live": 0, "pending": 0},
        }
        for row in self.database.rows(
            "select 'questions' as part, evidence as key, count(*) as number from questions "
            "where told_for is null group by evidence "
            "union all select 'verdicts', verdict, count(*) from feedback group by verdict "
            "union all select 'notes', 'live', count(*) from notes "
            "where live_revision_id is not null "
            "union all select 'notes', 'pending', count(*) from revisions where state = 'pending'"
        ):
            totals[row["part"]][row["key"]] = row["number"]
        return totals
