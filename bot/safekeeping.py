"""The commands by which what a community contributed is kept safe: `backup` and `restore`.

A backup may be taken beside a running bot. Nothing is put back while one holds the data folder.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.console import ConfigOption, DataOption, JsonOption, out, print_json, settings_from
from bot.core import COMMUNITY, data_folder
from bot.locking import held
from knowledge import safekeeping

BACKUPS: Final = "backups"


def backup(
    config_file: ConfigOption = None,
    data: DataOption = None,
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

    The oldest backups of the folder are deleted once the new one is verified. A FILE that is named
    is replaced, and nothing else is touched.
    """
    folder = data_folder(settings_from(config_file, data))
    rotating = to is None or to.is_dir()
    target = to or folder / BACKUPS
    if rotating:
        target /= safekeeping.name(datetime.now(UTC))
    safekeeping.back_up(folder / COMMUNITY, target)
    deleted = safekeeping.rotate(target.parent, keep) if rotating else []
    if as_json:
        print_json({"backup": str(target), "deleted": [str(path) for path in deleted]})
    else:
        gone = f" Older ones that were deleted: {len(deleted)}." if deleted else ""
        out.print(f"Backed up to {target} and verified.{gone}", soft_wrap=True, markup=False)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.")],
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of what is there, which is kept beside; no bot may be running.

    What members deleted since the backup was taken stays deleted. The index follows at the next
    start.
    """
    folder = data_folder(settings_from(config_file, data))
    with held(folder):
        kept = safekeeping.restore(file, folder / COMMUNITY, datetime.now(UTC))
    if as_json:
        print_json({"restored": str(file), "kept": str(kept) if kept else None})
    else:
        before = f" What was there before is {kept}." if kept else ""
        out.print(f"{file} is in place and verified.{before}", soft_wrap=True, markup=False)
