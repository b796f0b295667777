"""Public pages of a running bot: published after a change, deleted, and followed by a hook."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.config.settings import Settings
from bot.page import publisher
from bot.page.publisher import ROUND_SECONDS, PagePublisher
from bot.process.client import Bot, start_worker
from tests.bot.page.turned_on import turn_on
from tests.bot.world import TEXT, World
from tests.fakes import WordEmbedder

# What a hook of these tests does: it writes what it was given.
_HOOK = (
    "import os, pathlib, sys; "
    "pathlib.Path(sys.argv[1]).write_text(sys.argv[2] + os.environ.get('DISCORD_TOKEN', '')); "
    "sys.exit(sys.argv[3] if len(sys.argv) > 3 else 0)"
)
# In Discord's words alone.
_WORDS = TEXT.split(".")[0]


class Pages:
    """A publisher with a clock that advances by one interval a round."""

    def __init__(self, world: World, folder: Path) -> None:
        self.folder, self.seconds, self._world = folder, 0.0, world
        self.publisher = PagePublisher(world.bot, lambda: self.seconds)

    async def rounds(self, number: int = 1) -> None:
        for _ in range(number):
            self.seconds += ROUND_SECONDS
            await self.publisher.round()

    @property
    def page(self) -> Path:
        return self.folder / str(self._world.guild.id)

    def said(self) -> str:
        """All text in the folder, including the copy that isn't served."""
        files = [one for one in self.folder.rglob("*") if one.is_file()]
        return "".join(one.read_text(errors="replace") for one in files)


def with_page(bot: Bot, **chosen: Any) -> None:
    page = bot.settings.page.model_copy(update=chosen)
    bot.settings = bot.settings.model_copy(update={"page": page})


@pytest.fixture
async def pages(world: World, tmp_path: Path) -> Pages:
    """A server with a page that has a note."""
    with_page(world.bot, folder=str(tmp_path / "pages"))
    await turn_on(world)
    await world.publish()
    return Pages(world, tmp_path / "pages")


async def test_a_veto_or_erasure_empties_the_page(world: World, pages: Pages) -> None:
    note = pages.page / "notes" / "1" / "index.html"
    await pages.rounds()
    assert _WORDS in note.read_text()
    await world.moderator.select(world.card, ["off_page"], custom_id="card_menu:1")
    await pages.rounds()
    assert _WORDS in pages.said()
    await pages.rounds()
    assert _WORDS not in pages.said()
    assert (pages.page / "index.html").is_file()

    await world.moderator.select(world.card, ["on_page"], custom_id="card_menu:1")
    await pages.rounds(2)
    assert _WORDS in note.read_text()
    await world.core(lambda core: core.store.personal_data.forget(world.member.id, withdraw=False))
    await pages.rounds(2)
    assert _WORDS not in pages.said()


async def test_constant_changes_are_published_within_a_minute(world: World, pages: Pages) -> None:
    await pages.rounds()
    await world.moderator.select(world.card, ["off_page"], custom_id="card_menu:1")
    gone = []
    for _ in range(60 // ROUND_SECONDS):
        await turn_on(world)
        await pages.rounds()
        gone.append(_WORDS not in pages.said())
    assert gone == sorted(gone)
    assert not gone[1]
    assert gone[-2]


async def test_a_page_is_deleted_with_its_setting(world: World, pages: Pages) -> None:
    await pages.rounds()
    other = pages.folder / "mine.txt"
    other.write_text("The operator's own.")
    await turn_on(world, page=False)
    await pages.rounds()
    assert pages.said() == other.read_text()
    assert not pages.page.exists()
    await turn_on(world)
    await pages.rounds()
    assert (pages.page / "notes" / "1" / "index.html").is_file()
    await world.core(lambda core: core.store.guilds.leave(world.guild.id, datetime.now(UTC)))
    await pages.rounds()
    assert pages.said() == other.read_text()


async def test_a_foreign_folder_is_left_alone(
    world: World, pages: Pages, caplog: pytest.LogCaptureFixture
) -> None:
    pages.page.mkdir(parents=True)
    (pages.page / "mine.txt").write_text("Mine.")
    await pages.rounds(2)
    assert caplog.text.count(f"The page of server {world.guild.id} could not be published") == 1
    assert (pages.page / "mine.txt").read_text() == "Mine."


async def test_the_bot_publishes_by_itself(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    await turn_on(world)
    await world.publish()
    folder = settings.page.model_copy(update={"folder": str(tmp_path / "pages")})
    with_folder = settings.model_copy(update={"page": folder})

    await world.start_again(lambda: Bot(with_folder, start_worker(with_folder, WordEmbedder())))
    page = tmp_path / "pages" / str(world.guild.id) / "notes" / "1" / "index.html"
    async with asyncio.timeout(60):
        while not page.is_file():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.05)
    assert _WORDS in page.read_text()
    await world.bot.close()


# The hook.


async def test_the_hook_runs_once_a_change(
    world: World, pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    done = tmp_path / "done"
    with_page(world.bot, after=[sys.executable, "-c", _HOOK, str(done), "$HOME; `ls` *"])
    await pages.rounds()
    assert done.read_text() == "$HOME; `ls` *"
    done.unlink()
    await pages.rounds(3)
    assert not done.exists()
    await turn_on(world, page=False)
    await pages.rounds()
    assert done.exists()


async def test_a_failed_hook_is_retried_each_minute(
    world: World, pages: Pages, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done = tmp_path / "done"
    failing = [sys.executable, "-c", _HOOK, str(done), "", "No route to host."]
    with_page(world.bot, after=failing)
    await pages.rounds(3)
    assert caplog.text.count("It ended with exit code 1: No route to host.") == 1
    done.unlink()
    with_page(world.bot, after=failing[:-1])
    await pages.rounds(6)
    assert done.exists()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (["/no/such/command"], "/no/such/command can't be run: No such file or directory."),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "It was ended after 0.1 s."),
        ([sys.executable, "-c", "import sys; sys.exit(3)"], "It ended with exit code 3: "),
        ([sys.executable, "-c", ""], ""),
    ],
)
async def test_the_reason_of_a_failed_hook_is_returned(command: list[str], problem: str) -> None:
    assert await publisher.run_hook(command, 0.1 if "sleep" in command[-1] else 60) == problem
