"""Statements as psycopg wants them: `?` is written `%s`, and a percent sign twice."""

import re
from functools import lru_cache
from typing import Final

# A text in quotation marks, in which a question mark is one; or what has to be written otherwise.
_TOKENS: Final = re.compile(r"'(?:[^']|'')*'|\?|%")


@lru_cache(maxsize=1_000)
def translated(sql: str) -> bytes:
    return _TOKENS.sub(_token, sql).encode()


def _token(found: re.Match[str]) -> str:
    return "%s" if found[0] == "?" else found[0].replace("%", "%%")
