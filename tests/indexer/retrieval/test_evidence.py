import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from indexer.index.index import Index
from indexer.ingest.pipeline import update
from indexer.retrieval.evidence import (
    ELSEWHERE,
    FEATURES,
    MOST_AHEAD,
    CalibrationError,
    FittedFor,
    Support,
    calibration,
    default_calibration,
    features,
    fit,
    shipped_calibrations,
    without_tokens,
)
from indexer.retrieval.hit import LateScore
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.questions import Evidence
from tests.fakes import WordEmbedder

DOCUMENTS = {
    "bees": "# Honey\n\nBees make honey from nectar. They dance.\n\n# Wax\n\nBees make wax.",
    "cows": "Cows give milk. They graze on meadows all day long.",
    "code": "Run the tool with `--no-cache-dir`. It is slow then.\n\n```\nnever | quote this\n```",
}


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(4_096)


@pytest.fixture
def retriever(tmp_path: Path, embedder: WordEmbedder) -> Iterator[Retriever]:
    with Index(tmp_path, model="words", dimension=4_096, max_tokens=256) as index:
        corpus = [
            Document(f"file:{name}", SHARED, Kind.FILE, name, text)
            for name, text in DOCUMENTS.items()
        ]
        for _ in update(index, embedder, corpus):
            pass
        yield Retriever(index, embedder)


@given(some.text(some.characters(exclude_categories=["Cs"])), some.sampled_from(["", "0" * 16]))
def test_parameters_are_read_as_they_were_written(name: str, digest: str) -> None:
    model = FittedFor(name, digest)
    written = replace(
        default_calibration(), model=model, provenance="Fitted on judged sets."
    ).to_toml()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calibration.toml"
        path.write_text(written, encoding="utf-8")
        found = calibration(path)
    assert found.model == model
    assert found.digest == default_calibration().digest


def test_every_flipped_bit_of_a_parameter_is_noticed(tmp_path: Path) -> None:
    own = replace(default_calibration(), model=FittedFor("a model", "0" * 16))
    written, path, harmless = own.to_toml().encode(), tmp_path / "calibration.toml", 0
    for place in range(written.index(b"digest"), len(written)):
        for bit in range(8):
            flipped = bytearray(written)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            with suppress(CalibrationError):
                found = calibration(path)
                assert (found.digest, found.model) == (own.digest, own.model)
                harmless += 1
    # In the comment, and in blanks.
    assert harmless < 2 * len(written)


def test_an_edit_by_hand_is_refused_until_the_digest_fits(tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    edited = (
        replace(default_calibration(), strong=0.5).to_toml().replace("strong = 0.5", "strong = 0.6")
    )
    path.write_text(edited, encoding="utf-8")
    with pytest.raises(CalibrationError, match=r'If you edited it, write `digest = "') as refused:
        calibration(path)
    [digest] = re.findall(r'digest = "\w+"', str(refused.value))
    path.write_text(re.sub(r'digest = "\w+"', digest, edited, count=1), encoding="utf-8")
    assert calibration(path).strong == 0.6
    path.write_text(edited.replace("digest =", "gigest =", 1), encoding="utf-8")
    with pytest.raises(CalibrationError, match="was changed after it was written"):
        calibration(path)


def test_empty_index_gives_no_evidence(tmp_path: Path, embedder: WordEmbedder) -> None:
    with Index(tmp_path / "empty", model="words", dimension=4_096, max_tokens=256) as index:
        retriever = Retriever(index, embedder)
        assert retriever.hits(["honey"], [SHARED]) == [[]]
        assert retriever.evidence("honey", []) is Evidence.NONE


def _support(scores: list[float], passage: str = "", late: LateScore | None = None) -> Support:
    return Support("which kite has a broken spar", passage, 0.5, scores, late=late)


def _feature(name: str, support: Support) -> float:
    return float(features(support)[FEATURES.index(name)])


def test_a_margin_is_the_bounded_lead_over_three_documents() -> None:
    assert _feature("margin", _support([0.9, 0.8, 0.7, 0.6, 0.0])) == pytest.approx(0.2)
    assert _feature("margin", _support([0.9, 0.7, 0.1])) == pytest.approx((0.2 + MOST_AHEAD) / 2)
    # Behind a reranker, the best score may stand second.
    assert _feature("margin", _support([0.7, 0.9])) == 0


def test_sections_of_the_same_page_are_rivals_too(retriever: Retriever) -> None:
    [hits] = retriever.hits(["bees make honey"], [SHARED])
    support = retriever.support("bees make honey", hits)
    wax = next(one.score for one in hits[0].also if one.passage.heading == "Wax")
    assert wax in support.other_sections
    assert _feature("sections", support) < _feature("margin", support)


def test_a_document_alone_is_not_ahead_of_anything() -> None:
    assert _feature("margin", _support([0.9])) < _feature("margin", _support([0.9, 0.6]))


def test_weakest_word_is_told_with_or_without_tokens() -> None:
    assert _feature("weakest", _support([0.9], late=LateScore(0.7, 0.05))) == -0.05
    assert _feature("weakest", _support([0.9], "The spar of this kite is broken.")) == 0
    assert _feature("weakest", _support([0.9], "This kite is red.")) == -ELSEWHERE * 2 / 3


def test_words_tell_nothing_of_a_passage_in_another_language() -> None:
    german = "Der rote Drachen hat eine gebrochene Strebe und darf nicht geflogen werden."
    assert _feature("weakest", _support([0.9], german)) == 0


def test_what_shares_no_word_is_no_evidence(retriever: Retriever) -> None:
    query = "largest river"
    [hits] = retriever.hits([query], [SHARED])
    assert retriever.evidence(query, hits) is Evidence.NONE


def test_a_question_answered_in_its_own_words_has_strong_evidence(retriever: Retriever) -> None:
    query = "bees make honey"
    [hits] = retriever.hits([query], [SHARED])
    assert retriever.evidence(query, hits) is Evidence.STRONG


@pytest.mark.parametrize(
    ("missing", "evidence"), [(("ps5",), Evidence.PARTIAL), ((), Evidence.STRONG)]
)
def test_missing_proper_name_is_never_strong(missing: tuple[str, ...], evidence: Evidence) -> None:
    support = replace(_support([0.9]), missing=missing)
    assert default_calibration().verdict(1.0, support=support) is evidence


def test_a_changelog_is_never_strong() -> None:
    support = replace(_support([0.9]), is_changelog=True)
    assert default_calibration().verdict(1.0, support=support) is Evidence.PARTIAL


@pytest.mark.parametrize(
    ("question", "passage", "unread", "evidence"),
    [
        ("wann ist die werkstatt auf", "Die Werkstatt ist am Montag auf.", "de", Evidence.PARTIAL),
        ("wann ist die werkstatt auf", "Die Werkstatt ist am Montag auf.", "", Evidence.STRONG),
        ("wann ist die werkstatt auf", "The workshop is open on Mondays.", "", Evidence.PARTIAL),
        ("werkstatt auf?", "The workshop is open on Mondays.", "", Evidence.STRONG),
    ],
)
def test_misreadable_passage_is_not_strong(
    question: str, passage: str, unread: str, evidence: Evidence
) -> None:
    asked = replace(_support([0.9], passage), question=question, unread=unread)
    assert default_calibration().verdict(1.0, support=asked) is evidence


def test_missing_words_count_unless_the_model_reads_the_language() -> None:
    passage = "The hall is open on Mondays."
    across = replace(_support([0.9], passage), question="wann ist die werkstatt auf")
    missing = [_feature("weakest", replace(across, unread=unread)) for unread in ("", "de")]
    assert missing == [0, -ELSEWHERE]


def test_question_too_far_from_a_passage_is_refused() -> None:
    for found in (*shipped_calibrations(), without_tokens()):
        for beyond, evidence in ((-0.001, Evidence.NONE), (0.001, Evidence.PARTIAL)):
            surest = np.array([found.least_cosine + beyond, MOST_AHEAD, 0.0, MOST_AHEAD])
            assert found.verdict(float(found.probability(surest))) is evidence


def test_fit_is_the_minimum_with_no_negative_weight() -> None:
    chance = np.random.default_rng(0)
    values = chance.normal(size=(400, 4)) * [1.0, 20.0, 0.1, 1.0] + [0.0, 5.0, 1.0, 0.0]
    # The last feature speaks against an answer, so its weight is at its bound.
    logits = values @ [1.5, 0.05, 8.0, -1.0] - 8
    answered = chance.random(400) < 1 / (1 + np.exp(-logits))
    importance = chance.random(400)

    weights, scales, bias = fit(values, answered, importance, penalty=0.001)

    share = importance / importance.sum()
    centre = share @ values
    assert scales == pytest.approx(np.sqrt(share @ (values - centre) ** 2))
    error = share * (1 / (1 + np.exp(-(values @ (weights / scales) + bias))) - answered)
    gradient = ((values - centre) / scales).T @ error + 0.001 * weights
    assert weights[:3] == pytest.approx(np.clip(weights[:3], 0.1, None))
    assert weights[3] == 0
    assert gradient[:3] == pytest.approx(0, abs=1e-7)
    assert gradient[3] > 0
    assert error.sum() == pytest.approx(0, abs=1e-7)
