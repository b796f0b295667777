"""Selection of documents by their metadata, to narrow a search.

A document is selected by its scope, its kind, its id or any of its tags. A selection never widens a
search: selected documents outside the asker's scopes aren't found.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from indexer.index.database import Connection, marks, slices
from indexer.index.stored_passage import folded_tags
from knowledge.values.documents import Document, Kind, Scope


@dataclass(frozen=True, slots=True)
class Selection:
    """Filter of documents by scope, kind, id or tags; tags are compared ignoring case."""

    tags: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    scopes: frozenset[Scope] = frozenset()
    kinds: frozenset[Kind] = frozenset()

    def has(self, document: Document) -> bool:
        return (
            document.scope in self.scopes
            or document.kind in self.kinds
            or document.id in self.documents
            or not self.tags.isdisjoint(tag.casefold() for tag in document.tags)
        )


# Documents with a tag: most have none, and taking JSON apart takes ten times as long as reading it.
TAGGED: Final = "metadata not like '%\"tags\": []%'"


def selected_ids(db: Connection, selection: Selection, scopes: Sequence[Scope]) -> list[int]:
    """The ids of the selected passages in these scopes; some may be repeated."""
    of_kinds = f"select id from documents where kind in {_list(selection.kinds)}"  # noqa: S608
    documents = [*selection.documents]
    if selection.tags:
        sql = f"select id, metadata from documents where {TAGGED} and scope in {_list(scopes)}"  # noqa: S608
        documents += [
            key
            for key, cited in db.rows(sql, scopes)
            if not selection.tags.isdisjoint(folded_tags(cited))
        ]
    parts: list[tuple[str, Sequence[Any]]] = [
        (f"scope in {_list(selection.scopes)}", [*selection.scopes]),
        (f"document_id in ({of_kinds})", [kind.value for kind in selection.kinds]),
        *((f"document_id in {_list(some)}", some) for some in slices(documents)),
    ]
    found: list[int] = []
    for condition, values in parts:
        if values:
            # A unary plus keeps SQLite from reading whole scopes.
            sql = f"select id from passages where {condition} and +scope in {_list(scopes)}"  # noqa: S608
            found += [row[0] for row in db.rows(sql, [*values, *scopes])]
    return found


def _list(values: Collection[Any]) -> str:
    return f"({marks(values)})"
