"""The commands `export` and `import`: contributions as Markdown and JSONL, out and in."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.backup import TakeOption, reachable, tell_unknown
from bot.cli.console import JsonOption, opened, out, print_json, with_settings
from bot.config.settings import Settings
from bot.storage.data_folder import data_folder, open_database, open_store
from knowledge.backup import exporter, importer
from knowledge.backup.importer import Imported
from knowledge.store.store import Store
from knowledge.text import counted


@with_settings
def export(
    settings: Settings,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="An empty folder, or an earlier export.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Export everything that was contributed as Markdown and JSONL, to read and to keep in Git.

    The same database gives the same bytes. Only files that an export writes are replaced.

    Example:
        commonplace export community/
    """
    with open_store(data_folder(settings.data.folder), settings.data.database) as store:
        files = exporter.export(store.database, reachable(folder))
    if as_json:
        print_json({"exported": str(folder), "files": files})
    else:
        out.print(f"Exported to {folder}: {counted(files, 'file')}.", soft_wrap=True, markup=False)


@with_settings
def import_(
    settings: Settings,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `export` wrote.")],
    take: TakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import an export: everything into an empty data folder, else what does not conflict.

    Nothing that is here is overwritten; what conflicts is named, and nothing is imported then. A
    note that was edited in the folder becomes a pending revision, which moderators decide on.
    Sources and tombstones that are not known here are shown, and taken only with --take.

    Example:
        commonplace import community/
    """
    with Store(open_database(data_folder(settings.data.folder), settings.data.database)) as store:
        imported = importer.import_folder(store, reachable(folder), take or ())
    if imported.rows:
        with opened(settings):
            pass
    if as_json:
        print_json(asdict(imported))
    else:
        out.print(_said(imported), soft_wrap=True, markup=False)
        tell_unknown(imported.unknown, take or ())


def _said(imported: Imported) -> str:
    rows = sum(imported.rows.values())
    notes = ", ".join(map(str, imported.edited))
    sentences = [
        f"Imported {counted(rows, 'row')}, among them "
        f"{counted(imported.rows.get('notes', 0), 'note')}."
        if rows
        else "There was nothing to import that is not here.",
        f"Notes that were edited and now wait for review: {notes}." if notes else "",
        f"Changed here since the export, and left as it is: {counted(imported.differing, 'row')}."
        if imported.differing
        else "",
    ]
    return " ".join(filter(None, sentences))
