"""Vocabularies of languages: one table per language, each a TOML file in this package.

The file `XX.toml` makes the language XX (ISO 639-1) one that is detected, stemmed and understood,
as far as the file goes: every section and key is optional. `any.toml` has what is the same in every
language. Adding a language is adding a file.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

ENGLISH: Final = "en"
# A text in any language may have phrases of these. Those of other languages have too many words of
# English in them: the Spanish "has", the French "me".
EVERYWHERE: Final = (ENGLISH, "de")


@cache
def tables() -> Mapping[str, Mapping[str, Any]]:
    """The table of each language by its code, English first; `any` last."""
    entries = {
        entry.name.removesuffix(".toml"): tomllib.loads(entry.read_text(encoding="utf-8"))
        for entry in files("knowledge.languages").iterdir()
        if entry.name.endswith(".toml")
    }
    order = sorted(entries, key=lambda code: (code != ENGLISH, code == "any", code))
    return MappingProxyType({code: entries[code] for code in order})


@cache
def values(key: str, section: str = "") -> Mapping[str, Any]:
    """The values of a key by language; languages without it are left out."""
    sections = {
        code: table.get(section, {}) if section else table for code, table in tables().items()
    }
    return MappingProxyType({code: some[key] for code, some in sections.items() if key in some})


def spoken(language: str) -> Mapping[str, str]:
    """What the bot says in a language beside its catalogue: its name, parts of numbers, dates."""
    found: Mapping[str, str] = tables()[language]["spoken"]
    return found


def words(key: str, section: str, languages: Iterable[str]) -> frozenset[str]:
    """The words under a key in the tables of these languages."""
    listed = values(key, section)
    return frozenset(word for code in languages for word in listed.get(code, "").split())


@cache
def alternatives(key: str, section: str, languages: tuple[str, ...]) -> str:
    """One regular expression of those under a key in the tables of these languages.

    Each stands once: the same words twice in what may repeat would be tried both ways each time.
    """
    listed = values(key, section)
    phrases = dict.fromkeys(phrase for code in languages for phrase in listed.get(code, ()))
    return f"(?:{'|'.join(phrases)})"
