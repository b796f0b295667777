"""SQLite's dialect on psycopg: `?` placeholders, and values as SQLite would return them.

Integers are always bound as `bigint`, so small and large ones share a prepared statement. Booleans
are 0 and 1, sums of integers are integers, and -0.0 becomes 0.0.
"""

import re
from functools import lru_cache
from typing import Final

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.types.numeric import FloatDumper, Int8Dumper


class _TruthDumper(Dumper):
    oid = Int8Dumper.oid

    def dump(self, value: bool) -> bytes:
        return b"1" if value else b"0"


class _ZeroDumper(FloatDumper):
    def dump(self, value: float) -> Buffer | None:
        return super().dump(value + 0.0)


class _NumericLoader(Loader):
    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text or "N" in text else int(text)


class _TruthLoader(Loader):
    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


def adapt(connection: Connection[object]) -> None:
    """Convert this connection's values in both directions."""
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_dumper(bool, _TruthDumper)
    connection.adapters.register_dumper(float, _ZeroDumper)
    connection.adapters.register_loader("numeric", _NumericLoader)
    connection.adapters.register_loader("bool", _TruthLoader)


# A quoted string, kept as it is, or a character to translate.
_TOKENS: Final = re.compile(r"'[^']*'|\?|%")


@lru_cache(maxsize=1_000)
def translated(sql: str) -> bytes:
    """The statement with `%s` for `?`, and percent signs doubled."""
    return _TOKENS.sub(_token, sql).encode()


def _token(found: re.Match[str]) -> str:
    return "%s" if found[0] == "?" else found[0].replace("%", "%%")
