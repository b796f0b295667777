"""Verdicts of members, and confirmed answers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from knowledge.store.questions.question_records import digest_of
from knowledge.store.store import Store
from knowledge.values.questions import (
    Evidence,
    Feedback,
    GoldenState,
    Question,
    RecordedHit,
    Verdict,
)
from knowledge.values.tombstones import Tombstone, TombstoneKind
from tests.knowledge.decided_notes import AT, GUILD, live_note
from tests.stores import Place

ASKER = 5

NOTE = RecordedHit("note:1", "Hours", "Hours › GPU", "Forty hours.", 0.9, ("words",), "https://a/")
ARTICLE = RecordedHit("article:x", "An article", "", "An article's words.", 0.8, ("meaning",))


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.store() as opened:
        live_note(opened)
        yield opened


def ask(store: Store, text: str, *hits: RecordedHit) -> int:
    question = Question(0, GUILD, 7, ASKER, text, Evidence.STRONG, AT, 1, hits)
    return store.question_records.record([question])[0]


def helpful(store: Store, question_id: int, member_id: int, document_id: str = "") -> None:
    store.feedback_records.record(
        Feedback(question_id, member_id, Verdict.HELPFUL, document_id=document_id)
    )


def confirm(store: Store, question_id: int, hit: RecordedHit, *, by_moderator: bool) -> bool:
    pick = Feedback(question_id, 5, Verdict.HELPFUL, document_id=hit.document_id)
    return store.feedback_records.record_pick(pick, digest_of(hit), by_moderator=by_moderator)


def found(store: Store, question_id: int) -> list[str]:
    return [hit.document_id for hit in store.question_records.hits(question_id)]


def test_what_is_confirmed_becomes_the_first_hit_and_the_others_keep_their_order(
    store: Store,
) -> None:
    third = replace(ARTICLE, document_id="article:y")
    question_id = ask(store, "Hours?", NOTE, ARTICLE, third)

    assert confirm(store, question_id, third, by_moderator=False)
    assert found(store, question_id) == ["article:y", "note:1", "article:x"]
    assert confirm(store, question_id, NOTE, by_moderator=True)
    assert found(store, question_id) == ["note:1", "article:y", "article:x"]

    assert not confirm(store, question_id, third, by_moderator=False)
    assert found(store, question_id)[0] == "note:1"
    unknown = replace(ARTICLE, document_id="article:z")
    assert not confirm(store, question_id, unknown, by_moderator=True)


def test_verdicts_stay_with_what_was_quoted_when_they_were_given(store: Store) -> None:
    question_id = ask(store, "Hours?", NOTE, ARTICLE)
    helpful(store, question_id, 8)

    confirm(store, question_id, ARTICLE, by_moderator=True)
    helpful(store, question_id, 9)

    said = {one.member_id: one.document_id for one in store.feedback_records.of(question_id)}
    assert said == {5: "article:x", 8: "note:1", 9: "article:x"}


def test_what_somebody_picked_is_accepted_whatever_was_quoted(store: Store) -> None:
    refused = ask(store, "Refused?", NOTE, ARTICLE)
    store.database.run("update questions set evidence = 'none' where id = ?", [refused])
    store.feedback_records.record(Feedback(refused, 8, Verdict.UNHELPFUL))

    helpful(store, refused, 9, "article:x")

    [accepted] = store.question_records.judged_helpful()
    assert [hit.document_id for hit in accepted.hits] == ["article:x", "note:1"]


def test_nothing_is_confirmed_by_a_note_that_was_deleted(store: Store) -> None:
    question_id = ask(store, "Hours?", ARTICLE, NOTE)
    confirm(store, question_id, NOTE, by_moderator=True)
    assert [one.passage for one in store.feedback_records.confirmed(GUILD)] == ["Forty hours."]

    store.purge.apply([Tombstone("2026", TombstoneKind.NOTE, "1")])

    assert store.feedback_records.confirmed(GUILD) == []


def test_of_what_was_picked_its_member_is_given_a_copy(store: Store) -> None:
    question_id = ask(store, "Hours?", ARTICLE, NOTE)
    confirm(store, question_id, NOTE, by_moderator=False)

    exported = store.personal_data.export(5)

    assert [row["document"] for row in exported["feedback"]] == ["note:1"]
    assert exported["questions"][0]["confirmed_at"] is not None


def test_the_last_check_of_a_golden_question_is_kept(store: Store) -> None:
    confirm(store, ask(store, "Hours?", NOTE), NOTE, by_moderator=True)
    [golden] = store.golden_questions.of_guild(GUILD)
    checked = replace(golden, checked="a", checked_at=AT, first="b", changed_at=AT)
    for state in (GoldenState.HELD, GoldenState.MOVED):
        store.golden_questions.record_checks(GUILD, [replace(checked, state=state)])
    assert store.golden_questions.of_guild(GUILD) == [replace(checked, state=GoldenState.MOVED)]
