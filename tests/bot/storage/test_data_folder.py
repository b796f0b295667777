"""Two bots on one data folder, with real processes."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.answers.ask import Ask
from bot.cli.console import UNUSABLE
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.models.serving_model import Pointer, Served, write_pointer
from bot.storage.data_folder import (
    BACKUPS,
    BOT_LOCK,
    COMMUNITY,
    POINTER,
    DataFolderError,
    DataFolderHeldError,
    checked_data_folder,
    data_folder,
    empty_data_folder,
    hold_bot_lock,
    open_store,
    try_lock,
)
from bot.storage.derived_data import INDEX
from indexer.embedding.model_records import ModelRecord
from knowledge.files.scan import DATA_MARK
from knowledge.store.erasure.tombstones import FILE as TOMBSTONES
from knowledge.store.store import StoreError
from tests.bot.launcher import bot_process, run_and_kill_bot, run_bot
from tests.bot.message_parts import text_of
from tests.bot.wire.server import SECONDS, WireServer
from tests.fakes import WordEmbedder


def is_held(folder: Path) -> bool:
    """Whether another process holds a folder; doesn't create it."""
    if not (folder / BOT_LOCK).exists():
        return False
    with try_lock(folder, BOT_LOCK) as mine:
        return not mine


async def _refused(server: WireServer, *arguments: str | Path) -> str:
    """The one line of a process that ends at once."""
    async with bot_process(server, *arguments, connected=False) as process:
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == UNUSABLE, err
    assert out == b""
    [line] = err.decode().strip().splitlines()
    return line


def without_tables() -> bytes:
    """A database of a process killed before it made a table."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("pragma user_version = 1")
        return connection.serialize()


@pytest.mark.parametrize("content", [None, b"", without_tables()], ids=["missing", "empty", "bare"])
@pytest.mark.parametrize("beside", [f"{INDEX}/index.db", TOMBSTONES, f"{BACKUPS}/community-1.db"])
def test_a_lost_database_is_not_begun_anew_beside_what_was_made_with_it(
    tmp_path: Path, beside: str, content: bytes | None
) -> None:
    path, left = tmp_path / COMMUNITY, tmp_path / beside
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"anything")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=r"missing or empty.*commonplace restore FILE") as error:
        open_store(tmp_path)
    assert str(tmp_path / beside.split("/")[0]) in str(error.value)
    assert (path.read_bytes() if path.exists() else None) == content
    # Moved away, it keeps nobody from beginning anew.
    left.unlink()
    open_store(tmp_path).close()
    left.write_bytes(b"anything")
    open_store(tmp_path).close()


@pytest.mark.parametrize("second", ["run", pytest.param("preview", marks=pytest.mark.slow)])
async def test_the_second_bot_stops_with_a_sentence(
    server: WireServer, settings: Settings, second: str
) -> None:
    folder = settings.data.folder
    async with run_bot(server, settings):
        line = await _refused(server, second, "--data", folder)
        assert "Another bot is running on the data folder" in line
        assert "--data or COMMONPLACE_DATA" in line
        # The first one goes on as if nothing had happened.
        asked = await server.mia.slash(server.general, "ask", question="What is open source AI?")
        assert "> " in text_of(await server.answered(asked))


@pytest.mark.slow
async def test_commands_run_beside_a_bot(server: WireServer, settings: Settings) -> None:
    async with run_bot(server, settings):
        with Core(settings, WordEmbedder()) as core:
            run_to_end(index_updates.update_quickly(core))
            asked = [Ask("What is open source AI?", 1)]
            [reply] = core.answer_pipeline.ask(asked)
        assert reply.hits
        assert is_held(settings.data.folder)


@pytest.mark.slow
async def test_a_killed_bot_frees_its_folder(server: WireServer, settings: Settings) -> None:
    folder = settings.data.folder
    async with run_and_kill_bot(server, settings):
        assert is_held(folder)
    assert not is_held(folder)
    async with run_bot(server, settings):
        assert is_held(folder)


def test_a_folder_is_held_until_its_bot_ends(tmp_path: Path) -> None:
    with hold_bot_lock(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(DataFolderHeldError, match="Stop that one"), hold_bot_lock(tmp_path):
            pass
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def _database(folder: Path) -> None:
    open_store(folder).close()


def _backup(folder: Path) -> None:
    (folder / BACKUPS).mkdir()
    _database(folder / BACKUPS)


def _tombstones(folder: Path) -> None:
    (folder / TOMBSTONES).write_text(f'{{"key": "{"a" * 64}"}}\n')


def _pointer(folder: Path) -> None:
    write_pointer(folder, Pointer("", Served(ModelRecord("a model"))))


def _torn_mark(folder: Path) -> None:
    (folder / DATA_MARK).touch()


@pytest.mark.parametrize("make", [_database, _backup, _tombstones, _pointer, _torn_mark])
def test_own_folders_are_marked(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert checked_data_folder(tmp_path, may_begin=False) == tmp_path
    data_folder(tmp_path)
    assert (tmp_path / DATA_MARK).exists()


@pytest.mark.parametrize("content", ["", "[" * 100_000, '{"key": 1, "more": 2}\n'])
def test_foreign_files_prove_nothing(tmp_path: Path, content: str) -> None:
    for name in (COMMUNITY, TOMBSTONES, POINTER):
        (tmp_path / name).write_text(content)
    (tmp_path / DATA_MARK).mkdir()
    with pytest.raises(DataFolderError, match="no data of Commonplace"):
        data_folder(tmp_path)


@pytest.mark.parametrize("name", ["~nobody-of-this-name/data", "a\0b", "x" * 300])
def test_an_unnameable_folder_is_explained(name: str) -> None:
    with pytest.raises(DataFolderError, match=r"can't be read.*--data or COMMONPLACE_DATA"):
        data_folder(Path(name))


def test_an_unwritable_folder_has_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(DataFolderError, match="can't be written"), hold_bot_lock(tmp_path / "data"):
        pass


def test_an_emptied_folder_keeps_mark_and_lock(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    folder = data_folder(tmp_path / "data")
    (folder / "index").mkdir()
    (folder / "index" / "index.db").touch()
    (folder / "community.db").touch()
    (folder / "link").symlink_to(outside)
    with hold_bot_lock(folder):
        empty_data_folder(folder)
        with pytest.raises(DataFolderError), hold_bot_lock(folder):
            pass
    assert {path.name for path in folder.iterdir()} == {BOT_LOCK, DATA_MARK}
    assert (outside / "precious").exists()
