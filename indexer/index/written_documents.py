"""Writing of documents into the index database: deleted and inserted, many in few statements.

A PostgreSQL database is a round trip away, and SQLite is quicker with fewer statements, too. All
functions take the index's own connection and leave transactions to the caller.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.index import passage_lines
from indexer.index.bound_values import insertions, marks, slices
from indexer.index.database import Connection, IndexError_, MissingVectorError, Statement
from indexer.index.stored_passage import metadata
from indexer.text.analyzer import words
from indexer.text.passages import CUTTING, Passage
from knowledge.values.documents import Document, Scope

# Statements for each slice of deleted documents.
_STEPS: Final = 3
# Passages inserted by one statement; one more reads their vectors.
_TOGETHER: Final = 60
_PASSAGES: Final = (
    "document_id",
    "scope",
    "position",
    "heading",
    "text",
    "words",
    "digest",
    "generation",
)

NO_CODES: Final[Mapping[bytes, bytes]] = MappingProxyType({})
NO_VECTORS: Final[Mapping[bytes, NDArray[np.float32]]] = MappingProxyType({})


class MovedDocumentError(IndexError_):
    """Another process has put a document into another scope meanwhile; nothing was changed."""


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A document with its passages, ready to be applied."""

    document: Document
    passages: tuple[Passage, ...]


def document_digest(document: Document) -> str:
    """The digest of all that determines a document's passages, including the way of cutting."""
    fields = {key: value for key, value in asdict(document).items() if value is not None}
    if not document.wordings:
        # Digests from before this field existed stay valid, so no document is indexed again.
        del fields["wordings"]
    text = json.dumps([CUTTING, fields], ensure_ascii=False, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def vectors_stored(vectors: Mapping[bytes, NDArray[np.float32]]) -> list[Statement]:
    """Statements that store vectors in the order of digests, so writers never deadlock."""
    rows = [(key, vectors[key].astype(np.float32).tobytes()) for key in sorted(vectors)]
    return insertions("vectors", ("digest", "vector"), rows, "on conflict do nothing")


def codes_stored(codes: Mapping[bytes, bytes]) -> list[Statement]:
    """Statements that store the codes of token vectors, by the digest of their passage."""
    rows = sorted(codes.items())
    return insertions("token_codes", ("digest", "codes"), rows, "on conflict do nothing")


def replace(
    db: Connection,
    document_ids: Sequence[str],
    changed: Sequence[CutDocument],
    generations: Mapping[Scope, int],
    vectors: Mapping[bytes, NDArray[np.float32]],
    codes: Mapping[bytes, bytes] = NO_CODES,
) -> None:
    """Delete documents, and insert the `changed` ones, at generations just raised.

    Raises:
        MissingVectorError: if a vector is neither stored nor among `vectors`.
        MovedDocumentError: if another process has put one of them into a scope not raised here.
    """
    taken_out = list(_deletions(document_ids))
    own = len(taken_out)
    put_in = _documents_put_in(changed)
    answers = db.together([*taken_out, *vectors_stored(vectors), *codes_stored(codes), *put_in])
    scopes = {Scope(scope) for rows in answers[2:own:_STEPS] for [scope] in rows}
    gone = {digest for rows in answers[1:own:_STEPS] for [digest] in rows}
    known = sum(map(len, answers[len(answers) - len(put_in) :]))
    if not scopes <= generations.keys() or known < len(changed):
        raise MovedDocumentError("Another process has moved the same document.")
    fragments = _fragments(changed)
    passages = [(cut.document, passage) for cut in changed for passage in cut.passages]
    for start in range(0, len(passages), _TOGETHER):
        _insert_passages(db, passages[start : start + _TOGETHER], generations, vectors, fragments)
    # Codes reveal nearly as much as the deleted text. Vectors stay until they are pruned, because a
    # moved file is put in again.
    gone -= {passage.digests[0] for _, passage in passages}
    if gone:
        db.together(_codes_deleted(sorted(gone)))


def _deletions(document_ids: Sequence[str]) -> Iterator[Statement]:
    """Statements that delete documents, at the generations of their scopes.

    Each slice has three statements: the second returns the digests of the deleted passages, the
    third the scopes of the documents.
    """
    for some in slices(document_ids):
        yield (
            "insert into removed (id, scope, generation) "  # noqa: S608 - marks alone
            "select p.id, p.scope, g.generation from passages p "
            f"join generations g on g.scope = p.scope where p.document_id in ({marks(some)})",
            some,
        )
        yield f"delete from passages where document_id in ({marks(some)}) returning digest", some  # noqa: S608
        yield f"delete from documents where id in ({marks(some)}) returning scope", some  # noqa: S608


def _codes_deleted(digests: Sequence[bytes]) -> list[Statement]:
    """Statements that delete the codes of deleted passages, unless others have the same words."""
    return [
        (
            f"delete from token_codes where digest in ({marks(some)}) and not exists "  # noqa: S608
            "(select 1 from passages where passages.digest = token_codes.digest)",
            some,
        )
        for some in slices(digests)
    ]


def _documents_put_in(changed: Sequence[CutDocument]) -> list[Statement]:
    """A statement that inserts documents; its answer has a row for each new one."""
    rows = [
        (one.id, one.scope, one.kind.value, document_digest(one), metadata(one))
        for one in (cut.document for cut in changed)
    ]
    columns = ("id", "scope", "kind", "digest", "metadata")
    return insertions("documents", columns, rows, "on conflict do nothing returning 1")


def _fragments(changed: Sequence[CutDocument]) -> dict[tuple[str, int], str]:
    """The line fragments of passages, by document and position, without empty ones."""
    return {
        (cut.document.id, passage.position): fragment
        for cut in changed
        for passage, fragment in zip(
            cut.passages, passage_lines.fragments(cut.document, cut.passages), strict=True
        )
        if fragment
    }


def _insert_passages(
    db: Connection,
    passages: Sequence[tuple[Document, Passage]],
    generations: Mapping[Scope, int],
    vectors: Mapping[bytes, NDArray[np.float32]],
    fragments: Mapping[tuple[str, int], str],
) -> None:
    rows = [
        _passage_row(document, passage, generations[document.scope])
        for document, passage in passages
    ]
    inserted = insertions("passages", _PASSAGES, rows, "returning id, document_id, position")
    wanted = dict.fromkeys(key for _, passage in passages for key in passage.digests)
    stored = _vectors_read([key for key in wanted if key not in vectors])
    answers = db.together([*inserted, *stored])
    # Neither database promises the order of returned rows.
    ids = {(row[1], row[2]): row[0] for rows in answers[: len(inserted)] for row in rows}
    read = dict(row for rows in answers[len(inserted) :] for row in rows)
    known = {key: vector.astype(np.float32).tobytes() for key, vector in vectors.items()} | read
    if not wanted.keys() <= known.keys():
        raise MissingVectorError("A vector was dropped before it was used: index again.")
    numbered = [(ids[document.id, passage.position], passage) for document, passage in passages]
    windows = [(key, window) for key, passage in numbered for window in passage.digests[1:]]
    halved = [
        (key, _halved(known[digest] for digest in _own_digests(passage)))
        for key, passage in numbered
    ]
    named = [(key, fragments[place]) for place, key in ids.items() if place in fragments]
    db.together(
        [
            *insertions("windows", ("passage_id", "digest"), windows),
            *insertions("passage_vectors", ("passage_id", "vectors"), halved),
            *insertions("passage_lines", ("passage_id", "fragment"), named),
        ]
    )


def _passage_row(document: Document, passage: Passage, generation: int) -> tuple[Any, ...]:
    return (
        document.id,
        document.scope,
        passage.position,
        passage.heading,
        passage.text,
        " ".join(words(passage.embedded)),
        passage.digests[0],
        generation,
    )


def _vectors_read(digests: Sequence[bytes]) -> list[Statement]:
    return [
        (f"select digest, vector from vectors where digest in ({marks(some)})", some)  # noqa: S608
        for some in slices(digests)
    ]


def _own_digests(passage: Passage) -> list[bytes]:
    """The digests of the whole and of each window; a passage that is its own window has one."""
    whole, *windows = passage.digests
    return [whole, *(window for window in windows if window != whole)]


def _halved(vectors: Iterable[bytes]) -> bytes:
    """Vectors of full precision in half precision, one after another."""
    return np.frombuffer(b"".join(vectors), np.float32).astype(np.float16).tobytes()
