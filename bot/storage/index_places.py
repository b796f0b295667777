"""Places of indexes: folders of the data folder, or schemas of a PostgreSQL database.

The name of an index is `index`, or `index` followed by a digest of the model.
"""

import shutil
from pathlib import Path
from typing import Final

from indexer.index.database import IndexSchema, Place
from indexer.index.sqlite_file import FILE

INDEX: Final = "index"


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
