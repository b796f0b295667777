"""The commands `backup` and `restore`.

`backup` works beside a running bot. `restore` refuses while a bot holds the data folder.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.console import (
    Begins,
    JsonOption,
    fail,
    out,
    print_json,
    with_settings,
)
from bot.config.settings import Settings
from bot.storage.data_folder import (
    BACKUPS,
    COMMUNITY,
    data_folder,
    hold_bot_lock,
    open_server,
    open_store,
    refuse_lost_database,
)
from knowledge.backup import archives, backups
from knowledge.backup.backups import Restored
from knowledge.backup.opt_in_rows import OptInRows, Unknown
from knowledge.store.store import Store
from knowledge.text import counted

# The largest number of sources or tombstones named in a sentence; --json names all.
_NAMED: Final = 10

TakeOption = Annotated[
    list[OptInRows] | None,
    typer.Option(
        "--take",
        metavar="|".join(OptInRows),
        help="Also restore unknown ones of this kind; may be given twice.",
        show_default=False,
    ),
]


def check_reachable(path: Path) -> Path:
    """Return the path; exit if this user isn't permitted to access its folder.

    The path need not exist. The user of a service or container can often access few folders.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        fail(
            f"{path} can't be reached: {error.strerror or error}. Name a path that this user may "
            "use, such as one in the data folder."
        )
    return path


@with_settings()
def backup(
    settings: Settings,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="A file, or a folder for a file named after the time; else `backups` in the data "
            "folder.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many backups the folder keeps.")
    ] = 7,
    as_json: JsonOption = False,
) -> None:
    """Back up the community database beside a running bot, and verify the copy.

    In a folder, the newest backups are kept. Older backups are deleted once the new backup is
    verified, unless the new backup lacks some of their data. If --to is a file, only this file is
    replaced. A PostgreSQL database is backed up to a ZIP file.

    Example:
        commonplace backup
        commonplace backup --to /mnt/other --keep 30
    """
    folder, url = data_folder(settings.data.folder), settings.data.database
    kind = archives if url else backups
    target = check_reachable(to or folder / BACKUPS)
    rotating = to is None or to.is_dir()
    if to is not None and not rotating and not to.absolute().parent.is_dir():
        fail(
            f"{to} can't be written: there is no folder {to.absolute().parent}. Mount its disk, or "
            "create the folder."
        )
    if rotating:
        target /= kind.name(datetime.now(UTC))
    if url:
        with open_store(folder, url) as store:
            archives.back_up(store.database, target)
    else:
        refuse_lost_database(folder)
        backups.back_up(folder / COMMUNITY, target)
    deleted, kept = kind.rotate(target.parent, keep, target) if rotating else ([], [])
    if as_json:
        record = {"deleted": [str(path) for path in deleted], "kept": [str(path) for path in kept]}
        print_json({"backup": str(target), **record})
    else:
        what = " `restore` takes this ZIP file." if url else ""
        said = f"Backed up to {target} and verified.{what}{_rotation_text(deleted, kept)}"
        out.print(said, soft_wrap=True, markup=False)


def _rotation_text(deleted: Sequence[Path], kept: Sequence[Path]) -> str:
    gone = f" Deleted older ones: {len(deleted)}." if deleted else ""
    if not kept:
        return gone
    return (
        f"{gone} Kept, because they have data that this one lacks: "
        f"{', '.join(path.name for path in kept)}. Check these and delete them yourself."
    )


@with_settings(Begins.ANY)
def restore(
    settings: Settings,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file written by `backup`.")],
    take: TakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace the community database by a backup; stop the bot first.

    The replaced database is kept under another name. Data that members deleted after the backup
    stays deleted. The index is updated at the next start. The backup may have sources, or
    tombstones (records of members' deletions), that the replaced database lacks. Such sources and
    tombstones are listed, and restored only with --take.

    Example:
        commonplace restore data/backups/community-20261129T020000.000000Z.db
    """
    folder = data_folder(settings.data.folder)
    with hold_bot_lock(folder):
        restored = _restored(settings, folder, check_reachable(file), take or ())
    kept = restored.kept
    if as_json:
        record = {"restored": str(file), "kept": str(kept) if kept else None}
        print_json(record | {"unknown": restored.unknown})
    else:
        before = f" The database before it is {kept}." if kept else ""
        out.print(f"Restored {file} and verified it.{before}", soft_wrap=True, markup=False)
        print_unknown_rows(restored.unknown, take or ())


def _restored(
    settings: Settings, folder: Path, file: Path, take: Collection[OptInRows]
) -> Restored:
    at = datetime.now(UTC)
    if not settings.data.database:
        return backups.restore(file, folder / COMMUNITY, at, take, archives.read)
    server = open_server(folder, settings.data.database)
    with Store(server) as store:
        return archives.restore(file, store, server, at, take)


def print_unknown_rows(unknown: Unknown, taken: Collection[OptInRows]) -> None:
    """Print the sources and tombstones that only the restored backup or imported export had.

    Rows of a kind in `taken` were added to the database; the others were left out.
    """
    for name, rows in unknown.items():
        more = f" and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
        named = f"{', '.join(rows[:_NAMED])}{more}"
        if name in taken:
            sentence = f"Taken: {_counted_rows(name, rows)} unknown here before: {named}."
        else:
            sentence = (
                f"Not taken: {_counted_rows(name, rows)} unknown here: {named}. If you trust "
                f"all of them, run it again with --take {name}."
            )
        out.print(sentence, soft_wrap=True, markup=False)


def _counted_rows(what: OptInRows, rows: Sequence[str]) -> str:
    return counted(len(rows), what.value.removesuffix("s"))
