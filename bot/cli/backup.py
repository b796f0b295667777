"""Backup, restore, export and import: the commands by which what was contributed is kept and moved.

`backup` and `export` may be used beside a running bot. `restore` puts nothing back while one holds
the data folder. `import` is one transaction of the database, after which the index follows.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.console import (
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
    held,
    open_server,
    open_store,
    refuse_lost,
)
from knowledge.backup import archives, backups
from knowledge.backup.backups import Restored
from knowledge.backup.on_request import OnRequest, Unknown
from knowledge.store.store import Store
from knowledge.text import counted

# So many sources and tombstones are named in a sentence; with --json, all of them are.
_NAMED: Final = 10

TakeOption = Annotated[
    list[OnRequest] | None,
    typer.Option(
        "--take",
        metavar="|".join(OnRequest),
        help="Take these, too, where they are not known here; may be given twice.",
        show_default=False,
    ),
]


def reachable(path: Path) -> Path:
    """A path that may be looked at, whether it is there or not; anything else ends with a sentence.

    The user of a service or of a container may look into few folders of a machine.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        fail(
            f"{path} can't be looked at: {error.strerror or error}. Name one that the user who "
            "runs this may reach, such as one in the data folder."
        )
    return path


@with_settings
def backup(
    settings: Settings,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Where to; a folder takes it under the time's name. Else `backups` in the data "
            "folder.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many backups a folder keeps.")
    ] = 7,
    as_json: JsonOption = False,
) -> None:
    """Back up what was contributed, beside a running bot, and verify the copy.

    The oldest backups of the folder are deleted once the new one is verified, but for those that
    hold what the new one does not. A FILE that is named is replaced, and nothing else is touched.
    Of a PostgreSQL database, the backup is its export in one ZIP file.

    Example:
        commonplace backup
        commonplace backup --to /mnt/other --keep 30
    """
    folder, url = data_folder(settings.data.folder), settings.data.database
    kind = archives if url else backups
    target = reachable(to or folder / BACKUPS)
    rotating = to is None or to.is_dir()
    if to is not None and not rotating and not to.absolute().parent.is_dir():
        fail(
            f"{to} can't be written: there is no folder {to.absolute().parent}. Look whether its "
            "disk is mounted, or make the folder."
        )
    if rotating:
        target /= kind.name(datetime.now(UTC))
    if url:
        with open_store(folder, url) as store:
            archives.back_up(store.database, target)
    else:
        refuse_lost(folder)
        backups.back_up(folder / COMMUNITY, target)
    deleted, kept = kind.rotate(target.parent, keep, target) if rotating else ([], [])
    if as_json:
        record = {"deleted": [str(path) for path in deleted], "kept": [str(path) for path in kept]}
        print_json({"backup": str(target), **record})
    else:
        what = " It is an export in one file, which `restore` takes." if url else ""
        said = f"Backed up to {target} and verified.{what}{_older(deleted, kept)}"
        out.print(said, soft_wrap=True, markup=False)


def _older(deleted: Sequence[Path], kept: Sequence[Path]) -> str:
    """What became of older backups, if anything did."""
    gone = f" Older ones that were deleted: {len(deleted)}." if deleted else ""
    if not kept:
        return gone
    return (
        f"{gone} Older ones that hold what this one does not, and are kept: "
        f"{', '.join(path.name for path in kept)}. Delete them yourself once you are content."
    )


@with_settings
def restore(
    settings: Settings,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.")],
    take: TakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of what is there, which is kept beside; no bot may be running.

    What members deleted since the backup was taken stays deleted. The index follows at the next
    start. Sources and tombstones that are not known here are shown, and taken only with --take.

    Example:
        commonplace restore data/backups/community-20261129T020000.000000Z.db
    """
    folder = data_folder(settings.data.folder)
    with held(folder):
        restored = _restored(settings, folder, reachable(file), take or ())
    kept = restored.kept
    if as_json:
        record = {"restored": str(file), "kept": str(kept) if kept else None}
        print_json(record | {"unknown": restored.unknown})
    else:
        before = f" What was there before is {kept}." if kept else ""
        out.print(f"{file} is in place and verified.{before}", soft_wrap=True, markup=False)
        tell_unknown(restored.unknown, take or ())


def _restored(
    settings: Settings, folder: Path, file: Path, take: Collection[OnRequest]
) -> Restored:
    at = datetime.now(UTC)
    if not settings.data.database:
        return backups.restore(file, folder / COMMUNITY, at, take, archives.read)
    server = open_server(folder, settings.data.database)
    with Store(server) as store:
        return archives.restore(file, store, server, at, take)


def tell_unknown(unknown: Unknown, taken: Collection[OnRequest]) -> None:
    """Show what had to be asked for by name, and whether it was."""
    for name, rows in unknown.items():
        more = f" and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
        named = f"{', '.join(rows[:_NAMED])}{more}"
        if name in taken:
            sentence = f"Taken, as asked for: {_named(name, rows)} not known here before: {named}."
        else:
            sentence = (
                f"Not taken: {_named(name, rows)} not known here: {named}. If you know "
                f"them all, do it again with --take {name}."
            )
        out.print(sentence, soft_wrap=True, markup=False)


def _named(what: OnRequest, rows: Sequence[str]) -> str:
    return counted(len(rows), what.value.removesuffix("s"))
