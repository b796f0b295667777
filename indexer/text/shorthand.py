"""Query normalization: signs without meaning are evened out, shorthand of chats is spelt out.

Whether somebody types "what's" or "whats", "open-source" or "open source", a question mark or none,
is chance, and must change neither order nor verdict. So a question is looked up, embedded and
judged as `spelt_out` gives it.
"""

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Final

# Names such as O'Reilly keep theirs.
_APOSTROPHE: Final = re.compile(r"(?<=\w)['\u2019`\u00b4](?=(?:s|t|d|m|ll|re|ve)\b)", re.IGNORECASE)
_HYPHEN: Final = re.compile(r"(?<=[^\W\d_])[-\u2010\u2011](?=[^\W\d_])")
# In a chunk with one of these a hyphen is part of a name: a file, an option, an address.
_CODE: Final = re.compile(r"[./\\:#+@$%&_=]|(?:^|\s)-")
_CHUNK: Final = re.compile(r"\S+")
_MARKS: Final = re.compile(r"(?<=[^\W_])[?!\uff1f\uff01]+(?=\s)")
_SOUND: Final = re.compile(
    r"(?P<before>[^\W\d_]+)(?P<gap>[ \t]+)(?P<sign>[24])"
    r"(?=(?:[ \t]+(?P<after>[^\W\d_]+))?(?P<end>\W*\Z)?)"
)
_ENDS: Final = " \t\n?!\uff1f\uff01"
_SIGNS_AROUND: Final = ".,!?():;\"'"


@lru_cache(maxsize=256)
def evened(question: str) -> str:
    """A question without apostrophes, hyphens between words, and question marks."""
    without = _MARKS.sub("", question.rstrip(_ENDS))
    read = _SOUND.sub(_read_aloud, _CHUNK.sub(lambda chunk: _evened(chunk.group()), without))
    return read or question


def _read_aloud(match: re.Match[str]) -> str:
    """A digit behind a word, as the word that it sounds like, if that is meant."""
    name = "to" if match["sign"] == "2" else "for"
    before, after = match["before"].lower(), (match["after"] or "").lower()
    if after:
        means = _sounds_like(name, before, after)
    else:
        means = match["end"] is not None and before in _sounds(name, "at_the_end")
    return f"{match['before']}{match['gap']}{name}" if means else match.group()


def _sounds_like(name: str, before: str, after: str) -> bool:
    is_count = after in _sounds("counted", "units") or (after.endswith("s") and after[-2:] != "ss")
    return (
        (before in _sounds(name, "before_anything") and not is_count)
        or (before in _sounds(name, "before_verbs") and after in _sounds("to", "verbs"))
        or (before in _sounds(name, "before_articles") and after in _sounds("counted", "articles"))
    )


@lru_cache
def _sounds(table: str, name: str) -> frozenset[str]:
    return frozenset(_meanings()[table].get(name, "").split())


def _evened(chunk: str) -> str:
    without = _APOSTROPHE.sub("", chunk)
    if without != chunk:
        return _long_form(without, "contractions", "with_apostrophe")
    return chunk if _CODE.search(chunk) else _HYPHEN.sub(" ", chunk)


@lru_cache(maxsize=256)
def spelt_out(question: str) -> str:
    """A question as it is embedded and judged: evened, spelt out, and asked."""
    tables = ("shorthand", "contractions")
    read = _CHUNK.sub(lambda chunk: _long_form(chunk.group(), *tables), evened(question))
    # Whoever ends with a full stop makes a statement.
    return read if read.endswith((".", "\u3002")) else f"{read}?"


def _long_form(chunk: str, *tables: str) -> str:
    core = chunk.strip(_SIGNS_AROUND)
    found = (_meanings()[table].get(core.lower()) for table in tables)
    meaning = next(filter(None, found), core)
    return chunk.replace(core, meaning) if core else chunk


@lru_cache
def _meanings() -> dict[str, dict[str, str]]:
    text = files("indexer.text").joinpath("shorthand.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
