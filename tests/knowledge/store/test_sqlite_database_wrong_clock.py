"""A temporarily wrong clock loses nothing, and leaves nothing wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from knowledge.backup import backups
from knowledge.store import database
from knowledge.store.audit_log import replay
from knowledge.store.store import Store
from knowledge.values.guilds import Rule
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import ADA, APPROVE, GUILD, MIRA

TODAY = datetime(2026, 3, 10, 12, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock of the community database."""

    def set_to(moment: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Clock":
                return cls.fromisoformat(moment.isoformat())

        monkeypatch.setattr(database, "datetime", Clock)

    return set_to


def test_a_clock_that_is_put_back_breaks_neither_the_log_nor_the_order_of_revisions(
    store: Store, set_clock: Callable[[datetime], None]
) -> None:
    for number, at in enumerate((TODAY, TODAY + YEAR, TODAY - YEAR, TODAY)):
        set_clock(at)
        submission = Submission("A note", f"Text {number}")
        if number == 0:
            revision = store.contributions.propose(GUILD, MIRA, 5, submission).note.revision
        else:
            revised = store.contributions.revise(GUILD, 1, MIRA, submission)
            assert revised is not None
            revision = revised.note.revision
        outcome = store.decisions.decide(GUILD, revision.id, ADA, APPROVE)
        assert outcome is not None
        assert outcome.done
    entries = store.audit_log.entries()
    assert [entry.id for entry in entries] == list(range(1, len(entries) + 1))
    assert store.audit_log.contradicted_notes() == []
    assert store.database.integrity_problem() == ""
    [note] = store.notes.every_live()
    assert (note.revision.number, note.revision.submission.text) == (4, "Text 3")
    assert replay(entries)[1].live == note.revision.id
    assert [each.revision.number for each in store.notes.history(GUILD, 1)] == [1, 2, 3, 4]


def test_a_review_date_that_a_wrong_clock_had_passed_is_passed_no_more(
    store: Store, set_clock: Callable[[datetime], None]
) -> None:
    set_clock(TODAY)
    store.guilds.save_rule(GUILD, Rule("", review_after_days=90), ADA.id)
    note = store.contributions.propose(GUILD, MIRA, 5, Submission("A note", "Text.")).note
    store.decisions.decide(GUILD, note.revision.id, ADA, APPROVE)
    assert [each.id for each in store.review_cards.mark_newly_due(TODAY + YEAR)] == [note.id]
    assert store.review_cards.mark_newly_due(TODAY) == []
    assert store.notes.due_ids(TODAY) == []
    assert [each.id for each in store.review_cards.mark_newly_due(TODAY + timedelta(days=91))] == [
        note.id
    ]


def test_a_reminder_that_a_wrong_clock_gave_silences_none(store: Store) -> None:
    waiting = TODAY - timedelta(days=2)
    with store.database.writing():
        store.database.run("insert into guilds (id) values (?)", [GUILD])
    assert store.guilds.claim_reminder(GUILD, TODAY + YEAR, waiting)
    assert store.guilds.claim_reminder(GUILD, TODAY, waiting)
    assert not store.guilds.claim_reminder(GUILD, TODAY + timedelta(hours=1), waiting)


def test_a_backup_is_not_deleted_for_others_that_a_wrong_clock_named(
    store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    days = [TODAY + YEAR + timedelta(days=days) for days in range(3)]
    taken = [folder / backups.name(at) for at in (*days, TODAY)]
    for target in taken:
        backups.back_up(store.database.folder / "community.db", target)
    assert backups.rotate(folder, 3, taken[-1]) == (taken[:1], [])


def test_only_days_that_are_seen_count_as_absence(store: Store) -> None:
    assert store.guilds.leave(GUILD, TODAY)
    for jump in (YEAR, YEAR, timedelta(), YEAR * 3):
        store.guilds.count_absence(TODAY + jump)
        assert store.purge.guilds_left_before(TODAY + jump - timedelta(days=30)) == []
    store.guilds.count_absence(TODAY)
    for day in range(1, 32):
        at = TODAY + timedelta(days=day)
        store.guilds.count_absence(at)
        assert store.purge.guilds_left_before(at - timedelta(days=30)) == (
            [GUILD] if day > 30 else []
        )
