"""Idempotency: an interaction acts once, even if its outcome was lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowledge.store.database import OutcomeUnknownError
from knowledge.store.interactions import (
    KEPT_FOR,
    TOKEN_LIFE,
    GivenBackError,
    HandledInteractions,
    KeptInteraction,
)
from knowledge.store.postgres.database import PostgresDatabase
from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.store.store import Store
from knowledge.values.notes import Outcome
from tests.knowledge.decided_notes import ADA, APPROVE, GUILD, MIRA, decided, events, proposed, some
from tests.postgres import Cluster
from tests.postgres_cuts import Cut, CuttingSocket, cutting_socket
from tests.stores import FILE, Place, make_tables

CLICK, ORIGIN = 77, 78


def approve(store: Store, revision_id: int, *ids: int) -> Outcome | None:
    """Approve a revision in an interaction, as the bot does."""

    def act() -> tuple[Outcome | None, int | None]:
        outcome = store.decisions.decide(GUILD, revision_id, ADA, APPROVE)
        done = outcome is not None and outcome.done
        return outcome, revision_id if done else None

    def again(subject: int) -> Outcome | None:
        note = store.notes.find(subject, GUILD)
        return Outcome(note) if note is not None else None

    return store.handled.once(GUILD, ids or (CLICK,), act, again)


@pytest.mark.parametrize("second", [(CLICK,), (CLICK + 1, ORIGIN)])
def test_repeated_interaction_acts_once(store: Store, second: tuple[int, ...]) -> None:
    """The second delivery has the same id, or belongs to the same message."""
    revision_id = proposed(store).revision.id
    for ids in ((CLICK, ORIGIN), second):
        outcome = some(approve(store, revision_id, *ids))
        assert outcome.done
        assert outcome.note.live
    assert events(store) == ["proposed", "approved"]
    # Another interaction gets the note's state.
    assert not some(approve(store, revision_id, CLICK + 2)).done


def test_what_could_not_be_done_can_be_asked_for_again(store: Store) -> None:
    assert approve(store, 1) is None
    assert some(approve(store, proposed(store).revision.id)).done


def test_returned_interaction_is_not_done(store: Store) -> None:
    revision_id = proposed(store).revision.id
    # It is returned again if its sender couldn't be told the first time.
    assert [store.handled.give_back(GUILD, CLICK) for _ in range(2)] == [True, True]
    with pytest.raises(GivenBackError, match="Nothing was changed"):
        approve(store, revision_id)
    assert events(store) == ["proposed"]
    assert some(approve(store, revision_id, CLICK + 1)).done


def test_what_was_done_is_not_given_back(store: Store) -> None:
    approve(store, proposed(store).revision.id)
    assert not store.handled.give_back(GUILD, CLICK)


def test_interactions_are_kept_for_a_day(store: Store) -> None:
    approve(store, proposed(store).revision.id)
    for more, left in ((1, {CLICK, 1}), (-1, {1, 2})):
        at = datetime.now(UTC) - KEPT_FOR + timedelta(minutes=more)
        with store.database.writing():
            store.database.run("update handled set at = ? where id = ?", [at.isoformat(), CLICK])
        number = 1 if more > 0 else 2
        store.handled.once(GUILD, [number], lambda: (0, 1), lambda _: None)
        rows = store.database.rows("select id from handled")
        assert {row["id"] for row in rows} == left


# The reply to a commit is lost.


class LostAnswers(SqliteDatabase):
    """A database that loses the replies to some commits, committed or not."""

    lost: int = 0
    kept: bool = True

    @contextmanager
    def writing(self, guild_id: int | None = None) -> Iterator[None]:
        if self._db.conn.in_transaction or not self.lost:
            with super().writing(guild_id):
                yield
            return
        self.lost -= 1
        with super().writing(guild_id):
            yield
            if not self.kept:
                raise OutcomeUnknownError("The connection was lost.")
        raise OutcomeUnknownError("The connection was lost.")


@pytest.mark.parametrize("kept", [True, False])
def test_a_change_whose_commit_nobody_answered_is_made_once(tmp_path: Path, kept: bool) -> None:
    database = LostAnswers(tmp_path / FILE)
    with Store(database) as store:
        revision_id = proposed(store).revision.id
        database.lost, database.kept = 1, kept
        assert some(approve(store, revision_id)).done
        assert events(store) == ["proposed", "approved"]


def test_where_it_is_lost_again_that_is_said(tmp_path: Path) -> None:
    database = LostAnswers(tmp_path / FILE)
    with Store(database) as store:
        revision_id = proposed(store).revision.id
        store.handled = HandledInteractions(database, pauses=[0.0])
        database.lost, database.kept = 2, False
        with pytest.raises(OutcomeUnknownError):
            approve(store, revision_id)
        assert events(store) == ["proposed"]


@pytest.fixture
def cutting(postgres: Cluster) -> Iterator[CuttingSocket]:
    with cutting_socket(postgres.folder) as made:
        yield made


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_a_connection_that_is_cut_around_a_commit_decides_once(
    postgres: Cluster, cutting: CuttingSocket, tmp_path: Path, cut: Cut
) -> None:
    url = postgres.empty()
    make_tables(url)
    between = url.replace(str(postgres.folder), str(cutting.folder))
    with Store(PostgresDatabase(between, tmp_path)) as store:
        revision_id = proposed(store).revision.id
        cutting.cut(cut)
        assert some(approve(store, revision_id)).done
        assert events(store) == ["proposed", "approved"]
        handled = HandledInteractions(store.database, pauses=[0.0])
        cutting.cut(cut, cut)
        with pytest.raises(OutcomeUnknownError, match="look before you repeat"):
            handled.once(GUILD, [5], lambda: (0, None), lambda _: None)
    postgres.drop(url)


NOW = datetime(2026, 1, 2, tzinfo=UTC)
SENT = KeptInteraction(7, 10, 1, "token", "de", "form:note", [("title", "Quokkas")], NOW)
LATER = NOW + timedelta(minutes=1)


def test_only_an_ended_processs_form_is_left_over(store: Store) -> None:
    store.inbox.keep(SENT)
    assert store.inbox.left_over(LATER) == [SENT]
    assert store.inbox.left_over(NOW) == []


def test_of_a_form_that_was_taken_no_word_is_kept(store: Store) -> None:
    store.inbox.keep(SENT)
    with store.database.writing():
        store.inbox.mark_acted_on(SENT.id)
    [left] = store.inbox.left_over(LATER)
    assert (left.taken, left.fields) == (True, [])


def test_done_or_old_form_is_gone(store: Store) -> None:
    store.inbox.keep(SENT)
    store.inbox.delete(SENT.id)
    assert store.inbox.left_over(LATER) == []
    store.inbox.keep(SENT)
    assert store.inbox.left_over(NOW + TOKEN_LIFE + timedelta(seconds=1)) == []
    assert store.inbox.left_over(LATER) == []


def test_forgotten_member_and_purged_guild_leave_no_form(store: Store) -> None:
    store.inbox.keep(SENT)
    store.personal_data.forget(SENT.member_id, withdraw=False)
    assert store.inbox.left_over(LATER) == []
    store.inbox.keep(SENT)
    store.purge.guild(10)
    assert store.inbox.left_over(LATER) == []


def test_a_notice_waits_until_it_was_sent(place: Place, store: Store) -> None:
    decided(store, proposed(store))
    with place.store() as reopened:
        [notice] = reopened.notices.queue()
        assert (notice.member_id, notice.channel_id, notice.revision_id) == (MIRA.id, 77, 1)
        reopened.notices.mark_sent(notice.id)
    assert store.notices.queue() == []
