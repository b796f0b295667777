"""Metrics against numbers worked out by hand, and the run over a judged set."""

import itertools
import math
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.evaluation.judged_sets import (
    LEAST_HARVEST,
    JudgedSet,
    JudgedSetError,
    harvested,
    judged_set,
)
from indexer.evaluation.metrics import (
    Run,
    auroc,
    kept_and_refused,
    mrr,
    ndcg,
    randomisation_p,
    recall,
)
from indexer.evaluation.runner import Comparison, Evaluation, Evaluator
from indexer.index.index import Index
from knowledge.model.documents import SHARED, Document, Kind, Scope
from knowledge.model.questions import Evidence, Question, RecordedHit
from tests.fakes import WordEmbedder

CORPUS = '{"_id": "d1", "title": "Bees", "text": "Bees make honey."}\n'
QUERIES = '{"_id": "q1", "text": "who makes honey"}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\n"


def _write(folder: Path, **files: str) -> Path:
    contents = {"corpus.jsonl": CORPUS, "queries.jsonl": QUERIES, "qrels.tsv": QRELS}
    contents.update({name.replace("__", "."): text for name, text in files.items()})
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


# Judged sets that can't be read.


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl"])
def test_a_missing_file_is_named_with_what_a_judged_set_is(tmp_path: Path, missing: str) -> None:
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


def test_a_grade_that_is_no_number_is_named_by_its_line(tmp_path: Path) -> None:
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
def test_judgements_of_another_layout_are_not_passed_over(
    tmp_path: Path, line: str, problem: str
) -> None:
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


# Judged sets that can.


def test_files_may_begin_with_a_byte_order_mark_and_end_lines_as_windows_does(
    tmp_path: Path,
) -> None:
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


def test_judgements_are_found_in_either_place_with_or_without_a_header(tmp_path: Path) -> None:
    (_write(tmp_path) / "qrels.tsv").unlink()
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("q1\td1\t1\n")
    assert judged_set(tmp_path).judgements == {"q1": {"d1": 1}}


def test_unanswerable_questions_are_optional(tmp_path: Path) -> None:
    assert judged_set(_write(tmp_path)).unanswerable == {}
    _write(tmp_path, unanswerable__jsonl='{"_id": "u1", "text": "x"}\n')
    assert judged_set(tmp_path).unanswerable == {"u1": "x"}


# Metrics.


def test_ndcg_is_the_number_worked_out_by_hand() -> None:
    # Grades 3, 2 and 1 retrieved as: irrelevant, 2, 3, and the 1 not at all.
    gain = 2 / math.log2(3) + 3 / math.log2(4)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    judgements = {"q": {"a": 3, "b": 2, "c": 1}}
    assert ndcg({"q": ["x", "b", "a"]}, judgements) == pytest.approx(gain / ideal)
    assert ndcg({"q": ["x", "b", "a"]}, judgements) == pytest.approx(0.5800, abs=1e-4)


def test_ndcg_counts_nothing_below_k() -> None:
    assert ndcg({"q": ["x", "a"]}, {"q": {"a": 1}}, k=1) == 0.0


def test_recall_is_the_share_of_the_relevant_averaged_over_questions() -> None:
    run = {"q1": ["a", "x", "b"], "q2": ["x"]}
    judgements = {"q1": {"a": 1, "b": 1, "c": 2}, "q2": {"z": 1}}
    assert recall(run, judgements, 2) == pytest.approx((1 / 3 + 0) / 2)
    assert recall(run, judgements, 3) == pytest.approx((2 / 3 + 0) / 2)


def test_mrr_is_one_over_the_first_relevant_rank() -> None:
    run = {"q1": ["x", "y", "a"], "q2": ["b"], "q3": ["x"]}
    judgements = {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 1}}
    assert mrr(run, judgements) == pytest.approx((1 / 3 + 1 + 0) / 3)
    assert mrr(run, judgements, k=2) == pytest.approx((0 + 1 + 0) / 3)


def test_a_question_that_was_not_run_counts_as_nought() -> None:
    judgements = {"q1": {"a": 1}, "q2": {"b": 1}}
    assert ndcg({"q1": ["a"]}, judgements) == pytest.approx(0.5)
    assert recall({"q1": ["a"]}, judgements, 5) == pytest.approx(0.5)
    assert mrr({"q1": ["a"]}, judgements) == pytest.approx(0.5)


def test_auroc_is_the_share_of_pairs_in_order_with_ties_counting_half() -> None:
    # Pairs: 0.9 beats 0.5 and 0.1; 0.5 ties with 0.5 and beats 0.1; 0.2 loses to 0.5, beats 0.1.
    assert auroc([0.9, 0.5, 0.2], [0.5, 0.1]) == pytest.approx((2 + 1.5 + 1) / 6)


@pytest.mark.parametrize(("positive", "negative"), [([], [1.0]), ([1.0], []), ([], [])])
def test_auroc_without_both_sides_is_not_a_number(
    positive: list[float], negative: list[float]
) -> None:
    assert math.isnan(auroc(positive, negative))


scores = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=12)


@given(scores, scores)
def test_auroc_is_what_comparing_every_pair_gives(
    positive: list[float], negative: list[float]
) -> None:
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(sum(pairs) / len(pairs))


@given(st.permutations(list("abcdef")), st.integers(min_value=1, max_value=6))
def test_a_perfect_run_scores_one_and_no_run_scores_more(found: list[str], k: int) -> None:
    judgements = {"q": {"a": 3, "b": 2, "c": 1}}
    assert ndcg({"q": list("abcdef")}, judgements, k) == pytest.approx(1)
    assert 0 <= ndcg({"q": found}, judgements, k) <= 1 + 1e-9


# The run.


def test_a_judged_set_is_indexed_asked_and_measured(tmp_path: Path) -> None:
    animals = ["bees", "cows", "hens", "goats", "silkworms", "sheep"]
    products = ["honey", "milk", "eggs", "cheese", "silk", "wool"]
    pairs = list(zip(animals, products, strict=True))
    random.Random(1).shuffle(pairs)  # noqa: S311
    set_folder = tmp_path / "set"
    set_folder.mkdir()
    _write(
        set_folder,
        corpus__jsonl="".join(
            f'{{"_id": "{animal}", "title": "{animal}", "text": "{animal} give {product}"}}\n'
            for animal, product in pairs
        ),
        queries__jsonl="".join(
            f'{{"_id": "q-{animal}", "text": "{animal} give {product}"}}\n'
            for animal, product in pairs
        ),
        qrels__tsv="".join(f"q-{animal}\t{animal}\t1\n" for animal in animals),
        unanswerable__jsonl='{"_id": "u1", "text": "largest river"}\n',
    )
    # So many places that no two of these words share one.
    embedder = WordEmbedder(4_096)
    with Index(tmp_path / "index", model="words", dimension=4_096, max_tokens=256) as index:
        evaluator = Evaluator(index, embedder, judged_set(set_folder))
        for _ in evaluator.index():
            pass
        figures = evaluator.evaluate(legs=True).to_dict()
    assert figures["questions"] == 6
    assert figures["mrr_at_10"] == figures["ndcg_at_10"] == figures["recall_at_5"] == 1.0
    assert (figures["answered_rate"], figures["refused_rate"]) == (1.0, 1.0)
    assert figures["evidence_auroc"] == 1.0
    assert figures["legs"] == {
        leg: dict.fromkeys(("ndcg_at_10", "recall_at_5", "recall_at_10", "mrr_at_10"), 1.0)
        for leg in ("dense", "lexical")
    }
    for name in ("query_p50_ms", "query_p95_ms", "passages_per_second", "peak_rss_mb"):
        figure = figures[name]
        assert isinstance(figure, float)
        assert figure > 0


def test_without_unanswerable_questions_there_is_no_rate_of_refusals(tmp_path: Path) -> None:
    embedder = WordEmbedder(64)
    with Index(tmp_path / "index", model="words", dimension=64, max_tokens=256) as index:
        evaluator = Evaluator(index, embedder, judged_set(_write(tmp_path)))
        for _ in evaluator.index():
            pass
        figures = evaluator.evaluate().to_dict()
    assert figures["refused_rate"] is None
    assert figures["evidence_auroc"] is None
    assert "legs" not in figures


def test_a_question_and_an_unanswerable_one_may_have_the_same_id(tmp_path: Path) -> None:
    _write(tmp_path, unanswerable__jsonl='{"_id": "q1", "text": "zanzibar"}\n')
    embedder = WordEmbedder(4_096)
    with Index(tmp_path / "index", model="words", dimension=4_096, max_tokens=256) as index:
        evaluator = Evaluator(index, embedder, judged_set(tmp_path))
        for _ in evaluator.index():
            pass
        figures = evaluator.evaluate().to_dict()
    assert (figures["questions"], figures["ndcg_at_10"]) == (1, 1.0)
    assert (figures["answered_rate"], figures["refused_rate"]) == (1.0, 1.0)


# Two evaluations compared.


def test_identical_runs_are_as_far_apart_as_chance_always_sets_them() -> None:
    assert randomisation_p([0.5, 1.0, 0.0], [0.5, 1.0, 0.0]) == 1.0
    assert randomisation_p([], []) == 1.0


def test_a_single_change_can_always_be_chance() -> None:
    assert randomisation_p([0.0, 1.0, 1.0], [1.0, 1.0, 1.0]) == 1.0


def test_three_changes_of_one_sign_are_the_two_extreme_of_eight_sign_flips() -> None:
    # |±1 ±1 ±1| reaches 3 for +++ and ---: 2 of 8.
    assert randomisation_p([0, 0, 0], [1, 1, 1]) == pytest.approx(2 / 8, abs=0.02)


def test_the_questions_without_a_change_do_not_count() -> None:
    few = randomisation_p([0.1, 0.2, 0.3, 0.4], [0.3, 0.1, 0.6, 0.5])
    assert randomisation_p([0.1, 0.2, 0.3, 0.4, 1, 1], [0.3, 0.1, 0.6, 0.5, 1, 1]) == few


differences = st.lists(st.integers(min_value=-5, max_value=5), min_size=1, max_size=8)


@given(differences)
def test_the_randomisation_test_is_what_trying_every_sign_gives(found: list[int]) -> None:
    flips = [
        abs(sum(sign * difference for sign, difference in zip(signs, found, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(found))
    ]
    exact = sum(flip >= abs(sum(found)) for flip in flips) / len(flips)
    scores = [difference / 10 for difference in found]
    assert randomisation_p([0.0] * len(found), scores) == pytest.approx(exact, abs=0.025)
    assert randomisation_p(scores, [0.0] * len(found)) == pytest.approx(exact, abs=0.025)


def test_many_changes_of_one_sign_are_hardly_chance_and_never_impossible() -> None:
    assert randomisation_p([0.0] * 40, [0.1] * 40) == pytest.approx(1 / 10_001)


def test_the_same_figures_give_the_same_p_on_every_run() -> None:
    scores = [0.1 * number for number in range(9)]
    assert randomisation_p(scores, scores[::-1]) == randomisation_p(scores, scores[::-1])


def _evaluation(run: Run) -> Evaluation:
    judgements = {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 1}}
    return Evaluation(
        run=run,
        judgements=judgements,
        legs={},
        evidence=dict.fromkeys(judgements, Evidence.STRONG),
        strengths=dict.fromkeys(judgements, 0.9),
        unanswerable={},
        unanswerable_strengths={},
        milliseconds=[1.0],
        passages_per_second=1.0,
        threshold=0.5,
    )


def test_a_comparison_names_what_changed_with_the_largest_loss_first() -> None:
    comparison = Comparison(
        current=_evaluation({"q1": ["a"], "q2": ["x", "b"], "q3": ["c"]}),
        other=_evaluation({"q1": ["x", "a"], "q2": ["b"], "q3": ["c"]}),
        queries={"q1": "one?", "q2": "two?", "q3": "three?"},
    )
    second = pytest.approx(1 / math.log2(3))
    assert comparison.to_dict()["changed"] == [
        {"question": "one?", "current": 1.0, "other": second},
        {"question": "two?", "current": second, "other": 1.0},
    ]
    assert [change.gain > 0 for change in comparison.changed()] == [False, True]
    assert comparison.p_value() == 1.0


# What a threshold would do.


def test_a_threshold_keeps_what_reaches_it_and_refuses_what_does_not() -> None:
    thresholds = np.array([0.0, 0.5, 0.51, 1.0])
    kept, refused = kept_and_refused([0.9, 0.5, 0.2, 0.5], [0.5, 0.1], thresholds)
    assert kept.tolist() == [1.0, 0.75, 0.25, 0.0]
    assert refused.tolist() == [0.0, 0.5, 1.0, 1.0]


# Sets harvested from accepted answers.


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


def test_too_few_accepted_answers_are_counted_and_the_remedy_is_named() -> None:
    with pytest.raises(JudgedSetError, match=r"^19 answers .* a set needs 20 .* press Helpful"):
        harvested(ENOUGH, CORPUS_NOW)


def test_the_document_of_an_accepted_answers_first_hit_is_relevant() -> None:
    judged = harvested([*ENOUGH, _accepted(1, "note:1", "Where?", GUILD)], CORPUS_NOW)
    assert len(judged.queries) == LEAST_HARVEST
    assert judged.queries["1"] == "Where?"
    assert judged.judgements["1"] == {"note:1": 1}
    assert judged.unanswerable == {}


def test_a_follow_up_is_no_question_by_itself() -> None:
    follow_up = replace(_accepted(1, "common"), earlier="Who made it?")
    with pytest.raises(JudgedSetError, match=r"^19 answers"):
        harvested([*ENOUGH, follow_up], CORPUS_NOW)


def test_a_question_is_asked_from_where_it_was_asked() -> None:
    judged = harvested([*ENOUGH, _accepted(1, "note:1", "", GUILD)], CORPUS_NOW)
    assert judged.scopes["1"] == (SHARED, GUILD)
    assert judged.scopes["100"] == (SHARED,)


@pytest.mark.parametrize(
    "question",
    [_accepted(1, "gone"), _accepted(1, "note:1", guild_id=8), _accepted(1, "note:1")],
    ids=["a document that is gone", "another guild's note", "a guild's note in private"],
)
def test_an_answer_whose_document_can_not_be_found_any_more_is_passed_over(
    question: Question,
) -> None:
    with pytest.raises(JudgedSetError, match=r"^19 answers"):
        harvested([*ENOUGH, question], CORPUS_NOW)


def test_the_same_words_in_the_same_guild_are_one_question_with_all_its_documents() -> None:
    asked = [
        _accepted(1, "common", "Where is it?", GUILD),
        _accepted(2, "note:1", "where  IS it?", GUILD),
        _accepted(3, "common", "where is it?"),
    ]
    judged = harvested([*ENOUGH, *asked], CORPUS_NOW)
    assert judged.judgements["1"] == {"common": 1, "note:1": 1}
    assert "2" not in judged.queries
    assert judged.judgements["3"] == {"common": 1}


def test_a_guilds_question_finds_the_guilds_note_and_nobody_elses(tmp_path: Path) -> None:
    documents = [
        Document("note:1", GUILD, Kind.NOTE, "Meetup", "The quokka meetup is on Friday."),
        Document("note:2", Scope(8), Kind.NOTE, "Meetup", "The quokka meetup is on Friday."),
    ]
    judged = JudgedSet(
        documents,
        {"q": "quokka meetup"},
        {"q": {"note:1": 1}},
        scopes={"q": (SHARED, GUILD)},
    )
    with Index(tmp_path / "index", model="words", dimension=64, max_tokens=256) as index:
        evaluator = Evaluator(index, WordEmbedder(64), judged)
        for _ in evaluator.index():
            pass
        evaluation = evaluator.evaluate(legs=True)
    assert evaluation.run == {"q": ["note:1"]}
    assert evaluation.legs == {"dense": {"q": ["note:1"]}, "lexical": {"q": ["note:1"]}}
