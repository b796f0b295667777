from dataclasses import replace
from datetime import UTC, datetime, timedelta

from knowledge.store.database import now
from knowledge.store.figures import Asked, Judged, Quoted
from knowledge.store.notes.decisions import Ruling
from knowledge.store.questions.question_records import RecentQuestion, digest_of
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member, NoticeEvent
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
    some,
)
from tests.knowledge.two_guilds import TEXT, approved

AT = datetime(2026, 3, 30, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUESTION = Question(0, GUILD, 5, MIRA.id, "how many?", Evidence.NONE, AT, 1)


def test_a_period_has_its_beginning_and_not_its_end(store: Store) -> None:
    asked = [
        QUESTION,
        replace(QUESTION, asked_at=AT + HOUR, evidence=Evidence.STRONG, private=True),
        replace(QUESTION, asked_at=AT + HOUR, evidence=Evidence.PARTIAL),
        replace(QUESTION, asked_at=AT - HOUR),
        replace(QUESTION, asked_at=AT + 2 * HOUR),
        replace(QUESTION, guild_id=ELSEWHERE),
        replace(QUESTION, told_for=1),
    ]
    store.question_records.record(asked)

    assert store.period_figures.question_counts(GUILD, AT, AT + 2 * HOUR) == Asked(1, 1, 1, 0)


def test_question_is_helpful_once(store: Store) -> None:
    [first, second] = store.question_records.record([QUESTION, QUESTION])
    for member_id in (1, 2):
        store.feedback_records.record(Feedback(first, member_id, Verdict.HELPFUL))
    store.feedback_records.record(Feedback(second, 1, Verdict.UNHELPFUL))

    assert store.period_figures.question_counts(GUILD, now() - HOUR, now() + HOUR).solved == 1


def test_days_begin_at_midnight_in_utc(store: Store) -> None:
    midnight = AT.replace(hour=0)
    store.question_records.record([replace(QUESTION, asked_at=midnight)])
    store.question_records.record([replace(QUESTION, asked_at=midnight - timedelta(seconds=1))])
    store.question_records.record([replace(QUESTION, guild_id=ELSEWHERE)])

    days = store.period_figures.days(GUILD, AT - timedelta(days=1), AT + HOUR)

    assert days == {AT.date() - timedelta(days=1): {"none": 1}, AT.date(): {"none": 1}}
    everywhere = store.period_figures.days(None, AT - timedelta(days=1), AT + HOUR)
    assert everywhere[AT.date()] == {"none": 2}


def _quoting(*document_ids: str, **changes: object) -> Question:
    hits = [RecordedHit(one, one, "", one, 1.0, ()) for one in document_ids]
    strong = replace(QUESTION, evidence=Evidence.STRONG, quotations=2)
    return replace(strong, hits=hits, **changes)  # type: ignore[arg-type]


def test_documents_verdicts_are_counted_in_a_period(store: Store) -> None:
    # The third one isn't quoted.
    [helped] = store.question_records.record([_quoting("a", "b", "c")])
    [not_helped] = store.question_records.record([_quoting("a")])
    store.question_records.record(
        [
            _quoting("a", guild_id=ELSEWHERE),
            _quoting("a", evidence=Evidence.NONE),
            _quoting("a", asked_at=AT - HOUR),
        ]
    )
    store.feedback_records.record(Feedback(helped, 1, Verdict.HELPFUL))
    store.feedback_records.record(Feedback(helped, 2, Verdict.HELPFUL))
    store.feedback_records.record(Feedback(not_helped, 1, Verdict.UNHELPFUL))
    # A pick is for its document, not for the quoted ones.
    pick = Feedback(not_helped, 2, Verdict.HELPFUL, document_id="d")
    store.feedback_records.record(pick)

    quoted = store.period_figures.quotations(GUILD, AT, AT + HOUR, 2, 0.5)

    assert quoted == [Quoted("a", 2, 1, 1), Quoted("b", 1, 1, 0), Quoted("d", 0, 1, 0)]
    assert store.period_figures.quotations(None, AT, AT + HOUR, 2, 0.5)[0] == Quoted("a", 3, 1, 1)


def test_corrected_answer_is_told_by_its_quoted_document(store: Store) -> None:
    best = RecordedHit("note:1", "Quoted", "", "One.", 1.0, ())
    other = RecordedHit("note:2", "Picked", "", "Two.", 0.5, ())
    asked = replace(QUESTION, evidence=Evidence.STRONG, hits=[best, other])
    [corrected, right, wordless] = store.question_records.record(
        [asked, asked, replace(QUESTION, evidence=Evidence.STRONG)]
    )
    pick = Feedback(corrected, 1, Verdict.HELPFUL, document_id="note:2")
    assert store.feedback_records.record_pick(pick, digest_of(other), by_moderator=True)
    for member_id in (1, 2):
        store.feedback_records.record(Feedback(right, member_id, Verdict.UNHELPFUL))

    judged = store.period_figures.verdicts([corrected, right, wordless])

    assert judged == {
        corrected: Judged(0, corrected=True, title="Quoted"),
        right: Judged(2, corrected=False, title="Quoted"),
        wordless: Judged(0, corrected=False, title=""),
    }


def test_note_is_new_when_first_live(store: Store) -> None:
    first, second = approved(store), approved(store)
    elsewhere = approved(store, ELSEWHERE)
    waits = store.contributions.propose(GUILD, MIRA, 5, TEXT).note
    retired = approved(store)
    store.decisions.retire(GUILD, retired.id, ADA)
    before = now()
    again = some(
        store.contributions.revise(GUILD, first.id, MIRA, replace(TEXT, text="Fifty hours."))
    )
    store.decisions.decide(GUILD, again.note.revision.id, ADA, Ruling(Decision.APPROVE))

    new = store.period_figures.new_notes(GUILD, AT, now() + HOUR)

    assert new == [first.id, second.id]
    assert elsewhere.id not in new
    assert waits.id not in new
    assert store.period_figures.new_notes(GUILD, before, now() + HOUR) == []


def test_note_answers_public_questions_of_named_channels(store: Store) -> None:
    note = approved(store)
    asked = [
        replace(QUESTION, text="How many?"),
        replace(QUESTION, text="how many? "),
        replace(QUESTION, text="Which?"),
        replace(QUESTION, text="Secret?", private=True),
        replace(QUESTION, text="Among staff?", channel_id=6),
        replace(QUESTION, text="Forgotten where?", channel_id=None),
    ]
    ids = store.question_records.record(asked)
    store.gaps.link_note(GUILD, note.id, ids[2])
    for question_id in ids:
        store.notices.add(
            GUILD,
            MIRA.id,
            5,
            NoticeEvent.ANSWERED,
            revision_id=note.revision.id,
            question_id=question_id,
        )

    assert store.period_figures.answered_by(note.id, {5, 7}) == ["How many?", "Which?"]
    assert store.period_figures.answered_by(note.id, ()) == []


# Credit for helpful notes, and figures of activity.


CLEO, DORA = Member(4, "Cleo"), Member(5, "Dora")


def helpful(store: Store, question_id: int, *members: int) -> None:
    for member in members:
        store.feedback_records.record(Feedback(question_id, member, Verdict.HELPFUL))


def credited(store: Store, since: datetime | None = None) -> list[tuple[str, int, int]]:
    found = store.credit.contributors(GUILD, since, 3, 0.8)
    return [(row.name, row.citations, row.notes) for row in found]


def test_helpful_verdict_counts_for_each_quoted_note(store: Store) -> None:
    live_note(store)
    live_note(store, BEN)
    both = asked(store, "Both?", Evidence.STRONG, "note:1", "note:2", by=9)
    one = asked(store, "One?", Evidence.PARTIAL, "note:2", by=9)
    helpful(store, both, 7, 8)
    helpful(store, one, 7)

    assert credited(store) == [("Ben", 3, 1), ("Mira", 2, 1)]
    assert credited(store, now() - timedelta(days=1)) == credited(store)
    assert credited(store, now() + timedelta(days=1)) == []


def test_extender_is_credited_even_after_edits(store: Store) -> None:
    note = live_note(store)
    for writer, text in ((BEN, "Text. More."), (CLEO, "Text. Most.")):
        extended = some(store.contributions.revise(GUILD, note.id, writer, Submission("T", text)))
        edited = Submission("T", text if writer is BEN else "Text. Most of all.")
        store.decisions.edit_and_approve(GUILD, extended.note.revision.id, ADA, edited)
    refused = some(store.contributions.revise(GUILD, note.id, DORA, Submission("T", "Text. No.")))
    decided(store, refused.note, REJECT)
    helpful(store, asked(store, "One?", Evidence.STRONG, "note:1", by=9), 7)

    assert sorted(credited(store)) == [("Ben", 1, 1), ("Cleo", 1, 1), ("Mira", 1, 1)]


def test_own_or_repeated_verdict_is_not_counted(store: Store) -> None:
    live_note(store)
    for text in ("Where is it?", "where is IT? "):
        helpful(store, asked(store, text, Evidence.STRONG, "note:1"), 7, MIRA.id)

    assert credited(store) == [("Mira", 1, 1)]


def test_only_a_picked_passages_note_is_credited(store: Store) -> None:
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
