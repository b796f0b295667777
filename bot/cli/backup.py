"""The commands `backup`, `restore`, `export` and `import`.

`backup` works beside a running bot. `restore` refuses while a bot holds the data folder.
"""

from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli import console
from bot.config.settings import Settings
from bot.storage.data_folder import (
    BACKUPS,
    COMMUNITY,
    data_folder,
    hold_bot_lock,
    open_database,
    open_server,
    open_store,
    refuse_lost_database,
)
from knowledge.backup import archives, backups, exporter, importer
from knowledge.backup.backups import OptInRows, Unknown
from knowledge.store.sqlite_database import is_community_database, is_empty
from knowledge.store.store import Store
from knowledge.text import count_of

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
    """Return the path, which need not exist; exit if this user may not access its folder."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        console.fail(
            f"{path} can't be reached: {error.strerror or error}. Name a path that this user may "
            "use, such as one in the data folder."
        )
    return path


@console.with_settings()
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
    as_json: console.JsonOption = False,
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
        console.fail(
            f"{to} can't be written: there is no folder {to.absolute().parent}. Mount its disk, or "
            "create the folder."
        )
    if rotating:
        target /= kind.name(datetime.now(UTC))
    elif target.exists() and not _is_replaceable(target, folder / COMMUNITY):
        console.fail(
            f"{target} is no backup, so it isn't replaced. Name an earlier backup or a new file."
        )
    if url:
        with open_store(folder, url) as store:
            archives.back_up(store.database, target)
    else:
        refuse_lost_database(folder)
        backups.back_up(folder / COMMUNITY, target)
    deleted, kept = kind.rotate(target.parent, keep, target) if rotating else ([], [])
    text = f"Backed up to {target} and verified."
    if url:
        text += " `restore` takes this ZIP file."
    if deleted:
        text += f" Deleted older ones: {len(deleted)}."
    if kept:
        names = ", ".join(path.name for path in kept)
        text += f" Kept, because they have data that this one lacks: {names}. Check these and "
        text += "delete them yourself."
    record = {"deleted": [str(path) for path in deleted], "kept": [str(path) for path in kept]}
    console.show({"backup": str(target), **record}, text, as_json=as_json)


def _is_replaceable(target: Path, database: Path) -> bool:
    """Whether a file is an earlier backup, or empty; the database in use is neither."""
    if database.exists() and target.samefile(database):
        return False
    return is_empty(target) or is_community_database(target) or archives.is_archive(target)


@console.with_settings(console.Begins.ANY)
def restore(
    settings: Settings,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file written by `backup`.")],
    take: TakeOption = None,
    as_json: console.JsonOption = False,
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
    at, url = datetime.now(UTC), settings.data.database
    with hold_bot_lock(folder):
        check_reachable(file)
        if url:
            server = open_server(folder, url)
            with Store(server) as store:
                restored = archives.restore(file, store, server, at, take or ())
        else:
            restored = backups.restore(file, folder / COMMUNITY, at, take or (), archives.read)
    kept = restored.kept
    before = f" The database before it is {kept}." if kept else ""
    text = f"Restored {file} and verified it.{before}\n{_unknown(restored.unknown, take or ())}"
    record = {"restored": str(file), "kept": str(kept) if kept else None}
    console.show({**record, "unknown": restored.unknown}, text.rstrip(), as_json=as_json)


def _unknown(unknown: Unknown, taken: Collection[OptInRows]) -> str:
    """List the sources and tombstones that only the backup or export had, and what is `taken`."""
    lines = []
    for name, rows in unknown.items():
        count = count_of(len(rows), name.value.removesuffix("s"))
        more = f" and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
        named = f"{', '.join(rows[:_NAMED])}{more}"
        if name in taken:
            lines.append(f"Taken: {count} unknown here before: {named}.")
        else:
            lines.append(
                f"Not taken: {count} unknown here: {named}. If you trust all of them, run it again "
                f"with --take {name}."
            )
    return "\n".join(lines)


@console.with_settings()
def export(
    settings: Settings,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="An empty folder, or an earlier export.")
    ],
    as_json: console.JsonOption = False,
) -> None:
    """Export the community database as Markdown and JSONL files, for reading and for Git.

    The same database always gives the same bytes. Other files in the folder are left alone.

    Example:
        commonplace export community/
    """
    with open_store(data_folder(settings.data.folder), settings.data.database) as store:
        files = exporter.export(store.database, check_reachable(folder))
    text = f"Exported to {folder}: {count_of(files, 'file')}."
    console.show({"exported": str(folder), "files": files}, text, as_json=as_json)


@console.with_settings(console.Begins.ANY)
def import_(
    settings: Settings,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder written by `export`.")],
    take: TakeOption = None,
    as_json: console.JsonOption = False,
) -> None:
    """Import an export into an empty data folder, or add its changes to a data folder in use.

    Import never overwrites data. If anything in the export conflicts with the data folder, import
    names the conflicts and imports nothing. A note edited in the export becomes a pending revision.
    Unknown sources and tombstones are listed, and imported only with --take.

    Example:
        commonplace import community/
    """
    with Store(open_database(data_folder(settings.data.folder), settings.data.database)) as store:
        imported = importer.import_folder(store, check_reachable(folder), take or ())
    if imported.rows:
        with console.open_core(settings):
            pass
    rows = count_of(sum(imported.rows.values()), "row")
    notes = count_of(imported.rows.get("notes", 0), "note")
    text = "There was nothing new to import."
    if imported.rows:
        text = f"Imported {rows}, among them {notes}."
    if imported.edited:
        text += f" Edited notes, now waiting for review: {', '.join(map(str, imported.edited))}."
    if imported.differing:
        rows = count_of(imported.differing, "row")
        text += f" Left as they are, because they changed here since: {rows}."
    text = f"{text}\n{_unknown(imported.unknown, take or ())}".rstrip()
    console.show(asdict(imported), text, as_json=as_json)
