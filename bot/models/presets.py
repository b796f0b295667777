"""Presets: embedding models for people, by a short name; which files of a name are meant."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Preset:
    """A model that is offered: what its card says, and what was measured in this repository.

    `revision` is the commit that is downloaded; `ndcg` the nDCG@10 on the judged sets, if measured.
    """

    key: str
    name: str
    revision: str
    about: str
    languages: tuple[str, ...]
    licence: str
    megabytes: int
    max_tokens: int
    ndcg: Mapping[str, float] = field(default_factory=dict)


@cache
def presets() -> Mapping[str, Preset]:
    text = Path(__file__).with_name("presets.toml").read_text(encoding="utf-8")
    return {
        key: Preset(key, **{**fields, "languages": tuple(fields["languages"])})
        for key, fields in tomllib.loads(text).items()
    }


def preset(name: str) -> Preset | None:
    """The preset of this name, or of the model with this hub name."""
    found = (one for one in presets().values() if name in (one.key, one.name))
    return next(found, None)
