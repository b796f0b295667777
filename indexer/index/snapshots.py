"""Snapshots of scopes: saved vectors and postings, loaded instead of being rebuilt.

A snapshot belongs to one index and one generation of a scope. With SQLite, it is two files beside
the database file. With PostgreSQL, it is a row that all processes share.
"""

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from indexer.index.database import Connection, IndexError_
from indexer.index.postings import Postings
from indexer.index.vectors import VectorIndex
from knowledge.values.documents import Scope

# Errors from reading a snapshot that is torn, or something else.
UNREADABLE: Final = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    EOFError,
    zipfile.BadZipFile,
    IndexError_,
)
# Errors from writing a snapshot, such as a full disk.
UNWRITABLE: Final = (OSError, RuntimeError, IndexError_)

_VECTORS: Final = ".vectors.snapshot"
_WORDS: Final = ".words.snapshot"


class Snapshots(Protocol):
    """The snapshots of one index. Reading may raise `UNREADABLE`, and writing `UNWRITABLE`."""

    @property
    def place(self) -> str:
        """The location of the snapshots, for the log."""

    def saved_generations(self) -> dict[Scope, set[int]]:
        """For each scope the generations that have a snapshot."""

    def load(self, scope: Scope, generation: int, dimension: int) -> tuple[VectorIndex, Postings]:
        """Read a saved snapshot."""

    def save(
        self, scope: Scope, generation: int, vectors: VectorIndex, postings: Postings
    ) -> None: ...

    def delete_other_generations(self, scope: Scope, generation: int) -> None:
        """Delete the scope's snapshots of all generations except `generation`."""

    def delete_others(self, kept: Mapping[Scope, int]) -> None:
        """Delete all snapshots except `kept`, including those of other indexes in this place."""


class SnapshotFiles:
    """Snapshots as files in a folder."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder
        self._prefix = f"{identity}."

    @property
    def place(self) -> str:
        return str(self._folder)

    def saved_generations(self) -> dict[Scope, set[int]]:
        found: dict[Scope, set[int]] = {}
        for path in self._folder.glob(f"{self._prefix}*{_VECTORS}"):
            name = path.name.removeprefix(self._prefix).removesuffix(_VECTORS)
            scope, _, generation = name.rpartition(".")
            if generation.isdigit():
                found.setdefault(Scope(int(scope)), set()).add(int(generation))
        return found

    def load(self, scope: Scope, generation: int, dimension: int) -> tuple[VectorIndex, Postings]:
        name = self._name(scope, generation)
        vectors = VectorIndex.load(self._folder / f"{name}{_VECTORS}", dimension)
        return vectors, Postings.load(self._folder / f"{name}{_WORDS}")

    def save(self, scope: Scope, generation: int, vectors: VectorIndex, postings: Postings) -> None:
        name = self._name(scope, generation)
        self._write(postings.save, f"{name}{_WORDS}")
        # Last, because reading begins with it.
        self._write(vectors.save, f"{name}{_VECTORS}")

    def delete_other_generations(self, scope: Scope, generation: int) -> None:
        for older in self.saved_generations().get(scope, set()) - {generation}:
            for kind in (_VECTORS, _WORDS):
                path = self._folder / f"{self._name(scope, older)}{kind}"
                path.unlink(missing_ok=True)

    def delete_others(self, kept: Mapping[Scope, int]) -> None:
        names = {self._name(*snapshot) for snapshot in kept.items()}
        for path in self._folder.glob("*.snapshot"):
            if path.name.removesuffix(_VECTORS).removesuffix(_WORDS) not in names:
                path.unlink(missing_ok=True)

    def _name(self, scope: Scope, generation: int) -> str:
        return f"{self._prefix}{scope}.{generation}"

    def _write(self, save: Callable[[Path], None], name: str) -> None:
        # One partial file per process: two of them may be writing the same generation.
        partial = self._folder / f"{name}.{os.getpid()}.partial"
        try:
            save(partial)
            partial.replace(self._folder / name)
        finally:
            partial.unlink(missing_ok=True)


class SnapshotRows:
    """Snapshots as rows of the index database, the newest of each scope."""

    def __init__(self, db: Connection, identity: str) -> None:
        self._db = db
        self._identity = identity

    @property
    def place(self) -> str:
        return self._db.place

    def saved_generations(self) -> dict[Scope, set[int]]:
        rows = self._db.rows(
            "select scope, generation from snapshots where identity = ?", [self._identity]
        )
        return {Scope(scope): {generation} for scope, generation in rows}

    def load(self, scope: Scope, generation: int, dimension: int) -> tuple[VectorIndex, Postings]:
        row = self._db.one(
            "select vectors, words from snapshots "
            "where scope = ? and generation = ? and identity = ?",
            [scope, generation, self._identity],
        )
        if row is None:
            raise KeyError(f"no snapshot of generation {generation}")
        vectors = VectorIndex.unpack(np.frombuffer(row[0], np.uint8), dimension)
        return vectors, Postings.read(io.BytesIO(row[1]))

    def save(self, scope: Scope, generation: int, vectors: VectorIndex, postings: Postings) -> None:
        words = io.BytesIO()
        postings.write(words)
        # A later generation, written by another process, stays.
        self._db.run(
            "insert into snapshots (scope, generation, identity, vectors, words) "
            "values (?, ?, ?, ?, ?) on conflict (scope) do update set "
            "generation = excluded.generation, identity = excluded.identity, "
            "vectors = excluded.vectors, words = excluded.words "
            "where snapshots.generation < excluded.generation "
            "or snapshots.identity != excluded.identity",
            [scope, generation, self._identity, vectors.pack().tobytes(), words.getvalue()],
        )

    def delete_other_generations(self, scope: Scope, generation: int) -> None:
        """Do nothing: each scope has one row."""

    def delete_others(self, kept: Mapping[Scope, int]) -> None:
        saved = self._db.rows("select scope, generation, identity from snapshots")
        # Meanwhile another process may have written a later one, which stays.
        self._db.run_many(
            "delete from snapshots where scope = ? and generation = ? and identity = ?",
            [
                (scope, generation, identity)
                for scope, generation, identity in saved
                if identity != self._identity or kept.get(Scope(scope)) != generation
            ],
        )
