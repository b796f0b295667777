"""The commands `cluster worker` and `cluster migrate`, for a database in PostgreSQL.

A migration moves the community database into PostgreSQL, or back into a file. Derived data stays in
the data folder and is rebuilt. Tombstones are copied to a new folder.
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

from bot.cli import console
from bot.config.settings import Settings
from bot.models.serving_model import chosen_model
from bot.storage.data_folder import (
    BACKUPS,
    COMMUNITY,
    checked_data_folder,
    data_folder,
    hold_bot_lock,
    open_database,
)
from indexer.embedding.embedder import Embedder
from indexer.embedding.model_records import open_record
from knowledge.backup import backups, exporter, move
from knowledge.backup.move import Moved, Place
from knowledge.files.parsed_file import one_line
from knowledge.store.database import Database, row_counts
from knowledge.store.database_url import check_database_url, database_label, is_database_url
from knowledge.store.erasure.tombstones import FILE as TOMBSTONES
from knowledge.store.sqlite_database import SqliteDatabase, is_empty
from knowledge.text import count_of


@console.with_settings(console.Begins.ANY)
def worker(settings: Settings) -> None:
    """Embed imported documents for bots that share a PostgreSQL database; needs no token.

    Start any number of workers, on any machine that reaches the database. Set `model.name` to the
    same model as for the bots. Workers store nothing in the data folder.

    Example:
        commonplace cluster worker --config config.toml
    """
    if not settings.data.database:
        console.fail(
            "Workers need PostgreSQL: set `data.database` in config.toml. With the file "
            "community.db, the bot does the embedding itself."
        )
    from bot.process.embedding import run_worker
    from bot.process.health_server import HealthError

    def open_embedder() -> Embedder:
        """Open the model that a bot with these settings opens."""
        folder = checked_data_folder(settings.data.folder, may_begin=True)
        return open_record(chosen_model(folder, settings.model.name)).embedder

    try:
        run_worker(settings, open_embedder)
    except HealthError as error:
        console.fail(str(error))


@dataclass(frozen=True, slots=True)
class FilePlace:
    """The database file `community.db` in a data folder."""

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
        """Rename the file, as `restore` renames a replaced database.

        The bot deletes the renamed file the next time it deletes data of any member.
        """
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
    """A schema of a PostgreSQL database, with a data folder for its backups."""

    url: str
    folder: Path
    schema: str = ""

    @property
    def name(self) -> str:
        return self.url

    def is_there(self) -> bool:
        with self._open() as database:
            return bool(database.marks() or row_counts(database) or database.last_ids())

    def open(self, *, though_marked: bool = False) -> Database:
        return open_database(self.folder, self.url, schema=self.schema, though_marked=though_marked)

    def back_up(self) -> str:
        kept = self.folder / BACKUPS / f"export-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        with self._open() as database:
            exporter.export(database, kept)
        return str(kept)

    def set_aside(self, at: datetime) -> None:
        with self._open() as database:
            database.set_aside(f"community_replaced_{at:%Y%m%dt%H%M%S%f}")

    def discard(self) -> None:
        with self._open() as database:
            database.drop()

    @contextmanager
    def scratch(self) -> Iterator["PostgresPlace"]:
        place = PostgresPlace(self.url, self.folder, f"community_check_{secrets.token_hex(8)}")
        try:
            yield place
        finally:
            place.discard()

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with closing(self.open(though_marked=True)) as database:
            yield database


@console.with_settings()
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
        bool, typer.Option("--check", help="Try it on a scratch copy, and change nothing.")
    ] = False,
    as_json: console.JsonOption = False,
) -> None:
    """Move the community database into PostgreSQL, or back into a file; stop the bot first.

    Row ids stay the same. Both databases are exported and compared byte by byte. Afterwards,
    opening the old database fails with an error that names the new database. A stopped migration
    can be run again.

    Example:
        commonplace cluster migrate --to postgresql://commonplace@db.example/commonplace --check
    """
    folder, url = data_folder(settings.data.folder), settings.data.database
    source: Place = PostgresPlace(url, folder) if url else FilePlace(folder)
    target = _target(to, folder)
    with ExitStack() as holding:
        for path in sorted({folder.resolve(), target.folder.resolve()}):
            holding.enter_context(hold_bot_lock(path))
        if not check and (folder / TOMBSTONES).exists():
            kept = target.folder / TOMBSTONES
            if not kept.exists():
                shutil.copy2(folder / TOMBSTONES, kept)
        moved = move.move(
            source,
            target,
            check=check,
            tell=lambda step: console.say(f"{step.value.capitalize()}…", console.err),
        )
    record = {"to": target.name, "checked": check, **asdict(moved)}
    console.show(record, _report(moved, source, target, check=check), as_json=as_json)


def _target(to: str, folder: Path) -> FilePlace | PostgresPlace:
    """A database, with the data folder in use, or else another data folder, created if missing."""
    if is_database_url(to):
        try:
            return PostgresPlace(check_database_url(to), folder)
        except ValueError as error:
            console.fail(f"--to can't be used: {error}.")
    path = Path(to).expanduser()
    if not path.is_dir():
        # A mistyped URL must not create a folder.
        if "://" in to or not to.startswith(("/", "./", "../", "~")):
            console.fail(
                f"--to {one_line(to)} is neither a PostgreSQL address nor an existing folder. "
                "Write `postgresql://USER@HOST/DATABASE`, or a new folder's path that begins with "
                "/ or ./."
            )
        try:
            path.mkdir()
        except OSError as error:
            console.fail(
                f"{path} can't be created: {error.strerror or error}. Name another folder."
            )
    return FilePlace(data_folder(path))


def _report(moved: Moved, source: Place, target: FilePlace | PostgresPlace, *, check: bool) -> str:
    place = f"the database {database_label(target.url)}" if target.url else target.name
    rows = f"{count_of(sum(moved.rows.values()), 'row')} of {count_of(len(moved.rows), 'table')}"
    if check:
        return (
            f"The migration would work: {rows} were copied beside {place}, and {moved.files:,} "
            "exported files were identical. The copy is deleted; nothing was changed."
        )
    remedy = (
        f"Set `data.database` to {target.url} in config.toml"
        if target.url
        else f"Remove `data.database` from config.toml, and use the data folder {target.folder}"
    )
    if moved.resumed:
        return f"Finished the interrupted migration to {place}. {remedy}."
    old = f"the database {database_label(source.url)}" if source.url else source.name
    return (
        f"Moved {rows} to {place}; {moved.files:,} exported files are identical. {remedy}, then "
        f"start the bot: the index follows. A backup is in {moved.backup}, and {old} can no longer "
        "be opened. Delete both once all is well: they hold data that members may ask you to "
        "delete."
    )
