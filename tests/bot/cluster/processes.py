"""Several processes of the bot on one database, against a strict Discord, for tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import unused_port

from bot.config.settings import Settings
from knowledge.store.postgres.leases import LEADERSHIP
from tests.bot.launcher import BotProcess, bot_process
from tests.bot.wire.people import Person
from tests.bot.wire.server import WireServer
from tests.bot.wire.state import APPLICATION, Json
from tests.postgres import Cluster

SHARDS = 4
QUESTION = "What is open source AI?"


@dataclass
class Processes:
    """Processes of one bot, and one server of Discord in each of its shards."""

    server: WireServer
    postgres: Cluster
    url: str
    settings: Settings
    lease_seconds: float
    stack: AsyncExitStack
    members: list[tuple[Person, Json]] = field(default_factory=list)
    # By the name of their sessions with the database.
    running: dict[str, BotProcess] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    async def start(self, folder: Path | None = None) -> str:
        """Start a process and wait until it has joined; returns its name."""
        before = self.names()
        process, port = await self.launch(folder)
        await self.until(lambda: self.names() - before, "another process", process)
        [name] = self.names() - before
        self.running[name], self.ports[name] = process, port
        return name

    async def launch(self, folder: Path | None = None) -> tuple[BotProcess, int]:
        """Start a process; returns it, and the port of its health report."""
        port = unused_port()
        config = self.settings.data.folder.parent / f"{port}.toml"
        _configure(config, self.url, port)
        arguments = ("run", "--config", config, "--data", folder or self.settings.data.folder)
        process = await self.stack.enter_async_context(
            bot_process(
                self.server,
                *arguments,
                connected=False,
                LEASE_SECONDS=str(self.lease_seconds),
            )
        )
        return process, port

    async def health(self, name: str) -> Json:
        """A process's health report."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.ports[name]}/healthz") as response,
        ):
            found: Json = await response.json()
            return found

    async def until(self, look: Any, what: str, *processes: BotProcess) -> Any:
        """Wait for a condition; fail with the processes' output."""
        try:
            return await self.server.until(look, what)
        except AssertionError as error:
            said = []
            for process in processes or self.running.values():
                if process.returncode is None:
                    process.kill()
                said.append((await process.communicate())[1].decode()[-6_000:])
            raise AssertionError(f"{error}; " + "\n---\n".join(said)) from error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """State of the database."""
        return self.postgres.execute(sql, self.url)

    def names(self) -> set[str]:
        """The members."""
        if not self.rows("select 1 where to_regclass('work.processes') is not null"):
            return set()
        return {name for [name] in self.rows("select name from work.processes")}

    def held(self) -> dict[int, tuple[str, int, bool]]:
        """By shard: its holder's name, its epoch, and whether it is ready."""
        if not self.rows("select 1 where to_regclass('work.shards') is not null"):
            return {}
        return {
            shard: (name, epoch, ready)
            for shard, name, epoch, ready in self.rows(
                "select s.shard, p.name, s.epoch, s.ready_at is not null from work.shards s "
                "left join work.processes p on p.id = s.holder"
            )
        }

    async def shared(self, *names: str) -> None:
        """Wait until these processes have the shards ready, each of them as many as another."""

        def even() -> bool:
            found = [name for name, _, ready in self.held().values() if ready]
            return len(found) == SHARDS and all(
                found.count(name) == SHARDS // len(names) for name in names
            )

        await self.until(even, f"the shards are shared by {names}")

    def shards_of(self, name: str) -> list[int]:
        return [shard for shard, (holder, _, _) in self.held().items() if holder == name]

    def leader(self) -> str:
        """The leader's name, or ""."""
        found = self.rows(
            "select a.application_name from pg_locks l join pg_stat_activity a using (pid) "  # noqa: S608
            "where l.locktype = 'advisory' and l.granted and l.classid = 0 "
            f"and l.objid = {LEADERSHIP} and l.objsubid = 1"
        )
        return str(found[0][0]) if found else ""

    async def ask(self, shard: int) -> Json:
        """Mention the bot in the server of a shard; returns the message."""
        member, channel = self.members[shard]
        return await member.say(channel, f"<@{APPLICATION}> {QUESTION}")

    def replies(self, shard: int, to: Json) -> list[Json]:
        return self.server.replies(self.members[shard][1], to)

    async def answered(self, shard: int) -> Json:
        """Ask, and wait for an answer; returns the question."""
        asked = await self.ask(shard)
        await self.until(lambda: self.replies(shard, asked), f"an answer in shard {shard}")
        return asked

    def questions(self) -> int:
        """How many questions are on record."""
        [(number,)] = self.rows("select count(*) from community.questions")
        return int(number)


def _configure(path: Path, url: str, port: int) -> None:
    text = f'[data]\ndatabase = "{url}"\n[health]\nport = {port}\n'
    path.write_text(text, encoding="utf-8")


@asynccontextmanager
async def processes(
    server: WireServer,
    postgres: Cluster,
    url: str,
    settings: Settings,
    lease_seconds: float = 3,
) -> AsyncIterator[Processes]:
    """No process yet, on an empty database and a data folder with an index of the articles."""
    folder = settings.data.folder
    for path in folder.glob("community.db*"):
        path.unlink()
    server.gateway.shards = server.gateway.max_concurrency = SHARDS
    async with AsyncExitStack() as stack:
        made = Processes(server, postgres, url, settings, lease_seconds, stack)
        made.members = [server.in_shard(shard) for shard in range(SHARDS)]
        yield made
