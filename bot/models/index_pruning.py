"""Pruning of the indexes kept beside the serving index.

A document deleted from the serving index is deleted from the kept indexes, too. So a kept index
that serves again doesn't answer from deleted documents.
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


def prune_index(serving: IndexTables, other: IndexTables) -> Iterator[list[str]]:
    """Delete the documents of another index that the serving index lacks or has changed.

    The next update of the other index reads the files with these documents again.

    Yields:
        The ids of the documents deleted in each step.
    """
    said = serving.document_digests(Kind)
    gone = [key for key, digest in other.document_digests(Kind).items() if said.get(key) != digest]
    if not gone:
        return
    lost = set(gone)
    paths = [path for path, record in other.files().items() if lost & set(record.documents)]
    # Delete the records of files first: after an interruption, none may claim lost documents.
    other.apply([], (), forgotten=paths)
    for start in range(0, len(gone), _SLICE):
        some = gone[start : start + _SLICE]
        other.apply([], some)
        yield some


def prune_closed_indexes(serving: IndexTables, places: Sequence[Place]) -> int:
    """Open each index in `places`, run `prune_index` on it, and close it again.

    Places without an index, and indexes that can't be opened, are skipped.

    Returns:
        The number of deleted documents.
    """
    count = 0
    for place in places:
        if not has_index(place):
            continue
        try:
            # Nothing is embedded or searched, so model and dimension don't matter.
            tables = IndexTables(place, {"format": str(FORMAT)}, 0)
        except IndexError_ as error:
            _logger.warning("A kept index can't be opened: %s", error)
            continue
        try:
            count += sum(map(len, prune_index(serving, tables)))
        finally:
            tables.close()
    return count
