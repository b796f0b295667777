"""What is measured of a calibration, by hand-worked rows, and that it is not measured on itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration import (
    RIGHT_SHOWN,
    STRONG_PRECISION,
    Rows,
    collect_rows,
    cross_fit,
    fit_calibration,
    measure,
    related_sets,
)
from indexer.evaluation.judged_sets import JudgedSet
from indexer.index.index import Index
from indexer.retrieval.evidence import FEATURES, Calibration
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind, Scope
from tests.fakes import WordEmbedder
from tests.indexer.small_index import build

ONE = np.ones(len(FEATURES))


def _rows(*cosines: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    values = np.zeros((len(cosines), len(FEATURES)))
    values[:, FEATURES.index("cosine")] = cosines
    return values


def _by_cosine(strong_from: float) -> Calibration:
    """A calibration for which a cosine of `strong_from` is just strong, and as likely as not."""
    weights = np.zeros(len(FEATURES))
    weights[FEATURES.index("cosine")] = 10.0
    return Calibration(weights, ONE, -10.0 * strong_from, 0.5 - 1e-9)


def _set(name: str, answerable: list[tuple[float, bool]], foreign: list[float]) -> Rows:
    rows = Rows()
    values = _rows(*(cosine for cosine, _ in answerable))
    rows.add("answerable", name, [(v, r) for v, (_, r) in zip(values, answerable, strict=True)])
    rows.add("foreign", name, [(row, False) for row in _rows(*foreign)])
    return rows


def test_what_is_measured_is_what_a_count_by_hand_gives() -> None:
    rows = _set("a", [(0.9, True), (0.8, False), (0.7, True), (0.3, True)], [0.75, 0.5, 0.1, 0.1])
    figures = measure(rows, replace(_by_cosine(0.7), none=1 / (1 + np.exp(3.0))))
    assert figures["a answerable kept"] == 3 / 4
    assert figures["a foreign refused"] == 2 / 4
    assert figures["a strong share"] == 3 / 4
    assert figures["a strong precision"] == pytest.approx(2 / 3)
    assert figures["a right kept"] == pytest.approx(2 / 3)
    # Answerable questions count 0.65 in all and foreign ones 0.1: right are 2 of 4 of the ones,
    # strong are 3 of 4 of them and 1 of 4 of the others.
    assert figures["a strong precision, all kinds"] == pytest.approx(
        0.65 * 2 / 4 / (0.65 * 3 / 4 + 0.1 * 1 / 4)
    )


def test_thresholds_keep_the_promised_share_of_right_answers() -> None:
    rows = _sampled("a", 5, 0.0)
    calibration, figures = fit_calibration(rows, "")
    assert figures["a strong precision, all kinds"] >= STRONG_PRECISION
    less = replace(calibration, strong=calibration.strong - 0.03)
    assert measure(rows, less)["a strong precision, all kinds"] < STRONG_PRECISION
    assert figures["a right kept"] >= RIGHT_SHOWN
    more = replace(calibration, none=calibration.none + 0.03)
    assert measure(rows, more)["a right kept"] < RIGHT_SHOWN
    assert 0 < calibration.none < calibration.strong


def _sampled(name: str, seed: int, shift: float) -> Rows:
    """A set on which right answers have higher cosines, all of them moved by `shift`."""
    random = np.random.default_rng(seed)
    right = random.random(400) < 0.7
    cosines = 0.5 + 0.15 * right + 0.1 * random.standard_normal(400) + shift
    answerable = list(zip(cosines.tolist(), right.tolist(), strict=True))
    foreign = (0.3 + 0.1 * random.standard_normal(200) + shift).tolist()
    return _set(name, answerable, foreign)


def _joined(*sets: Rows) -> Rows:
    joined = Rows()
    for rows in sets:
        joined.values.update(rows.values)
        joined.right.update(rows.right)
    return joined


def test_each_set_is_measured_with_what_was_fitted_without_it() -> None:
    easy, hard = _sampled("easy", 1, 0.0), _sampled("hard", 2, 0.3)
    figures = cross_fit(_joined(easy, hard))
    from_hard, _ = fit_calibration(hard, "")
    expected = measure(easy, from_hard)["easy strong share"]
    assert figures["cross-fitted easy strong share"] == expected
    # Fitted where everything is nearer, hardly anything of the other set is called strong.
    assert expected < measure(easy, fit_calibration(easy, "")[0])["easy strong share"] / 2


def test_a_set_alone_is_cut_into_halves() -> None:
    figures = cross_fit(_sampled("a", 3, 0.0))
    names = ("a (1)", "a (2)")
    precisions = [figures[f"cross-fitted {name} strong precision, all kinds"] for name in names]
    assert np.mean(precisions) == pytest.approx(STRONG_PRECISION, abs=0.05)


def test_sets_sharing_a_document_are_not_foreign() -> None:
    def judged(*texts: str) -> JudgedSet:
        documents = [Document(text, SHARED, Kind.FILE, "", text) for text in texts]
        return JudgedSet(documents, {}, {})

    sets = {
        "farm": judged("Bees make honey.", "Cows give milk."),
        "zoo": judged("Lions sleep.", "bees  make honey."),
        "city": judged("Trams run."),
        "farm-de": judged("Bienen machen Honig."),
    }
    assert related_sets("farm", sets) == {"farm", "zoo", "farm-de"}
    assert related_sets("city", sets) == {"city"}

    easy, twin, hard = _sampled("easy", 1, 0.0), _sampled("twin", 1, 0.0), _sampled("hard", 2, 0.3)
    rows = _joined(easy, twin, hard)
    rows.related_sets = {"easy": frozenset({"easy", "twin"})}
    expected = measure(easy, fit_calibration(hard, "")[0])["easy strong share"]
    assert cross_fit(rows)["cross-fitted easy strong share"] == expected


def test_cutting_into_halves_keeps_every_row_once() -> None:
    rows = _sampled("a", 4, 0.0)
    halves = rows.halves()
    for kind in ("answerable", "foreign"):
        both = np.concatenate([halves.values[kind, "a (1)"], halves.values[kind, "a (2)"]])
        assert sorted(both[:, 0]) == sorted(rows.values[kind, "a"][:, 0])


def test_a_guilds_question_is_judged_by_what_it_may_see(tmp_path: Path) -> None:
    """Both guilds' notes answer in the same words; foreign questions are asked of all of them."""
    guilds = (Scope(7), Scope(8))
    documents = [
        Document(f"note:{guild}", guild, Kind.NOTE, "Meetup", "The quokka meetup is on Friday.")
        for guild in guilds
    ]
    judged = JudgedSet(
        documents,
        {str(guild): "quokka meetup" for guild in guilds},
        {str(guild): {f"note:{guild}": 1} for guild in guilds},
        scopes={str(guild): (SHARED, guild) for guild in guilds},
    )
    other = JudgedSet([], {"q": "friday market"}, {"q": {"x": 1}})
    embedder, rows = WordEmbedder(64), Rows()
    with Index(tmp_path / "index", model="words", dimension=64, max_tokens=256) as index:
        build(index, embedder, documents)
        collect_rows(rows, "own", Retriever(index, embedder), {"own": judged, "other": other})
    assert rows.right["answerable", "own"].tolist() == [True, True]
    assert ("removed", "own") not in rows.right
    assert rows.right["foreign", "own"].tolist() == [False]
