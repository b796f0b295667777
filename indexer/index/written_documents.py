"""Statements that delete documents from the index database, and insert documents into it.

The statements are few, because each costs a round trip in PostgreSQL, and SQLite is faster with
fewer, too. The caller opens the transaction.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.index.database import (
    Connection,
    IndexError_,
    MissingVectorError,
    Statement,
    insertions,
    statements_in,
)
from indexer.index.stored_passage import metadata
from indexer.text.passages import CUTTING, Passage
from knowledge.values.documents import Document, Scope

# Passages of a longer document are stored in several transactions of about 0.1 s.
PART_PASSAGES: Final = 2_000
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
    "section",
    "separator",
    "contents",
)

NO_CODES: Final[Mapping[bytes, bytes]] = MappingProxyType({})
NO_VECTORS: Final[Mapping[bytes, NDArray[np.float32]]] = MappingProxyType({})


class MovedDocumentError(IndexError_):
    """Another process has moved a document to another scope; nothing was changed."""


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A document cut into passages, or one of its `parts`, ready to be written.

    Attributes:
        fragments: the link fragments of passages by their position; empty ones are left out.
        key: the same random value in all parts of a document. It is stored in place of the digest
            until the `last` part is stored, so an incomplete document counts as changed.
    """

    document: Document
    passages: tuple[Passage, ...]
    fragments: Mapping[int, str] = field(default_factory=dict)
    key: str = ""
    last: bool = True

    @property
    def first(self) -> bool:
        return not self.passages or self.passages[0].position == 0

    @property
    def digest(self) -> str:
        return document_digest(self.document) if self.last else self.key

    def parts(self) -> Iterator["CutDocument"]:
        """This document in parts of at most `PART_PASSAGES`, to be stored in order."""
        if len(self.passages) <= PART_PASSAGES:
            yield self
            return
        key = f"part {secrets.token_hex(16)}"
        for start in range(0, len(self.passages), PART_PASSAGES):
            some = self.passages[start : start + PART_PASSAGES]
            named = (passage.position for passage in some if passage.position in self.fragments)
            fragments = {position: self.fragments[position] for position in named}
            last = start + PART_PASSAGES >= len(self.passages)
            yield CutDocument(self.document, some, fragments, key, last)


def batch_by_transaction(cuts: Iterable[CutDocument]) -> list[list[CutDocument]]:
    """Group documents, and parts of long ones, by transaction; the last completes each document."""
    groups, lasts = [], []
    for cut in cuts:
        *before, last = cut.parts()
        groups += [[part] for part in before]
        lasts.append(last)
    return [*groups, lasts]


def document_digest(document: Document) -> str:
    """The digest of the cutting rules and of everything in a document that shapes its passages."""
    fields = {key: value for key, value in asdict(document).items() if value is not None}
    if not document.wordings:
        # Digests from before this field existed stay valid, so no document is indexed again.
        del fields["wordings"]
    text = json.dumps([CUTTING, fields], ensure_ascii=False, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def vector_insertions(vectors: Mapping[bytes, NDArray[np.float32]]) -> list[Statement]:
    """Statements that store vectors, ordered by digest, so that writers never deadlock."""
    rows = [(key, vectors[key].astype(np.float32).tobytes()) for key in sorted(vectors)]
    return insertions("vectors", ("digest", "vector"), rows, "on conflict do nothing")


def code_insertions(codes: Mapping[bytes, bytes]) -> list[Statement]:
    """Statements that store the codes of token vectors by the digest of their passage's text."""
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
    """Delete documents, and insert the `changed` ones, at the new `generations` of their scopes.

    Later parts of a document are left out if another process has replaced the document. Raises
    MissingVectorError if a vector is neither stored nor among `vectors`, and MovedDocumentError if
    another process has put a document into a scope outside `generations`.
    """
    # The deletions are recorded under the new generations.
    recorded = statements_in(
        "insert into removed (id, scope, generation) "
        "select p.id, p.scope, g.generation from passages p "
        "join generations g on g.scope = p.scope where p.document_id in ({})",
        document_ids,
    )
    passages_gone = "delete from passages where document_id in ({}) returning digest"
    documents_gone = "delete from documents where id in ({}) returning scope"
    deleted = [
        *statements_in(passages_gone, document_ids),
        *statements_in(documents_gone, document_ids),
    ]
    # A later part stores the digest, if the part before it is there.
    marked = "update documents set digest = ? where id = ? and digest = ?"
    changed = [
        cut
        for cut in changed
        if cut.first or db.run(marked, (cut.digest, cut.document.id, cut.key))
    ]
    firsts = [cut for cut in changed if cut.first]
    documents = [
        (document.id, document.scope, document.kind.value, cut.digest, metadata(document))
        for cut, document in ((cut, cut.document) for cut in firsts)
    ]
    columns = ("id", "scope", "kind", "digest", "metadata")
    put_in = insertions("documents", columns, documents, "on conflict do nothing returning 1")
    stored = [*vector_insertions(vectors), *code_insertions(codes)]
    answers = db.together([*recorded, *deleted, *stored, *put_in])
    count = len(recorded)
    gone = {digest for rows in answers[count : 2 * count] for [digest] in rows}
    scopes = {Scope(scope) for rows in answers[2 * count : 3 * count] for [scope] in rows}
    known = sum(map(len, answers[len(answers) - len(put_in) :]))
    if not scopes <= generations.keys() or known < len(firsts):
        raise MovedDocumentError("Another process has moved the same document.")
    fragments = {
        (cut.document.id, position): fragment
        for cut in changed
        for position, fragment in cut.fragments.items()
    }
    passages = [(cut.document, passage) for cut in changed for passage in cut.passages]
    for start in range(0, len(passages), _TOGETHER):
        _insert_passages(db, passages[start : start + _TOGETHER], generations, vectors, fragments)
    # Codes reveal nearly as much as the deleted text. Vectors stay until they are pruned, because a
    # moved file is put in again.
    gone -= {passage.digests[0] for _, passage in passages}
    if gone:
        db.together(_code_deletions(sorted(gone)))


def _code_deletions(digests: Sequence[bytes]) -> list[Statement]:
    """Statements that delete the codes of deleted passages, unless an equal passage remains."""
    sql = (
        "delete from token_codes where digest in ({}) and not exists "
        "(select 1 from passages where passages.digest = token_codes.digest)"
    )
    return statements_in(sql, digests)


def delete_some(
    db: Connection,
    document_ids: Sequence[str],
    generations: Mapping[Scope, int],
    coded: Collection[bytes],
) -> bool:
    """Delete at most `PART_PASSAGES` passages of documents, and mark these as changed.

    The token codes of the digests in `coded` stay. Return whether there were any passages.
    """
    found: list[tuple[int, int, bytes]] = []
    marked = "update documents set digest = 'part' where id in ({})"
    db.together(statements_in(marked, document_ids))
    sql = "select id, scope, digest from passages where document_id in ({}) order by id limit ?"
    for statement, some in statements_in(sql, document_ids):
        found += db.rows(statement, [*some, PART_PASSAGES - len(found)])
    removed = [(key, scope, generations[Scope(scope)]) for key, scope, _ in found]
    gone = statements_in("delete from passages where id in ({})", [key for key, _, _ in found])
    digests = sorted({digest for _, _, digest in found}.difference(coded))
    inserted = insertions("removed", ("id", "scope", "generation"), removed)
    db.together([*inserted, *gone, *_code_deletions(digests)])
    return bool(found)


def _insert_passages(
    db: Connection,
    passages: Sequence[tuple[Document, Passage]],
    generations: Mapping[Scope, int],
    vectors: Mapping[bytes, NDArray[np.float32]],
    fragments: Mapping[tuple[str, int], str],
) -> None:
    rows = [
        (
            *(document.id, document.scope, passage.position, passage.heading, passage.text),
            *(passage.words, passage.digests[0], generations[document.scope]),
            *(passage.section, passage.separator, int(passage.is_contents)),
        )
        for document, passage in passages
    ]
    inserted = insertions("passages", _PASSAGES, rows, "returning id, document_id, position")
    wanted = dict.fromkeys(key for _, passage in passages for key in passage.digests)
    missing = [key for key in wanted if key not in vectors]
    stored = statements_in("select digest, vector from vectors where digest in ({})", missing)
    answers = db.together([*inserted, *stored])
    # Neither database promises the order of returned rows.
    ids = {(row[1], row[2]): row[0] for rows in answers[: len(inserted)] for row in rows}
    read = dict(row for rows in answers[len(inserted) :] for row in rows)
    known = {key: vector.astype(np.float32).tobytes() for key, vector in vectors.items()} | read
    if not wanted.keys() <= known.keys():
        raise MissingVectorError("A vector was dropped before it was used: index again.")
    numbered = [(ids[document.id, passage.position], passage) for document, passage in passages]
    windows = [(key, window) for key, passage in numbered for window in passage.digests[1:]]
    halved = []
    for key, passage in numbered:
        whole, *others = passage.digests
        # A window equal to the whole text is left out.
        own = b"".join(known[digest] for digest in others if digest != whole)
        vector = np.frombuffer(known[whole] + own, np.float32)
        halved.append((key, vector.astype(np.float16).tobytes()))
    named = [(key, fragments[place]) for place, key in ids.items() if place in fragments]
    db.together(
        [
            *insertions("windows", ("passage_id", "digest"), windows),
            *insertions("passage_vectors", ("passage_id", "vectors"), halved),
            *insertions("passage_lines", ("passage_id", "fragment"), named),
        ]
    )
