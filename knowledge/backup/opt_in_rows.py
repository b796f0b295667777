"""Opt-in filter of restores and imports, for sources and tombstones.

A backup or export may have sources and tombstones that the operator's database lacks. Such rows are
left out unless the operator asks for their kind. A stranger's source could make the bot quote files
of any folder on its machine. A stranger's tombstone could make the next restore delete data.
"""

from collections.abc import Collection
from enum import StrEnum

from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Scope
from knowledge.values.tombstones import MEMBERS, Tombstone

Source = tuple[str, Scope]


class OptInRows(StrEnum):
    """Kinds of rows restored or imported only if the operator asks for them."""

    SOURCES = "sources"
    TOMBSTONES = "tombstones"


# Rows missing in the operator's database, in words, by kind.
Unknown = dict[OptInRows, list[str]]


def drop_unrequested(
    copy: Store,
    sources: Collection[Source],
    tombstones: Collection[Tombstone],
    asked: Collection[OptInRows],
) -> Unknown:
    """Delete opt-in rows from a copy of a backup or export, unless the operator named their kind.

    Rows that are also in the operator's database stay.

    Args:
        copy: the opened copy, used by nobody else.
        sources: the sources in the operator's database.
        tombstones: the tombstones in the operator's database.
        asked: the kinds named by the operator.

    Returns:
        All opt-in rows that the operator's database lacks, deleted from the copy or not.
    """
    new_sources = [source for source in copy.sources() if source not in sources]
    new_tombstones = sorted(copy.tombstones.in_database() - set(tombstones))
    if OptInRows.SOURCES not in asked:
        for location, scope in new_sources:
            copy.remove_source(location, scope)
    if OptInRows.TOMBSTONES not in asked:
        copy.tombstones.drop(new_tombstones)
    found = {
        OptInRows.SOURCES: [
            f"{location} (for {'every server' if scope == SHARED else f'server {scope}'})"
            for location, scope in new_sources
        ],
        OptInRows.TOMBSTONES: [
            # A digest's beginning stands for a member.
            f"{each.kind} {each.subject[:8] if each.kind in MEMBERS else each.subject}"
            for each in new_tombstones
        ],
    }
    return {name: rows for name, rows in found.items() if rows}
