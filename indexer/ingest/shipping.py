"""Shipping command: writes the package data derived from models and bundled articles.

Run it by `make shipped` after a change of `shipped_models.toml`, of an article or of the cutting
rules. Development has the packages with the models in full precision.
"""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from indexer.embedding.derivation import derive
from indexer.embedding.embedder import DEFAULT_MODEL, Embedder, embed_with_codes, open_embedder
from indexer.embedding.onnx_export import RECIPE
from indexer.embedding.shipped_models import FOLDER as MODELS
from indexer.embedding.shipped_models import ShippedModel, shipped_models
from indexer.ingest import prepared_vectors
from indexer.ingest.prepared_vectors import Prepared, file_key
from indexer.text.passages import Passage, passages
from knowledge import corpus
from knowledge.values.documents import Document

# States the origin of a file found by itself.
_NOTICE: Final = """\
# {name}

Derived from the model of this name on the Hugging Face hub, under its licence, {licence}
(LICENSES/{licence}.txt): the same weights, rounded to 8 bits. `make shipped` derives it.
"""


def ship() -> None:
    """Derive every listed model, and embed the bundled articles with the default one."""
    for folder in (MODELS, prepared_vectors.FOLDER):
        shutil.rmtree(folder, ignore_errors=True)
    for one in dict.fromkeys(shipped_models().values()):
        derive_shipped(one, one.folder)
        sys.stdout.write(f"{one.name}: {one.folder.name}\n")
    embedder = open_embedder(DEFAULT_MODEL, MODELS)
    made = prepare(embedder, article_passages(embedder))
    prepared_vectors.write(prepared_vectors.FOLDER / f"{file_key(embedder)}.npz", made)
    sys.stdout.write(f"{DEFAULT_MODEL}: {len(made.vectors)} vectors\n")


def derive_shipped(model: ShippedModel, target: Path) -> None:
    """Derive a shipped model from its package, and write a notice of its source and licence."""
    derive(RECIPE, model.source(), target)
    notice = _NOTICE.format(name=model.name, licence=model.licence)
    (target / "README.md").write_text(notice, encoding="utf-8")


def article_passages(embedder: Embedder) -> list[Passage]:
    """The passages of the bundled articles, cut for a model."""
    articles = (one for one in corpus.articles() if isinstance(one, Document))
    return [
        passage
        for article in articles
        for passage in passages(article, embedder.count_tokens, embedder.max_tokens)
    ]


def prepare(embedder: Embedder, cut: Iterable[Passage]) -> Prepared:
    """Embed passages and their windows; only whole passages have codes."""
    whole: dict[bytes, str] = {}
    windows: dict[bytes, str] = {}
    for passage in cut:
        first, *others = passage.digests
        whole[first] = passage.embedded
        windows.update(zip(others, passage.windows, strict=True))
    texts = {**windows, **whole}
    vectors, codes = embed_with_codes(embedder, list(texts.values()))
    coded = dict(zip(texts, codes, strict=True))
    return Prepared(
        dict(zip(texts, vectors, strict=True)), {key: coded[key] for key in whole if coded[key]}
    )


if __name__ == "__main__":
    ship()
