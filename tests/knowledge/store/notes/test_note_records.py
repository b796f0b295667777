from datetime import timedelta

from knowledge.store.database import now
from knowledge.store.store import Store
from knowledge.values.guilds import Rule
from knowledge.values.notes import Problem, SourceChange, SourceMessage
from tests.knowledge.decided_notes import ADA, GUILD, decided, proposed


def test_report_queues_a_live_note_until_it_is_kept(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    assert store.notes.queue(GUILD, now()) == []
    store.contributions.report(GUILD, note.id, 4, Problem.OUTDATED, "It is 60 now.")
    store.contributions.report(GUILD, note.id, 4, Problem.OUTDATED, "It is 70 now.")
    [waiting] = store.notes.queue(GUILD, now())
    assert [report.reason for report in waiting.reports] == ["It is 70 now."]
    store.decisions.keep(GUILD, note.id, ADA)
    assert store.notes.queue(GUILD, now()) == []


def test_note_is_due_by_its_tags_rule(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("gpu", review_after_days=30), 9)
    note = proposed(store)
    decided(store, note)
    assert store.notes.queue(GUILD, now() + timedelta(days=29)) == []
    later = now() + timedelta(days=31)
    assert [one.id for one in store.notes.queue(GUILD, later)] == [note.id]
    assert [one.id for one in store.review_cards.mark_newly_due(later)] == [note.id]
    assert store.review_cards.mark_newly_due(later + timedelta(hours=1)) == []


def test_a_note_whose_message_changed_is_flagged_once(store: Store) -> None:
    note = proposed(store, source=SourceMessage(5, 66))
    decided(store, note)
    assert len(store.contributions.flag_source_change([66], SourceChange.EDITED)) == 1
    assert store.contributions.flag_source_change([66], SourceChange.EDITED) == []
    assert len(store.contributions.flag_source_change([66], SourceChange.DELETED)) == 1
    assert store.contributions.flag_source_change([66], SourceChange.EDITED) == []
    [waiting] = store.notes.queue(GUILD, now())
    assert waiting.source == SourceMessage(5, 66, SourceChange.DELETED)


def test_the_queue_begins_with_what_has_waited_longest(store: Store) -> None:
    notes = [proposed(store) for _ in range(3)]
    decided(store, notes[0])
    store.contributions.report(GUILD, notes[0].id, 4, Problem.WRONG, "")
    assert [note.id for note in store.notes.queue(GUILD, now())] == [2, 3, 1]


def test_cards_change_is_due_until_it_is_shown(store: Store) -> None:
    note = proposed(store)
    [(_, due)] = store.review_cards.due()
    store.review_cards.record_message(note.revision.id, 123, 456)
    decided(store, note)
    store.review_cards.mark_shown(note.revision.id, due)
    [(again, due)] = store.review_cards.due()
    assert again.card == (123, 456)
    store.review_cards.mark_shown(note.revision.id, due)
    assert store.review_cards.due() == []


def test_postings_number_stays_until_its_card_is_lost(store: Store) -> None:
    note = proposed(store)
    revision_id = note.revision.id
    assert store.review_cards.begin_posting(revision_id, 1) == 1
    store.review_cards.mark_outdated(revision_id)
    [(_, change)] = store.review_cards.due()
    assert (change, store.review_cards.begin_posting(revision_id, change)) == (2, 1)
    store.review_cards.record_message(revision_id, 123, 456)
    store.review_cards.forget_messages([456])
    [(_, change)] = store.review_cards.due()
    assert store.review_cards.begin_posting(revision_id, change) == change != 1


def test_lost_card_is_posted_under_another_number(store: Store) -> None:
    note = proposed(store)
    revision_id = note.revision.id
    store.review_cards.mark_shown(revision_id, store.review_cards.begin_posting(revision_id, 1))
    store.review_cards.record_message(revision_id, 123, 456)
    decided(store, note)
    store.review_cards.mark_shown(revision_id, 1)
    store.review_cards.forget_messages([456])
    store.decisions.undo(GUILD, revision_id, ADA)
    [(_, change)] = store.review_cards.due()
    assert store.review_cards.begin_posting(revision_id, change) != 1


def test_a_contributors_record_is_of_other_notes(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    assert store.notes.record_of(note) == {}
    assert store.notes.record_of(proposed(store)) == {"approved": 1}
