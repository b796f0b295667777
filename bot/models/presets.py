"""Presets: short names of embedding models."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from indexer.embedding.embedder import DEFAULT_MODEL, SMALL_MODEL

SMALLER: Final = (
    "To save memory, set model.name to {other} in config.toml. It needs {mb} MB "
    "instead of {serving_mb}, and {ms} ms for a question instead of {serving_ms}, but finds less."
)
BETTER: Final = (
    "To find more, set model.name to {other} in config.toml. It needs {mb} MB of "
    "memory instead of {serving_mb}, and {ms} ms for a question instead of {serving_ms}."
)


@dataclass(frozen=True, slots=True)
class Preset:
    """An offered model: facts from its model card, and this repository's measurements.

    Attributes:
        key: the short name.
        name: the name on the hub.
        revision: the commit to download.
        ndcg: nDCG@10 by judged set, if measured.
        question_ms: milliseconds to answer a question; 0 unless the model is shipped.
        memory_mb: megabytes of the bot's process; 0 unless the model is shipped.
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
    question_ms: int = 0
    memory_mb: int = 0


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


def other_model_hint(serving: str) -> str:
    """Return a hint that compares the serving model with the other shipped model.

    Return "" if the serving model isn't shipped.
    """
    other, text = {DEFAULT_MODEL: (SMALL_MODEL, SMALLER), SMALL_MODEL: (DEFAULT_MODEL, BETTER)}.get(
        serving, ("", "")
    )
    one, two = preset(serving), preset(other)
    if one is None or two is None:
        return ""
    return text.format(
        other=two.name,
        ms=two.question_ms,
        serving_ms=one.question_ms,
        mb=two.memory_mb,
        serving_mb=one.memory_mb,
    )
