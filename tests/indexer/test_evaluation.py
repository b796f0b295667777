"""Metrics against numbers worked out by hand, and the run over a judged set."""

import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.evaluation import Evaluator, JudgedSetError, auroc, judged_set, mrr, ndcg, recall
from indexer.index import Index
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


# Judged sets that can.


def test_questions_without_a_judgement_are_not_asked(tmp_path: Path) -> None:
    _write(tmp_path, queries__jsonl=QUERIES + '{"_id": "q2", "text": "unjudged"}\n')
    assert list(judged_set(tmp_path).queries) == ["q1"]


def test_a_text_may_hold_separators_of_any_kind(tmp_path: Path) -> None:
    text = "one\u2028two\x85three"
    _write(tmp_path, queries__jsonl=f'{{"_id": "q1", "text": "{text}"}}\n')
    assert judged_set(tmp_path).queries == {"q1": text}


def test_a_grade_of_nought_is_no_judgement(tmp_path: Path) -> None:
    _write(tmp_path, qrels__tsv=QRELS + "q1\td2\t0\nq1\td3\t2\n")
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
