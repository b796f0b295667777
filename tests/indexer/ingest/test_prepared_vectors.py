"""Prepared vectors of the bundled articles: complete, right, and of no other model."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.storage.data_folder import open_index
from indexer.embedding.embedder import DEFAULT_MODEL, Embedder, open_embedder, tokens_of
from indexer.embedding.installed_models import installed_models
from indexer.ingest import prepared_vectors
from indexer.ingest.pipeline import UpdateReport, update
from indexer.ingest.prepared_vectors import NOT_PREPARED, file_name, load_prepared
from knowledge import corpus
from models.ship import article_passages, prepare
from tests.fakes import WordEmbedder

# Each passage at this distance is embedded again for the comparison.
STEP = 31
LEAST_COSINE = 0.999
# A number on the edge of two levels falls to either side on another processor.
LEAST_ALIKE = 0.95


@pytest.fixture(scope="module")
def model() -> Embedder:
    """The default one: only its vectors come with the program."""
    return open_embedder(DEFAULT_MODEL)


def _updated(folder: Path, embedder: Embedder) -> UpdateReport:
    report = UpdateReport()
    with closing(open_index(folder, embedder)) as index:
        for _ in update(index, embedder, corpus.articles(), report=report):
            pass
    return report


def test_indexing_the_bundled_articles_embeds_nothing(model: Embedder, tmp_path: Path) -> None:
    """It fails after a change of an article or of the cutting of passages: run `make shipped`."""
    assert _updated(tmp_path, model).embedded == 0


def test_the_prepared_vectors_are_exactly_those_of_the_articles(model: Embedder) -> None:
    used = {key for passage in article_passages(model) for key in passage.digests}
    assert load_prepared(model).vectors.keys() == used
    folder = installed_models()[DEFAULT_MODEL].folder
    assert [path.name for path in folder.glob("articles-*")] == [file_name(model)]


def test_prepared_vectors_are_those_of_the_model(model: Embedder) -> None:
    made, kept = prepare(model, article_passages(model)[::STEP]), load_prepared(model)
    for key, vector in made.vectors.items():
        assert float(vector @ kept.vectors[key]) >= LEAST_COSINE
    assert made.codes
    for key, codes in made.codes.items():
        left, right = (np.frombuffer(one, np.uint8) for one in (codes, kept.codes[key]))
        assert np.mean(left == right) >= LEAST_ALIKE


def test_another_model_has_no_prepared_vectors(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    assert load_prepared(embedder) == NOT_PREPARED
    assert _updated(tmp_path, embedder).embedded > 0


def test_another_codec_has_other_vectors(model: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    before, tokens = file_name(model), tokens_of(model)
    assert tokens is not None
    monkeypatch.setattr(tokens, "codec", type(tokens.codec)(tokens.codec.centre, 0.5))
    assert file_name(model) != before


def test_a_passage_without_its_codes_is_embedded(model: Embedder) -> None:
    kept = load_prepared(model)
    [key] = list(kept.codes)[:1]
    lacking = prepared_vectors.Prepared(kept.vectors, {})
    assert lacking.of([key], [key]) == NOT_PREPARED
    assert kept.of([key], [key]).codes == {key: kept.codes[key]}


def test_damaged_file_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    embedder = WordEmbedder()
    digest = bytes(range(32))
    path = tmp_path / file_name(embedder)
    made = prepared_vectors.Prepared({digest: np.ones(8, np.float32)}, {digest: b"\x01\x02"})
    prepared_vectors.write(path, made)
    model = replace(installed_models()[DEFAULT_MODEL], folder=tmp_path)
    monkeypatch.setattr(prepared_vectors, "models_in_order", lambda: [model])
    assert load_prepared(embedder).codes == made.codes

    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    prepared_vectors._read_file.cache_clear()

    assert load_prepared(embedder) == NOT_PREPARED
    assert "is damaged" in caplog.text
    prepared_vectors._read_file.cache_clear()
