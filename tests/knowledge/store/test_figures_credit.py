"""Credit for helpful notes, and figures of activity."""

from datetime import datetime, timedelta

from knowledge.store.database import now
from knowledge.store.questions.question_records import RecentQuestion
from knowledge.store.store import Store
from knowledge.values.notes import Member
from knowledge.values.questions import Evidence, Feedback, Question, RecordedHit, Verdict
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import (
    ADA,
    BEN,
    ELSEWHERE,
    GUILD,
    MIRA,
    REJECT,
    asked,
    decided,
    live_note,
)

CLEO, DORA = Member(4, "Cleo"), Member(5, "Dora")


def helpful(store: Store, question_id: int, *members: int) -> None:
    for member in members:
        store.feedback_records.record(Feedback(question_id, member, Verdict.HELPFUL))


def credited(store: Store, since: datetime | None = None) -> list[tuple[str, int, int]]:
    found = store.credit.contributors(GUILD, since, 3, 0.8)
    return [(one.name, one.citations, one.notes) for one in found]


def test_each_helpful_verdict_since_a_moment_counts_for_each_quoted_note(store: Store) -> None:
    live_note(store)
    live_note(store, BEN)
    both = asked(store, "Both?", Evidence.STRONG, "note:1", "note:2", by=9)
    one = asked(store, "One?", Evidence.PARTIAL, "note:2", by=9)
    helpful(store, both, 7, 8)
    helpful(store, one, 7)

    assert credited(store) == [("Ben", 3, 1), ("Mira", 2, 1)]
    assert credited(store, now() - timedelta(days=1)) == credited(store)
    assert credited(store, now() + timedelta(days=1)) == []


def test_who_has_extended_a_note_is_credited_for_it_too_also_as_a_moderator_edited_it(
    store: Store,
) -> None:
    note = live_note(store)
    for writer, text in ((BEN, "Text. More."), (CLEO, "Text. Most.")):
        extended = store.contributions.revise(GUILD, note.id, writer, Submission("T", text))
        assert extended is not None
        edited = Submission("T", text if writer is BEN else "Text. Most of all.")
        store.decisions.edit_and_approve(GUILD, extended.note.revision.id, ADA, edited)
    refused = store.contributions.revise(GUILD, note.id, DORA, Submission("T", "Text. No."))
    assert refused is not None
    decided(store, refused.note, REJECT)
    helpful(store, asked(store, "One?", Evidence.STRONG, "note:1", by=9), 7)

    assert sorted(credited(store)) == [("Ben", 1, 1), ("Cleo", 1, 1), ("Mira", 1, 1)]


def test_a_verdict_on_ones_own_note_or_given_twice_is_not_counted(store: Store) -> None:
    live_note(store)
    for text in ("Where is it?", "where is IT? "):
        helpful(store, asked(store, text, Evidence.STRONG, "note:1"), 7, MIRA.id)

    assert credited(store) == [("Mira", 1, 1)]


def test_of_a_passage_that_was_picked_only_its_note_is_credited(store: Store) -> None:
    live_note(store)
    live_note(store, BEN)
    found = asked(store, "Q?", Evidence.STRONG, "note:1", "article:a", "article:b", "note:2", by=9)
    pick = Feedback(found, 7, Verdict.HELPFUL, document_id="note:2")
    refused = asked(store, "Refused?", Evidence.NONE, "note:2", by=9)

    store.feedback_records.record_pick(pick, "", by_moderator=None)
    again = Feedback(refused, 8, Verdict.HELPFUL, document_id="note:2")
    store.feedback_records.record_pick(again, "", by_moderator=None)

    assert credited(store) == [("Ben", 2, 1)]


def test_unquoted_passages_and_notes_without_verdicts_give_no_credit(store: Store) -> None:
    live_note(store)
    far = asked(store, "Q?", Evidence.STRONG, "article:a", "article:b", "article:c", "note:1")
    helpful(store, far, 7)
    helpful(store, asked(store, "Refused?", Evidence.NONE, "note:1"), 7)
    asked(store, "Unjudged?", Evidence.STRONG, "note:1")

    assert credited(store) == []


def test_activity_counts_one_guild_and_answers_told_later_once(store: Store) -> None:
    live_note(store)
    question_id = asked(store, "Q?", Evidence.STRONG, "note:1")
    helpful(store, question_id, 7)
    asked(store, guild_id=ELSEWHERE)
    later = Question(0, GUILD, 5, 3, "Q?", Evidence.STRONG, now(), 1, told_for=question_id)
    store.question_records.record([later])

    activity = store.credit.activity(GUILD, store.gaps.number_open(GUILD), 5)

    assert activity.asked == 1
    assert store.counts(GUILD)["questions"] == 1
    assert store.totals()["questions"]["strong"] == 1
    assert store.question_records.recent_public(GUILD, 9) == [RecentQuestion("Q?", "", (), 1)]
    assert (activity.helpful, activity.unhelpful, activity.live, activity.gaps) == (1, 0, 1, 0)
    assert activity.quoted == (("T", 1),)


def test_no_figure_names_what_answered_private_questions(store: Store) -> None:
    live_note(store)
    hit = RecordedHit("note:1", "T", "", "", 0.9, ("meaning",))
    asked_alone = Question(0, GUILD, 5, 3, "Q?", Evidence.STRONG, now(), 1, [hit], private=True)
    store.question_records.record([asked_alone])

    assert store.credit.activity(GUILD, 0, 5).quoted == ()


def test_no_figure_names_what_a_channels_messages_say(store: Store) -> None:
    hit = RecordedHit("chat:1", "", "", "", 0.9, ("meaning",), source_channel_id=7, position=0)
    said = Question(0, GUILD, 5, 3, "Q?", Evidence.STRONG, now(), 1, [hit], channels=(7,))
    store.question_records.record([said])

    activity = store.credit.activity(GUILD, 0, 5)

    assert activity.asked == 1
    assert activity.quoted == ()
