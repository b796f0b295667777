"""The commands `export` and `import`: the community database as Markdown and JSONL files."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.backup import TakeOption, check_reachable, print_unknown_rows
from bot.cli.console import Begins, JsonOption, opened_core, out, print_json, with_settings
from bot.config.settings import Settings
from bot.storage.data_folder import data_folder, open_database, open_store
from knowledge.backup import exporter, importer
from knowledge.backup.importer import Imported
from knowledge.store.store import Store
from knowledge.text import counted


@with_settings()
def export(
    settings: Settings,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="An empty folder, or an earlier export.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Export the community database as Markdown and JSONL files, for reading and for Git.

    The same database always gives the same bytes. Other files in the folder are left alone.

    Example:
        commonplace export community/
    """
    with open_store(data_folder(settings.data.folder), settings.data.database) as store:
        files = exporter.export(store.database, check_reachable(folder))
    if as_json:
        print_json({"exported": str(folder), "files": files})
    else:
        out.print(f"Exported to {folder}: {counted(files, 'file')}.", soft_wrap=True, markup=False)


@with_settings(Begins.ANY)
def import_(
    settings: Settings,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder written by `export`.")],
    take: TakeOption = None,
    as_json: JsonOption = False,
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
        with opened_core(settings):
            pass
    if as_json:
        print_json(asdict(imported))
    else:
        out.print(_report(imported), soft_wrap=True, markup=False)
        print_unknown_rows(imported.unknown, take or ())


def _report(imported: Imported) -> str:
    rows = sum(imported.rows.values())
    notes = ", ".join(map(str, imported.edited))
    sentences = [
        f"Imported {counted(rows, 'row')}, among them "
        f"{counted(imported.rows.get('notes', 0), 'note')}."
        if rows
        else "There was nothing new to import.",
        f"Edited notes, now waiting for review: {notes}." if notes else "",
        f"Left as they are, because they changed here since: {counted(imported.differing, 'row')}."
        if imported.differing
        else "",
    ]
    return " ".join(filter(None, sentences))
