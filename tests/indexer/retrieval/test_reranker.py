"""Reranking: its order, its budget, its failures, and no effect on refusals."""

import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from indexer.embedding.embedder import ModelError
from indexer.index.index import Index
from indexer.ingest.pipeline import update
from indexer.retrieval.hit import MEANING, RERANKER, WORDS, Hit
from indexer.retrieval.reranker import (
    MOST,
    CrossEncoderReranker,
    RerankerError,
    Reranking,
    open_dispensable_reranking,
    open_reranking,
)
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.questions import Evidence
from tests.fakes import WordEmbedder, WordReranker
from tests.models import put_pickle_for_weights, save_cross_encoder

QUESTION = "who makes honey"
TEXTS = {
    "bees": "Bees make honey. Who makes honey makes wax.",
    "bears": "Bears eat honey.",
    "cows": "Cows give milk.",
}

Opener = Callable[..., Retriever]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Open a retriever on the texts, with a reranker or without."""
    embedder = WordEmbedder(4_096)
    with Index(tmp_path, model="words", dimension=4_096, max_tokens=256) as index:
        corpus = [
            Document(f"file:{key}", SHARED, Kind.FILE, "", text) for key, text in TEXTS.items()
        ]
        for _ in update(index, embedder, corpus):
            pass
        yield lambda reranking=None: Retriever(index, embedder, reranking=reranking)


def _reranking(reranker: WordReranker, budget_seconds: float = 1.0) -> Reranking:
    made = Reranking(reranker, budget_seconds, reranker.clock)
    reranker.read.clear()
    return made


def _names(hits: list[Hit]) -> list[str]:
    return [hit.passage.document_id.removeprefix("file:") for hit in hits]


# The order.


def test_without_a_reranker_hits_keep_the_order_of_their_scores(opened: Opener) -> None:
    [hits] = opened().hits([QUESTION], [SHARED])
    assert _names(hits) == ["bees", "bears", "cows"]
    assert all(RERANKER not in hit.legs for hit in hits)


def test_the_reranker_s_best_comes_first_with_its_leg(opened: Opener) -> None:
    [hits] = opened(_reranking(WordReranker("milk"))).hits([QUESTION], [SHARED])
    assert _names(hits) == ["cows", "bees", "bears"]
    assert hits[0].legs == (MEANING, RERANKER)
    assert hits[1].legs == (MEANING, WORDS, RERANKER)


def test_passages_beyond_the_budget_follow_in_their_order(opened: Opener) -> None:
    reranker = WordReranker("milk", seconds=0.4)
    [hits] = opened(_reranking(reranker)).hits([QUESTION], [SHARED])
    assert _names(hits) == ["bees", "bears", "cows"]
    assert [RERANKER in hit.legs for hit in hits] == [True, True, False]
    assert len(reranker.read) == 2


def test_more_passages_are_reranked_than_wanted(opened: Opener) -> None:
    [hits] = opened(_reranking(WordReranker("milk"))).hits([QUESTION], [SHARED], k=1)
    assert _names(hits) == ["cows"]


def test_the_passage_that_evidence_depends_on_is_kept(opened: Opener) -> None:
    [hits] = opened(_reranking(WordReranker("eat"))).hits(["cows give milk"], [SHARED], k=2)
    assert _names(hits) == ["bears", "cows"]
    assert hits[1].score > hits[0].score


def test_title_heading_and_text_are_reranked_without_link_targets(tmp_path: Path) -> None:
    reranker = WordReranker("x")
    embedder = WordEmbedder()
    text = "# Wax\n\nThe [page](https://a.org) is of wax.\n\n# Milk\n\nNothing."
    with Index(tmp_path, model="words", dimension=256, max_tokens=256) as index:
        documents = [
            Document("file:a", SHARED, Kind.FILE, "Bees", text),
            Document("file:b", SHARED, Kind.FILE, "", "Else"),
        ]
        for _ in update(index, embedder, documents):
            pass
        Retriever(index, embedder, reranking=_reranking(reranker)).hits(["wax page"], [SHARED])
    assert reranker.read[0] == "Bees\nWax\nThe page is of wax."


# The budget.


@pytest.mark.parametrize(
    ("pair_seconds", "fitting"), [(0.3, 3), (0.5, 2), (0.51, 0), (2.0, 0), (0.001, MOST)]
)
def test_passages_that_fit_are_reranked(pair_seconds: float, fitting: int) -> None:
    assert _reranking(WordReranker("x", pair_seconds)).fitting() == fitting


def test_questions_together_share_one_budget(opened: Opener) -> None:
    reranker = WordReranker("milk", seconds=0.25)
    retriever = opened(_reranking(reranker))
    retriever.hits([QUESTION, "cows"], [SHARED])
    assert len(reranker.read) == 4
    reranker.read.clear()
    retriever.hits([QUESTION, "cows", "bears"], [SHARED])
    assert reranker.read == []


# What it may not change.


def test_a_reranker_changes_no_refusal(opened: Opener) -> None:
    retriever = opened(_reranking(WordReranker("milk")))
    for query in ("largest river", "zanzibar ferry timetable"):
        [hits] = retriever.hits([query], [SHARED])
        assert hits[0].passage.document_id == "file:cows"
        assert retriever.evidence(query, hits) is Evidence.NONE
    [hits] = retriever.hits(["bees make honey"], [SHARED])
    assert retriever.evidence("bees make honey", hits) is not Evidence.NONE


def test_strong_evidence_is_about_the_first_shown_passage(opened: Opener) -> None:
    query = "bees make honey"
    [fused] = opened().hits([query], [SHARED])
    assert opened().evidence(query, fused) is Evidence.STRONG
    retriever = opened(_reranking(WordReranker("milk")))
    [hits] = retriever.hits([query], [SHARED])
    assert retriever.evidence(query, hits) is Evidence.PARTIAL


# One that fails.


class Failing(WordReranker):
    """Changes its scores by `made` once that is set."""

    made: Callable[[list[float]], list[float]] | None = None

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        scores = super().scores(query, texts)
        return self.made(scores) if self.made is not None else scores


def _raise(_scores: list[float]) -> list[float]:
    raise MemoryError("no room")


FAILURES = [_raise, lambda scores: scores[1:], lambda scores: [*scores[1:], math.nan]]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_during_an_answer_switches_the_reranker_off_with_one_warning(
    opened: Opener, caplog: pytest.LogCaptureFixture, failure: Callable[..., list[float]]
) -> None:
    reranker = Failing("milk")
    reranking = _reranking(reranker)
    reranking.dispensable = True
    retriever = opened(reranking)
    [hits] = retriever.hits([QUESTION], [SHARED])
    assert _names(hits)[0] == "cows"
    assert "reranker" in retriever.identity
    reranker.made = failure
    for hits in retriever.hits([QUESTION, QUESTION], [SHARED]) + retriever.hits(
        [QUESTION], [SHARED]
    ):
        assert _names(hits) == ["bees", "bears", "cows"]
        assert all(RERANKER not in hit.legs for hit in hits)
    assert "reranker" not in retriever.identity
    assert reranking.fitting() == 0
    told = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert told == [reranking.problem]
    assert "Until the next start, answers are given without it." in reranking.problem


@pytest.mark.parametrize("failure", FAILURES)
def test_measurement_failure_raises(opened: Opener, failure: Callable[..., list[float]]) -> None:
    reranker = Failing("milk")
    retriever = opened(_reranking(reranker))
    reranker.made = failure
    with pytest.raises(RerankerError, match="failed"):
        retriever.hits([QUESTION], [SHARED])


@pytest.mark.parametrize("name", ["no/such-model"])
def test_missing_reranker_is_skipped(
    name: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    reranking, problem = open_dispensable_reranking(name, 200)
    assert reranking is None
    assert "There is no reranker" in problem
    assert [one.getMessage() for one in caplog.records] == [problem]
    assert open_dispensable_reranking("", 200) == (None, "")


# Real ones.


def test_folders_cross_encoder_orders_as_the_library(cross_encoder: Path) -> None:
    from sentence_transformers import CrossEncoder

    texts = [*TEXTS.values(), "", "bees dance"]
    reference = CrossEncoder(str(cross_encoder), device="cpu", local_files_only=True)
    ranked = [int(found["corpus_id"]) for found in reference.rank(QUESTION, texts)]
    scores = CrossEncoderReranker(str(cross_encoder)).scores(QUESTION, texts)
    assert sorted(range(len(texts)), key=lambda i: -scores[i]) == ranked
    assert len(set(scores)) == len(texts)


def test_a_cross_encoder_is_timed_for_its_budget(cross_encoder: Path) -> None:
    generous = open_reranking(str(cross_encoder), 60_000)
    assert generous is not None
    assert generous.fitting() == MOST
    assert sorted(generous.order(QUESTION, ["bees", "cows"]) or []) == [0, 1]
    assert generous.order(QUESTION, []) == []


def test_reranker_failing_its_timing_is_explained(
    cross_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_self: object, _query: str, _texts: Sequence[str]) -> list[float]:
        raise RuntimeError("bad graph")

    monkeypatch.setattr(CrossEncoderReranker, "scores", failing)
    with pytest.raises(ModelError, match="can't be used: bad graph"):
        open_reranking(str(cross_encoder), 200)
    reranking, problem = open_dispensable_reranking(str(cross_encoder), 200)
    assert reranking is None
    assert "bad graph" in problem


def test_no_name_is_no_reranker_and_imports_no_pytorch() -> None:
    program = (
        "import sys\n"
        "from indexer.retrieval.reranker import open_reranking\n"
        "assert open_reranking('', 200) is None\n"
        "print('torch' in sys.modules, 'sentence_transformers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("name", ["no/such-model", "/nowhere/at/all"])
def test_a_missing_reranker_is_explained(name: str) -> None:
    with pytest.raises(ModelError, match=r"no reranker .* on this machine\. Name a cross-encoder"):
        CrossEncoderReranker(name)


def test_a_folder_with_something_else_is_explained(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="can't be opened"):
        CrossEncoderReranker(str(tmp_path))


@pytest.mark.slow
def test_a_model_that_classifies_is_refused(tmp_path: Path) -> None:
    save_cross_encoder(tmp_path, labels=3)
    with pytest.raises(ModelError, match="gives 3 scores for a pair; one is expected"):
        CrossEncoderReranker(str(tmp_path))


@pytest.mark.slow
def test_weights_that_could_run_code_are_refused_in_a_sentence(tmp_path: Path) -> None:
    save_cross_encoder(tmp_path)
    put_pickle_for_weights(tmp_path, tmp_path / "made")
    with pytest.raises(ModelError, match=r"weights are a pickle.*as safetensors"):
        CrossEncoderReranker(str(tmp_path))
    assert not (tmp_path / "made").exists()
