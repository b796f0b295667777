"""Values as they are bound and read: what SQLite would give for the same rows.

Whole numbers are always `bigint`, so that a statement is prepared once for small and large ones.
A truth is the number that the columns hold. A sum of whole numbers is one. Nothing is less than
nothing: SQLite keeps no -0.0.
"""

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
    """Bind and read values of this connection so."""
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_dumper(bool, _TruthDumper)
    connection.adapters.register_dumper(float, _ZeroDumper)
    connection.adapters.register_loader("numeric", _NumericLoader)
    connection.adapters.register_loader("bool", _TruthLoader)
