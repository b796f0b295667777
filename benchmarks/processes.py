"""Failover of a bot of several processes: time to a new leader, and to answers in every server.

    python -m benchmarks.processes --kills 5

Two processes share four shards, with the leases of a real bot, on a PostgreSQL and a Discord of
this machine. Discord lets one shard begin every five seconds (`--concurrency 1`, as for most bots).
The leader is killed with SIGKILL, again and again, and a new process takes its place. From then on,
somebody mentions the bot in the server of each shard. The embedder is the tests' bag of words.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from knowledge.store.postgres.leases import LEASE_SECONDS
from tests.bot.cluster.processes import Processes, processes
from tests.bot.wire.server import wire_server
from tests.fakes import WordEmbedder
from tests.postgres import running_cluster

PAUSE_SECONDS: Final = 0.005


async def _leads(bot: Processes, but: str) -> float:
    while bot.leader() in {"", but}:  # noqa: ASYNC110 - of another process
        await asyncio.sleep(PAUSE_SECONDS)
    return time.monotonic()


async def _answers(bot: Processes, shard: int) -> float:
    """Ask once a second until there is an answer."""
    while True:
        asked = await bot.ask(shard)
        for _ in range(round(1 / PAUSE_SECONDS)):
            if bot.replies(shard, asked):
                return time.monotonic()
            await asyncio.sleep(PAUSE_SECONDS)


async def _measure(folder: Path, kills: int, concurrency: int) -> None:
    settings = Settings(data=DataSettings(folder=folder / "data"))
    with Core(settings, WordEmbedder()) as core:
        for _ in index_updates.update_notes_and_articles(core):
            pass
    with running_cluster() as postgres:
        async with wire_server() as server:
            made = processes(server, postgres, postgres.empty(), settings, LEASE_SECONDS)
            async with made as bot:
                server.gateway.max_concurrency = concurrency
                names = [await bot.start(), await bot.start()]
                await bot.shared(*names)
                leading, answering = [], []
                for number in range(kills):
                    leader = bot.leader()
                    lost = bot.shards_of(leader)
                    bot.running[leader].kill()
                    began = time.monotonic()
                    leading.append(await _leads(bot, leader) - began)
                    answered = await asyncio.gather(*(_answers(bot, shard) for shard in lost))
                    answering.append(max(answered) - began)
                    print(
                        f"kill {number + 1}: another led after {leading[-1]:.2f} s, servers of "
                        f"{len(lost)} shards were answered after {answering[-1]:.1f} s",
                        flush=True,
                    )
                    names = [name for name in names if name != leader] + [await bot.start()]
                    await bot.shared(*names)
    print(
        f"another process leads: median {statistics.median(leading):.2f} s, worst "
        f"{max(leading):.2f} s; all servers of a dead process are answered: median "
        f"{statistics.median(answering):.1f} s, worst {max(answering):.1f} s ({kills} kills, "
        f"leases of {LEASE_SECONDS:.0f} s, concurrency {concurrency})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Path(folder), arguments.kills, arguments.concurrency))


if __name__ == "__main__":
    main()
