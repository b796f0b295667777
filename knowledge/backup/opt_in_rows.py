"""Opt-in filter of restore and import: rows taken only if the operator names their kind.

With a foreign source, the bot would quote files of any folder on its machine. With a foreign
tombstone, the next restore would delete data of good backups. Rows known here are
kept without asking.
"""

from collections.abc import Collection
from enum import StrEnum

from knowledge.store.erasure.tombstones import MEMBERS, Tombstone
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Scope

Source = tuple[str, Scope]


class OptInRows(StrEnum):
    """Kinds of rows that the operator has to name."""

    SOURCES = "sources"
    TOMBSTONES = "tombstones"


# Unknown rows in words, by kind.
Unknown = dict[OptInRows, list[str]]


def drop_unrequested(
    copy: Store,
    sources: Collection[Source],
    tombstones: Collection[Tombstone],
    asked: Collection[OptInRows],
) -> Unknown:
    """Delete a copy's unknown rows of kinds that weren't asked for.

    Args:
        copy: the opened copy, used by nobody else.
        sources: the known sources.
        tombstones: the known tombstones.
        asked: kinds to keep.

    Returns:
        All unknown rows, asked for or not.
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
