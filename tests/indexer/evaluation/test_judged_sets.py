"""Judged sets: what is read of a folder or harvested from answers, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.evaluation.judged_sets import (
    COMMITTED,
    LEAST_HARVEST,
    JudgedSetError,
    harvest,
    judged_set,
)
from indexer.index.stored_passage import StoredPassage
from knowledge.values.documents import ARTICLES, SHARED, Document, Kind, Scope
from knowledge.values.questions import Evidence, Question, RecordedHit

CORPUS = '{"_id": "d1", "title": "Bees", "text": "Bees make honey."}\n'


QUERIES = '{"_id": "q1", "text": "who makes honey"}\n'


QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\n"


def _write(folder: Path, **files: str) -> Path:
    contents = {"corpus.jsonl": CORPUS, "queries.jsonl": QUERIES, "qrels.tsv": QRELS}
    contents.update({name.replace("__", "."): text for name, text in files.items()})
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl"])
def test_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    (_write(tmp_path) / missing).unlink()
    with pytest.raises(JudgedSetError, match=rf"{missing} can't be read.*A judged set is a folder"):
        judged_set(tmp_path)


def test_missing_judgements_are_named(tmp_path: Path) -> None:
    (_write(tmp_path) / "qrels.tsv").unlink()
    with pytest.raises(JudgedSetError, match=r"neither qrels.tsv nor qrels/test.tsv"):
        judged_set(tmp_path)


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(JudgedSetError, match="can't be read"):
        judged_set(tmp_path / "missing")


@pytest.mark.parametrize(
    ("line", "problem"),
    [("{broken", "is not JSON"), ("[1]", "has no `_id`"), ('{"text": "x"}', "has no `_id`")],
)
def test_a_broken_line_is_named_by_its_number(tmp_path: Path, line: str, problem: str) -> None:
    _write(tmp_path, queries__jsonl=f"{QUERIES}\n{line}\n")
    with pytest.raises(JudgedSetError, match=rf"queries.jsonl, line 3, {problem}"):
        judged_set(tmp_path)


def test_grade_without_a_number_is_named_by_line(tmp_path: Path) -> None:
    _write(tmp_path, qrels__tsv=f"{QRELS}q1\td1\tvery\n")
    with pytest.raises(JudgedSetError, match=r"qrels.tsv, line 3: the grade is 'very'"):
        judged_set(tmp_path)


def test_judgements_in_another_encoding_are_explained(tmp_path: Path) -> None:
    (_write(tmp_path) / "qrels.tsv").write_bytes(b"q1\t\xff\t1\n")
    with pytest.raises(JudgedSetError, match=r"qrels\.tsv can't be read"):
        judged_set(tmp_path)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("q1 0 d1 1", "has 1 columns; expected are the ids of a question and of a document and"),
        ("q1\td1", "has 2 columns"),
        ("q1\t0\td1\t1", "has 4 columns"),
        ("q1\td1\t1.0", "the grade is '1.0'; expected is a whole number"),
    ],
)
def test_other_judgements_are_not_passed_over(tmp_path: Path, line: str, problem: str) -> None:
    _write(tmp_path, qrels__tsv=f"{QRELS}{line}\n")
    with pytest.raises(JudgedSetError, match=f"line 3.*{problem}"):
        judged_set(tmp_path)


@pytest.mark.parametrize("qrels", ["", QRELS.replace("1\n", "0\n"), "query-id\tcorpus-id\tscore\n"])
def test_a_set_in_which_nothing_is_judged_is_none(tmp_path: Path, qrels: str) -> None:
    _write(tmp_path, qrels__tsv=qrels)
    with pytest.raises(JudgedSetError, match="nothing is judged"):
        judged_set(tmp_path)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("q9\td1\t1", r"questions that queries\.jsonl does not have: 'q9', 1 in all"),
        ("q1\td9\t1", r"documents that corpus\.jsonl does not have: 'd9', 1 in all"),
    ],
)
def test_judgements_of_what_is_not_there_are_named(tmp_path: Path, line: str, problem: str) -> None:
    _write(tmp_path, qrels__tsv=f"{QRELS}{line}\n")
    with pytest.raises(JudgedSetError, match=problem):
        judged_set(tmp_path)


@pytest.mark.parametrize("name", ["corpus", "queries"])
def test_an_id_that_stands_for_two_things_is_named(tmp_path: Path, name: str) -> None:
    twice = {"corpus": CORPUS, "queries": QUERIES}[name] * 2
    _write(tmp_path, **{f"{name}__jsonl": twice})
    with pytest.raises(
        JudgedSetError, match=rf"{name}\.jsonl, line 2: the id '.1' was there before"
    ):
        judged_set(tmp_path)


@pytest.mark.parametrize("text", ['""', "null", '" "'])
def test_a_question_without_words_is_named(tmp_path: Path, text: str) -> None:
    _write(tmp_path, queries__jsonl=f'{{"_id": "q1", "text": {text}}}\n')
    with pytest.raises(JudgedSetError, match="the question 'q1' has no `text`"):
        judged_set(tmp_path)


def test_files_may_have_a_mark_and_windows_line_ends(tmp_path: Path) -> None:
    _write(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    judged = judged_set(tmp_path)
    assert judged.judgements == {"q1": {"d1": 1}}
    assert judged.queries == {"q1": "who makes honey"}


def test_questions_without_a_judgement_are_not_asked(tmp_path: Path) -> None:
    _write(tmp_path, queries__jsonl=QUERIES + '{"_id": "q2", "text": "unjudged"}\n')
    assert list(judged_set(tmp_path).queries) == ["q1"]


def test_a_text_may_hold_separators_of_any_kind(tmp_path: Path) -> None:
    text = "one\u2028two\x85three"
    _write(tmp_path, queries__jsonl=f'{{"_id": "q1", "text": "{text}"}}\n')
    assert judged_set(tmp_path).queries == {"q1": text}


def test_a_grade_of_nought_is_no_judgement(tmp_path: Path) -> None:
    corpus = CORPUS + CORPUS.replace("d1", "d3")
    _write(tmp_path, corpus__jsonl=corpus, qrels__tsv=QRELS + "q1\td2\t0\nq1\td3\t2\n")
    assert judged_set(tmp_path).judgements == {"q1": {"d1": 1, "d3": 2}}


def test_judgements_are_found_in_either_place(tmp_path: Path) -> None:
    (_write(tmp_path) / "qrels.tsv").unlink()
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("q1\td1\t1\n")
    assert judged_set(tmp_path).judgements == {"q1": {"d1": 1}}


def test_unanswerable_questions_are_optional(tmp_path: Path) -> None:
    assert judged_set(_write(tmp_path)).unanswerable == {}
    _write(tmp_path, unanswerable__jsonl='{"_id": "u1", "text": "x"}\n')
    assert judged_set(tmp_path).unanswerable == {"u1": "x"}


HELD_OUT = Path(__file__).parents[2] / "judged" / "home-server-wiki"


def test_held_out_set_is_whole_and_names_its_licence() -> None:
    judged = judged_set(HELD_OUT)
    assert 100 <= len(judged.documents) <= 250
    assert len(judged.queries) >= 80
    # What is not judged would be passed over in silence.
    assert len((HELD_OUT / "queries.jsonl").read_text("utf-8").splitlines()) == len(judged.queries)
    assert all(max(grades.values()) == 2 for grades in judged.judgements.values())
    assert (len(judged.unanswerable), len(judged.foreign)) == (40, 20)
    assert "Licence: Creative Commons" in (HELD_OUT / "README.md").read_text("utf-8")
    assert HELD_OUT.name not in COMMITTED


GUILD = Scope(7)


def _document(document_id: str, scope: Scope = SHARED) -> Document:
    return Document(id=document_id, scope=scope, kind=Kind.NOTE, title="", text=document_id)


def _accepted(number: int, document: str, text: str = "", guild_id: int | None = None) -> Question:
    return Question(
        id=number,
        guild_id=guild_id,
        channel_id=None,
        asker_id=1,
        text=text or f"question {number}",
        evidence=Evidence.STRONG,
        asked_at=datetime(2026, 3, 4, tzinfo=UTC),
        generation=1,
        hits=[RecordedHit(name, "", "", "", 1.0, ("meaning",)) for name in (document, "below")],
    )


ENOUGH = [_accepted(number, "common") for number in range(100, 100 + LEAST_HARVEST - 1)]


CORPUS_NOW = [_document("common"), _document("note:1", GUILD), _document("below")]


def test_too_few_answers_name_the_remedy() -> None:
    with pytest.raises(JudgedSetError, match=r"^19 answers .* A set needs 20 .* press Helpful"):
        harvest(ENOUGH, CORPUS_NOW)


def test_the_document_of_an_accepted_answers_first_hit_is_relevant() -> None:
    judged = harvest([*ENOUGH, _accepted(1, "note:1", "Where?", GUILD)], CORPUS_NOW)
    assert len(judged.queries) == LEAST_HARVEST
    assert judged.queries["1"] == "Where?"
    assert judged.judgements["1"] == {"note:1": 1}
    assert judged.unanswerable == {}


def test_a_follow_up_is_no_question_by_itself() -> None:
    follow_up = replace(_accepted(1, "common"), earlier="Who made it?")
    with pytest.raises(JudgedSetError, match=r"^19 answers"):
        harvest([*ENOUGH, follow_up], CORPUS_NOW)


def test_a_question_is_asked_from_where_it_was_asked() -> None:
    judged = harvest([*ENOUGH, _accepted(1, "note:1", "", GUILD)], CORPUS_NOW)
    assert judged.scopes["1"] == (SHARED, ARTICLES, GUILD)
    assert judged.scopes["100"] == (SHARED, ARTICLES)


@pytest.mark.parametrize(
    "question",
    [_accepted(1, "gone"), _accepted(1, "note:1", guild_id=8), _accepted(1, "note:1")],
    ids=["a document that is gone", "another guild's note", "a guild's note in private"],
)
def test_answer_without_its_document_is_passed_over(question: Question) -> None:
    with pytest.raises(JudgedSetError, match=r"^19 answers"):
        harvest([*ENOUGH, question], CORPUS_NOW)


def test_same_words_of_a_guild_are_one_question() -> None:
    asked = [
        _accepted(1, "common", "Where is it?", GUILD),
        _accepted(2, "note:1", "where  IS it?", GUILD),
        _accepted(3, "common", "where is it?"),
    ]
    judged = harvest([*ENOUGH, *asked], CORPUS_NOW)
    assert judged.judgements["1"] == {"common": 1, "note:1": 1}
    assert "2" not in judged.queries
    assert judged.judgements["3"] == {"common": 1}


@pytest.mark.parametrize(
    ("document", "heading", "answers"),
    [("d1", "Hives › `Winter` feed", True), ("d1", "Hives", False), ("d2", "Winter feed", False)],
)
def test_named_section_answers_alone(
    tmp_path: Path, document: str, heading: str, answers: bool
) -> None:
    qrels = "query-id\tcorpus-id\tscore\theading\nq1\td1\t1\tWinter feed\n"
    passage = StoredPassage(
        id=1,
        document_id=document,
        scope=SHARED,
        kind=Kind.FILE,
        position=0,
        heading=heading,
        text="Sugar.",
        title="Bees",
        link="",
        tags=(),
        contributor="",
        verified=None,
        revision=None,
        approved_by="",
    )
    judged = judged_set(_write(tmp_path, qrels__tsv=qrels))
    assert judged.is_answered_by("q1", passage) is answers
