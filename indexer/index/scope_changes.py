"""Changes of scopes in the index database: generations, and the passages added or removed in each.

Each scope has its own row in the table `generations`, so writers of different scopes don't wait for
each other. A change raises the scope's generation in this row, which stays locked until the change
is committed. So only one process at a time writes a scope, and readers miss no change.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.index.bound_values import MOST_VALUES, marks, slices
from indexer.index.database import Connection
from knowledge.values.documents import Scope


@dataclass(frozen=True, slots=True)
class Added:
    """Added passages by `ids`, with the vectors (n, d) of their whole texts, and their words."""

    ids: list[int]
    vectors: NDArray[np.float32]
    words: list[list[str]]


class ScopeState(NamedTuple):
    """The generation of a scope, which counts the scope's changes.

    `relinked` is the latest generation in which documents' links changed.
    """

    generation: int
    relinked: int


NEVER_CHANGED: Final = ScopeState(0, 0)
# Most passages read at once, because their rows are large.
BATCH: Final = 4_000


class ScopeChanges:
    """The generations of scopes, and the changes of each."""

    def __init__(self, db: Connection, dimension: int) -> None:
        """Use an opened index database, whose vectors have the length `dimension`."""
        self._db = db
        self._dimension = dimension

    def states(self, scopes: Sequence[Scope] | None = None) -> dict[Scope, ScopeState]:
        """The states of these scopes, by default of all scopes that ever had a passage."""
        some = "" if scopes is None else f"where scope in ({marks(scopes)})"
        sql = f"select scope, generation, relinked from generations {some}"  # noqa: S608 - marks
        rows = self._db.rows(sql, list(scopes or ()))
        return {Scope(row[0]): ScopeState(row[1], row[2]) for row in rows}

    def total(self) -> int:
        """The number of changes of all scopes together."""
        [[total]] = self._db.rows("select coalesce(sum(generation), 0) from generations")
        return int(total)

    def changed_at(self) -> str:
        """The time of the last recorded change; empty if there is none."""
        [[changed_at]] = self._db.rows("select coalesce(max(changed_at), '') from generations")
        return str(changed_at)

    def size(self, scope: Scope, until: int) -> int:
        """The number of a scope's present passages that were added in generations up to `until`."""
        sql = "select count(*) from passages where scope = ? and generation <= ?"
        [[count]] = self._db.rows(sql, (scope, until))
        return int(count)

    def removed_since(self, scope: Scope, after: int, until: int) -> list[int]:
        """The ids of a scope's passages removed after generation `after`, up to `until`."""
        rows = self._db.rows(
            "select id from removed where scope = ? and generation > ? and generation <= ?",
            (scope, after, until),
        )
        return [row[0] for row in rows]

    def added_since(self, scope: Scope, after: int, until: int) -> Iterator[Added]:
        """A scope's passages added after generation `after`, up to `until`, in batches by id.

        All ids are read first. Passages deleted before their batch is read are left out.
        """
        rows = self._db.rows(
            "select id from passages where scope = ? and generation > ? and generation <= ? "
            "order by id",
            (scope, after, until),
        )
        numbers = [row[0] for row in rows]
        for start in range(0, len(numbers), BATCH):
            yield self._additions(numbers[start : start + BATCH])

    def _additions(self, passage_ids: Sequence[int]) -> Added:
        rows: list[tuple[int, bytes, str]] = []
        for some in slices(passage_ids):
            rows += self._db.rows(
                "select p.id, v.vector, p.words from passages p "  # noqa: S608
                f"join vectors v on v.digest = p.digest where p.id in ({marks(some)}) "
                "order by p.id",
                some,
            )
        vectors = np.frombuffer(b"".join(row[1] for row in rows), np.float32)
        return Added(
            [row[0] for row in rows],
            vectors.reshape(-1, self._dimension),
            [row[2].split() for row in rows],
        )

    def scopes_of(self, document_ids: Sequence[str]) -> set[Scope]:
        found: set[Scope] = set()
        for some in slices(document_ids):
            sql = f"select scope from documents where id in ({marks(some)})"  # noqa: S608
            found.update(Scope(row[0]) for row in self._db.rows(sql, some))
        return found

    def raise_all(
        self, scopes: Iterable[Scope], document_ids: Sequence[str] = ()
    ) -> dict[Scope, int]:
        """Raise the generations of these scopes and of the documents' present scopes by 1.

        The rows are locked in the order of scopes, so that writers never deadlock.

        Returns:
            The new generation of each of these scopes.
        """
        wanted = set(scopes)
        if len(document_ids) > MOST_VALUES:
            wanted |= self.scopes_of(document_ids)
            document_ids = ()
        found = [f"select distinct scope from documents where id in ({marks(document_ids)})"]  # noqa: S608
        found += ["select ?" for _ in wanted]
        rows = self._db.rows(
            "insert into generations (scope, generation, changed_at) "  # noqa: S608 - marks alone
            f"select scope, 1, ? from ({' union '.join(found)}) as found where true order by scope "
            "on conflict (scope) do update set generation = generations.generation + 1, "
            "changed_at = excluded.changed_at returning scope, generation",
            [datetime.now(UTC).isoformat(), *document_ids, *sorted(wanted)],
        )
        return {Scope(scope): generation for scope, generation in rows}

    def mark_relinked(self, scopes: Iterable[Scope]) -> None:
        """Record that documents' links changed in the latest generation of each of these scopes."""
        some = sorted(set(scopes))
        sql = f"update generations set relinked = generation where scope in ({marks(some)})"  # noqa: S608
        self._db.run(sql, some)
