"""Indexes kept beside the serving one: documents that the serving one lost are deleted from them.

Nothing that was deleted meanwhile is ever answered from such an index once it serves.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Final

from bot.storage.index_places import has_index
from indexer.index.database import FORMAT, IndexError_, Place
from indexer.index.tables import IndexTables
from knowledge.values.documents import Kind

# Documents deleted in one step.
_SLICE: Final = 200

_logger = logging.getLogger(__name__)


def drop_gone(serving: IndexTables, other: IndexTables) -> Iterator[list[str]]:
    """Take out of an index what the serving one does not say, or says otherwise, in slices.

    Files that gave any of it are read again by the next update of that index.
    """
    said = serving.document_digests(Kind)
    gone = [key for key, digest in other.document_digests(Kind).items() if said.get(key) != digest]
    if not gone:
        return
    lost = set(gone)
    paths = [path for path, record in other.files().items() if lost & set(record.documents)]
    # The records first: one that says that all is there would be wrong if this ended in between.
    other.apply([], (), forgotten=paths)
    for start in range(0, len(gone), _SLICE):
        some = gone[start : start + _SLICE]
        other.apply([], some)
        yield some


def drop_gone_beside(serving: IndexTables, places: Sequence[Place]) -> int:
    """Take the same out of indexes that are not open.

    Returns:
        How many documents that were.
    """
    count = 0
    for place in places:
        if not has_index(place):
            continue
        try:
            # Nothing is embedded or searched: the model is not needed, nor how long vectors are.
            tables = IndexTables(place, {"format": str(FORMAT)}, 0)
        except IndexError_ as error:
            _logger.warning("An index that is kept can't be opened: %s", error)
            continue
        try:
            count += sum(map(len, drop_gone(serving, tables)))
        finally:
            tables.close()
    return count
