"""The index on disk and opened: documents, passages, words, vectors, and FAISS over them.

One SQLite file holds everything derived; it can be deleted at any time and is then rebuilt. Its
vectors are the truth, and a FAISS file beside it is a cache of them, named by generation: a
missing, torn or foreign one is rebuilt silently. Each scope has a FAISS index and a table of words
of its own, so a passage can't be returned from a guild whose index was not searched.

What is in memory follows the file by one path only: `_follow` replays what changed since the
generation in memory, whether this process or another changed it.

Errors:
    Exception
    └── IndexError_           base of what can be wrong with an index
        ├── StaleIndexError   it was made by another model or format, and what to do
        └── IndexWriteError   it can't be written (full disk, permissions)
"""

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

import faiss
import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from indexer.passages import Passage, digest
from indexer.words import query_words, words
from knowledge.model import Document, Kind, Scope

FORMAT: Final = 1
BUSY_SECONDS: Final = 10

# SQLite's own limit on bound values was 999 for long; asking in slices of this size is as fast.
_VALUES: Final = 500

# A snapshot is written when this many vectors came or went since the last one: below it, reading
# them from SQLite takes under a tenth of a second.
SNAPSHOT_AFTER: Final = 5_000

# Everything but blanks and quotes is part of a word: `indexer.words` has cut them already.
_TOKENIZER: Final = """unicode61 remove_diacritics 0 tokenchars '!#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"""

_SCHEMA: Final = """
create table manifest (key text primary key, value text not null) strict;
create table documents (
    id text primary key,
    scope integer not null,
    kind text not null,
    digest text not null,
    metadata text not null
) strict;
create table passages (
    id integer primary key autoincrement,
    document_id text not null references documents(id),
    scope integer not null,
    position integer not null,
    heading text not null,
    text text not null,
    digest blob not null,
    generation integer not null
) strict;
create index passages_by_document on passages (document_id, position);
create index passages_by_generation on passages (generation);
create table windows (
    passage_id integer not null references passages(id),
    digest blob not null
) strict;
create index windows_by_passage on windows (passage_id);
create table vectors (digest blob primary key, vector blob not null) strict, without rowid;
create table removed (id integer primary key, scope integer not null, generation integer not null)
strict;
create index removed_by_generation on removed (generation);
"""

_logger = logging.getLogger(__name__)

# FAISS's threads fight the model's for two cores; one is faster at every size measured.
faiss.omp_set_num_threads(1)


class IndexError_(Exception):  # noqa: N801, N818 - the builtin's name is taken
    """Something is wrong with the index; the message says what to do."""


class StaleIndexError(IndexError_):
    """The index was made by another model or format."""


class IndexWriteError(IndexError_):
    """The index can't be written; nothing was changed."""


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as it is in the index, with what a citation needs of its document."""

    id: int
    document_id: str
    scope: Scope
    kind: Kind
    position: int
    title: str
    heading: str
    text: str
    link: str
    tags: tuple[str, ...]
    contributor: str
    verified: date | None
    revision: int | None
    approved_by: str


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A document with its passages, ready to be applied."""

    document: Document
    passages: tuple[Passage, ...]


def document_digest(document: Document) -> str:
    """The digest of everything about a document: it changes when anything of it does."""
    fields = json.dumps(asdict(document), ensure_ascii=False, default=str, sort_keys=True)
    return hashlib.sha256(fields.encode()).hexdigest()


class Index:
    """The opened index. It belongs to the thread that opened it."""

    def __init__(self, folder: Path, *, model: str, dimension: int, max_tokens: int) -> None:
        """Open the index in `folder`, or make an empty one.

        Args:
            folder: made if it is missing.
            model: what makes the vectors (`Embedder.model`).
            dimension: the length of a vector.
            max_tokens: the most tokens of a passage.

        Raises:
            StaleIndexError: if it was made with another model, passage size or format.
            IndexWriteError: if the folder can't be written.
        """
        self._folder = folder
        self._dimension = dimension
        self._expected = {
            "format": str(FORMAT),
            "model": model,
            "dimension": str(dimension),
            "max_tokens": str(max_tokens),
        }
        self._scopes: dict[Scope, faiss.Index] = {}
        self._generation = 0
        self._unsaved = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = self._opened()
        except (OSError, sqlite3.OperationalError) as error:
            raise IndexWriteError(f"The index in {folder} can't be opened: {error}.") from error
        try:
            self._check_manifest()
            self._load()
        except BaseException:
            self._db.close()
            raise

    # Opening.

    def _opened(self) -> Database:
        """The database, begun anew where the file is damaged: all of it is derived."""
        path = self._folder / "index.db"
        try:
            return self._prepared(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            _logger.warning("The index in %s is damaged (%s); it is built anew.", path, error)
            for leftover in self._folder.glob("index.db*"):
                leftover.unlink()
            return self._prepared(path)

    def _prepared(self, path: Path) -> Database:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
        db = Database(connection)
        try:
            db.execute("pragma foreign_keys = on")
            db.enable_wal()
            # The index can be rebuilt, so a lost last transaction after a power cut is no loss.
            db.execute("pragma synchronous = normal")
            if not db["manifest"].exists():
                with db.atomic():
                    for statement in _SCHEMA.strip().split(";\n"):
                        if statement.strip():
                            db.execute(statement.rstrip(";"))
                    for key, value in {**self._expected, "generation": "0"}.items():
                        db.execute("insert into manifest values (?, ?)", (key, value))
        except BaseException:
            db.close()
            raise
        return db

    def _check_manifest(self) -> None:
        manifest = dict(self._db.execute("select key, value from manifest").fetchall())
        for key, expected in self._expected.items():
            if manifest.get(key) != expected:
                raise StaleIndexError(
                    f"The index in {self._folder} was made with {key} {manifest.get(key)!r}, but "
                    f"now it is {expected!r}. Run `commonplace index` to build it anew; the notes "
                    "and everything else people contributed are kept elsewhere."
                )

    def _load(self) -> None:
        """Read the snapshots, then replay what changed since."""
        self._generation = min(
            (generation for generation in self._read_snapshots().values()), default=0
        )
        if not self._scopes:
            self._generation = 0
        self._follow()
        if not self._consistent():
            _logger.info("The FAISS snapshots in %s don't match; they are rebuilt.", self._folder)
            self._scopes, self._generation = {}, 0
            self._follow()

    def _read_snapshots(self) -> dict[Scope, int]:
        """Read every scope's newest snapshot; all must be of one generation to be used."""
        found: dict[Scope, tuple[int, Path]] = {}
        for path in self._folder.glob("*.faiss"):
            scope_text, _, generation_text = path.stem.partition("-")
            if scope_text.isdigit() and generation_text.isdigit():
                scope, generation = Scope(int(scope_text)), int(generation_text)
                if generation >= found.get(scope, (-1, path))[0]:
                    found[scope] = (generation, path)
        if len({generation for generation, _ in found.values()}) > 1:
            return {}
        try:
            self._scopes = {
                scope: faiss.read_index(str(path)) for scope, (_, path) in found.items()
            }
        except RuntimeError:
            self._scopes = {}
            return {}
        if any(index.d != self._dimension for index in self._scopes.values()):
            self._scopes = {}
            return {}
        return {scope: generation for scope, (generation, _) in found.items()}

    def _consistent(self) -> bool:
        """Whether each FAISS index holds as many vectors as its scope has passages."""
        rows = self._db.execute("select scope, count(*) from passages group by scope").fetchall()
        held = {scope: index.ntotal for scope, index in self._scopes.items() if index.ntotal}
        return held == {Scope(scope): count for scope, count in rows}

    def close(self) -> None:
        """Write snapshots where they are worth it, and close the file."""
        if self._unsaved >= SNAPSHOT_AFTER:
            try:
                self.save_snapshots()
            except (OSError, RuntimeError) as error:
                # A snapshot is a cache: without it the next start is slower, nothing else.
                _logger.warning("The FAISS snapshots could not be written: %s", error)
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # What is in it.

    @property
    def generation(self) -> int:
        """How many times the index has changed; what is in memory is of this generation."""
        return self._generation

    def document_digests(self, kinds: Iterable[Kind]) -> dict[str, str]:
        """The digest of every document of these kinds, by id."""
        marks = [kind.value for kind in kinds]
        rows = self._db.execute(
            f"select id, digest from documents where kind in ({_marks(marks)})",  # noqa: S608
            marks,
        )
        return dict(rows)

    def counts(self, scopes: Iterable[Scope]) -> dict[str, int]:
        """How many documents and passages there are in these scopes."""
        wanted = list(scopes)
        return {
            table: int(
                self._db.execute(
                    f"select count(*) from {table} where scope in ({_marks(wanted)})",  # noqa: S608
                    wanted,
                ).fetchone()[0]
            )
            for table in ("documents", "passages")
        }

    def missing_vectors(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those digests of which no vector is kept yet."""
        wanted = list(dict.fromkeys(digests))
        known: set[bytes] = set()
        for some in _slices(wanted):
            sql = f"select digest from vectors where digest in ({_marks(some)})"  # noqa: S608
            known.update(row[0] for row in self._db.execute(sql, some))
        return set(wanted) - known

    # Changing it.

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._db.execute("begin immediate")
            with self._db.atomic():
                yield
            self._db.execute("commit")
        except (sqlite3.OperationalError, OSError) as error:
            self._roll_back()
            raise IndexWriteError(
                f"The index in {self._folder} can't be written: {error}. Nothing was changed. "
                "Check free space and permissions, then run `commonplace index` again: it goes on "
                "where it stopped."
            ) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._db.conn.in_transaction:
            self._db.rollback()

    def keep_vectors(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keep vectors by digest, whether or not a passage uses them yet.

        Kept in a transaction of their own, so that what was embedded before a crash is not
        embedded again.
        """
        with self._writing():
            self._db.conn.executemany(
                "insert or ignore into vectors (digest, vector) values (?, ?)",
                [(key, vector.astype(np.float32).tobytes()) for key, vector in vectors.items()],
            )

    def apply(self, changed: Sequence[CutDocument], removed: Sequence[str] = ()) -> None:
        """Put documents in, in place of what was there under their ids, and take others out.

        One transaction: a reader sees all of it or none. Every vector must be kept already.

        Raises:
            IndexWriteError: if it can't be written; then nothing is changed.
        """
        if not changed and not removed:
            return
        with self._writing():
            row = self._db.execute("select value from manifest where key = 'generation'").fetchone()
            generation = int(row[0]) + 1
            for document_id in (*removed, *(cut.document.id for cut in changed)):
                self._take_out(document_id, generation)
            for cut in changed:
                self._put_in(cut, generation)
            self._db.execute(
                "update manifest set value = ? where key = 'generation'", (str(generation),)
            )
        self._follow()

    def _take_out(self, document_id: str, generation: int) -> None:
        rows = self._db.execute(
            "select id, scope from passages where document_id = ?", (document_id,)
        ).fetchall()
        for passage_id, scope in rows:
            self._db.execute("delete from windows where passage_id = ?", (passage_id,))
            self._db.execute(f"delete from words_{scope:d} where rowid = ?", (passage_id,))  # noqa: S608
            self._db.execute(
                "insert into removed (id, scope, generation) values (?, ?, ?)",
                (passage_id, scope, generation),
            )
        self._db.execute("delete from passages where document_id = ?", (document_id,))
        self._db.execute("delete from documents where id = ?", (document_id,))

    def _put_in(self, cut: CutDocument, generation: int) -> None:
        document = cut.document
        self._db.execute(
            f"create virtual table if not exists words_{document.scope:d} "
            f'using fts5(words, tokenize="{_TOKENIZER}")'
        )
        self._db.execute(
            "insert into documents (id, scope, kind, digest, metadata) values (?, ?, ?, ?, ?)",
            (
                document.id,
                document.scope,
                document.kind.value,
                document_digest(document),
                json.dumps(_metadata(document), ensure_ascii=False),
            ),
        )
        for passage in cut.passages:
            cursor = self._db.execute(
                "insert into passages "
                "(document_id, scope, position, heading, text, digest, generation) "
                "values (?, ?, ?, ?, ?, ?, ?)",
                (
                    document.id,
                    document.scope,
                    passage.position,
                    passage.heading,
                    passage.text,
                    digest(passage.embedded),
                    generation,
                ),
            )
            passage_id = int(cursor.lastrowid or 0)
            self._db.conn.executemany(
                "insert into windows (passage_id, digest) values (?, ?)",
                [(passage_id, digest(window)) for window in passage.windows()],
            )
            self._db.execute(
                f"insert into words_{document.scope:d} (rowid, words) values (?, ?)",  # noqa: S608
                (passage_id, " ".join(words(passage.embedded))),
            )

    def prune_vectors(self) -> int:
        """Drop the vectors that no passage uses any more; returns how many.

        Not for use while another process is embedding: it keeps vectors before their passages.
        """
        with self._writing():
            return self._db.execute(
                "delete from vectors where digest not in (select digest from passages) "
                "and digest not in (select digest from windows)"
            ).rowcount

    def _follow(self) -> None:
        """Bring what is in memory to the generation of the file."""
        row = self._db.execute("select value from manifest where key = 'generation'").fetchone()
        generation = int(row[0])
        if generation == self._generation:
            return
        gone: dict[Scope, list[int]] = {}
        for passage_id, scope in self._db.execute(
            "select id, scope from removed where generation > ?", (self._generation,)
        ):
            gone.setdefault(Scope(scope), []).append(passage_id)
        for scope, ids in gone.items():
            if scope in self._scopes:
                self._scopes[scope].remove_ids(faiss.IDSelectorBatch(np.array(ids, dtype=np.int64)))
                self._unsaved += len(ids)
        new: dict[Scope, tuple[list[int], list[bytes]]] = {}
        for passage_id, scope, vector in self._db.execute(
            "select p.id, p.scope, v.vector from passages p join vectors v on v.digest = p.digest "
            "where p.generation > ?",
            (self._generation,),
        ):
            ids, vectors = new.setdefault(Scope(scope), ([], []))
            ids.append(passage_id)
            vectors.append(vector)
        for scope, (ids, vectors) in new.items():
            self._add(scope, ids, vectors)
        self._generation = generation

    def _add(self, scope: Scope, ids: list[int], vectors: list[bytes]) -> None:
        if scope not in self._scopes:
            self._scopes[scope] = faiss.IndexIDMap2(faiss.IndexFlatIP(self._dimension))
        matrix = np.frombuffer(b"".join(vectors), dtype=np.float32).reshape(-1, self._dimension)
        self._scopes[scope].add_with_ids(matrix, np.array(ids, dtype=np.int64))
        self._unsaved += len(ids)

    def save_snapshots(self) -> None:
        """Write what FAISS holds, named by generation, and delete older snapshots."""
        for scope, index in self._scopes.items():
            target = self._folder / f"{scope}-{self._generation}.faiss"
            # One name per process: two of them may be writing the same generation.
            partial = target.with_suffix(f".{os.getpid()}.partial")
            try:
                faiss.write_index(index, str(partial))
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
        for path in self._folder.glob("*.faiss"):
            if not path.stem.endswith(f"-{self._generation}"):
                path.unlink(missing_ok=True)
        self._unsaved = 0

    # Searching it.

    def nearest(
        self, vector: NDArray[np.float32], k: int, scopes: Sequence[Scope]
    ) -> list[tuple[int, float]]:
        """The passages nearest in meaning, from exactly these scopes.

        Args:
            vector: the query's, (d,) float32 of unit length.
            k: at most this many.
            scopes: what the asker may see.

        Returns:
            (passage id, cosine), best first; fewer than `k` if there are no more.
        """
        if vector.shape != (self._dimension,):
            raise ValueError(f"The vector has shape {vector.shape}, not ({self._dimension},).")
        self._follow()
        found: list[tuple[int, float]] = []
        for scope in dict.fromkeys(scopes):
            index = self._scopes.get(scope)
            if index is None or index.ntotal == 0 or k <= 0:
                continue
            cosines, ids = index.search(vector[np.newaxis], min(k, index.ntotal))
            found.extend(
                (int(passage_id), float(cosine))
                for passage_id, cosine in zip(ids[0], cosines[0], strict=True)
                if passage_id >= 0
            )
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]

    def matching(self, text: str, k: int, scopes: Sequence[Scope]) -> list[tuple[int, float]]:
        """The passages that share words with a text, from exactly these scopes.

        Returns:
            (passage id, BM25 score), best first; the score is positive, larger is better.
        """
        terms = query_words(text)
        if not terms or k <= 0:
            return []
        query = " OR ".join(f'"{term}"' for term in terms)
        found: list[tuple[int, float]] = []
        for scope in dict.fromkeys(scopes):
            if not self._db[f"words_{scope:d}"].exists():
                continue
            rows = self._db.execute(
                f"select rowid, -bm25(words_{scope:d}) from words_{scope:d} "  # noqa: S608
                f"where words_{scope:d} match ? order by rank limit ?",
                (query, k),
            )
            found.extend((int(passage_id), float(score)) for passage_id, score in rows)
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]

    def cosines(
        self, vector: NDArray[np.float32], passage_ids: Sequence[int]
    ) -> dict[int, tuple[float, float]]:
        """How near passages are to a query: (cosine of the whole, cosine of the best window)."""
        wholes = self._vectors(
            "select p.id, v.vector from passages p join vectors v on v.digest = p.digest "
            "where p.id in",
            passage_ids,
        )
        windows = self._vectors(
            "select w.passage_id, v.vector from windows w join vectors v on v.digest = w.digest "
            "where w.passage_id in",
            passage_ids,
        )
        best: dict[int, float] = {}
        for passage_id, cosine in _cosines(windows, vector):
            best[passage_id] = max(cosine, best.get(passage_id, -1.0))
        return {
            passage_id: (cosine, best.get(passage_id, cosine))
            for passage_id, cosine in _cosines(wholes, vector)
        }

    def _vectors(self, sql: str, passage_ids: Sequence[int]) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        for some in _slices(list(passage_ids)):
            found.extend(self._db.execute(f"{sql} ({_marks(some)})", some).fetchall())
        return found

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by id; an id that is gone is left out."""
        return self._stored("p.id in", passage_ids)

    def document_passages(self, document_id: str) -> list[StoredPassage]:
        """Every passage of a document, in reading order."""
        found = self._stored("p.document_id in", [document_id])
        return sorted(found.values(), key=lambda passage: passage.position)

    def _stored(self, where: str, values: Sequence[Any]) -> dict[int, StoredPassage]:
        found: dict[int, StoredPassage] = {}
        for some in _slices(list(values)):
            sql = (
                "select p.id, p.document_id, p.scope, d.kind, p.position, p.heading, p.text, "  # noqa: S608
                "d.metadata from passages p join documents d on d.id = p.document_id "
                f"where {where} ({_marks(some)})"
            )
            for row in self._db.execute(sql, some):
                found[row[0]] = _stored_passage(row)
        return found


def _metadata(document: Document) -> dict[str, Any]:
    return {
        "title": document.title,
        "link": document.link,
        "tags": document.tags,
        "contributor": document.contributor,
        "verified": document.verified.isoformat() if document.verified else None,
        "revision": document.revision,
        "approved_by": document.approved_by,
    }


def _stored_passage(row: Sequence[Any]) -> StoredPassage:
    passage_id, document_id, scope, kind, position, heading, text, metadata_text = row
    metadata = json.loads(metadata_text)
    return StoredPassage(
        id=passage_id,
        document_id=document_id,
        scope=Scope(scope),
        kind=Kind(kind),
        position=position,
        title=metadata["title"],
        heading=heading,
        text=text,
        link=metadata["link"],
        tags=tuple(metadata["tags"]),
        contributor=metadata["contributor"],
        verified=date.fromisoformat(metadata["verified"]) if metadata["verified"] else None,
        revision=metadata["revision"],
        approved_by=metadata["approved_by"],
    )


def _cosines(
    rows: Sequence[tuple[int, bytes]], vector: NDArray[np.float32]
) -> list[tuple[int, float]]:
    if not rows:
        return []
    matrix = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float32)
    products = matrix.reshape(len(rows), -1) @ vector
    return [(row[0], float(product)) for row, product in zip(rows, products, strict=True)]


def _slices(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _VALUES):
        yield values[start : start + _VALUES]


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" for _ in values)
