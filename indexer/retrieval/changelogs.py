"""Changelogs: they have the words of every topic, but tell of versions long gone. Pure.

A passage of a changelog yields to one about as near, unless the question asks for changes,
and is never *strong*. The title tells a changelog. Phrases are regular expressions in the section
`answers` of the tables of languages.
"""

import re
from functools import lru_cache
from typing import Final

from knowledge.languages.vocabularies import alternatives, tables

_LANGUAGES: Final = tuple(tables())
_CHANGELOG: Final = re.compile(
    rf"\b{alternatives('changelogs', 'answers', _LANGUAGES)}\b", re.IGNORECASE
)
_ASKS_FOR_CHANGE: Final = re.compile(
    rf"\b{alternatives('asks_for_change', 'answers', _LANGUAGES)}\b|\d\.\d", re.IGNORECASE
)


@lru_cache(maxsize=1_024)
def is_changelog(title: str) -> bool:
    return _CHANGELOG.search(title) is not None


def asks_for_change(question: str) -> bool:
    """Whether a question asks for changes, or names a version."""
    return bool(_ASKS_FOR_CHANGE.search(question) or _CHANGELOG.search(question))
