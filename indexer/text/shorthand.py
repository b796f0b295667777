"""Query normalization: signs without meaning are evened out, shorthand of chats is spelt out.

Whether somebody types "what's" or "whats", "open-source" or "open source", a question mark or none,
is chance, and must change neither order nor verdict. Words are looked up as `evened` gives a
question; it is embedded and judged as `spelt_out` does.
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
_ENDS: Final = " \t\n?!\uff1f\uff01"
_SIGNS_AROUND: Final = ".,!?():;\"'"


@lru_cache(maxsize=256)
def evened(question: str) -> str:
    """A question without apostrophes, hyphens between words, and question marks."""
    without = _MARKS.sub("", question.rstrip(_ENDS))
    return _CHUNK.sub(lambda chunk: _evened(chunk.group()), without) or question


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
