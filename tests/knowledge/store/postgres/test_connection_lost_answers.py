"""Connections lost during a change: nobody is told that nothing was changed.

Each cut is between two protocol messages: the server has committed, or wasn't asked to.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from knowledge.store.database import OutcomeUnknownError, StoreError
from knowledge.store.interactions import HandledInteractions
from knowledge.store.postgres.connection import Connection
from knowledge.store.postgres.database import PostgresDatabase
from knowledge.store.store import Store
from knowledge.values.notes import Outcome, State
from tests.knowledge.decided_notes import ADA, APPROVE, FIRST, GUILD, MIRA, events, proposed, some
from tests.postgres import Cluster
from tests.postgres_cuts import Cut, CuttingSocket, cutting_socket
from tests.stores import make_tables

# psycopg sends this many transactions as text; later ones are prepared, and say less.
_MANY = 8


@pytest.fixture
def cutting(postgres: Cluster) -> Iterator[CuttingSocket]:
    with cutting_socket(postgres.folder) as made:
        yield made


@pytest.fixture
def url(postgres: Cluster, cutting: CuttingSocket) -> Iterator[str]:
    """A database with its tables, behind a cutting proxy."""
    made = postgres.empty()
    make_tables(made)
    yield made.replace(str(postgres.folder), str(cutting.folder))
    postgres.drop(made)


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    with Store(PostgresDatabase(url, tmp_path)) as opened:
        opened.handled = HandledInteractions(opened.database, pauses=[0.0, 0.0])
        yield opened


def _approve(store: Store, revision_id: int, interaction_id: int) -> Outcome:
    def act() -> tuple[Outcome | None, int | None]:
        outcome = store.decisions.decide(GUILD, revision_id, ADA, APPROVE)
        return outcome, revision_id if outcome is not None and outcome.done else None

    return some(
        store.handled.once(
            GUILD, [interaction_id], act, lambda known: Outcome(store.notes.of_revision(known))
        )
    )


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_cut_commits_decide_once(store: Store, cutting: CuttingSocket, cut: Cut) -> None:
    ids = [proposed(store).revision.id for _ in range(_MANY)]
    for revision_id in ids:
        cutting.cut(cut)
        outcome = _approve(store, revision_id, revision_id)
        assert outcome.done
        assert outcome.note.revision.state is State.APPROVED
        assert len(outcome.note.reviews) == 1
    assert cutting.done == _MANY
    assert events(store) == ["proposed"] * _MANY + ["approved"] * _MANY
    assert store.audit_log.contradicted_notes() == []


def test_a_commit_is_cut_also_when_it_is_prepared(store: Store, cutting: CuttingSocket) -> None:
    for _ in range(_MANY):
        proposed(store)
    for cut in (Cut.BEFORE, Cut.AFTER):
        for _ in range(_MANY):
            proposed(store)
        before = len(events(store))
        cutting.cut(cut)
        with pytest.raises(OutcomeUnknownError, match="may or may not be stored"):
            proposed(store)
        assert len(events(store)) - before == (cut is Cut.AFTER)


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_note_submitted_in_a_cut_exists_once(
    store: Store, cutting: CuttingSocket, cut: Cut
) -> None:
    def submit() -> Outcome:
        def act() -> tuple[Outcome, int | None]:
            outcome = store.contributions.propose(GUILD, MIRA, 5, FIRST)
            return outcome, outcome.note.revision.id

        return store.handled.once(
            GUILD, [7, 8], act, lambda known: Outcome(store.notes.of_revision(known))
        )

    cutting.cut(cut)
    submitted = submit()
    # And if Discord delivers the same click again.
    assert submit().note.id == submitted.note.id
    assert events(store) == ["proposed"]


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_absent_server_leaves_it_unknown(store: Store, cutting: CuttingSocket, cut: Cut) -> None:
    revision_id = proposed(store).revision.id
    cutting.cut(cut)
    cutting.refuse(refusing=True)
    with pytest.raises(OutcomeUnknownError, match="may or may not be stored: look") as caught:
        _approve(store, revision_id, 7)
    assert "Nothing was changed" not in str(caught.value)
    cutting.refuse(refusing=False)
    # Another click decides it, or finds it decided; it exists once.
    again = _approve(store, revision_id, 8)
    assert again.done is (cut is Cut.BEFORE)
    assert again.note.revision.state is State.APPROVED
    assert events(store) == ["proposed", "approved"]


def test_returned_server_tells_the_outcome(store: Store, cutting: CuttingSocket) -> None:
    def until_it_is_back() -> Iterator[float]:
        yield 0.0
        yield 0.0
        cutting.refuse(refusing=False)
        yield 0.0

    store.handled = HandledInteractions(store.database, until_it_is_back())
    revision_id = proposed(store).revision.id
    cutting.cut(Cut.AFTER)
    cutting.refuse(refusing=True)
    assert _approve(store, revision_id, 7).done
    assert events(store) == ["proposed", "approved"]


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_settings_whose_commit_is_cut_are_kept_whole_or_not_and_nobody_says_otherwise(
    store: Store, cutting: CuttingSocket, cut: Cut
) -> None:
    wanted = replace(store.guilds.settings(GUILD), undo_minutes=3)
    cutting.cut(cut)
    with pytest.raises(OutcomeUnknownError) as caught:
        store.guilds.save_settings(wanted, ADA.id)
    assert "Nothing was changed" not in str(caught.value)
    kept = cut is Cut.AFTER
    assert (store.guilds.settings(GUILD) == wanted) is kept
    assert events(store) == ["settings"] * kept
    # Looking and repeating succeeds either way.
    store.guilds.save_settings(wanted, ADA.id)
    assert store.guilds.settings(GUILD) == wanted


def test_lost_answer_outside_transactions_is_unknown(url: str, cutting: CuttingSocket) -> None:
    connection = Connection(url, "tried")
    connection.run("create table kept (name text)")
    cutting.cut(Cut.AFTER_STATEMENT)
    with pytest.raises(OutcomeUnknownError, match="may or may not be stored"):
        connection.insert("kept", {"name": "a"})
    assert connection.unknown_outcomes == 1
    cutting.cut(Cut.AFTER_STATEMENT)
    with pytest.raises(OutcomeUnknownError, match="may or may not be stored"):
        connection.run_many("insert into kept values (?)", [("b",)])
    # Inside a transaction the same loss certainly undoes everything.
    cutting.cut(Cut.AFTER_STATEMENT)
    with pytest.raises(StoreError, match="Nothing was changed"), connection.writing():
        connection.insert("kept", {"name": "c"})
    assert [row["name"] for row in connection.rows("select name from kept")] == ["a", "b"]
    assert connection.unknown_outcomes == 2
    connection.close()


def test_lost_read_is_no_change(url: str, cutting: CuttingSocket) -> None:
    connection = Connection(url, "tried")
    cutting.cut(Cut.AFTER)
    with pytest.raises(StoreError, match="Nothing was changed"), connection.reading():
        connection.rows("select 1 as n")
    assert connection.unknown_outcomes == 0
    connection.close()


def test_undone_transaction_is_not_taken_for_kept(url: str) -> None:
    connection = Connection(url, "tried")
    connection.run("create table kept (name text primary key)")

    def write() -> None:
        with connection.writing():
            connection.insert("kept", {"name": "a"})
            with pytest.raises(psycopg.Error):
                connection.insert("kept", {"name": "a"})

    with pytest.raises(StoreError, match=r"refused a change\. Nothing was changed"):
        write()
    assert connection.rows("select name from kept") == []
    with connection.writing():
        connection.insert("kept", {"name": "b"})
    assert connection.rows("select name from kept") == [{"name": "b"}]
    connection.close()
