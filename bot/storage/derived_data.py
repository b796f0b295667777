"""Derived data beside the index: synced channels, fetched web pages, and the embedding queue.

Channels and pages are files of the data folder, or schemas of a PostgreSQL database that several
machines share. With PostgreSQL, such files from an earlier time are deleted, because they may hold
messages that members have deleted since. The queue exists only on PostgreSQL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from knowledge.dependencies import install_hint
from knowledge.discord_archive.archive import ARCHIVE, ChannelArchive
from knowledge.sources.entries import ENTRIES, EntryStore
from knowledge.store.database import DerivedKind, DerivedTables, StoreError
from knowledge.store.sqlite_file import DerivedTablesFile
from knowledge.text import count_of

if TYPE_CHECKING:
    from knowledge.store.postgres.work_queue import WorkQueue

# SQLite's files beside an open database, or after a crash.
_ENDINGS: Final = ("", "-wal", "-shm", "-journal")


@contextmanager
def explain_missing_driver() -> Iterator[None]:
    """Convert a failed import of psycopg to an error that says how to install psycopg.

    Raises:
        StoreError: if psycopg isn't installed.
    """
    try:
        yield
    except ImportError as error:
        raise StoreError(f"`data.database` needs {install_hint('postgres')}.") from error


def open_archive(folder: Path, url: str = "") -> ChannelArchive:
    """Open the archive of channels, in a data folder or in the PostgreSQL database at `url`.

    Raises:
        DerivedTablesError: if the archive can't be used.
        StoreError: if psycopg isn't installed.
    """
    return ChannelArchive(_opened(ARCHIVE, folder, url))


def open_entries(folder: Path, url: str = "") -> EntryStore:
    """Open the store of sources' entries. Arguments and errors are as for `open_archive`."""
    return EntryStore(_opened(ENTRIES, folder, url))


def _opened(kind: DerivedKind, folder: Path, url: str) -> DerivedTables:
    if not url:
        return DerivedTablesFile(folder, kind)
    with explain_missing_driver():
        from knowledge.store.postgres.database import DerivedSchema
    tables = DerivedSchema(url, kind)
    for ending in _ENDINGS:
        (folder / f"{kind.file}{ending}").unlink(missing_ok=True)
    return tables


def open_work_queue(url: str) -> "WorkQueue":
    """Open the embedding work queue of a PostgreSQL database.

    Raises:
        StoreError: if the queue can't be opened, or psycopg isn't installed.
    """
    with explain_missing_driver():
        from knowledge.store.postgres.work_queue import WorkQueue
    return WorkQueue(url)


def unembedded_texts_warning(count: int) -> str:
    """A sentence for the operator on texts that no worker could embed; empty if there are none."""
    if not count:
        return ""
    return (
        f"{count_of(count, 'text')} could not be embedded by any worker. Documents with such a "
        "text are not in the index: look at the workers' log and machine. The workers try again "
        "within the hour."
    )
