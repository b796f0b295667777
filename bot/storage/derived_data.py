"""Derived data: indexes, synced channels, fetched web pages, and the embedding queue.

An index is a folder of the data folder, or a schema of a PostgreSQL database. Its name is `index`,
or `index` followed by a digest of the model. Channels and pages are files of the data folder, or
schemas of a PostgreSQL database that several machines share. With PostgreSQL, such files from an
earlier time are deleted, because they may hold messages that members have deleted since. The queue
exists only on PostgreSQL.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from indexer.index.database import IndexSchema, Place
from indexer.index.sqlite_file import FILE
from knowledge.dependencies import install_hint
from knowledge.discord_archive.archive import ARCHIVE, ChannelArchive
from knowledge.sources.entries import ENTRIES, EntryStore
from knowledge.store.database import DerivedKind, DerivedTables, StoreError
from knowledge.store.sqlite_file import DerivedTablesFile
from knowledge.text import count_of

if TYPE_CHECKING:
    from knowledge.store.postgres.work_queue import WorkQueue

INDEX: Final = "index"

# SQLite's files beside an open database, or after a crash.
_ENDINGS: Final = ("", "-wal", "-shm", "-journal")


@contextmanager
def explain_missing_driver() -> Iterator[None]:
    """Convert a failed import of psycopg to an error that says how to install psycopg.

    StoreError if psycopg isn't installed.
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

    StoreError if the queue can't be opened, or psycopg isn't installed.
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


def index_place(folder: Path, name: str, database: str = "") -> Place:
    """The place of an index: in the data folder, or in a database if its URL is given."""
    return IndexSchema(database, name.replace(".", "_")) if database else folder / name


def index_names(folder: Path, database: str = "") -> list[str]:
    """The names of all indexes."""
    if not database:
        return sorted(path.name for path in folder.glob(f"{INDEX}*") if path.is_dir())
    # Needs an extra.
    from indexer.index.postgres import index_schemas

    return [name.replace("_", ".", 1) for name in index_schemas(database)]


def has_index(place: Place) -> bool:
    if isinstance(place, Path):
        return (place / FILE).is_file()
    from indexer.index.postgres import is_index

    return is_index(place)


def delete_index(place: Place) -> bool:
    """Delete an index, and return whether that worked.

    A folder is deleted even while processes use it; these processes keep working. A PostgreSQL
    schema in use is not deleted.
    """
    if isinstance(place, Path):
        shutil.rmtree(place, ignore_errors=True)
        return not place.exists()
    from indexer.index.postgres import drop_schema

    return drop_schema(place)
