"""Presets: short names of embedding models."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Preset:
    """An offered model: facts from its model card, and this repository's measurements.

    Attributes:
        key: the short name.
        name: the name on the hub.
        revision: the commit to download.
        ndcg: nDCG@10 by judged set, if measured.
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
    """The preset with this key or hub name, or None if there is no such preset."""
    found = (one for one in presets().values() if name in (one.key, one.name))
    return next(found, None)


def command_for(language: str) -> str:
    """The command that switches to a model for a language; "" if no preset supports it."""
    found = (one.key for one in presets().values() if language in one.languages)
    return next((f"commonplace model use {key}" for key in found), "")
