"""Shipped models: derived folders that come as package data, listed in `shipped_models.toml`.

A shipped model needs neither its weights in full precision nor the libraries that derive. `make
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
    """A model that comes with the program; the fields are those of the list."""

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

    @property
    def source(self) -> Path:
        """The model in full precision, for development.

        Raises:
            ModuleNotFoundError: if its package, which the extra `dev` brings, is missing.
        """
        found = find_spec(self.package)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"The package {self.package} is missing: install '.[dev]'.")
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
    """The folder derived from a source: package data if it is shipped, else in the cache."""
    name = derived_name(digest, suffix)
    shipped = FOLDER / name
    return shipped if shipped.is_dir() else cache / name
