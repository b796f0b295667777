"""Scene of real bot processes in use: its setup, and the conditions at its end.

Every reply to people is on record once and was posted once. No server was marked as
left; no process has written between two memberships.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.bot_people import Community
from benchmarks.bot_processes import Bots, Watch
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from tests.bot.cluster.processes import SHARDS
from tests.bot.wire.server import WireServer, wire_server
from tests.bot.world import text_of
from tests.fakes import WordEmbedder
from tests.postgres import Cluster
from tests.postgres_cuts import CuttingSocket

PROCESSES: Final = 3
# The first program makes everything, because a later one would have migrated it.
_PREPARED: Final = """
import json, sys
from pathlib import Path
from knowledge.store.postgres.leases import Leases
from bot.config.settings import Settings
from bot.config.sections import DataSettings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from knowledge.values.settings import GuildSettings
from tests.fakes import WordEmbedder
folder, url, given = sys.argv[1:]
settings = Settings(data=DataSettings(folder=Path(folder), database=url))
with Core(settings, WordEmbedder()) as core:
    run_to_end(index_updates.update_notes_and_articles(core))
    for guild_id, review_id, moderators_id, member_id in json.loads(given):
        chosen = GuildSettings(guild_id, review_id, moderators_id)
        core.store.guilds.save_settings(chosen, member_id)
Leases(url, name="nobody").close()
"""


STEP: Final = 0.1

_REVISIONS: Final = """
select r.id, r.state, (select count(*) from community.reviews v where v.revision_id = r.id),
(select count(*) from community.notices x where x.revision_id = r.id)
from community.revisions r where r.title = %s
"""


@dataclass
class Scene:
    """All participants."""

    server: WireServer
    postgres: Cluster
    watch: Watch
    bots: Bots
    communities: list[Community]
    chance: random.Random
    cutting: CuttingSocket | None = None

    async def living(self, seconds: float) -> None:
        """Keep the processes going for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await self.bots.keep()
            await asyncio.sleep(STEP)

    async def begun(self) -> None:
        """Keep them going until each server has been answered in."""
        while not all(one.replies for one in self.communities):
            await self.living(STEP)


def _prepare(root: Path, *told: str) -> None:
    subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-c", _PREPARED, *told],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=True,
    )


@asynccontextmanager
async def scene_of(
    postgres: Cluster,
    folder: Path,
    asked: argparse.Namespace,
    cutting: CuttingSocket | None,
    root: Path,
) -> AsyncIterator[Scene]:
    url, seed, lease = postgres.empty(), asked.seed, asked.lease
    async with wire_server() as server, AsyncExitStack() as stack:
        server.gateway.shards = server.gateway.max_concurrency = SHARDS
        watch, chance = Watch(url), random.Random(seed)  # noqa: S311
        communities = [Community(server, shard, watch, seed + shard) for shard in range(SHARDS)]
        given = [[*one.settings_ids, one.ada.id] for one in communities]
        await asyncio.to_thread(_prepare, root, str(folder / "data"), url, json.dumps(given))
        watch.bear_witness()
        reached = url if cutting is None else cutting.url_of(url)
        bots = Bots(server, watch, postgres, reached, folder, PROCESSES, lease, chance, stack, root)
        yield Scene(server, postgres, watch, bots, communities, chance, cutting)


# Conditions at the end.


def problems(scene: Scene) -> Iterator[str]:
    """Differences between records and replies to people, and doubles."""
    for community in scene.communities:
        yield from _of_notes(scene, community)
        direct = scene.server.messages(community.mia.direct)
        notices = Counter(map(text_of, direct))
        yield from (f"told {n} times: {said}" for said, n in notices.items() if n > 1)
        for asked, replies in community.replies.items():
            if len(replies) > 1:
                yield f"question {asked} was answered {len(replies)} times"
    if scene.bots.left:
        yield f"{scene.bots.left} servers were marked as left"
    for name, place, count in scene.watch.late_writes():
        yield f"{name} wrote {count} rows of {place} after it had been ended"
    late = [one for one in scene.server.problems if "answered after" in one]
    if late:
        print(f"{len(late)} interactions were answered later than Discord takes")
    yield from (one for one in scene.server.problems if one not in late)
    scene.server.rest.problems.clear()
    scene.server.gateway.problems.clear()


def _of_notes(scene: Scene, community: Community) -> Iterator[str]:
    cards = [text_of(one) for one in scene.server.messages(community.review)]
    for told in community.told:
        found = scene.watch.rows(_REVISIONS, [told.title])
        posted = sum(f"**{told.title}**" in one for one in cards)
        if len(found) > 1 or (told.submitted and not found):
            yield f"{told}: {len(found)} times"
        if posted > 1 or (found and not posted):
            yield f"{told}: {posted} cards"
        for _, state, reviews, notices in found:
            decided = int(state in {"approved", "rejected"})
            if (reviews, notices) != (decided, decided):
                yield f"{told}: {state}, {reviews} reviews, {notices} notices"
            if told.decided and state == "pending":
                yield f"{told}: lost"


def of_the_log(folder: Path, url: str) -> Iterator[str]:
    settings = Settings(data=DataSettings(folder=folder / "data", database=url))
    with Core(settings, WordEmbedder()) as core:
        if contradicted := core.store.audit_log.contradicted_notes():
            yield f"notes are not what the log says: {contradicted[:3]}"
        for row in core.store.database.rows(
            "select guild_id, count(*) as n, max(number) as last from log group by guild_id"
        ):
            if row["n"] != row["last"]:
                yield f"the log of {row['guild_id']} has {row['n']} lines up to {row['last']}"
