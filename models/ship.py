"""Release tool: writes the files of the model packages, and the vectors of bundled articles.

Run it by `make shipped` after a change of an article, of the cutting rules or of the derivation.
Each folder beside this file is a package; its pyproject.toml names the Python package with the
model in full precision. Development has these.
"""

import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from indexer.embedding.embedder import Embedder, embed_with_codes, open_installed
from indexer.embedding.installed_models import InstalledModel, models_in_order
from indexer.embedding.onnx_model import RuntimeModel
from indexer.ingest import prepared_vectors
from indexer.ingest.prepared_vectors import Prepared, file_name
from indexer.text.passages import Passage, passages
from knowledge import corpus
from knowledge.values.documents import Document
from models import packed_e5
from models.derivation import SAMPLE, VARIED, derive

MODELS: Final = Path(__file__).parent


def ship() -> None:
    """Derive the model of each package, and embed the bundled articles with it."""
    for model in models_in_order():
        derived = model.folder.with_name("derived")
        # Left by a run that failed.
        shutil.rmtree(derived, ignore_errors=True)
        with tempfile.TemporaryDirectory() as scratch:
            derive(source(model, Path(scratch)), derived)
        for path in derived.iterdir():
            path.replace(model.folder / path.name)
        derived.rmdir()
        for path in model.folder.glob("articles-*.npz"):
            path.unlink()
        if _package(model).joinpath(packed_e5.FILE).exists():
            texts = [text.strip() for text in (*VARIED, *SAMPLE)]
            packed_e5.check_with_engine(RuntimeModel.open(model.folder), texts)
        embedder = open_installed(model)
        made = prepare(embedder, article_passages(embedder))
        prepared_vectors.write(model.folder / file_name(embedder), made)
        sys.stdout.write(f"{model.name}: {len(made.vectors)} vectors of articles\n")


def source(model: InstalledModel, scratch: Path) -> Path:
    """The folder of a model in full precision, written into `scratch` if its package is packed."""
    package = _package(model)
    packed = package / packed_e5.FILE
    if not packed.exists():
        return package / "model"
    folder = scratch / model.names[-1]
    packed_e5.write_source(packed_e5.read_packed(packed), folder)
    return folder


def _package(model: InstalledModel) -> Path:
    """The folder of the Python package with a model in full precision."""
    project = tomllib.loads((MODELS / model.name / "pyproject.toml").read_text(encoding="utf-8"))
    found = find_spec(project["tool"]["commonplace"]["source"])
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"The model {model.name} in full precision isn't installed.")
    return Path(found.origin).parent


def article_passages(embedder: Embedder) -> list[Passage]:
    """The passages of the bundled articles, cut for a model."""
    articles = (article for article in corpus.articles() if isinstance(article, Document))
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
