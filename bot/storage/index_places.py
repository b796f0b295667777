"""Places of indexes: a folder each in the data folder, or a schema each in a PostgreSQL database.

They are called alike in both, as the pointer has it: `index`, or that with a digest of the model.
"""

import shutil
from pathlib import Path
from typing import Final

from indexer.index.database import IndexSchema, Place
from indexer.index.sqlite_file import FILE

INDEX: Final = "index"


def index_place(folder: Path, name: str, database: str = "") -> Place:
    """Where an index is: of a data folder, or in the `database` of a URL if there is one."""
    return IndexSchema(database, name.replace(".", "_")) if database else folder / name


def index_names(folder: Path, database: str = "") -> list[str]:
    """The names of all indexes that there are."""
    if not database:
        return sorted(path.name for path in folder.glob(f"{INDEX}*") if path.is_dir())
    # What it needs comes with an extra.
    from indexer.index.postgres import schemas

    return [name.replace("_", ".", 1) for name in schemas(database)]


def has_index(place: Place) -> bool:
    if isinstance(place, Path):
        return (place / FILE).is_file()
    from indexer.index.postgres import is_index

    return is_index(place)


def delete_index(place: Place) -> bool:
    """Delete an index; False where it has to stay, because another process answers from it.

    Of a folder, whoever has it open goes on with what it has.
    """
    if isinstance(place, Path):
        shutil.rmtree(place, ignore_errors=True)
        return not place.exists()
    from indexer.index.postgres import dropped

    return dropped(place)
