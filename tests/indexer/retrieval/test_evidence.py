"""Evidence: the floor of everyday questions, and what is strong or none."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from indexer.index.index import Index
from indexer.ingest.pipeline import update
from indexer.retrieval.evidence import (
    FEATURES,
    FittedFor,
    Support,
    calibration,
    everyday_questions,
    features,
    fit,
)
from indexer.retrieval.retriever import Retriever
from indexer.text.analyzer import language_of_question
from knowledge.model.documents import SHARED, Document, Kind
from knowledge.model.questions import Evidence
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
    written = replace(calibration(), model=model, provenance="Fitted on judged sets.").to_toml()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calibration.toml"
        path.write_text(written, encoding="utf-8")
        found = calibration(path)
    assert found.model == model
    assert found.digest == calibration().digest


def test_an_empty_index_gives_no_hit_and_no_evidence(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with Index(tmp_path / "empty", model="words", dimension=4_096, max_tokens=256) as index:
        retriever = Retriever(index, embedder)
        assert retriever.hits(["honey"], [SHARED]) == [[]]
        assert retriever.evidence("honey", [], [SHARED]) is Evidence.NONE


def test_a_question_is_measured_against_everyday_ones_in_its_own_language(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    texts = {
        "bienen": "Wie machen Bienen Honig? Was ist Wachs? Wie viel Honig hat ein Volk?",
        "kühe": "Wann geben Kühe Milch? Wie hoch ist der Ertrag?",
    }
    corpus = [Document(f"file:{key}", SHARED, Kind.FILE, "", text) for key, text in texts.items()]
    with Index(tmp_path / "de", model="words", dimension=4_096, max_tokens=256) as index:
        for _ in update(index, embedder, corpus):
            pass
        retriever = Retriever(index, embedder)
        assert retriever.floor([SHARED], "de") > retriever.floor([SHARED], "en") + 0.1
        # There are no everyday questions in Latin.
        assert retriever.floor([SHARED], "la") == retriever.floor([SHARED])
        query = "Wie wird das Wetter und was ist die Hauptstadt?"
        [hits] = retriever.hits([query], [SHARED])
        assert retriever.evidence(query, hits, [SHARED]) is Evidence.NONE
        query = "Wie machen Bienen Honig?"
        [hits] = retriever.hits([query], [SHARED])
        assert retriever.evidence(query, hits, [SHARED]) is not Evidence.NONE


def _margin(passage: str, scores: list[float]) -> float:
    weights = [((word,), 1.0) for word in ("number", "kite", "broken", "spar")]
    support = Support("", weights, passage, passage, 0.5, scores, agreement=True)
    return float(features(support)[FEATURES.index("margin")])


def test_where_nothing_else_is_written_the_margin_follows_the_words_in_common() -> None:
    alone = [_margin(said, [0.5]) for said in ("", "number", "number kite", "broken kite spar")]
    assert alone == sorted(set(alone))
    assert alone[0] < 0.1
    # The more there is, the less does that count.
    few = _margin("number", [0.5, 0.2, 0.2])
    assert alone[1] < few < _margin("number", [0.5, *[0.2] * 9]) == pytest.approx(0.3)


def test_what_is_far_behind_counts_as_much_as_in_a_larger_corpus() -> None:
    assert _margin("", [0.5, *[0.0] * 9]) == _margin("", [0.5, *[0.1] * 9])


@pytest.mark.parametrize("language", ["de", "es", "fr", "ja", "ru", "zh"])
def test_everyday_questions_are_in_the_language_that_they_say(language: str) -> None:
    texts = everyday_questions(language)
    assert len(texts) == len(set(texts)) >= 50
    told = [language_of_question(text) for text in texts]
    assert told.count(language) > 0.6 * len(texts)
    assert len(texts) - told.count(language) - told.count("") <= 1


def test_what_shares_no_word_is_no_evidence(retriever: Retriever) -> None:
    query = "largest river"
    [hits] = retriever.hits([query], [SHARED])
    assert retriever.evidence(query, hits, [SHARED]) is Evidence.NONE


def test_a_question_answered_in_its_own_words_has_strong_evidence(retriever: Retriever) -> None:
    query = "bees make honey"
    [hits] = retriever.hits([query], [SHARED])
    assert retriever.evidence(query, hits, [SHARED]) is Evidence.STRONG


def test_what_lacks_what_no_answer_can_lack_is_never_strong(retriever: Retriever) -> None:
    for query, evidence in {
        "bees vs honey": Evidence.STRONG,
        "bees vs wasps": Evidence.PARTIAL,
    }.items():
        [hits] = retriever.hits([query], [SHARED])
        support = retriever.support(query, hits, [SHARED])
        assert support is not None
        sure = features(support)
        sure[: FEATURES.index("fit")] = 1.0
        assert calibration().verdict(sure, 0.2) is evidence


def test_a_fit_is_the_minimum_of_its_loss_among_weights_that_are_not_negative() -> None:
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
