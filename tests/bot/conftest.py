"""The real bot on a fake embedder, in a server as real ones are."""

import inspect
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
from discord import app_commands
from simcord import Env, pytest_plugin
from simcord.http import router

from bot.config.settings import DataSettings, QuestionSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.models.calibrations import CALIBRATION
from bot.preview.town import add_routes
from bot.process.client import Bot, start_worker
from bot.text.languages import speaking
from indexer.retrieval.evidence import default_calibration
from knowledge import corpus
from knowledge.values.guilds import Language
from knowledge.values.settings import GuildSettings
from tests.bot.machines import machine  # noqa: F401 - a fixture
from tests.bot.phrasing.scripted_endpoint import KEY, ScriptedEndpoint, scripted_endpoint
from tests.bot.strict_discord import StrictDiscord
from tests.bot.wire.server import WireServer, wire_server
from tests.bot.world import NewBot, Town, World, build_town, build_world
from tests.fakes import WordEmbedder
from tests.shared_folders import shared_folder

# What a bot may take to come to rest on a machine that has other things to do.
SETTLE_SECONDS: Final = 60
# How often it is looked whether it has: what goes on in the background ends without a sign, and
# for simcord's own 50 ms after each click a core had nothing to do.
LOOK_SECONDS: Final = 0.01


class PatientEnv(Env):
    """An environment that lets its bot take its time, also while it starts: there 5 s are fixed."""

    def __init__(self, bot: Bot, **options: Any) -> None:
        # So long may minutes of the bot's own time take, too.
        super().__init__(bot, **{"settle_timeout": SETTLE_SECONDS, **options})

    async def _settle_internal(self, **asked: Any) -> None:
        asked["timeout"] = max(asked.get("timeout") or 0, SETTLE_SECONDS)
        asked["idle"] = LOOK_SECONDS
        await super()._settle_internal(**asked)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest_plugin, "Env", PatientEnv)


@pytest.fixture(autouse=True)
def english_without_bot(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let tests without a bot say sentences; a bot's tasks begin without a language."""
    if inspect.iscoroutinefunction(request.function):
        yield
    else:
        with speaking(Language.ENGLISH):
            yield


# simcord does not say how many members have a role.
add_routes()


@pytest.fixture(scope="session", autouse=True)
def command_payloads() -> Iterator[None]:
    """Translate the commands once: discord.py takes 30 ms for it, and each bot starts with it."""
    payloads: dict[tuple[type, str, object], dict[str, Any]] = {}

    def once(translate: Callable[..., Any]) -> Callable[..., Any]:
        async def payload(command: Any, tree: Any, translator: Any) -> dict[str, Any]:
            key = type(command), command.qualified_name, getattr(command, "callback", None)
            if key not in payloads:
                payloads[key] = await translate(command, tree, translator)
            return payloads[key]

        return payload

    with pytest.MonkeyPatch.context() as patched:
        for kind in (app_commands.Command, app_commands.ContextMenu, app_commands.Group):
            translate = once(kind.get_translated_payload)
            patched.setattr(kind, "get_translated_payload", translate)
        yield


@pytest.fixture(autouse=True)
def strict_discord(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictDiscord]:
    """Whatever a test is about, Discord must take all that the bot sends meanwhile."""
    strict = StrictDiscord(router.dispatch)
    monkeypatch.setattr(router, "dispatch", strict)
    yield strict
    found = [*strict.problems, *strict.unanswered()]
    assert not found, "\n".join(found)


@pytest.fixture(scope="session")
def indexed_articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as it is after the first start; indexing it anew would take every test long."""

    def index(folder: Path) -> None:
        with Core(settings_for(folder), WordEmbedder()) as core:
            run_to_end(index_updates.update_quickly(core))
        # The fake's cosines are not the model's, so no passage is near by its cosine alone.
        judge = replace(default_calibration(), none=0.23, near=1.0, model=None)
        (folder / CALIBRATION).write_text(judge.to_toml(), "utf-8")

    return shared_folder(tmp_path_factory, "articles", index)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of a database of derived data, or "" for files."""
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def settings(tmp_path: Path, indexed_articles: Path) -> Settings:
    return settings_for(Path(shutil.copytree(indexed_articles, tmp_path / "data")))


def settings_for(folder: Path) -> Settings:
    # Members of tests ask faster than people do; what limits them has tests of its own.
    asked = QuestionSettings(member_burst=0)
    return Settings(data=DataSettings(folder=folder), questions=asked)


@pytest.fixture
async def new_bot(settings: Settings) -> AsyncIterator[Callable[[], Bot]]:
    """Makes bots on the same data folder; all are closed with the test."""
    bots: list[Bot] = []

    def make() -> Bot:
        bots.append(Bot(settings, start_worker(settings, WordEmbedder())))
        return bots[-1]

    yield make
    for bot in bots:
        await bot.close()


@pytest.fixture
def simcord_bot(new_bot: NewBot) -> Bot:
    return new_bot()


@pytest.fixture
async def world(simcord_env: Env) -> World:
    made = build_world(simcord_env)
    await made.set_up()
    return made


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedEndpoint]:
    """A language model's endpoint, whose key the bot has."""
    monkeypatch.setenv("PHRASING_KEY", KEY)
    async with scripted_endpoint() as made:
        yield made


@pytest.fixture
async def town(world: World) -> Town:
    return await build_town(world)


@pytest.fixture
def payload(simcord_env: Env) -> list[dict[str, Any]]:
    """The commands as they were sent to Discord."""
    [request] = [
        request
        for request in simcord_env.http_requests
        if request.method == "PUT" and request.path.endswith("/commands")
    ]
    assert isinstance(request.json, list)
    return request.json


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[WireServer]:
    """A Discord whose server has been set up."""
    async with wire_server() as made:
        guild_id = int(made.guild["id"])
        chosen = GuildSettings(guild_id, int(made.review["id"]), int(made.moderators["id"]))
        with Core(settings, WordEmbedder()) as core:
            core.store.guilds.save_settings(chosen, made.root.id)
        yield made


@pytest.fixture
def one_article(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out all shipped articles but one; they take longer to index than everything else."""
    articles = [*islice(corpus.articles(), 1)]
    monkeypatch.setattr(corpus, "articles", lambda: articles)
