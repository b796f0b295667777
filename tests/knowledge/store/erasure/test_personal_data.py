"""Forgetting a member removes all their data, and nothing else."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from knowledge.store.audit_log import replay
from knowledge.store.database import now
from knowledge.store.interactions import KeptInteraction
from knowledge.store.notes.decisions import Ruling
from knowledge.store.schema import FORMER_MEMBER, FORMER_MODERATOR, member_columns
from knowledge.store.store import Store
from knowledge.values.notes import (
    Decision,
    Member,
    NoticeEvent,
    PageName,
    Picture,
    Problem,
    State,
    SuggestedWording,
)
from knowledge.values.questions import (
    EARLIER_CHARACTERS,
    Evidence,
    Feedback,
    HelpedQuestion,
    HelperAnswer,
    Question,
    RecordedHit,
    RecordedPhrasing,
    Verdict,
    WrittenLine,
)
from knowledge.values.quotas import Quota
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import some
from tests.knowledge.full_store import picture

GUILD = 10
MIRA, ADA, BEN = (
    Member(7_001_001, "Mirabelle"),
    Member(7_002_002, "Adalbert"),
    Member(7_003_003, "Benedikt"),
)
APPROVE = Ruling(Decision.APPROVE)


def everything(store: Store) -> str:
    """Every value in every table, as one text."""
    return "\n".join(
        str(tuple(row.values()))
        for table in store.database.tables()
        for row in store.database.rows(f"select * from {table}")  # noqa: S608
    )


def id_columns(store: Store) -> set[tuple[str, str]]:
    """The columns for ids, except those of things: what is left can hold a member's id."""
    things = "channel|document|guild|handed|message|note|question|reply|revision|role|with"
    return {
        (table, column)
        for table in store.database.tables()
        for column in store.database.columns(table)
        if column.endswith("_id") and not re.search(things, column.removesuffix("_id"))
    }


def columns_with(store: Store, member_id: int) -> set[tuple[str, str]]:
    """The columns that hold a member's id, among all that can."""
    return {
        (table, column)
        for table, column in id_columns(store)
        if store.database.rows(
            f"select 1 from {table} where {column} = ?",  # noqa: S608 - names of the schema
            [member_id],
        )
    }


def asked(store: Store, by: int, text: str, *found: RecordedHit, earlier: str = "") -> int:
    evidence = Evidence.STRONG if found else Evidence.NONE
    question = Question(0, GUILD, 5, by, text, evidence, now(), 1, found, earlier)
    return store.question_records.record([question])[0]


def proposed(store: Store, by: Member, text: str) -> int:
    return store.contributions.propose(
        GUILD, by, 5, Submission(f"On {text}", text)
    ).note.revision.id


def decide(store: Store, revision_id: int, by: Member, ruling: Ruling = APPROVE) -> None:
    assert some(store.decisions.decide(GUILD, revision_id, by, ruling)).done


def lived(store: Store) -> None:
    """Data of a member who did everything possible."""
    live = proposed(store, MIRA, "live words")
    decide(store, live, ADA)
    store.contributions.revise(GUILD, 1, MIRA, Submission("On live", "waiting words"))
    rejected = proposed(store, MIRA, "rejected words")
    decide(store, rejected, ADA, Ruling(Decision.REJECT, "No."))
    gone = proposed(store, MIRA, "withdrawn words")
    decide(store, gone, ADA)
    hit = RecordedHit("note:3", "On withdrawn words", "", "withdrawn words", 1.0, ())
    kept = RecordedHit("note:1", "On live words", "", "live words", 0.9, ())
    asked(store, BEN.id, "What else?", hit, kept)
    store.contributions.withdraw(GUILD, 3, MIRA.id)
    theirs = proposed(store, BEN, "words of another")
    decide(store, theirs, MIRA, Ruling(Decision.APPROVE, "Good."))
    store.contributions.report(GUILD, 4, MIRA.id, Problem.WRONG, "It is not so.")
    mine = asked(store, MIRA.id, "A secret question?")
    asked(store, MIRA.id, "Where is it?")
    asked(store, BEN.id, "where is it? ")
    judged = asked(store, MIRA.id, "A judged question?", kept)
    asked(store, BEN.id, "And then?", earlier="A secret question?")
    asked(store, BEN.id, "And later?", earlier="A secret question?\nAnd then?")
    copied = SuggestedWording(judged, "A copied question?", MIRA.id, 5)
    live_note = some(store.notes.live(4))
    store.decisions.reword(GUILD, live_note.revision.id, ADA, copied)
    store.note_checks.offer(live_note, MIRA.id)
    store.note_checks.take_over(live_note, MIRA.id)
    store.note_checks.offer(live_note, MIRA.id)
    store.feedback_records.record(Feedback(judged, BEN.id, Verdict.HELPFUL))
    store.feedback_records.record(Feedback(1, MIRA.id, Verdict.UNHELPFUL, "My own words."))
    store.feedback_records.record(Feedback(1, ADA.id, Verdict.UNHELPFUL, "Hers."))
    store.notices.add(GUILD, MIRA.id, 5, NoticeEvent.ANSWERED, question_id=mine)
    store.gaps.set_opt_out(MIRA.id, quiet=True)
    store.recent_questions.count_question(GUILD, MIRA.id, Quota(hour=1), now())
    phrased = RecordedPhrasing(
        "phrase", "shown", now(), lines=(WrittenLine("phrased words", (1,)),)
    )
    store.phrasings.finish(judged, phrased, keeps_words=True)
    store.gaps.dismiss(GUILD, [mine], MIRA.id)
    # One is deleted with its member, the other loses the name.
    store.handovers.enqueue(GUILD, [mine], MIRA.id, datetime(2026, 1, 1, tzinfo=UTC))
    store.handovers.enqueue(GUILD, [judged], MIRA.id, datetime(2026, 1, 2, tzinfo=UTC))
    # Her answers and claims as a helper.
    helped, claimed = asked(store, BEN.id, "Who helps?"), asked(store, BEN.id, "Who else?")
    for number, one in enumerate((helped, claimed)):
        at = datetime(2026, 1, 3 + number, tzinfo=UTC)
        store.handovers.enqueue(GUILD, [one], BEN.id, at)
        store.handovers.claim(GUILD, one, MIRA.id, at)
    answer = (MIRA.id, MIRA.name, "helping words")
    store.handovers.answer(GUILD, helped, answer, [], datetime(2026, 1, 5, tzinfo=UTC))
    at = datetime(2026, 1, 6, tzinfo=UTC)
    unasked = HelpedQuestion(71, GUILD, 5, MIRA.id, is_post=True, asked_at=at, due_at=at)
    store.helped_questions.add(unasked)
    store.helper_answers.add(HelperAnswer(73, 1, GUILD, 5, MIRA.id, helped, at))
    store.public_notes.choose_name(MIRA.id, PageName.NAME)
    form = [("reason", "form words")]
    store.inbox.keep(KeptInteraction(72, GUILD, MIRA.id, "token", "en", "report:1", form, at))


TRACES = [str(MIRA.id), MIRA.name, "waiting words", "rejected words", "withdrawn words"]
TRACES += [
    "A secret question?",
    "A judged question?",
    "A copied question?",
    "My own words.",
    "helping words",
    "phrased words",
    "form words",
]


@pytest.mark.parametrize("withdraw", [False, True])
def test_no_table_or_file_has_the_member(store: Store, withdraw: bool) -> None:
    lived(store)
    before = everything(store)
    assert [trace for trace in TRACES if trace not in before] == []
    declared = {(table, column) for table, column, _ in member_columns()}
    assert columns_with(store, MIRA.id) == declared

    store.personal_data.forget(MIRA.id, withdraw=withdraw)

    assert columns_with(store, MIRA.id) == set()
    after = everything(store)
    assert [trace for trace in TRACES if trace in after] == []
    assert ("live words" in after) is not withdraw
    written = b"".join(path.read_bytes() for path in store.database.folder.iterdir())
    assert [trace for trace in TRACES if trace.encode() in written] == []
    assert store.audit_log.contradicted_notes() == []
    assert store.database.integrity_problem() == ""
    standings = replay(store.audit_log.entries())
    for note_id, standing in standings.items():
        notes = store.notes.history(GUILD, note_id)
        assert standing.live == notes[0].live_revision_id
        assert standing.retired == notes[0].retired_revision_id
        assert standing.states == {one.revision.id: one.revision.state for one in notes}
    assert MIRA.id not in store.audit_log.members().values()


def test_long_questions_beginning_stays_nowhere(store: Store) -> None:
    text = "A secret  question? " * (EARLIER_CHARACTERS // 10)
    asked(store, MIRA.id, text)
    # Cut like `bot.answers.lookup.context_after` does.
    asked(store, BEN.id, "And then?", earlier=" ".join(text.split())[:EARLIER_CHARACTERS])

    store.personal_data.forget(MIRA.id, withdraw=True)

    assert "secret" not in everything(store)


def test_export_names_findings_but_no_channels_message(store: Store) -> None:
    said = RecordedHit("chat:1", "", "", "", 1.0, (), source_channel_id=7, position=0)
    asked(store, MIRA.id, "Where?", said, RecordedHit("note:1", "A note", "", "Here.", 0.9, ()))

    [question] = store.personal_data.export(MIRA.id)["questions"]

    assert question["found"] == ["A note"]


def test_live_note_stays_without_its_name(store: Store) -> None:
    lived(store)

    forgotten = store.personal_data.forget(MIRA.id, withdraw=False)

    [live, waiting] = store.notes.history(GUILD, 1)
    assert live.live
    assert (live.contributor_id, live.contributor) == (0, FORMER_MEMBER)
    assert live.revision.submission.text == "live words"
    assert waiting.revision.state is State.WITHDRAWN
    assert {1, 4} <= set(forgotten)
    left = [one.text for one in store.gaps.open(GUILD)][2:5]
    assert left == ["And later?", "And then?", "where is it? "]
    verdicts = {(one.member_id, one.verdict, one.reason) for one in store.feedback_records.of(1)}
    assert (ADA.id, Verdict.UNHELPFUL, "Hers.") in verdicts
    assert len(verdicts) == 2
    note = store.notes.of_revision(5)
    assert note.contributor == BEN.name
    assert [report.reason for report in note.reports] == ["It is not so."]
    assert [(one.moderator, one.reason) for one in note.reviews] == [(FORMER_MODERATOR, "Good.")]
    # Hand-overs stay: hers without her name, and those she claimed are open again.
    rows = store.database.rows("select * from handed_on order by question_id")
    assert [(row["member_id"], row["helper_id"], row["standing"]) for row in rows] == [
        (0, 0, "open"),
        (BEN.id, 0, "answered"),
        (BEN.id, 0, "open"),
    ]
    # Her choice of a note as an answer stays.
    answer = store.helper_answers.find(73, 1)
    assert answer is not None
    assert answer.helper_id == 0
    # A question that others asked, too, stays unsigned; one without its words is never reused.
    askers = [one.asker_id for one in store.gaps.open(GUILD) if one.text == "Where is it?"]
    assert askers == [0]
    assert "" not in [one.text for one in store.question_records.recent_public(GUILD, 99)]
    assert "" not in [one.text for one in store.question_records.judged_helpful()]
    assert "" not in [one.text for one in store.gaps.open(GUILD)]


def test_withdrawn_notes_are_live_no_more(store: Store) -> None:
    lived(store)

    store.personal_data.forget(MIRA.id, withdraw=True)

    assert [note.contributor for note in store.notes.every_live()] == [BEN.name]


def test_reports_on_withdrawn_notes_are_closed(store: Store) -> None:
    decide(store, proposed(store, MIRA, "live words"), ADA)
    store.contributions.report(GUILD, 1, BEN.id, Problem.WRONG, "It is not so.")

    store.personal_data.forget(MIRA.id, withdraw=True)

    assert store.database.rows("select id from reports where closed_at is null") == []


def extended(store: Store, *, pictures: Sequence[Picture] = ()) -> int:
    """The revision of Mira's addition to Ben's live note."""
    theirs = Submission("On words", "words of another")
    first = store.contributions.propose(GUILD, BEN, 5, theirs, for_page=True).note
    decide(store, first.revision.id, ADA)
    text = Submission("On words", "words of another, and added words")
    note = some(store.contributions.revise(GUILD, 1, MIRA, text, pictures=pictures, for_page=True))
    return note.note.revision.id


def test_pending_addition_goes_with_its_writer(store: Store) -> None:
    revision_id = extended(store, pictures=[picture()])
    store.review_cards.record_message(revision_id, 5, 900)
    store.review_cards.mark_shown(revision_id, 1)

    store.personal_data.forget(MIRA.id, withdraw=False)

    assert "added words" not in everything(store)
    assert store.database.rows("select * from revision_pictures") == []
    assert store.notes.of_revision(revision_id).revision.state is State.WITHDRAWN
    [standing] = replay(store.audit_log.entries()).values()
    assert standing.states[revision_id] is State.WITHDRAWN
    assert revision_id in due_cards(store)


def test_quotation_goes_even_after_an_undone_approval(store: Store) -> None:
    revision_id = extended(store)
    decide(store, revision_id, ADA)
    hits = [
        RecordedHit("note:1", "On words", "", text, 1.0, ()) for text in ("added", "of another")
    ]
    asked(store, BEN.id, "Which words?", *hits)
    store.decisions.undo(GUILD, revision_id, ADA)

    store.personal_data.forget(MIRA.id, withdraw=False)

    passages = store.database.rows("select passage from recorded_passages")
    assert [row["passage"] for row in passages] == ["of another"]


def test_rejected_text_loses_pictures_and_card(store: Store) -> None:
    said = Submission("On rejected words", "rejected words")
    note = store.contributions.propose(GUILD, MIRA, 5, said, pictures=[picture()]).note
    store.review_cards.record_message(note.revision.id, 5, 900)
    decide(store, note.revision.id, ADA, Ruling(Decision.REJECT, "No."))
    clear_due_cards(store)
    assert store.database.rows("select * from revision_pictures") != []

    store.personal_data.forget(MIRA.id, withdraw=False)

    assert store.database.rows("select * from revision_pictures") == []
    assert due_cards(store) == {note.revision.id}


def test_card_posted_during_erasure_is_outdated(store: Store) -> None:
    revision_id = proposed(store, MIRA, "withdrawn words")
    store.contributions.withdraw(GUILD, 1, MIRA.id)
    [(note, change)] = store.review_cards.due()
    store.review_cards.begin_posting(revision_id, change)
    store.personal_data.forget(MIRA.id, withdraw=False)

    store.review_cards.record_message(revision_id, 5, 900)
    store.review_cards.mark_shown(note.revision.id, change)

    assert due_cards(store) == {revision_id}


def test_an_approved_addition_stays_but_leaves_the_page(store: Store) -> None:
    revision_id = extended(store)
    decide(store, revision_id, ADA)
    on_page = "select id from revisions where for_page = 1"
    assert revision_id in {row["id"] for row in store.database.rows(on_page)}

    store.personal_data.forget(MIRA.id, withdraw=False)

    assert "added words" in everything(store)
    assert store.database.rows(on_page) == []


def clear_due_cards(store: Store) -> None:
    for note, change in store.review_cards.due():
        store.review_cards.mark_shown(note.revision.id, change)
    assert due_cards(store) == set()


def due_cards(store: Store) -> set[int]:
    return {note.revision.id for note, _ in store.review_cards.due()}


@pytest.mark.parametrize("member", [MIRA, ADA, BEN], ids=["writer", "moderator", "reporter"])
def test_cards_with_a_forgotten_members_name_are_outdated(store: Store, member: Member) -> None:
    revision_id = proposed(store, MIRA, "live words")
    store.review_cards.record_message(revision_id, 5, 900)
    decide(store, revision_id, ADA)
    store.contributions.report(GUILD, 1, BEN.id, Problem.WRONG, "It is not so.")
    clear_due_cards(store)

    store.personal_data.forget(member.id, withdraw=False)

    assert due_cards(store) == {revision_id}


def test_two_who_are_forgotten_keep_two_verdicts(store: Store) -> None:
    question_id = asked(store, BEN.id, "Why?")
    for member in (MIRA.id, ADA.id):
        store.feedback_records.record(Feedback(question_id, member, Verdict.HELPFUL))
        store.personal_data.forget(member, withdraw=False)

    assert sorted(one.member_id for one in store.feedback_records.of(question_id)) == [-2, -1]


def test_who_was_forgotten_can_begin_anew(store: Store) -> None:
    lived(store)
    store.personal_data.forget(MIRA.id, withdraw=False)

    proposed(store, MIRA, "new words")

    assert store.audit_log.contradicted_notes() == []
    assert store.personal_data.summary(MIRA.id, GUILD)["notes"].everywhere == 1


def test_forgetting_a_stranger_changes_only_older_copies(store: Store) -> None:
    lived(store)
    before = everything(store)

    store.personal_data.forget(99, withdraw=True)

    [buried] = store.tombstones.in_database()
    after = everything(store).splitlines()
    assert [line for line in after if buried.subject not in line] == before.splitlines()


def test_the_export_holds_every_kind_and_every_revision(store: Store) -> None:
    lived(store)

    export = store.personal_data.export(MIRA.id)

    json.dumps(export)
    assert [kind for kind, rows in export.items() if not rows] == []
    texts = [row["text"] for row in export["revisions"]]
    assert texts == ["live words", "waiting words", "rejected words", "withdrawn words"]
    assert export["feedback"][0]["reason"] == "My own words."
    assert "Hers." not in json.dumps(export)
    found = store.personal_data.summary(MIRA.id, GUILD + 1)
    assert (found["notes"].here, found["notes"].everywhere) == (0, 3)


def test_moderators_copy_of_notes_has_no_secret(store: Store) -> None:
    typed_once = "ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
    typed = Submission(f"About {typed_once}", f"The token is {typed_once}, they say.")
    note = store.contributions.propose(GUILD, MIRA, 5, typed).note
    decide(store, note.revision.id, ADA)

    assert typed_once not in json.dumps(store.personal_data.export(ADA.id))
    assert typed_once in json.dumps(store.personal_data.export(MIRA.id))
