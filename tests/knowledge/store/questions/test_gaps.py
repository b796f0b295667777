from dataclasses import replace
from datetime import UTC, datetime, timedelta

from knowledge.store.database import now
from knowledge.store.questions.question_records import RecentQuestion
from knowledge.store.store import Store
from knowledge.values.notes import NoticeEvent
from knowledge.values.questions import Evidence, Feedback, Question, Verdict
from tests.knowledge.decided_notes import (
    ADA,
    BEN,
    ELSEWHERE,
    GUILD,
    SECOND,
    asked,
    decided,
    live_note,
    proposed,
    revised,
    some,
)


def open_ids(store: Store, guild_id: int = GUILD) -> list[int]:
    return [question.id for question in store.gaps.open(guild_id)]


def test_refused_and_unhelpful_answers_are_gaps(store: Store) -> None:
    refused = asked(store)
    unhelpful = asked(store, "Why?", Evidence.STRONG, "note:1")
    partial = asked(store, "How?", Evidence.PARTIAL, "note:1")
    helped = asked(store, "What?", Evidence.PARTIAL, "note:1")
    asked(store, "Who?", Evidence.STRONG, "note:1")
    asked(store, guild_id=ELSEWHERE)
    asked(store, guild_id=None)
    store.feedback_records.record(Feedback(unhelpful, 9, Verdict.UNHELPFUL))
    store.feedback_records.record(Feedback(helped, 9, Verdict.HELPFUL))

    assert open_ids(store) == [partial, unhelpful, refused]
    assert [one.unhelpful for one in store.gaps.open(GUILD)] == [False, True, False]


def test_a_dismissed_question_comes_back_when_it_is_asked_again(store: Store) -> None:
    store.gaps.dismiss(GUILD, [asked(store)], ADA.id)
    assert open_ids(store) == []

    again = asked(store)

    assert open_ids(store) == [again]
    assert [entry.event for entry in store.audit_log.entries()] == ["gap_dismissed"]
    assert store.audit_log.contradicted_notes() == []


def test_publication_is_checked_and_told_once(store: Store) -> None:
    question_id = asked(store)
    note = live_note(store)
    [publication] = store.gaps.unchecked_publications()
    [question] = store.gaps.open(GUILD)

    store.gaps.record_check(publication, [question_id], [question])
    store.gaps.record_check(publication, [question_id], [question])

    told = [n for n in store.notices.queue() if n.event is NoticeEvent.ANSWERED]
    assert [(n.member_id, n.question_id, n.revision_id) for n in told] == [
        (BEN.id, question_id, note.revision.id)
    ]
    assert store.gaps.unchecked_publications() == []
    assert open_ids(store) == []


def test_another_text_of_a_note_is_checked_anew(store: Store) -> None:
    note = live_note(store)
    store.gaps.record_check(store.gaps.unchecked_publications()[0])
    second = revised(store, note, SECOND)
    assert store.gaps.unchecked_publications() == []

    decided(store, second)

    [publication] = store.gaps.unchecked_publications()
    assert publication.revision_id == second.revision.id


def test_opted_out_asker_gets_no_notice(store: Store) -> None:
    first, second = asked(store), asked(store, "Why?", by=4)
    live_note(store)
    [publication] = store.gaps.unchecked_publications()
    store.gaps.set_opt_out(4, quiet=True)

    store.gaps.record_check(publication, [first, second], store.gaps.open(GUILD))
    waiting = [n.member_id for n in store.notices.queue() if n.event is NoticeEvent.ANSWERED]
    store.gaps.set_opt_out(BEN.id, quiet=True)

    assert waiting == [BEN.id]
    assert [n.event for n in store.notices.queue()] == [NoticeEvent.APPROVED]


def test_untrue_notice_makes_its_question_a_gap(store: Store) -> None:
    question_id = asked(store)
    live_note(store)
    store.gaps.record_check(
        store.gaps.unchecked_publications()[0], [question_id], store.gaps.open(GUILD)
    )
    notice = store.notices.queue()[-1]

    store.gaps.reopen(notice.id, question_id)

    assert open_ids(store) == [question_id]
    assert notice.id not in [queued.id for queued in store.notices.queue()]


def test_note_answers_only_its_own_guilds_question(store: Store) -> None:
    here, elsewhere = asked(store), asked(store, guild_id=ELSEWHERE)
    note = proposed(store)

    store.gaps.link_note(GUILD, note.id, elsewhere)
    assert store.gaps.question_of_note(note.id) is None
    store.gaps.link_note(GUILD, note.id, here)

    assert store.gaps.question_of_note(note.id) == here
    assert store.gaps.under_review(GUILD) == {here}


def test_questions_answered_for_other_channels_are_others(store: Store) -> None:
    asked(store, "Q?")
    first = Question(0, GUILD, 5, 3, "Q?", Evidence.STRONG, now(), 1, channels=(8, 7, 7))
    store.question_records.record([first, replace(first, channels=(7, 8))])

    assert store.question_records.recent_public(GUILD, 9) == [
        RecentQuestion("Q?", "", (7, 8), 2),
        RecentQuestion("Q?", "", (), 1),
    ]
    assert [gap.channels for gap in store.gaps.open(GUILD)] == [()]


def test_shared_answer_is_no_later_answer(store: Store) -> None:
    alone = Question(0, GUILD, 5, 3, "Q?", Evidence.NONE, now(), 1, private=True)
    [question_id] = store.question_records.record([alone])
    shared = replace(alone, evidence=Evidence.STRONG, private=False, told_for=question_id)
    store.question_records.record([shared])
    assert store.gaps.later_answer(question_id) is None

    [told] = store.question_records.record([replace(shared, private=True)])
    assert store.gaps.later_answer(question_id) == told


def test_merging_merged_gaps_merges_all(store: Store) -> None:
    first, second, third, fourth, alone = [asked(store, f"{number}?") for number in range(5)]
    store.gaps.merge(GUILD, [second, first], ADA.id)
    store.gaps.merge(GUILD, [third, fourth], ADA.id)

    store.gaps.merge(GUILD, [fourth, second], ADA.id)

    merged = store.gaps.merged_groups(GUILD)
    assert {merged[one] for one in (first, second, third, fourth)} == {first}
    assert alone not in merged
    assert store.gaps.merged_groups(ELSEWHERE) == {}


def test_pointing_to_a_document_tells_each_asker_once(store: Store) -> None:
    for asker in (BEN.id, BEN.id, 4, 0):
        asked(store, by=asker)
    store.gaps.set_opt_out(4, quiet=True)
    second = some(store.gaps.find(GUILD, 2))

    store.gaps.point_to_document(GUILD, ADA.id, store.gaps.open(GUILD))
    store.gaps.point_to_document(GUILD, ADA.id, [second])

    told = store.notices.queue()
    assert [(n.member_id, n.question_id, n.revision_id) for n in told] == [(BEN.id, 2, None)]
    assert open_ids(store) == []


def test_public_questions_have_words_and_an_asker(store: Store) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    public = Question(0, GUILD, 5, BEN.id, "Where is it?", Evidence.STRONG, at, 1)
    others = [
        replace(public, private=True),
        replace(public, text=""),
        replace(public, asker_id=0),
        replace(public, channel_id=None),
        replace(public, guild_id=None),
        replace(public, asked_at=at + timedelta(days=1)),
        replace(public, asked_at=at - timedelta(days=1)),
    ]
    store.question_records.record(others)
    [first] = store.question_records.record([public])
    [late] = store.question_records.record([replace(public, told_for=first)])
    [elsewhere] = store.question_records.record([replace(public, guild_id=ELSEWHERE)])
    store.feedback_records.record(Feedback(late, BEN.id, Verdict.UNHELPFUL))

    def found(guild_id: int | None, *, judged: bool = False) -> list[int]:
        until = at + timedelta(days=1)
        return [one.id for one in store.gaps.public_questions(guild_id, at, until, judged=judged)]

    assert found(GUILD) == [first]
    assert found(None) == [elsewhere, first]
    assert found(GUILD, judged=True) == [late]
