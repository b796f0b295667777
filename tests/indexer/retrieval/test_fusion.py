"""A squeezed model answers as one that is not, and any other is left alone."""

from pathlib import Path

import numpy as np
import pytest

from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.ingest.pipeline import index_document, update
from indexer.retrieval.fusion import (
    CENTRE,
    SPREAD,
    CosineScale,
    cosine_scale,
    everyday_questions,
)
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from indexer.text.passages import passages
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.questions import Evidence
from tests.fakes import SqueezedEmbedder, WordEmbedder
from tests.indexer.small_index import new_document, opened

TEXTS = {
    "bees": "Bees make honey from nectar.",
    "cows": "Cows give milk, and honey is no milk.",
    "hens": "Hens lay eggs.",
}


def _unlike(embedder: Embedder) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return embedder.embed_queries(everyday_questions())


def test_model_with_wide_cosines_is_left_alone() -> None:
    found = cosine_scale(_unlike(WordEmbedder(4_096)))
    cosines = np.array([0.1, 0.7], np.float32)
    assert found == CosineScale()
    assert found.of(cosines) is cosines


def test_the_default_model_is_left_exactly_as_it_is(model: Embedder) -> None:
    assert cosine_scale(_unlike(model)) == CosineScale()


def test_the_default_models_band_is_what_it_says(model: Embedder) -> None:
    vectors = _unlike(model)
    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    assert float(cosines.mean()) == pytest.approx(CENTRE, abs=0.003)
    assert float(cosines.std()) == pytest.approx(SPREAD, abs=0.003)


def test_squeezed_cosines_get_the_default_models_band() -> None:
    vectors = _unlike(SqueezedEmbedder(4_096))
    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    assert cosines.mean() > 0.8
    stretched = cosine_scale(vectors).of(cosines)
    assert float(stretched.mean()) == pytest.approx(CENTRE, abs=1e-3)
    assert float(stretched.std()) == pytest.approx(SPREAD, abs=1e-3)


def test_what_all_texts_share_brings_no_passage_nearer() -> None:
    vectors = _unlike(SqueezedEmbedder(4_096))
    scale, common = cosine_scale(vectors), vectors.mean(axis=0)
    passage = common / np.linalg.norm(common)
    assert float(scale.of(vectors @ passage).mean()) > CENTRE + 2 * SPREAD
    products = scale.own_part(vectors) @ passage
    assert float(scale.of_own_part(products).mean()) == pytest.approx(CENTRE, abs=1e-3)


def test_model_seeing_all_alike_is_no_error() -> None:
    assert np.isfinite(cosine_scale(np.ones((5, 1), np.float32)).of(np.ones(3, np.float32))).all()


def _asked(folder: Path, embedder: Embedder, query: str) -> tuple[list[Hit], Evidence]:
    with Index(
        folder / embedder.model, model="m", dimension=embedder.dimension, max_tokens=256
    ) as index:
        corpus = [
            Document(f"file:{key}", SHARED, Kind.FILE, "", text) for key, text in TEXTS.items()
        ]
        for _ in update(index, embedder, corpus):
            pass
        retriever = Retriever(index, embedder)
        [hits] = retriever.hits([query], [SHARED])
        return hits, retriever.evidence(query, hits)


@pytest.mark.parametrize(
    ("query", "refused"), [("bees make honey", False), ("zanzibar ferry timetable", True)]
)
def test_squeezed_model_answers_like_a_wide_one(tmp_path: Path, query: str, refused: bool) -> None:
    plain, said = _asked(tmp_path, WordEmbedder(4_096), query)
    squeezed, also = _asked(tmp_path, SqueezedEmbedder(4_096), query)
    assert refused or squeezed[0].passage.document_id == plain[0].passage.document_id
    assert (said is Evidence.NONE, also is Evidence.NONE) == (refused, refused)


def test_words_weigh_as_much_beside_squeezed_cosines_as_beside_others(tmp_path: Path) -> None:
    plain, _ = _asked(tmp_path, WordEmbedder(4_096), "bees make honey")
    squeezed, _ = _asked(tmp_path, SqueezedEmbedder(4_096), "bees make honey")
    # By the default model's band, not by that of the words' own cosines, which is wider.
    assert squeezed[0].score - squeezed[1].score == pytest.approx(
        plain[0].score - plain[1].score, rel=0.35
    )
    assert squeezed[1].score < 0.8 * squeezed[0].score


# Cosines of the passages' own vectors against brute force.


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(4_096)


def test_cosines_are_of_the_whole_or_best_window(tmp_path: Path, embedder: WordEmbedder) -> None:
    text = " ".join(f"Sentence {n} speaks of thing{n} at some length." for n in range(20))
    document = new_document("long", text)
    [passage] = passages(document, embedder.count_tokens, embedder.max_tokens)
    vector = embedder.embed_queries(["thing7 thing8"])[0]
    whole = float(embedder.embed_passages([passage.embedded])[0] @ vector)
    window = float((embedder.embed_passages(passage.windows) @ vector).max())
    assert window > whole
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, document)
        [(key, _)] = index.nearest(vector, 1, [SHARED])
        # Kept in half precision, which has eleven bits.
        [found] = Retriever(index, embedder).cosines(vector[np.newaxis], [[key]])
        assert found.wholes.tolist() == pytest.approx([whole], abs=1e-3)
        assert found.windows.tolist() == pytest.approx([window], abs=1e-3)
        own = np.frombuffer(index.own_vectors([key])[key], np.float32)
        cosines = (own.reshape(-1, len(vector)) @ vector).tolist()
        of_windows = cosines[1:] or cosines
        assert of_windows == pytest.approx(
            (embedder.embed_passages(passage.windows) @ vector).tolist(), abs=1e-3
        )
        assert found.best_windows([0]) == [of_windows.index(max(of_windows))]


def test_cosines_of_gone_passages_are_left_out(tmp_path: Path, embedder: WordEmbedder) -> None:
    vectors = embedder.embed_queries(["first", "second"])
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, new_document("first", "The first."))
        index_document(index, embedder, new_document("second", "The second."))
        keys = [key for key, _ in index.nearest(vectors[0], 2, [SHARED])]
        retriever = Retriever(index, embedder)
        before = retriever.cosines(vectors, [keys, keys[::-1]])
        assert [ranking.ids.tolist() for ranking in before] == [keys, keys[::-1]]
        index.tables.apply([], ["file:first"])
        gone, left = keys[0], keys[1]
        assert [key for key, _ in index.nearest(vectors[0], 2, [SHARED])] == [left]
        after = retriever.cosines(vectors, [[gone, left], [gone]])
        assert [ranking.ids.tolist() for ranking in after] == [[left], []]
        assert index.passages([gone, left]).keys() == {left}
