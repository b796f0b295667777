"""Figures of a week, and its new notes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from knowledge.store.database import now
from knowledge.store.notes.decisions import Ruling
from knowledge.store.questions.period_figures import Asked
from knowledge.store.store import Store
from knowledge.values.notes import Decision, NoticeEvent
from knowledge.values.questions import Evidence, Feedback, Question, Verdict
from tests.knowledge.two_guilds import ADA, ELSEWHERE, GUILD, MIRA, TEXT, approved

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

    assert store.period_figures.asked(GUILD, AT, AT + 2 * HOUR) == Asked(2, 1, 0)


def test_a_question_is_found_helpful_once_however_many_find_it_so(store: Store) -> None:
    [first, second] = store.question_records.record([QUESTION, QUESTION])
    for member_id in (1, 2):
        store.feedback_records.record(Feedback(first, member_id, Verdict.HELPFUL))
    store.feedback_records.record(Feedback(second, 1, Verdict.UNHELPFUL))

    assert store.period_figures.asked(GUILD, now() - HOUR, now() + HOUR).solved == 1


def test_a_note_is_new_when_it_goes_live_for_the_first_time(store: Store) -> None:
    first, second = approved(store), approved(store)
    elsewhere = approved(store, ELSEWHERE)
    waits = store.contributions.propose(GUILD, MIRA, 5, TEXT).note
    retired = approved(store)
    store.decisions.retire(GUILD, retired.id, ADA)
    before = now()
    again = store.contributions.revise(GUILD, first.id, MIRA, replace(TEXT, text="Fifty hours."))
    assert again is not None
    store.decisions.decide(GUILD, again.note.revision.id, ADA, Ruling(Decision.APPROVE))

    new = store.period_figures.new_notes(GUILD, AT, now() + HOUR)

    assert new == [first.id, second.id]
    assert elsewhere.id not in new
    assert waits.id not in new
    assert store.period_figures.new_notes(GUILD, before, now() + HOUR) == []


def test_what_a_note_answers_is_told_of_public_questions_in_channels_that_may_be_named(
    store: Store,
) -> None:
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
    store.gaps.written_for(GUILD, note.id, ids[2])
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
