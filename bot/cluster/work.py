"""Work queue of bots whose database is PostgreSQL: how it is opened, and what is told of it."""

from typing import TYPE_CHECKING

from knowledge.store.database import StoreError
from knowledge.values.counts import counted
from knowledge.values.extras import needed

if TYPE_CHECKING:
    from knowledge.store.postgres.work_queue import WorkQueue


def open_work(url: str) -> "WorkQueue":
    """Open the queue in a database.

    Raises:
        StoreError: if it can't be opened, or what speaks to it isn't installed.
    """
    try:
        # Only who has such a database has to install what speaks to it.
        from knowledge.store.postgres.work_queue import WorkQueue
    except ImportError as error:
        raise StoreError(f"`data.database` needs {needed('postgres')}.") from error
    return WorkQueue(url)


def set_aside_told(count: int) -> str:
    """What an operator is told of texts that no worker could embed, or nothing."""
    if not count:
        return ""
    return (
        f"{counted(count, 'text')} could not be embedded by any worker. Documents with such a text "
        "are not in the index: look at the workers' log and machine. The workers try again within "
        "the hour."
    )
