"""Shards of a running bot, alone and as one of several processes."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cluster.cluster import Cluster
from bot.config.settings import DataSettings, Settings
from bot.interactions.features import Round
from bot.process.client import Bot
from knowledge.store.postgres.leases import Standing
from tests.bot.world import World

NOWHERE = "postgresql://nobody@/nothing?host=/nowhere"

_ALONE = """
import asyncio
import sys
from bot.process.client import Bot
from bot.config.settings import Settings

async def main():
    assert Bot(Settings()).cluster.leads

asyncio.run(main())
several = ("psycopg", "bot.cluster.cluster", "bot.cluster.membership")
print([name for name in sys.modules if name.startswith(several)])
"""


@pytest.fixture
async def cluster(tmp_path: Path) -> Cluster:
    """One of two processes, with the lease of shard 0."""
    bot = Bot(Settings(data=DataSettings(folder=tmp_path, database=NOWHERE)))
    assert isinstance(bot.cluster, Cluster)
    bot.cluster.count = 2
    bot.cluster.membership.standing = Standing({0: 3}, None, 2, 0)
    bot.cluster.membership._until = math.inf
    return bot.cluster


def test_single_process_loads_no_cluster_code() -> None:
    root = Path(__file__).parents[3]
    arguments = [sys.executable, "-c", _ALONE]
    said = subprocess.run(arguments, cwd=root, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


async def test_single_process_leads_with_every_shard(world: World) -> None:
    bot = world.bot
    assert bot.cluster.leads
    assert bot.serves(world.guild.id)
    assert bot.membership_known(world.guild.id)
    assert bot.all_memberships_known(world.guild.id)


async def test_guilds_are_purged_after_all_memberships(cluster: Cluster) -> None:
    member = cluster.membership
    assert cluster.own_shards.ids == {0}
    assert cluster.settled_shards.ids == {0, 1}
    member.standing = replace(member.standing, unready=1)
    assert cluster.settled_shards.ids == set()
    member.standing = replace(member.standing, unready=0)
    member._until = 0.0
    assert cluster.settled_shards.ids == cluster.own_shards.ids == set()


async def test_a_new_leader_runs_rounds_immediately(cluster: Cluster) -> None:
    done: list[int] = []

    async def step() -> None:
        done.append(cluster.terms)

    assert isinstance(cluster.bot, Bot)
    taken = cluster.bot.background.while_leading(Round(3_600, step, by_leader=True))
    await taken()
    assert done == []
    cluster.leads, cluster.terms = True, 1
    for _ in range(3):
        await taken()
    assert done == [1]
    cluster.leads = False
    await taken()
    cluster.leads, cluster.terms = True, 2
    await taken()
    assert done == [1, 2]


async def test_health_lists_the_held_shards(cluster: Cluster) -> None:
    told = cluster.details()
    assert told["shards"] == {"0": 3}
    assert told["processes"] == 2
    assert told["leads"] is False
