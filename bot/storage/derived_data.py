"""Derived data beside the index: what was read in channels, and pages of the web.

Files of the data folder, or, where there is PostgreSQL, schemas of it, which processes on several
machines share. What a data folder has of both from before it used PostgreSQL is deleted then: it
would be older, and keep what members have deleted since.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from knowledge.channels import database as channels_database
from knowledge.channels.archive import ChannelArchive
from knowledge.channels.database import CHANNELS, ArchiveError
from knowledge.store.database import StoreError
from knowledge.values.extras import needed
from knowledge.web import page_store
from knowledge.web.page_store import WEB, PageStore, PageStoreError

if TYPE_CHECKING:
    from knowledge.store.postgres.derived_schema import DerivedSchema

# What a file of SQLite has beside it while it is open, or after a crash.
_ENDINGS: Final = ("", "-wal", "-shm", "-journal")


def open_archive(folder: Path, url: str = "") -> ChannelArchive:
    """Open what was read in channels: in a data folder, or in the database of a URL.

    Raises:
        ArchiveError: if it can't be used.
        StoreError: if what speaks to the database isn't installed.
    """
    if not url:
        return ChannelArchive(folder / CHANNELS)
    opened = ChannelArchive(_schema(url, channels_database, ArchiveError))
    _delete(folder / CHANNELS)
    return opened


def open_pages(folder: Path, url: str = "") -> PageStore:
    """Open what was fetched of the web, in the same places.

    Raises:
        PageStoreError: if it can't be used.
        StoreError: if what speaks to the database isn't installed.
    """
    if not url:
        return PageStore(folder / WEB)
    opened = PageStore(_schema(url, page_store, PageStoreError))
    _delete(folder / WEB)
    return opened


def _schema(url: str, module: Any, error: type[Exception]) -> "DerivedSchema":
    try:
        # Only who has such a database has to install what speaks to it.
        from knowledge.store.postgres.derived_schema import DerivedSchema
    except ImportError as missing:
        raise StoreError(f"`data.database` needs {needed('postgres')}.") from missing
    return DerivedSchema(
        url,
        module.SCHEMA,
        module.POSTGRES_TABLES,
        error=error,
        lock_space=module.LOCK_SPACE,
    )


def _delete(path: Path) -> None:
    for ending in _ENDINGS:
        path.with_name(path.name + ending).unlink(missing_ok=True)
