"""SQL statements and transactions of the index database.

`indexer.index.database` opens the file, and `indexer.index.index` holds in memory what is searched.
A vector is stored once by the digest of the words embedded, in full precision, so that nothing is
embedded twice; beside each passage stand its own vectors (the whole, then its windows) in half
precision, so that scoring a hundred candidates reads a hundred rows by number.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.index import file_records, passage_lines
from indexer.index.added_symbols import add_symbols, has_symbols
from indexer.index.bound_values import marks, slices
from indexer.index.database import IndexWriteError, MissingVectorError, empty_log, opened
from indexer.index.scope_changes import ScopeChanges
from indexer.index.selection import Selection, query
from indexer.index.stored_passage import SELECT, StoredPassage, metadata, of_row
from indexer.text.analyzer import words
from indexer.text.passages import CUTTING, Passage
from knowledge.model.documents import ARTICLES, SHARED, Document, FileRecord, Kind, Scope
from knowledge.store.sqlite_file import transaction, version

# The fields of a document that may be None and are part of its digest then, too.
_ALWAYS: Final = ("verified", "revision")


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A document with its passages, ready to be applied."""

    document: Document
    passages: tuple[Passage, ...]


def document_digest(document: Document) -> str:
    """The digest of everything that a document's passages are made from, the way included."""
    said = {key: value for key, value in asdict(document).items() if value is not None}
    # What every document has had since the first release stays, so that its digest does.
    made_from = [CUTTING, {**dict.fromkeys(_ALWAYS), **said}]
    fields = json.dumps(made_from, ensure_ascii=False, default=str, sort_keys=True)
    return hashlib.sha256(fields.encode()).hexdigest()


class IndexTables:
    """The opened index database, as statements about documents, passages and vectors."""

    def __init__(self, folder: Path, expected: Mapping[str, str], dimension: int) -> None:
        """Open the file.

        Raises:
            StaleIndexError, IndexWriteError: as `opened`.
        """
        self._folder = folder
        self._dimension = dimension
        self.db = opened(folder, expected)
        self.changes = ScopeChanges(self.db, dimension)
        if not has_symbols(self.db):
            with self._writing():
                add_symbols(self.db)

    def close(self) -> None:
        self.db.close()

    # Reading.

    def generation(self) -> int:
        row = self.db.execute("select value from manifest where key = 'generation'").fetchone()
        return int(row[0])

    def changed_at(self) -> datetime | None:
        """When the file last changed; None if it never did, or was made by an earlier release."""
        row = self.db.execute("select value from manifest where key = 'changed_at'").fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    def identity(self) -> str:
        row = self.db.execute("select value from manifest where key = 'identity'").fetchone()
        return str(row[0])

    def files(self) -> dict[str, FileRecord]:
        """The record of every imported file, by path."""
        return file_records.records(self.db)

    def documents_of_files(self, location: str) -> list[str]:
        """The ids of the documents from a file, or from the files in a folder."""
        return file_records.document_ids(self.db, location)

    @property
    def version(self) -> tuple[int, int]:
        """What changes whenever anything in the file does, records of files included."""
        return version(self.db)

    def document_digests(self, kinds: Iterable[Kind]) -> dict[str, str]:
        """The digest of every document of these kinds, by id."""
        values = [kind.value for kind in kinds]
        sql = f"select id, digest from documents where kind in ({marks(values)})"  # noqa: S608
        return dict(self.db.execute(sql, values).fetchall())

    def digests_under(self, prefix: str) -> dict[str, str]:
        """The digest of every document whose id begins with a prefix, by id."""
        rows = self.db.execute(
            "select id, digest from documents where id >= ? and id < ?",
            (prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
        )
        return dict(rows.fetchall())

    def counts(self, scopes: Sequence[Scope]) -> dict[str, int]:
        counted = {}
        for table in ("documents", "passages"):
            sql = f"select count(*) from {table} where scope in ({marks(scopes)})"  # noqa: S608
            counted[table] = int(self.db.execute(sql, scopes).fetchone()[0])
        return counted

    def documents_by_scope(self, kind: Kind) -> dict[Scope, int]:
        """The number of documents of a kind by scope; a scope without any is left out."""
        sql = "select scope, count(*) from documents where kind = ? group by scope"
        return {Scope(scope): count for scope, count in self.db.execute(sql, (kind.value,))}

    def passages_by_scope(self) -> dict[Scope, int]:
        """The number of passages by scope; a scope without any is left out."""
        rows = self.db.execute("select scope, count(*) from passages group by scope")
        return {Scope(scope): count for scope, count in rows}

    def totals(self) -> dict[str, dict[str, int]]:
        """The numbers of documents and passages, shared and of all guilds together."""
        totals = {}
        for table in ("documents", "passages"):
            sql = f"select scope in (?, ?), count(*) from {table} group by 1"  # noqa: S608
            counted = dict(self.db.execute(sql, (SHARED, ARTICLES)).fetchall())
            totals[table] = {"shared": counted.get(1, 0), "guild": counted.get(0, 0)}
        return totals

    def missing_vectors(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those digests of which no vector is stored yet."""
        wanted = list(dict.fromkeys(digests))
        known: set[bytes] = set()
        for some in slices(wanted):
            sql = f"select digest from vectors where digest in ({marks(some)})"  # noqa: S608
            known.update(row[0] for row in self.db.execute(sql, some))
        return set(wanted) - known

    def passage_vectors(self, passage_ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Each passage's own vectors in half precision: the whole, then its windows."""
        for some in slices(passage_ids):
            sql = (
                "select passage_id, vectors from passage_vectors "  # noqa: S608
                f"where passage_id in ({marks(some)})"
            )
            yield from self.db.execute(sql, some)

    def passage_vectors_before(self, passage_id: int, most: int) -> list[tuple[int, bytes]]:
        """As `passage_vectors`, of at most so many passages with a lower id, the highest first."""
        sql = (
            "select passage_id, vectors from passage_vectors where passage_id < ? "
            "order by passage_id desc limit ?"
        )
        return self.db.execute(sql, (passage_id, most)).fetchall()

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        found: dict[int, StoredPassage] = {}
        for some in slices(passage_ids):
            rows = self.db.execute(f"{SELECT} where p.id in ({marks(some)})", some)
            found.update((row[0], of_row(row)) for row in rows)
        return found

    def passages_before(self, passage_id: int, most: int) -> list[StoredPassage]:
        """At most so many passages with a lower id, the highest first."""
        sql = f"{SELECT} where p.id < ? order by p.id desc limit ?"
        return list(map(of_row, self.db.execute(sql, (passage_id, most))))

    def document_passages(self, document_id: str) -> list[StoredPassage]:
        """Every passage of a document, in reading order."""
        rows = self.db.execute(
            f"{SELECT} where p.document_id = ? order by p.position", (document_id,)
        )
        return [of_row(row) for row in rows]

    def passage_ids(self, document_ids: Sequence[str], scopes: Sequence[Scope]) -> list[int]:
        found: list[int] = []
        for some in slices(document_ids):
            sql = (
                f"select id from passages where document_id in ({marks(some)}) "  # noqa: S608
                f"and scope in ({marks(scopes)})"
            )
            found += [row[0] for row in self.db.execute(sql, [*some, *scopes])]
        return found

    def selected(self, selection: Selection, scopes: Sequence[Scope]) -> NDArray[np.int64]:
        """The ids of the passages of selected documents in these scopes, ascending."""
        rows = self.db.execute(*query(selection, scopes))
        return np.sort(np.fromiter((row[0] for row in rows), np.int64))

    def tags(self, scopes: Sequence[Scope]) -> list[str]:
        """The tags of all documents in these scopes, without regard to capitals, in order."""
        sql = (
            "select distinct casefold(t.value) as tag "  # noqa: S608 - marks alone
            "from documents d, json_each(d.metadata, '$.tags') t "
            f"where d.scope in ({marks(scopes)}) "
            "and d.metadata not like '%\"tags\": []%' order by tag"
        )
        return [row[0] for row in self.db.execute(sql, scopes)]

    def titles(self, scopes: Sequence[Scope], most: int) -> list[tuple[str, Scope, str]]:
        """Id, scope and title of at most so many documents, what was put in last first."""
        title = "json_extract(metadata, '$.title')"
        among = f"documents where scope in ({marks(scopes)})"
        sql = f"select id, scope, {title} from {among} order by rowid desc limit ?"  # noqa: S608
        rows = self.db.execute(sql, [*scopes, most])
        return [(document_id, Scope(scope), title or "") for document_id, scope, title in rows]

    # Writing.

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with transaction(self.db):
                yield
        except (sqlite3.OperationalError, OSError) as error:
            raise IndexWriteError(
                f"The index in {self._folder} can't be written: {error}. Nothing was changed. "
                "Check free space and permissions, then run `commonplace index` again: it goes on "
                "where it stopped."
            ) from error

    def store_vectors(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Store vectors by digest, whether or not a passage uses them yet.

        In a transaction of their own, so that what was embedded before a crash is not embedded
        again.

        Raises:
            IndexWriteError: if they can't be written.
        """
        with self._writing():
            self.db.conn.executemany(
                "insert or ignore into vectors (digest, vector) values (?, ?)",
                [(key, vector.astype(np.float32).tobytes()) for key, vector in vectors.items()],
            )

    def prune_vectors(self) -> int:
        """Delete the vectors that no passage uses any more; returns how many.

        Not for use while another process is embedding: it stores vectors before their passages.
        """
        with self._writing():
            return self.db.execute(
                "delete from vectors where digest not in (select digest from passages) "
                "and digest not in (select digest from windows)"
            ).rowcount

    def apply(
        self,
        changed: Sequence[CutDocument],
        removed: Sequence[str] = (),
        record: FileRecord | None = None,
        *,
        forgotten: Sequence[str] = (),
    ) -> None:
        """Put documents in, in place of what was there under their ids, and take others out.

        One transaction: a reader sees all of it or none. Every vector must be stored already. The
        `record` is that of the file that they came from; a path `forgotten` is parsed again.

        Raises:
            IndexWriteError: if it can't be written; then nothing is changed.
            MissingVectorError: if a vector is not stored; then nothing is changed.
        """
        if not (changed or removed or record is not None or forgotten):
            return
        with self._writing():
            file_records.delete(self.db, forgotten)
            if record is not None:
                file_records.save(self.db, record)
            if not changed and not removed:
                return
            ids = (*removed, *(cut.document.id for cut in changed))
            scopes = self.changes.scopes_of(ids) | {cut.document.scope for cut in changed}
            generations = self.changes.raised(scopes)
            for document_id in ids:
                self._take_out(document_id)
            for cut in changed:
                self._put_in(cut, generations[cut.document.scope])
            self._count_up()
        if removed:
            empty_log(self.db)

    def _count_up(self) -> None:
        self.db.execute(
            "update manifest set value = ? where key = 'generation'", (str(self.generation() + 1),)
        )
        self.db.execute(
            "insert or replace into manifest (key, value) values ('changed_at', ?)",
            (datetime.now(UTC).isoformat(),),
        )

    def link(self, document_id: str) -> str:
        """Where a document can be read; nothing of one that is not there."""
        sql = "select json_extract(metadata, '$.link') from documents where id = ?"
        row = self.db.execute(sql, (document_id,)).fetchone()
        return str(row[0] or "") if row else ""

    def relink(self, documents: Sequence[Document]) -> None:
        """Cite documents elsewhere, of which nothing but the link has changed."""
        if not documents:
            return
        with self._writing():
            self.db.conn.executemany(
                "update documents set digest = ?, metadata = ? where id = ?",
                [(document_digest(one), metadata(one), one.id) for one in documents],
            )
            self.changes.raised({one.scope for one in documents})
            self._count_up()
            self.db.execute(
                "insert or replace into manifest (key, value) values ('relinked', ?)",
                (str(self.generation()),),
            )

    def relinked(self) -> int:
        """The generation in which documents were last cited elsewhere; 0 if none ever was."""
        row = self.db.execute("select value from manifest where key = 'relinked'").fetchone()
        return int(row[0]) if row else 0

    def _take_out(self, document_id: str) -> None:
        self.db.execute(
            "insert into removed (id, scope, generation) "
            "select p.id, p.scope, g.generation from passages p "
            "join generations g on g.scope = p.scope where p.document_id = ?",
            (document_id,),
        )
        self.db.execute("delete from passages where document_id = ?", (document_id,))
        self.db.execute("delete from documents where id = ?", (document_id,))

    def _put_in(self, cut: CutDocument, generation: int) -> None:
        document = cut.document
        self.db.execute(
            "insert into documents (id, scope, kind, digest, metadata) values (?, ?, ?, ?, ?)",
            (
                document.id,
                document.scope,
                document.kind.value,
                document_digest(document),
                metadata(document),
            ),
        )
        named = passage_lines.fragments(document, cut.passages)
        for passage, fragment in zip(cut.passages, named, strict=True):
            passage_lines.save(
                self.db, self._put_in_passage(document, passage, generation), fragment
            )

    def _put_in_passage(self, document: Document, passage: Passage, generation: int) -> int:
        whole, *windows = passage.digests
        cursor = self.db.execute(
            "insert into passages "
            "(document_id, scope, position, heading, text, words, digest, generation) "
            "values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id,
                document.scope,
                passage.position,
                passage.heading,
                passage.text,
                " ".join(words(passage.embedded)),
                whole,
                generation,
            ),
        )
        passage_id = int(cursor.lastrowid or 0)
        self.db.conn.executemany(
            "insert into windows (passage_id, digest) values (?, ?)",
            [(passage_id, window) for window in windows],
        )
        # A passage that is its own window has its vector once.
        own = [whole, *(window for window in windows if window != whole)]
        self.db.execute(
            "insert into passage_vectors (passage_id, vectors) values (?, ?)",
            (passage_id, self._half_precision(own)),
        )
        return passage_id

    def _half_precision(self, digests: Sequence[bytes]) -> bytes:
        stored = [
            self.db.execute("select vector from vectors where digest = ?", (key,)).fetchone()
            for key in digests
        ]
        if None in stored:
            raise MissingVectorError("A vector was dropped before it was used: index again.")
        vectors = np.frombuffer(b"".join(row[0] for row in stored), np.float32)
        return vectors.astype(np.float16).tobytes()
