"""Symbols of code in text (`==`, `>>>`, `[::-1]`, `*args`, `.env`), indexed beside its words.

Ordinary punctuation, an arrow between two words and Markdown's marks don't count as symbols. `C++`,
`C#`, `__name__`, `@name` and `--flag` are words for the analyzer, not symbols.
"""

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Final

# One set of characters, for which the pattern's search is fast: most texts have few of them.
_RUN: Final = re.compile(r"[-=<>&|+*/%@$^~\\#:.!\[]+")
# Every symbol has one of these; a text without any takes a microsecond.
_SOME: Final = re.compile(r"[=<>&|+*%@$^~\\#\[]|(?<!\w)[-/:.]")
# Ends of sentences, hyphens and the like, where they follow a letter.
_PUNCTUATION: Final = frozenset([".", "-", ":", "/", "!", "..", "...", "!!", "!!!", "**", "*"])
_SLICE: Final = re.compile(r"\[(?:-?\d*::-?\d*|:-?\d+|-?\d+:)\]|(?<![\w:])::-?\d+\b")
_DOTTED: Final = re.compile(r"(?<![^\s`'\"(])\.[A-Za-z]\w+")
# Emphasis ends again on its line.
_STARRED: Final = re.compile(
    r"(?<![\w\\])\*{1,2}[A-Za-z_]\w*+(?![^\n]{0,200}?(?<=[\w.!?)`:])\*+(?!\w))"
)
_PATTERNS: Final = {"[": _SLICE, ":": _SLICE, ".": _DOTTED, "*": _STARRED}
_WORD_BEFORE: Final = re.compile(r"(?<!\w)(\w+)['\u2019]?s?[ \t]+[`'\"]?\Z")
_WORD_AFTER: Final = re.compile(r"[`'\"]?[ \t]+(\w+)")
_QUOTES: Final = frozenset(["``", "''", '""', "\u201c\u201d", "\u2018\u2019", "()"])
# The distance in which words around a sign are looked for.
_NEAR: Final = 24


def symbols(text: str) -> list[str]:
    """The distinct symbols of a text, in lower case, in order of first occurrence."""
    return list(dict.fromkeys(_symbols(text))) if _SOME.search(text) is not None else []


def _symbols(text: str) -> Iterator[str]:
    for match in _RUN.finditer(text):
        start, end = match.span()
        run = match.group()
        if run in _PUNCTUATION and text[start - 1 : start].isalnum():
            continue
        if "[" in run:
            start += run.rindex("[")
        pattern = _PATTERNS.get(text[start])
        found = pattern.match(text, start) if pattern is not None else None
        if found is not None:
            whole = found.group().lower()
            yield whole if pattern is not _SLICE else f"[{whole.strip('[]')}]"
            continue
        start += text[start] == "["
        sign = text[start:end].rstrip(".!")
        if sign in _symbols_by_word()["operators"] or _is_meant(text, sign, start):
            yield sign


def _is_meant(text: str, sign: str, start: int) -> bool:
    """Whether the ambiguous `sign` at the offset `start` is a symbol of code."""
    listed, end = _symbols_by_word(), start + len(sign)
    if sign not in listed["ambiguous"]:
        return False
    around = text[max(start - 1, 0) : start], text[end : end + 1]
    quoted = "".join(around)
    if quoted == "``" or (quoted in _QUOTES and sign not in listed["for_words"]):
        return True
    if any(edge.isalnum() for edge in around):
        return False
    after = _WORD_AFTER.match(text[end : end + _NEAR])
    if after is not None and after[1].lower() in listed["after"]:
        return True
    before = _WORD_BEFORE.search(text[max(start - _NEAR, 0) : start])
    named = before is not None and before[1].lower() in listed["before"]
    return named and sign not in listed["for_words"]


@lru_cache
def _symbols_by_word() -> dict[str, frozenset[str]]:
    text = files("indexer.text").joinpath("symbols.toml").read_text(encoding="utf-8")
    return {name: frozenset(signs.split()) for name, signs in tomllib.loads(text).items()}
