"""Shipped models: derived folders in the package data, listed in `shipped_models.toml`.

A shipped model needs neither full-precision weights nor the libraries for derivation. `make
shipped` writes the folders (`indexer.ingest.shipping`); any number of models can be listed.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from indexer.embedding.onnx_model import FORMAT

FOLDER: Final = Path(__file__).with_name("shipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedModel:
    """A model that comes with the program: one entry of `shipped_models.toml`, explained there."""

    names: tuple[str, ...]
    digest: str
    package: str
    languages: tuple[str, ...]
    licence: str

    @property
    def name(self) -> str:
        """The hub name."""
        return self.names[0]

    @property
    def folder(self) -> Path:
        """The derived folder in the package data."""
        return FOLDER / derived_name(self.digest)

    def source(self) -> Path:
        """The folder of the model in full precision, for development.

        Raises:
            ModuleNotFoundError: if the package with the model is missing.
        """
        found = find_spec(self.package)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"The package {self.package} is missing.")
        return Path(found.origin).parent / "model"


@cache
def shipped_models() -> Mapping[str, ShippedModel]:
    """The shipped models by each of their names."""
    text = files("indexer.embedding").joinpath("shipped_models.toml").read_text(encoding="utf-8")
    listed = [
        ShippedModel(
            names=tuple(one["names"]),
            digest=one["digest"],
            package=one["package"],
            languages=tuple(one["languages"]),
            licence=one["licence"],
        )
        for one in tomllib.loads(text)["model"]
    ]
    return MappingProxyType({name: one for one in listed for name in one.names})


def derived_name(digest: str, suffix: str = "") -> str:
    """The name of the folder derived from a source; `suffix` tells kinds of models apart."""
    return f"{digest[:16]}{suffix}-{FORMAT}"


def derived_folder(digest: str, cache: Path, suffix: str = "") -> Path:
    """The folder derived from a source: in the package data if shipped, otherwise in the cache."""
    name = derived_name(digest, suffix)
    shipped = FOLDER / name
    return shipped if shipped.is_dir() else cache / name
