"""`commonplace` with another address for Discord and the fakes' embedder, as a process of its own.

`bot_process.py ADDRESS ARGUMENTS…`. Whoever asks "slowly" holds the worker up for a moment.
With `DIES_AT_COMMIT="17 before"` it ends by SIGKILL before, or after, that commit. With
`CLOCK_SPEED=60` its event loop waits a second where it would a minute. With `INSTALLED_MODEL` it
has the settings' model.
"""

import gc

# As in `bot.__main__`, which ends it.
gc.disable()

import asyncio
import importlib
import os
import selectors
import sys
import time
from collections.abc import Sequence
from typing import Any

import discord.gateway
import discord.http
import numpy as np
import yarl
from numpy.typing import NDArray

from bot.__main__ import main as commonplace
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.worker import Worker
from bot.process.client import Bot
from tests.fakes import WordEmbedder

SLOW_SECONDS = 1.5


class SlowEmbedder(WordEmbedder):
    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if any("slowly" in text for text in texts):
            time.sleep(SLOW_SECONDS)
        return super().embed_queries(texts)


class _FastSelector(selectors.DefaultSelector):
    """Waits for a part of the time."""

    speed = 1.0

    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout and timeout / self.speed)


class _FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock is so many times as fast."""

    def __init__(self) -> None:
        super().__init__(_FastSelector())

    def time(self) -> float:
        return super().time() * _FastSelector.speed


class _FastPolicy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = _FastLoop


def make(settings: Settings) -> Bot:
    seconds = float(os.environ.get("OPENING_SECONDS", "0"))

    def opened() -> Core:
        time.sleep(seconds)
        return Core(settings, SlowEmbedder())

    return Bot(settings, Worker(opened, Core.close))


def main() -> None:
    address = sys.argv.pop(1)
    discord.http.Route.BASE = f"{address}/api"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(
        f"{address}/gateway/".replace("http", "ws")
    )
    if "CLOCK_SPEED" in os.environ:
        _FastSelector.speed = float(os.environ["CLOCK_SPEED"])
        asyncio.set_event_loop_policy(_FastPolicy())
    if "LEASE_SECONDS" in os.environ:
        # Nothing of it is imported unless the data is in PostgreSQL.
        leases = importlib.import_module("knowledge.store.postgres.leases")
        vars(leases)["LEASE_SECONDS"] = float(os.environ["LEASE_SECONDS"])
    if "DIES_AT_COMMIT" in os.environ:
        number, when = os.environ["DIES_AT_COMMIT"].split()
        # PostgreSQL's commits: nothing of it is imported otherwise.
        deaths = importlib.import_module("tests.commit_deaths")
        deaths.die_around_commit(int(number), after=when == "after")
    if "INSTALLED_MODEL" in os.environ:
        commonplace()
    else:
        commonplace(make)


if __name__ == "__main__":
    main()
