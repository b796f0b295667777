"""The modules of the project that a question, a proposed note and an approval enter.

The real bot runs under simcord while a profiler records every call into the project's files, in
the event loop and in all threads. What is counted is the second of its kind: the first one of a
process opens what later ones find open.

    python -m benchmarks.entered_modules [--names] [--model]

Without `--model` the words embedder of the tests stands in for the model, whose own modules (three
to five) are the same for all questions.
"""

import argparse
import asyncio
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import simcord

from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.process.client import Bot, start_worker
from tests.bot.world import World, build_world, custom_ids
from tests.fakes import WordEmbedder

PROJECT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("bot", "indexer", "knowledge")
SETTLE_SECONDS: Final = 60


class Entered:
    """A profiler that counts calls into the project, by module."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._modules: dict[CodeType, str] = {}

    def __enter__(self) -> "Entered":
        # Threads that run already, as the worker's does, are told by `setprofile_all_threads`,
        # which Python has from 3.12 on; before that they are told when they take their next job.
        threading.setprofile(self._called)
        sys.setprofile(self._called)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def in_thread(self, *, recorded: bool) -> None:
        """Begin or end to record in the thread that calls."""
        sys.setprofile(self._called if recorded else None)

    def _called(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call":
            return
        module = self._modules.get(frame.f_code)
        if module is None:
            module = self._modules[frame.f_code] = _module(frame.f_code.co_filename)
        if module:
            self.calls[module] += 1


def _module(file: str) -> str:
    path = Path(file)
    if not path.is_relative_to(PROJECT):
        return ""
    inside = path.relative_to(PROJECT)
    return str(inside) if inside.parts[0] in PACKAGES else ""


async def counted(world: World, act: Callable[[], Awaitable[object]]) -> Counter[str]:
    """The calls into each module while something is done and everything that follows from it."""
    entered = Entered()
    await world.core(lambda _core: entered.in_thread(recorded=True))
    with entered:
        await act()
        await world.env.settle()
    await world.core(lambda _core: entered.in_thread(recorded=False))
    return entered.calls


async def approve(world: World) -> None:
    """A moderator's click on the last card."""
    [approving] = [one for one in custom_ids(world.card) if one.endswith(":approve")]
    await world.moderator.click(world.card, custom_id=approving)


async def measure(folder: Path, *, model: bool) -> dict[str, Counter[str]]:
    """The calls into each module, by what was done."""
    settings = Settings(data=DataSettings(folder=folder))
    embedder = None if model else WordEmbedder()
    with Core(settings, embedder) as core:
        run_to_end(index_updates.update_quickly(core))
    bot = Bot(settings, start_worker(settings, embedder))
    async with simcord.run(bot, settle_timeout=SETTLE_SECONDS) as env:
        world = build_world(env)
        await world.set_up()
        await world.publish("Kite club", "The kite club meets on the beach on Sundays.")
        await world.ask("When does the kite club meet?")
        await env.settle()
        found = {
            "a question": await counted(world, lambda: world.ask("Where does the kite club meet?")),
            "a proposed note": await counted(world, world.propose),
            "an approval": await counted(world, lambda: approve(world)),
        }
    await bot.close()
    return found


def main() -> None:
    """Print how many modules were entered by package, and how many calls went into them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--names", action="store_true", help="print the modules, too")
    parser.add_argument("--model", action="store_true", help="with the default model")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), model=chosen.model))
    for name, calls in found.items():
        packages = Counter(module.split("/")[0] for module in calls)
        by_package = ", ".join(f"{package} {packages[package]}" for package in PACKAGES)
        print(f"{name}: {len(calls)} modules ({by_package}), {sum(calls.values()):,} calls")
        if chosen.names:
            for module, number in sorted(calls.items()):
                print(f"  {module} {number}")


if __name__ == "__main__":
    main()
