"""Scene of `benchmarks.killing_bots`: processes of a bot, four servers with people, and witnesses.

`Bots` starts the processes, and ends each at the time that its trial sets. `Community` is a server
whose people propose, decide and ask. `Watch` records writes and memberships in PostgreSQL by
triggers. Afterwards, `people_problems` and `log_problems` compare the records with what people saw.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import psycopg
from aiohttp.test_utils import unused_port

from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from knowledge.store.postgres.leases import LEADERSHIP
from tests.bot.cluster.processes import QUESTION, SHARDS
from tests.bot.launcher import ROOT, BotProcess, bot_process
from tests.bot.message_parts import text_of
from tests.bot.wire.gateway import Gateway
from tests.bot.wire.people import Person, labels
from tests.bot.wire.server import WireServer, wire_server
from tests.bot.wire.state import APPLICATION, Interaction, Json, State, snowflake, user
from tests.fakes import WordEmbedder
from tests.postgres import Cluster
from tests.postgres_cuts import CuttingSocket

# Among these commits of a life one is chosen to end before or after; the first are its start's.
COMMITS: Final = range(4, 20)
# Kill such a process at random after so many seconds.
LONGEST: Final = 25.0
_LOOK_SECONDS: Final = 0.05

# A writer before its first membership is at its first start.
_WITNESS: Final = """
create schema witness;
create unlogged table witness.writes (name text, place text, at timestamptz);
create unlogged table witness.members (name text, id text, began timestamptz, ended timestamptz);
create function witness.wrote() returns trigger language plpgsql as $$ begin
    insert into witness.writes
    values (current_setting('application_name'), tg_table_name, clock_timestamp());
    return null; end $$;
create function witness.joined() returns trigger language plpgsql as $$ begin
    if tg_op = 'INSERT' then
        insert into witness.members values (new.name, new.id, clock_timestamp(), null);
    else
        update witness.members set ended = clock_timestamp() where id = old.id and ended is null;
    end if;
    return null; end $$;
create trigger joined after insert or delete on work.processes
    for each row execute function witness.joined();
do $$ declare found text; begin
    for found in select oid::regclass from pg_class where relkind = 'r'
        and relnamespace in ('community'::regnamespace, 'index'::regnamespace)
    loop execute 'create trigger witnessed after insert or update or delete on ' || found
        || ' for each row execute function witness.wrote()'; end loop;
end $$
"""
_LATE_WRITES: Final = """
select w.name, w.place, count(*) from witness.writes w
where exists (select 1 from witness.members m where m.name = w.name and w.at > m.ended)
and not exists (select 1 from witness.members m where m.name = w.name
    and w.at >= m.began and (m.ended is null or w.at <= m.ended))
group by w.name, w.place
"""
_LEADER: Final = f"""
select a.application_name from pg_locks l join pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.granted and l.classid = 0 and l.objid = {LEADERSHIP}
and l.objsubid = 1
"""  # noqa: S608


class Watch:
    """A connection of the observer's own to the database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: psycopg.Connection[Any] | None = None

    def rows(self, sql: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Rows of a query.

        Raises:
            psycopg.OperationalError: while it is away.
        """
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.url, autocommit=True)
        cursor = self._connection.execute(sql.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def leader(self) -> str:
        """The leader's name, or an empty string."""
        found = self.rows(_LEADER)
        return str(found[0][0]) if found else ""

    def shards_of(self, name: str) -> list[int]:
        sql = "select s.shard from work.shards s join work.processes p on p.id = s.holder "
        return [shard for [shard] in self.rows(f"{sql} where p.name = %s", [name])]

    def marked_as_left(self) -> int:
        [(number,)] = self.rows("select count(*) from community.guilds where left_at is not null")
        return int(number)

    def late_writes(self) -> list[tuple[Any, ...]]:
        """Of whom rows were written after others had ended them and before they joined anew."""
        return self.rows(_LATE_WRITES)

    def bear_witness(self) -> None:
        """Record each write's process and each membership's period from now on."""
        self.rows(_WITNESS)


@dataclass
class Life:
    """One process: its planned end, and its name once it has one."""

    process: BotProcess
    port: int
    how: str
    until: float
    name: str = ""


@dataclass
class Bots:
    """The processes, and since when a shard's server waits because its process has died."""

    server: WireServer
    watch: Watch
    postgres: Cluster
    # The processes' way to the database.
    url: str
    folder: Path
    count: int
    lease_seconds: float
    chance: random.Random
    stack: AsyncExitStack
    # The checkout of the started program.
    root: Path = ROOT
    lives: list[Life] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    bereft: dict[int, float] = field(default_factory=dict)
    leading: list[float] = field(default_factory=list)
    left: int = 0
    started: int = 0

    async def begin(self, dying: float) -> None:
        """Start one more process; with `dying`, it ends around a commit or after some seconds."""
        port, how = unused_port(), "at random"
        more: dict[str, Any] = {}
        seconds = self.chance.uniform(0.5, 1.5) * dying
        if dying and self.chance.random() < 2 / 3:
            seconds = LONGEST
            when = self.chance.choice(["before", "after"])
            how = f"{when} a commit"
            more = {"DIES_AT_COMMIT": f"{self.chance.choice(COMMITS)} {when}"}
        self.started += 1
        config = self.folder / f"{self.started}.toml"
        config.write_text(
            f'[data]\ndatabase = "{self.url}"\n[health]\nport = {port}\n'
            "[questions]\nmember_burst = 0\n"
        )
        with config.with_suffix(".log").open("wb") as log:
            process = await self.stack.enter_async_context(
                bot_process(
                    self.server,
                    *("run", "--config", config, "--data", self.folder / "data"),
                    connected=False,
                    log=log,
                    root=self.root,
                    LEASE_SECONDS=str(self.lease_seconds),
                    **more,
                )
            )
        until = time.monotonic() + seconds if dying else math.inf
        self.lives.append(Life(process, port, how, until))

    async def keep(self, dying: float = 0) -> None:
        """Count ended processes, replace them, and learn the new ones' names.

        With `dying`, kill processes after so many seconds on average.
        """
        for life in self.lives:
            # It may have ended meanwhile.
            with contextlib.suppress(ProcessLookupError):
                if time.monotonic() > life.until:
                    # Through the process object, a poll would come first and hide the exit from
                    # asyncio.
                    os.kill(life.process.pid, signal.SIGKILL)
                    life.how = "at random"
        for life in [life for life in self.lives if life.process.returncode is not None]:
            self._count_end(life)
            self.lives.remove(life)
        while len(self.lives) < self.count:
            await self.begin(dying)
        await asyncio.gather(*(self._learn_name(life) for life in self.lives if not life.name))

    async def _learn_name(self, life: Life) -> None:
        seconds = aiohttp.ClientTimeout(total=1)
        try:
            async with (
                aiohttp.ClientSession(timeout=seconds) as session,
                session.get(f"http://127.0.0.1:{life.port}/healthz") as response,
            ):
                found = await response.json()
        except (aiohttp.ClientError, TimeoutError):
            return
        if member := found.get("process"):
            life.name = f"commonplace {member.partition('.')[0]}"

    def _count_end(self, life: Life) -> None:
        violent = life.process.returncode == -signal.SIGKILL
        self.ended[life.how if violent else f"by itself ({life.process.returncode})"] += 1
        if not life.name:
            return
        others = [other for other in self.lives if other.name and other.process.returncode is None]
        try:
            for shard in self.watch.shards_of(life.name):
                # With no process left to take over, this would measure their start.
                self.bereft.pop(shard, None)
                if others:
                    self.bereft[shard] = time.monotonic()
        except psycopg.OperationalError:
            return

    async def time_leading(self) -> None:
        """Until cancelled, record the time without a leader after each leader's end."""
        since, before = 0.0, ""
        while True:
            try:
                leader = self.watch.leader()
                self.left = max(self.left, self.watch.marked_as_left())
            except psycopg.OperationalError:
                since, before = 0.0, ""
            else:
                if leader and since:
                    self.leading.append(time.monotonic() - since)
                    since = 0.0
                elif before and not leader:
                    since = time.monotonic()
                before = leader or before
            await asyncio.sleep(_LOOK_SECONDS)

    def errors(self) -> Iterator[str]:
        """Unexpected errors in the processes' logs."""
        for path in sorted(self.folder.glob("*.log")):
            text = path.read_text(errors="replace")
            lines = text.splitlines()
            for number, line in enumerate(lines):
                if line.startswith("Traceback"):
                    yield "\n".join([path.name, *lines[max(0, number - 2) : number + 60]])


# Seconds to wait for a response: Discord reports a failure after three.
PATIENCE: Final = 5.0
# Seconds to wait after *thinking…*, because another process may take up the form.
THINKING: Final = 10.0
FORM_THINKING: Final = 45.0
# Seconds between two questions.
ASKING: Final = 1.0
_STATES: Final = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}

_T = TypeVar("_T")


@dataclass
class Wish:
    """People's wish for one note, and the number of their attempts."""

    title: str
    wanted: str = ""
    reason: str = ""
    submitted: bool = False
    decided: bool = False
    attempts: Counter[str] = field(default_factory=Counter)


class Community:
    """One server, its people and their actions."""

    def __init__(self, server: WireServer, shard: int, watch: Watch, seed: int) -> None:
        self.shard = shard
        self._server = server
        self._watch = watch
        self._chance = random.Random(seed)  # noqa: S311 - actions, not secrets
        state, ahead = server.state, (shard - (snowflake() >> 22)) % server.gateway.shards
        self.guild = state.add_guild(f"Shard {shard}", snowflake() + (ahead << 22))
        self.general = state.add_channel(self.guild, "general")
        self.review = state.add_channel(self.guild, "review")
        self.moderators = state.add_role(self.guild, "Moderators")
        self.mia = self._person(state, server.gateway, "Mia")
        self.ada = self._person(state, server.gateway, "Ada", self.moderators)
        self._askers = itertools.cycle(
            [self._person(state, server.gateway, f"Asker {number}") for number in range(9)]
        )
        self.wishes: list[Wish] = []
        # When each question was asked, by the id of its message; and the replies to it.
        self.asked: dict[str, float] = {}
        self.replies: dict[str, list[float]] = {}

    def _person(self, state: State, gateway: Gateway, name: str, *roles: Json) -> Person:
        account = user(f"{name} of {self.shard}")
        state.join(self.guild, account, roles)
        return Person(state, gateway, self.guild, account)

    @property
    def settings_ids(self) -> tuple[int, int, int]:
        """The server, its review channel and its moderators."""
        guild_id, review_id = int(self.guild["id"]), int(self.review["id"])
        return guild_id, review_id, int(self.moderators["id"])

    # Asking.

    async def ask(self) -> None:
        """Ask again and again."""
        while True:
            asked_at = time.monotonic()
            message = await next(self._askers).say(self.general, f"<@{APPLICATION}> {QUESTION}")
            self.asked[message["id"]] = asked_at
            await asyncio.sleep(ASKING)

    # Notes.

    async def go_on(self, going: Callable[[], bool]) -> None:
        """Propose one note after another and decide on it, while it goes on."""
        await self._soon(lambda: self._server.state.commands, 120)
        while going():
            wish = Wish(f"Trial {self.shard}n{len(self.wishes)}")
            self.wishes.append(wish)
            await self._propose(wish)
            card = await self._soon(lambda wish=wish: self._card(wish.title), 60)  # type: ignore[misc]
            if card is not None:
                wish.wanted = self._chance.choice(["approve", "approve", "reject", "withdraw"])
                wish.reason = f"Because of {wish.title}."
                await self._decide(wish, card)

    def _card(self, title: str) -> Json | None:
        for message in self._server.messages(self.review):
            if f"**{title}**" in text_of(message):
                return message
        return None

    async def _propose(self, wish: Wish) -> None:
        words = " ".join(f"w{self._chance.getrandbits(40):x}" for _ in range(12))
        fields = {"title": wish.title, "text": f"{wish.title}: {words}"}
        sent: Interaction | None = None
        opened: Interaction | None = None
        while not await self._on_record(wish.title):
            wish.attempts["submit"] += 1
            if opened is None or (sent is not None and sent.response is not None):
                opened = await self._open_form(lambda: self.mia.slash(self.general, "note add"))
                if opened is None:
                    continue
            # A client leaves a rejected form open.
            sent = await self.mia.fill(opened, **fields)
            wish.submitted = "is with the moderators" in await self._answer(sent, FORM_THINKING)

    async def _decide(self, wish: Wish, card: Json) -> None:
        while await self._on_record(wish.title) == "pending":
            wish.attempts[wish.wanted] += 1
            said = await getattr(self, f"_{wish.wanted}")(wish, card)
            wish.decided = said is not None and _STATES[wish.wanted] in said.lower()

    async def _approve(self, wish: Wish, card: Json) -> str | None:
        if "Approve" not in labels(card):
            return await self._soon(lambda: "", PATIENCE)
        return await self._answer(await self.ada.click(card, "Approve"))

    async def _reject(self, wish: Wish, card: Json) -> str | None:
        if "Reject" not in labels(card):
            return await self._soon(lambda: "", PATIENCE)
        opened = await self._open_form(lambda: self.ada.click(card, "Reject"))
        if opened is None:
            return None
        sent = await self.ada.fill(opened, reason=wish.reason)
        return await self._answer(sent, FORM_THINKING)

    async def _withdraw(self, wish: Wish, card: Json) -> str | None:
        command = await self.mia.slash(self.general, "note show", note=wish.title)
        await self._answer(command)
        shown = self._message(command)
        if shown is None or "Withdraw" not in labels(shown):
            return None
        click = await self.mia.click(shown, "Withdraw")
        await self._answer(click)
        asked = self._message(click)
        if asked is None or "Withdraw" not in labels(asked):
            return None
        await self.mia.click(asked, "Withdraw")
        await self._soon(lambda: "Withdraw" not in labels(asked), THINKING)
        return text_of(asked)

    # Looking.

    async def _on_record(self, title: str) -> str:
        """The state of a note's revision once it is visible; empty if there is none."""
        sql = "select state from community.revisions where title = %s"
        while True:
            try:
                rows = self._watch.rows(sql, [title])
            except psycopg.OperationalError:
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                return str(rows[-1][0]) if rows else ""

    def _message(self, interaction: Interaction) -> Json | None:
        message = self._server.state.messages.get(interaction.original or 0)
        return message if message is not None and not message["flags"] & 128 else None

    async def _answer(self, interaction: Interaction, thinking: float = THINKING) -> str:
        """The response to an interaction, or an empty string if it came too late."""
        if await self._soon(lambda: interaction.response, PATIENCE) is None:
            return ""
        message = await self._soon(lambda: self._message(interaction), thinking)
        return text_of(message) if message is not None else ""

    async def _open_form(self, act: Callable[[], Awaitable[Interaction]]) -> Interaction | None:
        """The form opened by an interaction, if any."""
        one = await act()
        response = await self._soon(lambda: one.response, PATIENCE)
        return one if response is not None and response["type"] == 9 else None

    async def _soon(self, look: Callable[[], _T | None], seconds: float) -> _T | None:
        end = time.monotonic() + seconds
        while True:
            found = look()
            if found or time.monotonic() > end:
                return found
            await asyncio.sleep(_LOOK_SECONDS)


class Ears:
    """The bot's replies to questions, as they come."""

    def __init__(self, server: WireServer, communities: list[Community]) -> None:
        self._server = server
        self._of = {community.general["id"]: community for community in communities}
        self._last = 0

    async def listen(self, answered: Callable[[int, float], Any]) -> None:
        """Listen until cancelled; call `answered` with the shard and the question's time."""
        while True:
            new = itertools.takewhile(lambda number: number > self._last, reversed(self._messages))
            found = [self._messages[number] for number in [*new][::-1]]
            self._last = int(found[-1]["id"]) if found else self._last
            for message in found:
                reference = message.get("message_reference") or {}
                community = self._of.get(message["channel_id"])
                asked = str(reference.get("message_id"))
                if community is not None and asked in community.asked and "> " in text_of(message):
                    community.replies.setdefault(asked, []).append(time.monotonic())
                    answered(community.shard, community.asked[asked])
            await asyncio.sleep(_LOOK_SECONDS)

    @property
    def _messages(self) -> dict[int, Json]:
        return self._server.state.messages


PROCESSES: Final = 3
# The first program makes everything, because a later one would have migrated it.
_PREPARING: Final = """
import json, sys
from pathlib import Path
from knowledge.store.postgres.leases import Leases
from bot.config.settings import Settings
from bot.config.settings import DataSettings
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

    async def keep_going(self, seconds: float) -> None:
        """Keep the processes going for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await self.bots.keep()
            await asyncio.sleep(STEP)

    async def until_answered(self) -> None:
        """Keep them going until each server has been answered in."""
        while not all(community.replies for community in self.communities):
            await self.keep_going(STEP)


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
        given = [[*community.settings_ids, community.ada.id] for community in communities]
        subprocess.run(  # noqa: S603, ASYNC221 - this very program, and nothing else runs yet
            [sys.executable, "-c", _PREPARING, str(folder / "data"), url, json.dumps(given)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            check=True,
        )
        watch.bear_witness()
        reached = url if cutting is None else cutting.url_of(url)
        bots = Bots(server, watch, postgres, reached, folder, PROCESSES, lease, chance, stack, root)
        yield Scene(server, postgres, watch, bots, communities, chance, cutting)


def people_problems(scene: Scene) -> Iterator[str]:
    """Differences between records and replies to people, and doubles."""
    for community in scene.communities:
        yield from note_problems(scene, community)
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
    late = [problem for problem in scene.server.problems if "answered after" in problem]
    if late:
        print(f"{len(late)} interactions were answered later than Discord takes")
    yield from (problem for problem in scene.server.problems if problem not in late)
    scene.server.rest.problems.clear()
    scene.server.gateway.problems.clear()


def note_problems(scene: Scene, community: Community) -> Iterator[str]:
    cards = [text_of(card) for card in scene.server.messages(community.review)]
    for wish in community.wishes:
        found = scene.watch.rows(_REVISIONS, [wish.title])
        posted = sum(f"**{wish.title}**" in card for card in cards)
        if len(found) > 1 or (wish.submitted and not found):
            yield f"{wish}: {len(found)} times"
        if posted > 1 or (found and not posted):
            yield f"{wish}: {posted} cards"
        for _, state, reviews, notices in found:
            decided = int(state in {"approved", "rejected"})
            if (reviews, notices) != (decided, decided):
                yield f"{wish}: {state}, {reviews} reviews, {notices} notices"
            if wish.decided and state == "pending":
                yield f"{wish}: lost"


def log_problems(folder: Path, url: str) -> Iterator[str]:
    settings = Settings(data=DataSettings(folder=folder / "data", database=url))
    with Core(settings, WordEmbedder()) as core:
        if contradicted := core.store.audit_log.contradicted_notes():
            yield f"notes are not what the log says: {contradicted[:3]}"
        for row in core.store.database.rows(
            "select guild_id, count(*) as n, max(number) as last from log group by guild_id"
        ):
            if row["n"] != row["last"]:
                yield f"the log of {row['guild_id']} has {row['n']} lines up to {row['last']}"
