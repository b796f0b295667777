from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowledge.backup import backups, exporter, importer
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
from tests.knowledge.decided_notes import GUILD, MIRA, live_note, some
from tests.stores import Place

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CUT = LONG_AGO + timedelta(days=180)
LATELY = CUT + timedelta(days=1)

NOTE = RecordedHit("note:1", "Hours", "Hours › GPU", "Forty hours.", 0.9, ("words",), "https://a/")
ARTICLE = RecordedHit("article:x", "An article", "", "An article's words.", 0.8, ("meaning",))


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.store() as opened:
        live_note(opened)
        yield opened


def ask(
    store: Store, text: str, *hits: RecordedHit, at: datetime = LATELY, asker_id: int = 5
) -> int:
    evidence = Evidence.STRONG if hits else Evidence.NONE
    question = Question(
        0, GUILD, 7, asker_id, text, evidence, at, 1, hits, "before?", "judged by", {"cosine": 1.0}
    )
    return store.question_records.record([question])[0]


def passages(store: Store) -> list[str]:
    rows = store.database.rows("select passage from recorded_passages order by passage")
    return [row["passage"] for row in rows]


def prune(store: Store) -> int:
    return sum(iter(lambda: store.question_records.prune(CUT, 2), 0))


def test_shared_passage_is_kept_once(store: Store) -> None:
    first, second = ask(store, "one?", NOTE, ARTICLE), ask(store, "two?", ARTICLE, NOTE)
    assert passages(store) == [ARTICLE.passage, NOTE.passage]
    for question_id, hits in ((first, [NOTE, ARTICLE]), (second, [ARTICLE, NOTE])):
        assert some(store.question_records.question(question_id)).hits == hits


def test_another_question_takes_under_two_kilobytes(store: Store, path: Path) -> None:
    hits = [
        RecordedHit(f"article:{number}", "A title", "", f"{number} " * 350, 1.0, ("meaning",))
        for number in range(10)
    ]

    def size() -> int:
        store.database.rows("pragma wal_checkpoint(truncate)")
        return path.stat().st_size

    ask(store, "the first?", *hits)
    before = size()
    for number in range(50):
        ask(store, f"number {number}?", *hits)
    assert (size() - before) / 50 < 2_000


def test_a_passage_goes_with_the_last_question_that_found_it(store: Store) -> None:
    ask(store, "hers?", NOTE, ARTICLE, asker_id=MIRA.id)
    ask(store, "his?", ARTICLE)
    store.personal_data.forget(MIRA.id, withdraw=True)
    assert passages(store) == [ARTICLE.passage]


def test_purged_guilds_findings_are_gone(store: Store, path: Path) -> None:
    ask(store, "hers?", NOTE, ARTICLE)
    store.purge.guild(GUILD)
    assert passages(store) == []
    written = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert ARTICLE.passage.encode() not in written


# Pruning.


def test_old_questions_words_leave_the_file(store: Store, path: Path) -> None:
    old = ask(store, "a secret of old?", ARTICLE, at=LONG_AGO)
    store.feedback_records.record(Feedback(old, 6, Verdict.UNHELPFUL, "a reason of old"))
    new = ask(store, "a new one?", NOTE)

    assert prune(store) == 1

    written = b"".join(each.read_bytes() for each in path.parent.iterdir())
    for words in ("secret of old", "An article", "reason of old", "judged by"):
        assert written.count(words.encode()) == (1 if words == "judged by" else 0), words
    pruned, kept = store.question_records.question(old), store.question_records.question(new)
    assert pruned is not None
    assert kept is not None
    assert (pruned.pruned, pruned.text, pruned.earlier) == (True, "", "")
    assert (kept.pruned, kept.text, kept.hits) == (False, "a new one?", [NOTE])
    assert prune(store) == 0


def test_figures_but_gaps_survive_pruning(store: Store) -> None:
    for number in range(3):
        judged = ask(store, f"answered {number}?", NOTE, ARTICLE, at=LONG_AGO)
        ask(store, f"a gap {number}?", at=LONG_AGO)
    store.feedback_records.record(Feedback(judged, 6, Verdict.HELPFUL))
    ask(store, "a new one?", NOTE)
    ask(store, "a new gap?")

    def figures() -> object:
        return (
            store.totals(),
            store.counts(GUILD),
            store.credit.activity(GUILD, 0, 3),
            store.credit.contributors(GUILD, None, 3, 0.9),
        )

    before = figures()
    assert prune(store) == 6
    assert figures() == before
    assert store.gaps.number_open(GUILD) == 1
    assert [question.text for question in store.gaps.open(GUILD)] == ["a new gap?"]
    # Pruned questions still have their asker, who can be forgotten.
    store.personal_data.forget(5, withdraw=False)
    assert store.database.rows("select 1 from questions where asker_id = 5") == []


def test_a_pruned_database_is_exported_and_read_back(store: Store, tmp_path: Path) -> None:
    ask(store, "of old?", NOTE, at=LONG_AGO)
    ask(store, "a new one?", NOTE, ARTICLE)
    prune(store)
    backups.back_up(store.database.folder / "community.db", tmp_path / "copy" / "community.db")
    with Store(tmp_path / "copy" / "community.db") as copy:
        assert copy.question_records.question(2) == store.question_records.question(2)
    exporter.export(store.database, tmp_path / "export")
    (tmp_path / "other").mkdir()
    with Store(tmp_path / "other" / "community.db") as other:
        importer.import_folder(other, tmp_path / "export")
        for question_id in (1, 2):
            assert other.question_records.question(question_id) == store.question_records.question(
                question_id
            )


def test_members_last_question_of_a_channel_is_known(store: Store) -> None:
    records = store.question_records
    ask(store, "one?", at=LATELY - timedelta(minutes=20))
    ask(store, "two?", NOTE, at=LATELY)
    ask(store, "theirs?", at=LATELY, asker_id=6)

    last = records.last_of_member(5, 7, LATELY - timedelta(minutes=10))

    assert last is not None
    assert (last.text, last.evidence, last.asked_at) == ("two?", Evidence.STRONG, LATELY)
    assert records.last_of_member(5, 8, LATELY - timedelta(minutes=10)) is None
    assert records.last_of_member(5, 7, LATELY + timedelta(seconds=1)) is None


# Verdicts of members, and confirmed answers.


def helpful(store: Store, question_id: int, member_id: int, document_id: str = "") -> None:
    store.feedback_records.record(
        Feedback(question_id, member_id, Verdict.HELPFUL, document_id=document_id)
    )


def confirm(store: Store, question_id: int, hit: RecordedHit, *, by_moderator: bool) -> bool:
    pick = Feedback(question_id, 5, Verdict.HELPFUL, document_id=hit.document_id)
    return store.feedback_records.record_pick(pick, digest_of(hit), by_moderator=by_moderator)


def found(store: Store, question_id: int) -> list[str]:
    return [hit.document_id for hit in store.question_records.hits(question_id)]


def test_confirmed_document_becomes_the_first_hit(store: Store) -> None:
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

    said = {mark.member_id: mark.document_id for mark in store.feedback_records.of(question_id)}
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
    assert [answer.passage for answer in store.feedback_records.confirmed(GUILD)] == [
        "Forty hours."
    ]

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
    checked = replace(golden, checked="a", checked_at=CUT, first="b", changed_at=CUT)
    for state in (GoldenState.HELD, GoldenState.MOVED):
        store.golden_questions.record_checks(GUILD, [replace(checked, state=state)])
    assert store.golden_questions.of_guild(GUILD) == [replace(checked, state=GoldenState.MOVED)]
