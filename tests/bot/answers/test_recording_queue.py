"""Questions wait in a bounded queue while the database is away, and are recorded in order."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.answers.outage import Outage
from bot.answers.recording_queue import RESERVED_AT_ONCE, RecordingQueue
from knowledge.store.database import DatabaseAwayError
from knowledge.store.postgres.database import PostgresDatabase
from knowledge.store.store import Store
from knowledge.values.questions import Evidence, Question
from tests.postgres import Cluster

MOST = 3


@pytest.fixture
def store(community_url: str, tmp_path: Path) -> Iterator[Store]:
    with Store(PostgresDatabase(community_url, tmp_path)) as opened:
        yield opened


@pytest.fixture
def outage() -> Outage:
    return Outage()


@pytest.fixture
def queue(store: Store, outage: Outage) -> RecordingQueue:
    made = RecordingQueue(store, outage, most=MOST)
    made.reserve()
    return made


def asked(text: str, told_for: int | None = None, asker_id: int = 1) -> Question:
    at = datetime.now(UTC)
    return Question(0, 10, 5, asker_id, text, Evidence.NONE, at, 1, told_for=told_for)


def _texts(store: Store) -> list[str]:
    rows = store.database.rows("select text from questions order by id")
    return [row["text"] for row in rows]


def test_file_databases_need_no_queue(tmp_path: Path) -> None:
    outage = Outage()
    with Store(tmp_path / "community.db") as store:
        queue = RecordingQueue(store, outage, most=MOST)
        assert queue.record([asked("one"), asked("two")]) == [1, 2]
        assert queue.record([asked("three")]) == [3]
        assert queue.waiting == 0


def test_a_full_queue_is_told(store: Store, outage: Outage, queue: RecordingQueue) -> None:
    with outage.bridge():
        queue.record([asked("one"), asked("two")])
        assert queue.problem() == "2 questions wait for the database to be recorded."
        with pytest.raises(DatabaseAwayError, match=r"2 questions wait .* no more are answered"):
            queue.record([asked("three"), asked("four")])
        queue.record([asked("three")])
        assert "3 questions wait" in queue.problem()
        assert "no more are answered until it is back" in queue.problem()
        with pytest.raises(DatabaseAwayError):
            queue.record([asked("four")])
    assert _texts(store) == []
    queue.flush()
    assert queue.problem() == ""
    assert _texts(store) == ["one", "two", "three"]


def test_ids_for_all_waiting_questions_are_reserved(outage: Outage, queue: RecordingQueue) -> None:
    for number in range(RESERVED_AT_ONCE + 1):
        queue.record([asked(f"{number}")])
    with outage.bridge():
        ids = [queue.record([asked("late")])[0] for _ in range(MOST)]
    assert ids == [RESERVED_AT_ONCE + 2 + place for place in range(MOST)]


def test_one_that_can_not_be_recorded_holds_up_no_other(
    store: Store, outage: Outage, queue: RecordingQueue, caplog: pytest.LogCaptureFixture
) -> None:
    with outage.bridge():
        for text, told_for in (("one", None), ("words of a lost one", 77), ("three", None)):
            queue.record([asked(text, told_for)])
    with caplog.at_level(logging.ERROR):
        queue.flush()
    assert _texts(store) == ["one", "three"]
    assert queue.waiting == 0
    assert "Question 2 can't be recorded" in caplog.text
    assert "words of a lost one" not in caplog.text


def test_recording_again_under_an_id_changes_nothing(store: Store) -> None:
    one = asked("one")
    store.question_records.record_under([1], [one])
    store.question_records.record_under([1, 2], [one, asked("two")])
    assert _texts(store) == ["one", "two"]


def test_a_repeated_id_costs_no_question(store: Store, queue: RecordingQueue) -> None:
    store.question_records.record_under([1], [asked("somebody else's", asker_id=2)])
    queue.record([asked("one")])
    assert sorted(_texts(store)) == ["one", "somebody else's"]


def test_ids_that_nobody_else_has_passed_are_kept(postgres: Cluster, queue: RecordingQueue) -> None:
    del postgres
    queue.renew_ids()
    assert queue.record([asked("one")]) == [1]
