"""Models on this machine: installed packages, and folders by path or from the hub's cache.

A package `commonplace-model-NAME` has an entry point NAME in the group `commonplace.models`. Its
value is a module. The module's folder holds:

- `model.toml`, read here; the package for English explains each key;
- `manifest.json` and its files: the derived model (`indexer.embedding.onnx_model`);
- `calibration.toml`: the parameters of evidence (`indexer.retrieval.evidence`);
- `articles-KEY.npz`: vectors of the bundled articles (`indexer.ingest.prepared_vectors`).
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import frontmatter
import numpy as np
import yaml

from indexer.embedding.token_codes import TokenCodec

GROUP: Final = "commonplace.models"
DESCRIPTION: Final = "model.toml"
# The packages of this project, each with an extra of its name; others can be installed, too.
PACKAGES: Final = ("english", "multilingual")

# Files taken from the hub: they shape vectors, or are the card. A `*` matches across folders.
DOWNLOADED_FILES: Final = ("*.json", "*.txt", "*.model", "*.safetensors", "README.md")
# The model in other formats.
OTHER_FORMATS: Final = (
    "onnx/*",
    "openvino/*",
    "coreml/*",
    "*/onnx/*",
    "*/openvino/*",
    "*/coreml/*",
)
# If a tokenizer's files are missing, the library makes one up, with special tokens and a few
# characters. A real vocabulary has at least this many words.
_LEAST_WORDS: Final = 10
NO_VOCABULARY: Final = (
    "its tokenizer knows no words, so that all texts would be alike. Are tokenizer.json or the "
    "vocabulary missing in its folder? Copy the folder whole."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InstalledModel:
    """A model of an installed package, as its `model.toml` describes it.

    The `name` is that of the entry point, `names` are the one on the hub and its short forms. The
    digest is the `source_digest` in full precision. No languages (two-letter codes) means every
    language, no `codec` means no late interaction.
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


# Folders.


def model_folder(name: str) -> Path | None:
    """The folder with the model's files; None if they are not on this machine."""
    return named_folder(name) or downloaded_folder(name)


def named_folder(name: str) -> Path | None:
    """The folder at the path `name`, where `~` is the home folder; None if there is none."""
    # These two return False where `Path` raises: for too long a name, or an unknown user.
    folder = os.path.expanduser(name)  # noqa: PTH111
    return Path(folder) if name.strip() and os.path.isdir(folder) else None  # noqa: PTH112


def model_languages(name: str) -> frozenset[str]:
    """The languages on a model's card, as two-letter codes.

    Empty if the card names none or says multilingual: then the model is assumed to read every
    language.
    """
    installed = installed_models().get(name)
    if installed is not None:
        return frozenset(installed.languages)
    folder = model_folder(name)
    card = folder / "README.md" if folder is not None else None
    if card is None or not card.is_file():
        return frozenset()
    try:
        languages = frontmatter.load(str(card)).metadata.get("language")
    except (OSError, ValueError, yaml.YAMLError):
        return frozenset()
    named = [languages] if isinstance(languages, str) else languages
    if not isinstance(named, list) or "multilingual" in named:
        return frozenset()
    return frozenset(str(language)[:2].lower() for language in named)


def downloaded_folder(name: str, revision: str | None = None) -> Path | None:
    """The folder of a model in the hub's cache; None if the model or `revision` isn't there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        # A download counts as whole with all the files taken from the hub.
        found = snapshot_download(
            name,
            revision=revision,
            local_files_only=True,
            allow_patterns=list(DOWNLOADED_FILES),
            ignore_patterns=list(OTHER_FORMATS),
        )
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return Path(found)


def lacks_vocabulary(tokenizer: Any) -> bool:
    """Whether a tokenizer has hardly any words, as when its files are missing."""
    special = getattr(tokenizer, "all_special_tokens", None)
    return special is not None and len(tokenizer) - len(special) < _LEAST_WORDS
