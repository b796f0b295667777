"""Metadata filter of a search: the documents that are searched among those that may be seen.

A document is selected for any of its scope, its kind, its id or a tag. Selections only narrow: what
is searched is always that of the scopes which the asker may see.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from knowledge.model.documents import Document, Kind, Scope


@dataclass(frozen=True, slots=True)
class Selection:
    """What selects documents; tags are compared without regard to capitals."""

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


# The ids of passages by what selects them; a unary plus keeps SQLite from reading whole scopes.
_PARTS: Final[Mapping[str, str]] = {
    "tags": "documents d cross join passages p on p.document_id = d.id "
    # Most documents have no tag, and taking JSON apart takes ten times as long as reading it.
    "where d.metadata not like '%\"tags\": []%' and exists "
    "(select 1 from json_each(d.metadata, '$.tags') t where casefold(t.value) in {chosen})",
    "documents": "json_each(:documents) c cross join passages p on p.document_id = c.value "
    "where true",
    "scopes": "passages p where p.scope in {chosen}",
    "kinds": "documents d cross join passages p on p.document_id = d.id where d.kind in {chosen}",
}


def query(selection: Selection, scopes: Sequence[Scope]) -> tuple[str, dict[str, str]]:
    """The SQL for the ids of selected passages in these scopes, each once, and its values."""
    values = {name: [*chosen] for name, chosen in asdict(selection).items() if chosen}
    parts = [
        f"select p.id from {_PARTS[name].format(chosen=_listed(name))} "  # noqa: S608 - of ours
        f"and +p.scope in {_listed('seen')}"
        for name in values
    ]
    sql = " union ".join(parts or ["select id from passages where false"])
    return sql, {name: json.dumps(each) for name, each in {**values, "seen": [*scopes]}.items()}


def _listed(name: str) -> str:
    return f"(select value from json_each(:{name}))"  # noqa: S608 - a name of ours
