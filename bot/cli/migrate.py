"""`migrate`: the community database is moved from its file into PostgreSQL, or back into a file.

What is beside it in the data folder stays there: it can be made again, but for the tombstones,
which go along where a file goes into another folder.
"""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.console import (
    JsonOption,
    err,
    fail,
    out,
    print_json,
    with_settings,
)
from bot.config.settings import Settings
from bot.storage.data_folder import BACKUPS, COMMUNITY, data_folder, held, open_database
from knowledge.backup import backups, exporter, move
from knowledge.backup.move import Moved, Place, Step
from knowledge.files.parsed_file import one_line
from knowledge.store.database import Database, row_counts
from knowledge.store.database_url import checked_database_url, is_database_url, shown_database_url
from knowledge.store.erasure.tombstones import FILE as TOMBSTONES
from knowledge.store.sqlite_database import SqliteDatabase, is_empty
from knowledge.text import counted


@dataclass(frozen=True, slots=True)
class FilePlace:
    """`community.db` in a data folder."""

    folder: Path
    url: str = ""

    @property
    def name(self) -> str:
        return str(self.folder.resolve() / COMMUNITY)

    def is_there(self) -> bool:
        return not is_empty(self.folder / COMMUNITY)

    def open(self, *, though_marked: bool = False) -> Database:
        return SqliteDatabase(self.folder / COMMUNITY, though_marked=though_marked)

    def back_up(self) -> str:
        kept = self.folder / BACKUPS / backups.name(datetime.now(UTC))
        backups.back_up(self.folder / COMMUNITY, kept)
        return str(kept)

    def set_aside(self, at: datetime) -> None:
        """Keep it as a restore keeps what it replaces, which goes when somebody is forgotten."""
        with closing(self.open(though_marked=True)) as database:
            database.rows("pragma wal_checkpoint(truncate)")
        kept = self.folder / f"community.replaced-{at:%Y%m%dT%H%M%S.%fZ}.db"
        (self.folder / COMMUNITY).replace(kept)
        backups.remove(self.folder / COMMUNITY)

    def discard(self) -> None:
        backups.remove(self.folder / COMMUNITY)

    @contextmanager
    def scratch(self) -> Iterator["FilePlace"]:
        with move.scratch_folder() as folder:
            yield FilePlace(folder)


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A schema of a PostgreSQL database; the data folder beside it has its backups."""

    url: str
    folder: Path
    schema: str = ""

    @property
    def name(self) -> str:
        return self.url

    def is_there(self) -> bool:
        with self._opened() as database:
            return bool(database.marks() or row_counts(database) or database.last_ids())

    def open(self, *, though_marked: bool = False) -> Database:
        return open_database(self.folder, self.url, schema=self.schema, though_marked=though_marked)

    def back_up(self) -> str:
        kept = self.folder / BACKUPS / f"export-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        with self._opened() as database:
            exporter.export(database, kept)
        return str(kept)

    def set_aside(self, at: datetime) -> None:
        with self._opened() as database:
            database.set_aside(f"community_replaced_{at:%Y%m%dt%H%M%S%f}")

    def discard(self) -> None:
        with self._opened() as database:
            database.drop()

    @contextmanager
    def scratch(self) -> Iterator["PostgresPlace"]:
        place = PostgresPlace(self.url, self.folder, f"community_check_{secrets.token_hex(8)}")
        try:
            yield place
        finally:
            place.discard()

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with closing(self.open(though_marked=True)) as database:
            yield database


@with_settings
def migrate(
    settings: Settings,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL|DIR",
            help="The PostgreSQL database, or the data folder for a file.",
            show_default=False,
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Try all of it beside, and change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Move what was contributed into PostgreSQL, or back into a file; no bot may be running.

    Every row keeps its number, and both ends are exported and compared byte by byte. The old place
    can't be opened afterwards, and says where the data is. Stopped, it can be run again.

    Example:
        commonplace migrate --to postgresql://commonplace@db.example/commonplace --check
    """
    folder, url = data_folder(settings.data.folder), settings.data.database
    source: Place = PostgresPlace(url, folder) if url else FilePlace(folder)
    target = _target(to, folder)
    with ExitStack() as holding:
        for one in sorted({folder.resolve(), target.folder.resolve()}):
            holding.enter_context(held(one))
        if not check:
            _take_tombstones(folder, target.folder)
        moved = move.move(source, target, check=check, tell=_tell)
    if as_json:
        print_json({"to": target.name, "checked": check, **asdict(moved)})
    else:
        out.print(_said(moved, source, target, check=check), soft_wrap=True, markup=False)


def _target(to: str, folder: Path) -> FilePlace | PostgresPlace:
    if not is_database_url(to):
        return FilePlace(_target_folder(to))
    try:
        return PostgresPlace(checked_database_url(to), folder)
    except ValueError as error:
        fail(f"--to can't be used: {error}.")


def _target_folder(to: str) -> Path:
    """A folder that is there, or one that `to` clearly means: a typing error moves nothing."""
    path = Path(to).expanduser()
    if path.is_dir():
        return path
    if "://" in to or not to.startswith(("/", "./", "../", "~")):
        fail(
            f"--to {one_line(to)} is neither a PostgreSQL database nor a folder that is there: "
            "write `postgresql://USER@HOST/DATABASE`, or the path of a new folder from / or ./ on."
        )
    try:
        path.mkdir()
    except OSError as error:
        fail(f"{path} can't be made: {error.strerror or error}. Name another folder.")
    return path


def _take_tombstones(folder: Path, target: Path) -> None:
    """Copy what remembers that something was deleted, which is beside the database."""
    if (folder / TOMBSTONES).exists() and not (target / TOMBSTONES).exists():
        shutil.copy2(folder / TOMBSTONES, target / TOMBSTONES)


def _tell(step: Step) -> None:
    err.print(f"{step.value.capitalize()}…", markup=False)


def _said(moved: Moved, source: Place, target: FilePlace | PostgresPlace, *, check: bool) -> str:
    place = f"the database {shown_database_url(target.url)}" if target.url else target.name
    rows = f"{counted(sum(moved.rows.values()), 'row')} of {counted(len(moved.rows), 'table')}"
    if check:
        return (
            f"It would work: {rows} were copied to where {place} is, {moved.files:,} exported "
            "files were the same, and the copy is gone again. Nothing was changed."
        )
    remedy = (
        f"Set `data.database` to {target.url} in config.toml"
        if target.url
        else f"Take `data.database` out of config.toml, and use the data folder {target.folder}"
    )
    if moved.went_on:
        return f"The move to {place} is finished, which had been stopped at its end. {remedy}."
    old = f"the database {shown_database_url(source.url)}" if source.url else source.name
    return (
        f"Moved to {place}: {rows}; {moved.files:,} exported files are the same byte by byte. "
        f"{remedy}, then start the bot: the index follows. What was there before: {moved.backup}, "
        f"and {old}, which can't be opened any more. Once you are content, delete both: they hold "
        "what members may ask you to forget."
    )
