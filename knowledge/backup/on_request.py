"""Opt-in filter of restore and import: rows taken only where the operator asks for them by name.

A source has the bot read any folder of its machine and show it to members; a tombstone has the next
restore delete from good backups. Whatever of both is known here already is kept without being
asked about.
"""

from collections.abc import Collection
from enum import StrEnum

from knowledge.store.erasure.tombstones import MEMBERS, Tombstone
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Scope

Source = tuple[str, Scope]


class OnRequest(StrEnum):
    """What has to be asked for by name."""

    SOURCES = "sources"
    TOMBSTONES = "tombstones"


# By what it is, each row in words: what a copy has of it that is not known here.
Unknown = dict[OnRequest, list[str]]


def leave_out(
    copy: Store,
    sources: Collection[Source],
    tombstones: Collection[Tombstone],
    asked: Collection[OnRequest],
) -> Unknown:
    """Delete from a copy what is not known here, but for what was asked for.

    Args:
        copy: opened, and nobody else's.
        sources: those that are known here.
        tombstones: those that are known here.
        asked: what is taken all the same.

    Returns:
        What is not known here, whether it was asked for or not.
    """
    new_sources = [source for source in copy.sources() if source not in sources]
    new_tombstones = sorted(copy.tombstones.kept() - set(tombstones))
    if OnRequest.SOURCES not in asked:
        for location, scope in new_sources:
            copy.remove_source(location, scope)
    if OnRequest.TOMBSTONES not in asked:
        copy.tombstones.drop(new_tombstones)
    found = {
        OnRequest.SOURCES: [
            f"{location} (for {'every server' if scope == SHARED else f'server {scope}'})"
            for location, scope in new_sources
        ],
        OnRequest.TOMBSTONES: [
            # A member is told by the beginning of a digest.
            f"{each.kind} {each.subject[:8] if each.kind in MEMBERS else each.subject}"
            for each in new_tombstones
        ],
    }
    return {name: rows for name, rows in found.items() if rows}
