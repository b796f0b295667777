"""Two guilds with a live note each, and their backups, for tests of deletion and restore."""

from datetime import UTC, datetime
from pathlib import Path

from knowledge.backup import backups
from knowledge.store.audit_log import replay
from knowledge.store.store import Store
from knowledge.values.notes import Note, State
from knowledge.values.questions import Evidence, Question
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import GUILD, MIRA, decided

TEXT = Submission("GPU hours", "The club has 40 GPU hours a month.", ("gpu",))
AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def approved(store: Store, guild_id: int = GUILD) -> Note:
    return decided(store, store.contributions.propose(guild_id, MIRA, 5, TEXT).note).note


def asked(store: Store, guild_id: int = GUILD) -> int:
    question = Question(0, guild_id, 5, MIRA.id, "how many?", Evidence.NONE, AT, 1)
    return store.question_records.record([question])[0]


def live(path: Path) -> list[int]:
    with Store(path) as store:
        assert store.database.integrity_problem() == ""
        assert store.audit_log.contradicted_notes() == []
        return [note.guild_id for note in store.notes.every_live()]


def restored(backup: Path, path: Path) -> Path | None:
    return backups.restore(backup, path, AT).kept


def standings(store: Store) -> dict[int, tuple[int, dict[int, State], int | None]]:
    """Every note's guild, revisions' states and live revision, by the tables."""
    found: dict[int, tuple[int, dict[int, State], int | None]] = {}
    for row in store.database.rows("select id, guild_id, live_revision_id from notes"):
        history = store.notes.history(row["guild_id"], row["id"])
        states = {note.revision.id: note.revision.state for note in history}
        found[row["id"]] = (row["guild_id"], states, row["live_revision_id"])
    return found


def told(store: Store) -> dict[int, tuple[int, dict[int, State], int | None]]:
    """The same by the log alone."""
    return {
        note_id: (standing.guild_id, standing.states, standing.live)
        for note_id, standing in replay(store.audit_log.entries()).items()
    }
