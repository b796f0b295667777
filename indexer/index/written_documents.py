"""Writing of documents into the index database: taken out and put in, many in few statements.

A database of PostgreSQL is a round trip away, and SQLite is quicker with fewer statements, too. All
functions take the index's own connection and leave transactions to the caller.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from indexer.index import passage_lines
from indexer.index.bound_values import marks, slices
from indexer.index.database import Connection, MissingVectorError
from indexer.index.stored_passage import metadata
from indexer.text.analyzer import words
from indexer.text.passages import CUTTING, Passage
from knowledge.model.documents import Document, Scope

# The fields of a document that may be None and are part of its digest then, too.
_ALWAYS: Final = ("verified", "revision")
# So many passages are put in by one statement: their vectors are read by one, too.
_TOGETHER: Final = 60


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


def take_out(db: Connection, document_ids: Sequence[str]) -> None:
    """Take documents out, of the generations that their scopes have been raised to."""
    for some in slices(list(dict.fromkeys(document_ids))):
        db.run(
            "insert into removed (id, scope, generation) "  # noqa: S608 - marks alone
            "select p.id, p.scope, g.generation from passages p "
            f"join generations g on g.scope = p.scope where p.document_id in ({marks(some)})",
            some,
        )
        db.run(f"delete from passages where document_id in ({marks(some)})", some)  # noqa: S608
        db.run(f"delete from documents where id in ({marks(some)})", some)  # noqa: S608


def put_in(
    db: Connection, changed: Sequence[CutDocument], generations: Mapping[Scope, int]
) -> None:
    """Put documents in, each of its scope's generation.

    Raises:
        MissingVectorError: if a vector is not stored.
    """
    db.run_many(
        "insert into documents (id, scope, kind, digest, metadata) values (?, ?, ?, ?, ?)",
        [
            (one.id, one.scope, one.kind.value, document_digest(one), metadata(one))
            for one in (cut.document for cut in changed)
        ],
    )
    passages = [(cut.document, passage) for cut in changed for passage in cut.passages]
    ids: dict[tuple[str, int], int] = {}
    for start in range(0, len(passages), _TOGETHER):
        ids |= _put_in_passages(db, passages[start : start + _TOGETHER], generations)
    for cut in changed:
        own = [ids[cut.document.id, passage.position] for passage in cut.passages]
        passage_lines.save(db, own, passage_lines.fragments(cut.document, cut.passages))


def _put_in_passages(
    db: Connection,
    passages: Sequence[tuple[Document, Passage]],
    generations: Mapping[Scope, int],
) -> dict[tuple[str, int], int]:
    """The ids of passages, by document and position, once they are in."""
    rows = [
        (
            document.id,
            document.scope,
            passage.position,
            passage.heading,
            passage.text,
            " ".join(words(passage.embedded)),
            passage.digests[0],
            generations[document.scope],
        )
        for document, passage in passages
    ]
    marked = ", ".join(f"({marks(row)})" for row in rows)
    found = db.rows(
        "insert into passages "  # noqa: S608 - marks alone
        "(document_id, scope, position, heading, text, words, digest, generation) "
        f"values {marked} returning id, document_id, position",
        [value for row in rows for value in row],
    )
    # What is returned is in no order that either database promises.
    ids = {(document_id, position): passage_id for passage_id, document_id, position in found}
    numbered = [(ids[document.id, passage.position], passage) for document, passage in passages]
    db.run_many(
        "insert into windows (passage_id, digest) values (?, ?)",
        [(key, window) for key, passage in numbered for window in passage.digests[1:]],
    )
    db.run_many(
        "insert into passage_vectors (passage_id, vectors) values (?, ?)",
        _half_precision(db, numbered),
    )
    return ids


def _half_precision(
    db: Connection, passages: Sequence[tuple[int, Passage]]
) -> list[tuple[int, bytes]]:
    """The own vectors of passages, by their ids."""
    wanted = dict.fromkeys(key for _, passage in passages for key in passage.digests)
    stored: dict[bytes, bytes] = {}
    for some in slices(list(wanted)):
        sql = f"select digest, vector from vectors where digest in ({marks(some)})"  # noqa: S608
        stored.update(db.rows(sql, some))
    if len(stored) < len(wanted):
        raise MissingVectorError("A vector was dropped before it was used: index again.")
    return [
        (passage_id, _halved(stored[key] for key in _own_digests(passage)))
        for passage_id, passage in passages
    ]


def _own_digests(passage: Passage) -> list[bytes]:
    """Those of the whole and of each window; a passage that is its own window has it once."""
    whole, *windows = passage.digests
    return [whole, *(window for window in windows if window != whole)]


def _halved(vectors: Iterable[bytes]) -> bytes:
    """Vectors of full precision in half precision, one after another."""
    return np.frombuffer(b"".join(vectors), np.float32).astype(np.float16).tobytes()
