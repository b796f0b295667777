"""SQL statements and transactions of the index database.

They run on an `indexer.index.database.Connection`, in the SQL that SQLite and PostgreSQL have in
common. Each text's vector is stored once under the text's digest, in full precision, so that
nothing is embedded twice. The vectors of a passage's whole text and of its windows are also stored
under the passage's id, in half precision. So scoring a hundred candidates reads a hundred rows.
"""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.index.database import MOST_VALUES, Connection, Place, marks, rows_in, slices
from indexer.index.selection import TAGGED, Selection, selected_ids
from indexer.index.sqlite_file import SQLiteConnection
from indexer.index.stored_passage import (
    SELECT,
    StoredPassage,
    folded_tags,
    metadata,
    of_row,
    title_and_link,
)
from indexer.index.written_documents import (
    NO_CODES,
    NO_VECTORS,
    PART_PASSAGES,
    CutDocument,
    MovedDocumentError,
    code_insertions,
    delete_some,
    document_digest,
    replace,
    vector_insertions,
)
from knowledge.store.rows import record
from knowledge.values.documents import ARTICLES, SHARED, Document, Failure, FileRecord, Kind, Scope


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


_FILE: Final = tuple(field.name for field in fields(FileRecord))
_FILES: Final = f"select {', '.join(_FILE)} from files"  # noqa: S608 - names of ours
# The manifest's key of the number of changes of `files`.
_FILES_VERSION: Final = "files"


def _open(place: Place, expected: Mapping[str, str]) -> Connection:
    if isinstance(place, Path):
        return SQLiteConnection(place, expected)
    # Needs the packages of an extra.
    from indexer.index.postgres import open_schema

    return open_schema(place, expected)


class IndexTables:
    """The opened index database: statements about documents, passages and vectors."""

    def __init__(self, place: Place, expected: Mapping[str, str], dimension: int) -> None:
        """Open the index in a folder or schema, or make an empty one.

        Raises StaleIndexError if the index was made with another model, passage size or format, and
        IndexWriteError if the index can't be opened or made.
        """
        self._dimension = dimension
        self.db = _open(place, expected)
        # Documents that this process has replaced, relinked or taken out. A process that doesn't
        # ask the database may still have them in memory. A SQLite file is always asked.
        self.stale_documents: set[str] = set()
        self._remembers = not isinstance(place, Path)

    def close(self) -> None:
        self.db.close()

    # Reading.

    def generation(self) -> int:
        """The number of changes so far, over all scopes."""
        [[total]] = self.db.rows("select coalesce(sum(generation), 0) from generations")
        return int(total)

    def changed_at(self) -> datetime | None:
        """The time of the last change; None if there was none."""
        [[changed_at]] = self.db.rows("select max(changed_at) from generations")
        return datetime.fromisoformat(changed_at) if changed_at else None

    # Changes of scopes. Each scope has its own row in the table `generations`, so writers of
    # different scopes don't wait for each other. A change raises the scope's generation in this
    # row, which stays locked until the change is committed. So only one process at a time writes a
    # scope, and readers miss no change.

    def states(self, scopes: Sequence[Scope] | None = None) -> dict[Scope, ScopeState]:
        """The states of these scopes, by default of all scopes that ever had a passage."""
        some = "" if scopes is None else f"where scope in ({marks(scopes)})"
        sql = f"select scope, generation, relinked from generations {some}"  # noqa: S608 - marks
        rows = self.db.rows(sql, list(scopes or ()))
        return {Scope(row[0]): ScopeState(row[1], row[2]) for row in rows}

    def removed_since(self, scope: Scope, after: int, until: int) -> list[int]:
        """The ids of a scope's passages removed after generation `after`, up to `until`."""
        rows = self.db.rows(
            "select id from removed where scope = ? and generation > ? and generation <= ?",
            (scope, after, until),
        )
        return [row[0] for row in rows]

    def added_since(self, scope: Scope, after: int, until: int) -> Iterator[Added]:
        """A scope's passages added after generation `after`, up to `until`, in batches by id.

        All ids are read first. Passages deleted before their batch is read are left out.
        """
        rows = self.db.rows(
            "select id from passages where scope = ? and generation > ? and generation <= ? "
            "order by id",
            (scope, after, until),
        )
        numbers = [row[0] for row in rows]
        sql = (
            "select p.id, v.vector, p.words from passages p join vectors v on v.digest = p.digest "
            "where p.id in ({}) order by p.id"
        )
        for start in range(0, len(numbers), BATCH):
            found = [*rows_in(self.db, sql, numbers[start : start + BATCH])]
            vectors = np.frombuffer(b"".join(row[1] for row in found), np.float32)
            yield Added(
                [row[0] for row in found],
                vectors.reshape(-1, self._dimension),
                [row[2].split() for row in found],
            )

    def scope_size(self, scope: Scope, until: int) -> int:
        """The number of a scope's present passages that were added in generations up to `until`."""
        sql = "select count(*) from passages where scope = ? and generation <= ?"
        [[count]] = self.db.rows(sql, (scope, until))
        return int(count)

    # Documents and passages.

    def identity(self) -> str:
        [[identity]] = self.db.rows("select value from manifest where key = 'identity'")
        return str(identity)

    def files(self) -> dict[str, FileRecord]:
        """The record of every imported file, by path."""
        found = (dict(zip(_FILE, row, strict=True)) for row in self.db.rows(_FILES))
        return {
            row["path"]: record(
                FileRecord,
                row,
                scope=Scope(row["scope"]),
                read_at=datetime.fromisoformat(row["read_at"]),
                documents=tuple(json.loads(row["documents"])),
                failures=tuple(Failure(*failure) for failure in json.loads(row["failures"])),
            )
            for row in found
        }

    def documents_of_files(self, location: str) -> list[str]:
        """The ids of the documents from a file, or from all files in a folder."""
        inside = location.rstrip(os.sep) + os.sep
        rows = self.db.rows(
            "select documents from files where path = ? or (path >= ? and path < ?)",
            (location, inside, inside[:-1] + chr(ord(os.sep) + 1)),
        )
        return list(
            dict.fromkeys(document for [documents] in rows for document in json.loads(documents))
        )

    @property
    def files_version(self) -> str:
        """A number that changes whenever a process changes the record of a file."""
        row = self.db.one("select value from manifest where key = ?", [_FILES_VERSION])
        return str(row[0]) if row else ""

    def document_digests(self, kinds: Iterable[Kind]) -> dict[str, str]:
        """The digest of every document of these kinds, by id."""
        values = [kind.value for kind in kinds]
        sql = f"select id, digest from documents where kind in ({marks(values)})"  # noqa: S608
        return dict(self.db.rows(sql, values))

    def digests_under(self, prefix: str) -> dict[str, str]:
        """The digest of every document whose id begins with `prefix`, by id."""
        rows = self.db.rows(
            "select id, digest from documents where id >= ? and id < ?",
            (prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
        )
        return dict(rows)

    def counts(self, scopes: Sequence[Scope]) -> dict[str, int]:
        counted = {}
        for table in ("documents", "passages"):
            sql = f"select count(*) from {table} where scope in ({marks(scopes)})"  # noqa: S608
            [[count]] = self.db.rows(sql, scopes)
            counted[table] = int(count)
        return counted

    def documents_by_scope(self, kind: Kind) -> dict[Scope, int]:
        """The number of documents of a kind by scope; a scope without any is left out."""
        sql = "select scope, count(*) from documents where kind = ? group by scope"
        return {Scope(scope): count for scope, count in self.db.rows(sql, (kind.value,))}

    def passages_by_scope(self) -> dict[Scope, int]:
        """The number of passages by scope; a scope without any is left out."""
        rows = self.db.rows("select scope, count(*) from passages group by scope")
        return {Scope(scope): count for scope, count in rows}

    def totals(self) -> dict[str, dict[str, int]]:
        """The numbers of documents and passages: shared ones, and those of all guilds together."""
        totals = {}
        for table in ("documents", "passages"):
            sql = f"select count(*) filter (where scope in (?, ?)), count(*) from {table}"  # noqa: S608
            [[shared, count]] = self.db.rows(sql, (SHARED, ARTICLES))
            totals[table] = {"shared": shared, "guild": count - shared}
        return totals

    def missing_vectors(
        self, digests: Iterable[bytes], coded: Collection[bytes] = ()
    ) -> set[bytes]:
        """The `digests` without a stored vector, and the `coded` digests without stored codes."""
        wanted = list(dict.fromkeys(digests))
        found = [("vectors", some) for some in slices(wanted)]
        found += [("token_codes", some) for some in slices([*coded])]
        answers = self.db.together(
            (f"select digest from {table} where digest in ({marks(some)})", some)  # noqa: S608
            for table, some in found
        )
        known: dict[str, set[bytes]] = {"vectors": set(), "token_codes": set()}
        for (table, _), rows in zip(found, answers, strict=True):
            known[table].update(digest for [digest] in rows)
        return (set(wanted) - known["vectors"]) | (set(coded) - known["token_codes"])

    def passage_vectors(self, passage_ids: Sequence[int]) -> dict[int, bytes]:
        """By passage id, the vectors of the whole text and of its windows, in half precision."""
        sql = "select passage_id, vectors from passage_vectors where passage_id in ({})"
        return dict(rows_in(self.db, sql, passage_ids))

    def passage_vectors_before(self, passage_id: int, most: int) -> list[tuple[int, bytes]]:
        """`passage_vectors` of at most `most` passages with a lower id, the highest id first."""
        sql = (
            "select passage_id, vectors from passage_vectors where passage_id < ? "
            "order by passage_id desc limit ?"
        )
        return [(key, vectors) for key, vectors in self.db.rows(sql, (passage_id, most))]

    def token_codes(self, passage_ids: Sequence[int]) -> dict[int, bytes]:
        """The codes of passages' token vectors, without missing ones."""
        sql = (
            "select p.id, t.codes from passages p join token_codes t on t.digest = p.digest "
            "where p.id in ({})"
        )
        return dict(rows_in(self.db, sql, passage_ids))

    def token_codes_before(self, passage_id: int, most: int) -> list[tuple[int, bytes]]:
        """`token_codes` of at most `most` passages with a lower id, the highest id first."""
        sql = (
            "select p.id, t.codes from passages p join token_codes t on t.digest = p.digest "
            "where p.id < ? order by p.id desc limit ?"
        )
        return [(key, codes) for key, codes in self.db.rows(sql, (passage_id, most))]

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        rows = rows_in(self.db, f"{SELECT} where p.id in ({{}})", passage_ids)
        return {row[0]: of_row(row) for row in rows}

    def passages_before(self, passage_id: int, most: int) -> list[StoredPassage]:
        """At most `most` passages with a lower id, the highest id first."""
        sql = f"{SELECT} where p.id < ? order by p.id desc limit ?"
        return list(map(of_row, self.db.rows(sql, (passage_id, most))))

    def document_passages(self, document_id: str) -> list[StoredPassage]:
        """Every passage of a document, in reading order."""
        rows = self.db.rows(f"{SELECT} where p.document_id = ? order by p.position", (document_id,))
        return [of_row(row) for row in rows]

    def passages_within(self, document_id: str, first: int, last: int) -> list[StoredPassage]:
        """A document's passages with positions from the first to the last, in reading order."""
        sql = f"{SELECT} where p.document_id = ? and p.position between ? and ? order by p.position"
        return list(map(of_row, self.db.rows(sql, (document_id, first, last))))

    def documents_without_text(self) -> set[str]:
        """The ids of documents that have nothing but stubs and tables of contents."""
        sql = (
            "select d.id from documents d left join passages p on p.document_id = d.id "
            "group by d.id having coalesce(min(p.contents), 1) = 1"
        )
        return {row[0] for row in self.db.rows(sql)}

    def document_ids(self, beginning: str, scopes: Sequence[Scope]) -> list[str]:
        """The ids that begin with `beginning`, of documents in these scopes."""
        sql = (
            "select id from documents where substr(id, 1, cast(? as integer)) = ? "  # noqa: S608
            f"and scope in ({marks(scopes)})"
        )
        return [row[0] for row in self.db.rows(sql, [len(beginning), beginning, *scopes])]

    def passage_ids(self, document_ids: Sequence[str], scopes: Sequence[Scope]) -> list[int]:
        sql = f"select id from passages where document_id in ({{}}) and scope in ({marks(scopes)})"  # noqa: S608
        return [row[0] for row in rows_in(self.db, sql, document_ids, *scopes)]

    def selected_passages(self, selection: Selection, scopes: Sequence[Scope]) -> NDArray[np.int64]:
        """The ids of the passages of selected documents in these scopes, ascending."""
        return np.unique(np.array(selected_ids(self.db, selection, scopes), np.int64))

    def tags(self, scopes: Sequence[Scope]) -> list[str]:
        """The tags of all documents in these scopes, case-folded and sorted."""
        sql = f"select metadata from documents where {TAGGED} and scope in ({marks(scopes)})"  # noqa: S608
        return sorted({tag for [cited] in self.db.rows(sql, scopes) for tag in folded_tags(cited)})

    def titles(self, scopes: Sequence[Scope], most: int) -> list[tuple[str, Scope, str]]:
        """The id, scope and title of at most `most` documents, the newest first."""
        among = f"documents where scope in ({marks(scopes)})"
        sql = f"select id, scope, metadata from {among} order by rowid desc limit ?"  # noqa: S608
        rows = self.db.rows(sql, [*scopes, most])
        return [(key, Scope(scope), title_and_link(cited)[0]) for key, scope, cited in rows]

    def links_with(self, part: str, scopes: Sequence[Scope]) -> list[str]:
        """The links with this part, of all documents but notes in these scopes."""
        sql = (
            "select metadata from documents where replace(metadata, ?, '') <> metadata "  # noqa: S608
            f"and kind <> ? and scope in ({marks(scopes)})"
        )
        rows = self.db.rows(sql, [part, Kind.NOTE.value, *scopes])
        return [title_and_link(cited)[1] for [cited] in rows]

    # Writing.

    def store_vectors(
        self, vectors: Mapping[bytes, NDArray[np.float32]], codes: Mapping[bytes, bytes] = NO_CODES
    ) -> None:
        """Store vectors and token codes by digest, whether or not a passage uses them yet.

        This is a transaction of its own, so that nothing is embedded again after a crash. Raises
        IndexWriteError if the vectors can't be written.
        """
        with self.db.writing(alone=False):
            self.db.together([*vector_insertions(vectors), *code_insertions(codes)])

    def prune_vectors(self) -> int:
        """Delete unused vectors and codes. Return the number of deleted vectors.

        Don't call it while another process is embedding, because that process stores vectors before
        the passages that use them.
        """
        with self.db.writing():
            # A difference of sets is quick in both databases, however large they are.
            self.db.run(
                "delete from token_codes where digest in "
                "(select digest from token_codes except select digest from passages)"
            )
            return self.db.run(
                "delete from vectors where digest in (select digest from vectors "
                "except select digest from passages except select digest from windows)"
            )

    def apply(
        self,
        changed: Sequence[CutDocument],
        removed: Sequence[str] = (),
        record: FileRecord | None = None,
        *,
        forgotten: Sequence[str] = (),
        vectors: Mapping[bytes, NDArray[np.float32]] = NO_VECTORS,
        codes: Mapping[bytes, bytes] = NO_CODES,
    ) -> None:
        """Insert or replace documents, and delete others, in one transaction.

        `record` is of the file that these documents come from. The records of `forgotten` paths are
        deleted, so that the files are parsed again. `vectors` and `codes` are of texts without a
        stored vector, by the text's digest. Raises IndexWriteError if the index can't be written,
        and MissingVectorError if a vector is missing; then nothing is changed.
        """
        if not (changed or removed or record is not None or forgotten):
            return

        self._remember([*removed, *(cut.document.id for cut in changed)])

        def write() -> None:
            if forgotten:
                _raise_files_version(self.db)
                paths = [(path,) for path in forgotten]
                self.db.run_many("delete from files where path = ?", paths)
            if record is not None:
                _save_file(self.db, record)
            if changed or removed:
                self._replace(changed, removed, vectors, codes)

        try:
            with self.db.writing(alone=False):
                write()
        except MovedDocumentError:
            with self.db.writing():
                write()
        if removed:
            self.db.forget_deleted()

    def _replace(
        self,
        changed: Sequence[CutDocument],
        removed: Sequence[str],
        vectors: Mapping[bytes, NDArray[np.float32]],
        codes: Mapping[bytes, bytes],
    ) -> None:
        replaced = (cut.document.id for cut in changed if cut.first)
        ids = list(dict.fromkeys((*removed, *replaced)))
        generations = self.raise_all((cut.document.scope for cut in changed), ids)
        replace(self.db, ids, changed, generations, vectors, codes)

    def raise_all(
        self, scopes: Iterable[Scope], document_ids: Sequence[str] = ()
    ) -> dict[Scope, int]:
        """Raise the generations of these scopes and of the documents' present scopes by 1.

        The rows are locked in the order of scopes, so that writers never deadlock. Returns the new
        generation of each of these scopes.
        """
        wanted = set(scopes)
        if len(document_ids) > MOST_VALUES:
            present = rows_in(self.db, "select scope from documents where id in ({})", document_ids)
            wanted.update(Scope(scope) for [scope] in present)
            document_ids = ()
        found = [f"select distinct scope from documents where id in ({marks(document_ids)})"]  # noqa: S608
        found += ["select ?" for _ in wanted]
        rows = self.db.rows(
            "insert into generations (scope, generation, changed_at) "  # noqa: S608 - marks alone
            f"select scope, 1, ? from ({' union '.join(found)}) as found where true order by scope "
            "on conflict (scope) do update set generation = generations.generation + 1, "
            "changed_at = excluded.changed_at returning scope, generation",
            [datetime.now(UTC).isoformat(), *document_ids, *sorted(wanted)],
        )
        return {Scope(scope): generation for scope, generation in rows}

    def is_long(self, document_ids: Sequence[str]) -> bool:
        """Whether these documents together have more passages than one transaction deletes."""
        sql = "select count(*) from passages where document_id in ({})"
        counts = (int(count) for [count] in rows_in(self.db, sql, document_ids))
        return sum(counts) > PART_PASSAGES

    def delete_some(self, document_ids: Sequence[str], coded: Collection[bytes] = ()) -> bool:
        """Delete `PART_PASSAGES` passages of documents, before they are removed or replaced.

        Until then, these documents count as changed. The token codes of the digests in `coded`
        stay. Return whether there were any passages. Raises IndexWriteError if the index can't be
        written; then nothing is changed.
        """
        self._remember(document_ids)
        with self.db.writing():
            generations = self.raise_all((), document_ids)
            return delete_some(self.db, document_ids, generations, coded)

    def _remember(self, document_ids: Iterable[str]) -> None:
        # Called before the transaction, whose outcome may be unknown.
        if self._remembers:
            self.stale_documents.update(document_ids)

    def link(self, document_id: str) -> str:
        """The link of a document; empty if the document isn't in the index."""
        row = self.db.one("select metadata from documents where id = ?", (document_id,))
        return title_and_link(row[0])[1] if row else ""

    def relink(self, documents: Sequence[Document]) -> None:
        """Change the links of documents whose text hasn't changed."""
        if not documents:
            return
        self._remember([document.id for document in documents])
        with self.db.writing(alone=False):
            scopes = {document.scope for document in documents}
            self.raise_all(scopes)
            some = sorted(scopes)
            sql = f"update generations set relinked = generation where scope in ({marks(some)})"  # noqa: S608
            self.db.run(sql, some)
            self.db.run_many(
                "update documents set digest = ?, metadata = ? where id = ?",
                [
                    (document_digest(document), metadata(document), document.id)
                    for document in documents
                ],
            )


# Records of imported files.


def _raise_files_version(db: Connection) -> None:
    """Raise `files_version`. The lock on its row lets only one process change files' records."""
    db.run(
        "insert into manifest (key, value) values (?, '1') on conflict (key) do update "
        "set value = cast(cast(manifest.value as bigint) + 1 as text)",
        [_FILES_VERSION],
    )


def _save_file(db: Connection, file: FileRecord) -> None:
    _raise_files_version(db)
    db.run("delete from files where path = ? or document_id = ?", (file.path, file.document_id))
    failures = [astuple(failure) for failure in file.failures]
    stored = {
        "read_at": file.read_at.isoformat(),
        "documents": json.dumps(file.documents, ensure_ascii=False),
        "failures": json.dumps(failures, ensure_ascii=False),
    }
    row = {**asdict(file), **stored}
    db.run(
        f"insert into files ({', '.join(row)}) values ({marks(list(row))})",  # noqa: S608 - ours
        list(row.values()),
    )
