"""Recorded questions: each passage once; old ones keep their figures without words."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowledge.backup import backups, exporter, importer
from knowledge.store.store import Store
from knowledge.values.questions import Evidence, Feedback, Question, RecordedHit, Verdict
from tests.knowledge.decided_notes import GUILD, MIRA, live_note
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


def test_a_passage_that_many_questions_find_is_kept_once_and_each_reads_it(store: Store) -> None:
    first, second = ask(store, "one?", NOTE, ARTICLE), ask(store, "two?", ARTICLE, NOTE)
    assert passages(store) == [ARTICLE.passage, NOTE.passage]
    for question_id, hits in ((first, [NOTE, ARTICLE]), (second, [ARTICLE, NOTE])):
        question = store.question_records.question(question_id)
        assert question is not None
        assert question.hits == hits


def test_a_question_more_of_the_same_passages_takes_less_than_two_kilobytes(
    store: Store, path: Path
) -> None:
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


def test_nothing_that_was_found_in_a_guild_stays_when_it_is_purged(
    store: Store, path: Path
) -> None:
    ask(store, "hers?", NOTE, ARTICLE)
    store.purge.guild(GUILD)
    assert passages(store) == []
    written = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert ARTICLE.passage.encode() not in written


# Pruning.


def test_old_questions_lose_their_words_and_the_file_holds_none_of_them(
    store: Store, path: Path
) -> None:
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


def test_every_figure_but_that_of_gaps_is_the_same_after_pruning(store: Store) -> None:
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


def test_what_a_member_asked_last_in_a_channel_is_known_for_as_long_as_wanted(
    store: Store,
) -> None:
    records = store.question_records
    ask(store, "one?", at=LATELY - timedelta(minutes=20))
    ask(store, "two?", NOTE, at=LATELY)
    ask(store, "theirs?", at=LATELY, asker_id=6)

    last = records.last_of_member(5, 7, LATELY - timedelta(minutes=10))

    assert last is not None
    assert (last.text, last.evidence, last.asked_at) == ("two?", Evidence.STRONG, LATELY)
    assert records.last_of_member(5, 8, LATELY - timedelta(minutes=10)) is None
    assert records.last_of_member(5, 7, LATELY + timedelta(seconds=1)) is None
