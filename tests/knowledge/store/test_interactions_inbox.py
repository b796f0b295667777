"""Clicks and forms are kept until they are done, and no longer than their token."""

from datetime import UTC, datetime, timedelta

from knowledge.store.interactions import TOKEN_LIFE, KeptInteraction
from knowledge.store.store import Store

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SENT = KeptInteraction(7, 10, 1, "token", "de", "form:note", [("title", "Quokkas")], NOW)
LATER = NOW + timedelta(minutes=1)


def test_a_form_is_left_by_a_process_that_ended_and_not_by_the_one_that_runs(store: Store) -> None:
    store.inbox.keep(SENT)
    assert store.inbox.left_over(LATER) == [SENT]
    assert store.inbox.left_over(NOW) == []


def test_of_a_form_that_was_taken_no_word_is_kept(store: Store) -> None:
    store.inbox.keep(SENT)
    with store.database.writing():
        store.inbox.mark_acted_on(SENT.id)
    [left] = store.inbox.left_over(LATER)
    assert (left.taken, left.fields) == (True, [])


def test_a_form_that_is_done_with_or_too_old_is_gone(store: Store) -> None:
    store.inbox.keep(SENT)
    store.inbox.delete(SENT.id)
    assert store.inbox.left_over(LATER) == []
    store.inbox.keep(SENT)
    assert store.inbox.left_over(NOW + TOKEN_LIFE + timedelta(seconds=1)) == []
    assert store.inbox.left_over(LATER) == []


def test_who_is_forgotten_and_a_guild_that_is_purged_leave_no_form(store: Store) -> None:
    store.inbox.keep(SENT)
    store.personal_data.forget(SENT.member_id, withdraw=False)
    assert store.inbox.left_over(LATER) == []
    store.inbox.keep(SENT)
    store.purge.guild(10)
    assert store.inbox.left_over(LATER) == []
