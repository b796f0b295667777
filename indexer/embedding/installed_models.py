"""Installed models: packages with a model for Commonplace, found by their entry points.

A package `commonplace-model-NAME` has an entry point NAME in the group `commonplace.models`. Its
value is a module. The module's folder holds:

- `model.toml`, read here; the package for English explains each key;
- `manifest.json` and its files: the derived model (`indexer.embedding.onnx_model`);
- `calibration.toml`: the parameters of evidence (`indexer.retrieval.evidence`);
- `articles-KEY.npz`: vectors of the bundled articles (`indexer.ingest.prepared_vectors`).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from indexer.embedding.token_codes import TokenCodec

GROUP: Final = "commonplace.models"
DESCRIPTION: Final = "model.toml"
# The packages of this project, each with an extra of its name; others can be installed, too.
PACKAGES: Final = ("english", "multilingual")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InstalledModel:
    """A model of an installed package, as its `model.toml` describes it.

    Attributes:
        name: the name of the entry point, for `model.name`.
        folder: the folder of the package.
        names: the name on the hub, and short forms of it.
        digest: the `source_digest` of the model in full precision.
        languages: two-letter codes of the languages it reads; none means every language.
        codec: the quantizer of its token vectors; None if it has no late interaction.
    """

    name: str
    folder: Path
    names: tuple[str, ...]
    digest: str
    about: str
    languages: tuple[str, ...]
    licence: str
    question_ms: float
    texts_per_second: float
    ndcg: Mapping[str, float] = field(default_factory=dict)
    codec: TokenCodec | None = None

    @property
    def megabytes(self) -> int:
        return round(sum(path.stat().st_size for path in self.folder.glob("*.*")) / 1e6)


@cache
def installed_models() -> Mapping[str, InstalledModel]:
    """The installed models by each of their names; `english` is the first."""
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    models: dict[str, InstalledModel] = {}
    for entry in entries:
        model = _model(entry.name, entry.value)
        if model is not None:
            models |= dict.fromkeys((model.name, *model.names), model)
    return MappingProxyType(models)


def models_in_order() -> list[InstalledModel]:
    """Each installed model once."""
    return list(dict.fromkeys(installed_models().values()))


def _model(name: str, module: str) -> InstalledModel | None:
    """The model of a package; None if an uninstalled package has left its entry point behind."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    fields: dict[str, Any] = tomllib.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    tokens = fields.pop("tokens", None)
    if tokens is not None:
        fields["codec"] = TokenCodec(**tokens | {"centre": np.array(tokens["centre"], np.float32)})
    fields |= {key: tuple(fields[key]) for key in ("names", "languages")}
    return InstalledModel(name=name, folder=folder, **fields)
