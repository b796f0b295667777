"""Release tool: writes the files of the model packages, and the vectors of bundled articles.

Run it by `make shipped` after a change of an article, of the cutting rules or of the derivation.
Each folder beside this file is a package; its pyproject.toml names the Python package with the
model in full precision. Development has these.
"""

import shutil
import sys
import tomllib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from indexer.embedding.embedder import Embedder, embed_with_codes, open_installed
from indexer.embedding.installed_models import InstalledModel, models_in_order
from indexer.ingest import prepared_vectors
from indexer.ingest.prepared_vectors import Prepared, file_name
from indexer.text.passages import Passage, passages
from knowledge import corpus
from knowledge.values.documents import Document
from models.derivation import derive

MODELS: Final = Path(__file__).parent


def ship() -> None:
    """Derive the model of each package, and embed the bundled articles with it."""
    for model in models_in_order():
        derived = model.folder.with_name("derived")
        # Left by a run that failed.
        shutil.rmtree(derived, ignore_errors=True)
        derive(source(model), derived)
        for path in derived.iterdir():
            path.replace(model.folder / path.name)
        derived.rmdir()
        for path in model.folder.glob("articles-*.npz"):
            path.unlink()
        embedder = open_installed(model)
        made = prepare(embedder, article_passages(embedder))
        prepared_vectors.write(model.folder / file_name(embedder), made)
        sys.stdout.write(f"{model.name}: {len(made.vectors)} vectors of articles\n")


def source(model: InstalledModel) -> Path:
    """The folder of a model in full precision."""
    project = tomllib.loads((MODELS / model.name / "pyproject.toml").read_text(encoding="utf-8"))
    found = find_spec(project["tool"]["commonplace"]["source"])
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"The model {model.name} in full precision isn't installed.")
    return Path(found.origin).parent / "model"


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
