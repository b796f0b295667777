"""Sources that the operator adds on the command line, beside a running bot."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from simcord import Env

from bot.cli import sources
from bot.config.settings import Settings, SourceSettings
from bot.core.core import Core
from bot.process.client import Bot, start_worker
from tests.bot.cli.typed_commands import TypedCommands
from tests.bot.cli.typed_commands import typed_commands as typed_commands
from tests.bot.message_parts import content
from tests.bot.world import World
from tests.fakes import WordEmbedder
from tests.knowledge.sources.wiki_server import WikiPage, WikiServer

HOST = "127.0.0.1"


@pytest.fixture
def wiki(monkeypatch: pytest.MonkeyPatch) -> Iterator[WikiServer]:
    base = property(lambda server: server.url("", host=HOST))
    monkeypatch.setattr(WikiServer, "base", base)
    with WikiServer() as made:
        made.content = {1: WikiPage("Ferry", "<p>The ferry to Lisbon leaves at nine.</p>")}
        yield made


@pytest.fixture
def settings(settings: Settings, wiki: WikiServer) -> Settings:
    inside = SourceSettings(internal=(f"{HOST}:{wiki.port}",))
    return Settings(data=settings.data, questions=settings.questions, sources=inside)


@pytest.fixture
def simcord_bot(settings: Settings) -> Bot:
    return Bot(settings, start_worker(settings, WordEmbedder()))


async def test_a_wiki_added_beside_a_running_bot_is_quoted_by_it(
    world: World,
    simcord_env: Env,
    wiki: WikiServer,
    settings: Settings,
    tmp_path: Path,
    typed_commands: TypedCommands,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "Core", partial(Core, embedder=WordEmbedder()))
    config = tmp_path / "config.toml"
    config.write_text(
        f'[data]\nfolder = "{settings.data.folder}"\n[sources]\ninternal = ["{HOST}:{wiki.port}"]\n'
    )
    add = ("source", "add", wiki.url("/", HOST), "--kind", "mediawiki", "--guild", world.guild.id)
    done = await asyncio.to_thread(typed_commands.run, "--config", config, *map(str, add))
    assert done.returncode == 0, done.stderr
    async with asyncio.timeout(60):
        while True:
            told = content(await world.ask("ferry Lisbon"))
            if "leaves at nine" in told:
                break
            await asyncio.sleep(0.02)
