"""Bots on a PostgreSQL database, as real processes."""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.console import UNUSABLE
from bot.cli.run import UNREACHABLE
from bot.config.settings import DataSettings, Settings
from bot.storage.data_folder import COMMUNITY, open_store
from knowledge.dependencies import install_hint
from knowledge.store.store import Store, StoreError
from knowledge.values.documents import SHARED
from tests.bot.launcher import bot_process, run_bot
from tests.bot.wire.server import SECONDS, WireServer
from tests.postgres import Cluster


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    made = postgres.empty()
    yield made
    postgres.drop(made)


def _config(settings: Settings, url: str) -> Path:
    path = settings.data.folder.parent / "postgres.toml"
    path.write_text(f"[data]\nfolder = '{settings.data.folder}'\ndatabase = '{url}'\n")
    return path


async def test_another_key_is_refused(server: WireServer, tmp_path: Path, url: str) -> None:
    first, second = tmp_path / "first", Settings(data=DataSettings(folder=tmp_path / "second"))
    first.mkdir()
    with open_store(first, url) as store:
        store.tombstones.check_key()
    arguments = ("run", "--config", _config(second, url))
    async with bot_process(server, *arguments, connected=False) as process:
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == UNUSABLE, err
    assert b"tombstones.jsonl is missing, or differs from the file of the other machines" in err
    assert b"Traceback" not in err


async def test_an_unreachable_database_stops_the_bot(
    server: WireServer, settings: Settings
) -> None:
    config = _config(settings, "postgresql://bot@/community?host=/nowhere")
    async with bot_process(server, "run", "--config", config, connected=False) as process:
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == UNREACHABLE, err
    assert out == b""
    assert b"commonplace: The database community on /nowhere can't be opened" in err
    assert b"Traceback" not in err


@pytest.mark.slow
async def test_a_preview_is_of_nothing_that_is_kept(server: WireServer, settings: Settings) -> None:
    # A process without the database would say so.
    config = _config(settings, "postgresql://bot@/community?host=/nowhere")
    async with bot_process(server, "preview", "--config", config, connected=False) as process:
        assert process.stderr is not None
        line = await asyncio.wait_for(process.stderr.readline(), SECONDS)
    assert line.startswith(b"Starting the bot")


async def test_questions_are_recorded_on_the_server(
    server: WireServer, settings: Settings, url: str, postgres: Cluster
) -> None:
    (settings.data.folder / COMMUNITY).unlink()
    async with run_bot(server, settings, "--config", _config(settings, url)):
        for question in ("What is open source AI?", "What is a model?"):
            asked = await server.mia.slash(server.general, "ask", question=question)
            assert await server.answered(asked)
            # As after a restart of the server.
            postgres.cut(url)
    with open_store(settings.data.folder, url) as store:
        kept = [store.question_records.question(number) for number in (1, 2)]
        assert [question.text for question in kept if question is not None] == [
            "What is open source AI?",
            "What is a model?",
        ]
    assert not (settings.data.folder / COMMUNITY).exists()


def test_an_empty_database_replaces_no_file(tmp_path: Path, url: str) -> None:
    with Store(tmp_path / COMMUNITY) as store:
        store.add_source("https://a.org/", SHARED)
    with pytest.raises(
        StoreError, match=r"is empty, but .*community\.db is not.*move the file away"
    ):
        open_store(tmp_path, url)
    (tmp_path / COMMUNITY).rename(tmp_path / "away.db")
    open_store(tmp_path, url).close()


def test_the_client_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As without the extra.
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in [each for each in sys.modules if each.startswith("knowledge.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(StoreError, match=re.escape(install_hint("postgres"))):
        open_store(tmp_path, "postgresql://bot@/community")
