"""Metrics against numbers worked out by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.evaluation.metrics import auroc, kept_and_refused, mrr, ndcg, randomisation_p, recall


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


def test_auroc_counts_ordered_pairs_and_half_of_ties() -> None:
    # Pairs: 0.9 beats 0.5 and 0.1; 0.5 ties with 0.5 and beats 0.1; 0.2 loses to 0.5, beats 0.1.
    assert auroc([0.9, 0.5, 0.2], [0.5, 0.1]) == pytest.approx((2 + 1.5 + 1) / 6)


@pytest.mark.parametrize(("positive", "negative"), [([], [1.0]), ([1.0], []), ([], [])])
def test_auroc_of_one_side_is_nan(positive: list[float], negative: list[float]) -> None:
    assert math.isnan(auroc(positive, negative))


scores = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=12)


@given(scores, scores)
def test_auroc_compares_every_pair(positive: list[float], negative: list[float]) -> None:
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(sum(pairs) / len(pairs))


@given(st.permutations(list("abcdef")), st.integers(min_value=1, max_value=6))
def test_a_perfect_run_scores_one_and_no_run_scores_more(found: list[str], k: int) -> None:
    judgements = {"q": {"a": 3, "b": 2, "c": 1}}
    assert ndcg({"q": list("abcdef")}, judgements, k) == pytest.approx(1)
    assert 0 <= ndcg({"q": found}, judgements, k) <= 1 + 1e-9


def test_identical_runs_differ_as_by_chance() -> None:
    assert randomisation_p([0.5, 1.0, 0.0], [0.5, 1.0, 0.0]) == 1.0
    assert randomisation_p([], []) == 1.0


def test_a_single_change_can_always_be_chance() -> None:
    assert randomisation_p([0.0, 1.0, 1.0], [1.0, 1.0, 1.0]) == 1.0


def test_three_changes_of_one_sign_are_extreme() -> None:
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


def test_many_changes_of_one_sign_are_hardly_chance() -> None:
    assert randomisation_p([0.0] * 40, [0.1] * 40) == pytest.approx(1 / 10_001)


def test_the_same_figures_give_the_same_p_on_every_run() -> None:
    scores = [0.1 * number for number in range(9)]
    assert randomisation_p(scores, scores[::-1]) == randomisation_p(scores, scores[::-1])


def test_threshold_refuses_what_stays_below() -> None:
    thresholds = np.array([0.0, 0.5, 0.51, 1.0])
    kept, refused = kept_and_refused([0.9, 0.5, 0.2, 0.5], [0.5, 0.1], thresholds)
    assert kept.tolist() == [1.0, 0.75, 0.25, 0.0]
    assert refused.tolist() == [0.0, 0.5, 1.0, 1.0]
