"""`Store` on a real database file: what is promised about the precious half of the data."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.model.documents import SHARED, Scope
from knowledge.model.guilds import GuildSettings
from knowledge.model.notes import Decision, Member, Note
from knowledge.model.questions import Evidence, Feedback, Question, RecordedHit, Verdict
from knowledge.model.submissions import Submission
from knowledge.store.decisions import Ruling
from knowledge.store.store import Store, StoreError
from tests.refused import refused_questions

GUILD = 10
MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")
TEXT = Submission("GPU hours", "The club has 40 GPU hours a month.", ("gpu",), "https://a.org/")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "community.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


def _proposed(store: Store, guild_id: int = GUILD, submission: Submission = TEXT) -> Note:
    return store.contributions.propose(guild_id, MIRA, 77, submission).note


def _question(**changed: object) -> Question:
    question = Question(
        id=0,
        guild_id=GUILD,
        channel_id=5,
        asker_id=1,
        text="how many gpu hours?",
        evidence=Evidence.STRONG,
        asked_at=datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
        generation=9,
        hits=[
            RecordedHit("note:1", "GPU hours", "A › B", "40 a month", 0.75, ("meaning", "words")),
            RecordedHit("article:x", "X", "", "text", 0.5, ("words",), "https://x.org/"),
        ],
    )
    return replace(question, **changed)  # type: ignore[arg-type]


# What can go wrong.


@pytest.mark.parametrize("content", [b"This is not a database. " * 100, b"\x00\xff" * 5_000])
def test_a_file_that_is_no_database_is_explained_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"not a usable database.*Restore it from a backup"):
        Store(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be opened"):
        Store(tmp_path / "missing" / "community.db")


def test_a_full_disk_changes_nothing_and_is_explained(path: Path, store: Store) -> None:
    _fill(store)
    before = _dump(path)
    with pytest.raises(
        StoreError, match=r"can't be written.*full.*Nothing was changed.*free space"
    ):
        _proposed(store, submission=replace(TEXT, text="x" * 4_000))
    assert _dump(path) == before


def test_a_store_works_on_once_the_disk_has_room_again(store: Store) -> None:
    _fill(store)
    with pytest.raises(StoreError):
        _proposed(store, submission=replace(TEXT, text="x" * 4_000))
    store.database._db.execute("pragma max_page_count = 100000")
    assert _proposed(store).revision.submission == TEXT
    assert store.audit_log.first_broken_entry() is None


def test_a_database_that_another_process_keeps_locked_is_explained(
    path: Path, store: Store
) -> None:
    store.database._db.execute("pragma busy_timeout = 20")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreError, match="locked"):
            _proposed(store)
        other.execute("rollback")
    assert store.notes.pending(GUILD) == []


# Questions and feedback.


def test_a_question_is_kept_with_its_hits_in_order(store: Store) -> None:
    question_id = store.record_questions([_question()])[0]
    assert store.question(question_id) == _question(id=question_id)


SAID = RecordedHit("chat:1", "", "", "", 0.5, ("words",), source_channel_id=7, position=2)


def test_a_hit_from_a_channel_is_kept_as_where_it_was(store: Store) -> None:
    question = _question(channels=(7, 9), hits=[SAID])
    [question_id] = store.record_questions([question])
    assert store.question(question_id) == replace(question, id=question_id)


@pytest.mark.parametrize("words", ["title", "heading", "passage"])
def test_the_database_takes_no_word_of_what_a_channels_messages_say(
    store: Store, words: str
) -> None:
    said = replace(SAID, **{words: "Said by somebody."})  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        store.record_questions([_question(hits=[said])])
    assert store.question(1) is None


def test_a_question_that_was_never_asked_is_none(store: Store) -> None:
    assert store.question(1) is None


def test_gaps_are_the_refused_questions_of_one_guild_newest_first(store: Store) -> None:
    store.record_questions([_question(text="answered")])[0]
    store.record_questions([_question(text="old gap", evidence=Evidence.NONE, hits=[])])[0]
    store.record_questions([_question(text="elsewhere", evidence=Evidence.NONE, guild_id=11)])[0]
    store.record_questions([_question(text="direct", evidence=Evidence.NONE, guild_id=None)])[0]
    store.record_questions([_question(text="new gap", evidence=Evidence.NONE, hits=[])])[0]
    assert [gap.text for gap in refused_questions(store, GUILD)] == ["new gap", "old gap"]
    assert [gap.text for gap in refused_questions(store, None)] == ["direct"]


def test_feedback_on_an_unknown_question_is_not_kept(store: Store) -> None:
    assert store.record_feedback(Feedback(5, 1, Verdict.HELPFUL)) is False


def test_the_last_verdict_of_a_member_counts(store: Store) -> None:
    question_id = store.record_questions([_question()])[0]
    store.record_feedback(Feedback(question_id, 1, Verdict.HELPFUL))
    store.record_feedback(Feedback(question_id, 2, Verdict.HELPFUL))
    store.record_feedback(Feedback(question_id, 1, Verdict.UNHELPFUL, "old"))
    found = sorted(store.feedback(question_id), key=lambda feedback: feedback.member_id)
    assert found == [
        Feedback(question_id, 1, Verdict.UNHELPFUL, "old"),
        Feedback(question_id, 2, Verdict.HELPFUL),
    ]
    assert all(isinstance(feedback.verdict, Verdict) for feedback in found)


def test_counts_are_those_of_one_guild(store: Store) -> None:
    for guild_id in (GUILD, GUILD, 11):
        _proposed(store, guild_id)
    store.decisions.decide(GUILD, 1, ADA, Ruling(Decision.APPROVE))
    store.record_questions([_question()])[0]
    assert store.counts(GUILD) == {"live": 1, "pending": 1, "questions": 1}


# Settings, sources, memory.


def test_guild_settings_are_none_until_chosen_and_then_the_last_choice(store: Store) -> None:
    assert store.guilds.settings(GUILD) == GuildSettings(GUILD)
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2), 3)
    store.guilds.save_settings(GuildSettings(GUILD, 4, 5), 3)
    assert store.guilds.settings(GUILD) == GuildSettings(GUILD, 4, 5)


def test_a_source_is_remembered_once(store: Store) -> None:
    assert store.add_source("docs", SHARED) is True
    assert store.add_source("docs", SHARED) is False
    assert store.add_source("docs", Scope(GUILD)) is True
    store.remove_source("docs", SHARED)
    assert store.sources() == [("docs", Scope(GUILD))]


def test_memory_holds_the_last_value(store: Store) -> None:
    assert store.recall("key") is None
    store.remember("key", "old")
    store.remember("key", "new")
    assert store.recall("key") == "new"


# The log.


@pytest.mark.parametrize("statement", ["update log set event = 'x'", "delete from log"])
def test_the_log_can_only_be_appended_to(path: Path, store: Store, statement: str) -> None:
    _proposed(store)
    before = store.audit_log.entries()
    with (
        closing(sqlite3.connect(path)) as other,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        other.execute(statement)
    assert store.audit_log.entries() == before


def test_the_log_tells_who_did_what(store: Store) -> None:
    note = _proposed(store)
    store.decisions.decide(GUILD, note.revision.id, ADA, Ruling(Decision.REJECT, "Out of date."))
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2), 3)
    members = store.audit_log.members()
    assert [
        (members[entry.actor or 0], entry.event, entry.subject)
        for entry in store.audit_log.entries()
    ] == [
        (MIRA.id, "proposed", f"revision:{note.revision.id}"),
        (ADA.id, "rejected", f"revision:{note.revision.id}"),
        (3, "settings", "guild"),
    ]
    assert "Out of date." not in store.audit_log.entries()[1].detail
    assert store.audit_log.first_broken_entry() is None


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("update log set actor = 99 where id = 2", 2),
        ("update log set detail = '{}' where id = 2", 2),
        ("update log set at = '2020-01-01T00:00:00+00:00' where id = 1", 1),
        ("delete from log where id = 2", 3),
        ("delete from log where id = 1", 2),
    ],
)
def test_a_log_that_was_tampered_with_is_found_out(
    path: Path, store: Store, statement: str, broken: int
) -> None:
    for _ in range(3):
        note = _proposed(store)
        store.decisions.decide(GUILD, note.revision.id, ADA, Ruling(Decision.REJECT, "why"))
    with closing(sqlite3.connect(path)) as other:
        other.execute("drop trigger log_is_never_changed")
        other.execute("drop trigger log_is_never_cut")
        other.execute(statement)
        other.commit()
    entry = store.audit_log.first_broken_entry()
    assert entry is not None
    assert entry.id == broken


def test_a_sound_database_has_no_problem(store: Store) -> None:
    _proposed(store)
    assert store.database.integrity_problem() == ""


def test_a_reference_to_a_row_that_is_gone_is_a_problem(path: Path, store: Store) -> None:
    _proposed(store)
    with closing(sqlite3.connect(path)) as other:
        other.execute("delete from notes")
        other.commit()
    assert "1 rows refer to rows that are gone" in store.database.integrity_problem()


def _fill(store: Store) -> None:
    """Leave no room for another page, as on a full disk."""
    pages = store.database._db.execute("pragma page_count").fetchone()[0]
    store.database._db.execute(f"pragma max_page_count = {pages}")


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())
