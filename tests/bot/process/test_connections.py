"""Outages of Discord on a simulated clock."""

import asyncio
import functools
import itertools
import json
import logging
import selectors
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping
from enum import StrEnum, auto
from typing import Any, Final

import aiohttp
import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.interactions.kit.connection_backoff import STEADY_SECONDS
from bot.interactions.kit.discord_internals import resume_shards
from bot.process.connections import (
    ASK_SECONDS,
    SECONDS,
    TOLD_SECONDS,
    Connections,
    IdentifyLimit,
    loop_seconds,
)
from bot.process.login import UnreachableError
from bot.process.sharded_client import ShardedClient

DAY: Final = 86_400.0
COMMON: Final = "wss://gateway.example"
RESUMING: Final = "wss://resume.example"
_USER: Final = {"id": "1", "username": "commonplace", "discriminator": "0", "avatar": None}
# discord.py sends heartbeats from a thread, by another clock: never, as far as a test goes.
_HEARTBEAT_MS: Final = 10**9


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: "_Loop") -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found and timeout:
            self._loop.seconds += timeout
        return found


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.seconds


def simulated(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on such a clock."""

    @functools.wraps(test)
    def run(**arguments: Any) -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(test(**arguments))

    return run


class State(StrEnum):
    """How Discord is."""

    UP = auto()
    # Nothing takes connections.
    UNREACHABLE = auto()
    # A HELLO, then a close after any packet.
    CLOSING = auto()
    # The same, and sessions are lost: a RESUME is answered by operation 9.
    FORGETFUL = auto()
    # Operation 9 is the answer to everything.
    INVALID = auto()
    # A HELLO, and nothing more.
    SILENT = auto()
    # READY or RESUMED, and a close after it.
    FLAPPING = auto()


class _Socket:
    """The bot's end of one connection."""

    def __init__(self, gateway: "SimulatedGateway") -> None:
        self._gateway = gateway
        self._received: asyncio.Queue[dict[str, Any] | int] = asyncio.Queue()
        self.shard = -1
        self.ready = False
        self.close_code: int | None = None
        self.tell({"op": 10, "d": {"heartbeat_interval": _HEARTBEAT_MS}})

    @property
    def closed(self) -> bool:
        return self.close_code is not None

    def tell(self, packet: dict[str, Any] | int) -> None:
        """Send a packet, or close with a code."""
        self._received.put_nowait(packet)

    async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:  # noqa: ASYNC109
        # Heartbeats would be answered meanwhile.
        packet = await asyncio.wait_for(self._received.get(), None if self.ready else timeout)
        if isinstance(packet, int):
            self.close_code = packet
            return aiohttp.WSMessage(aiohttp.WSMsgType.CLOSE, packet, "")
        return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, json.dumps(packet), "")

    async def send_str(self, text: str) -> None:
        packet = json.loads(text)
        if packet["op"] in (2, 6):
            self._gateway.take(self, packet["op"], packet["d"])

    async def close(self, *, code: int = 4000) -> None:
        self.close_code = self.close_code or code
        self._gateway.lose(self)


class SimulatedGateway:
    """Discord's gateway; a bot's violation fails the test."""

    def __init__(self, shards: int, max_concurrency: int = 1, remaining: int = 1_000) -> None:
        self.shards = shards
        self.max_concurrency = max_concurrency
        self.remaining = remaining
        self.state = State.UP
        # The affected shards, if not all.
        self.only: set[int] | None = None
        # The invalid address.
        self.gone: tuple[str, ...] = ()
        # Whether `/gateway/bot` answers.
        self.rest = True
        self.resets_at = 1_000.0 + DAY
        self.connections = 0
        self.resumes: Counter[int] = Counter()
        # Times, by shard.
        self.identifies: defaultdict[int, list[float]] = defaultdict(list)
        self._buckets: defaultdict[int, float] = defaultdict(lambda: -DAY)
        self._sessions: dict[str, int] = {}
        self._ready: dict[int, _Socket] = {}
        # Set while every shard is connected.
        self.complete = asyncio.Event()

    @property
    def ready(self) -> set[int]:
        """The connected shards."""
        return set(self._ready)

    def lose(self, socket: _Socket) -> None:
        """Note an ended or ending connection."""
        if self._ready.get(socket.shard) is socket:
            del self._ready[socket.shard]
            self.complete.clear()

    def _end(self, packet: dict[str, Any] | int) -> None:
        """Let every connection end by a packet, or with a code."""
        for socket in [*self._ready.values()]:
            self.lose(socket)
            socket.tell(packet)

    async def connect(self, url: str, **_: Any) -> _Socket:
        """In the place of `HTTPClient.ws_connect`."""
        self.connections += 1
        if url.startswith(self.gone) or self.state is State.UNREACHABLE:
            raise aiohttp.ClientConnectionError("away")
        # Earliest time of a connection.
        await asyncio.sleep(0.1)
        return _Socket(self)

    async def limits(self) -> tuple[int, str, dict[str, int]]:
        """In the place of `HTTPClient.get_bot_gateway`."""
        if not self.rest:
            raise discord.GatewayNotFound
        self._renew()
        left = asyncio.get_running_loop().time()
        return (
            self.shards,
            COMMON,
            {
                "total": 1_000,
                "remaining": self.remaining,
                "reset_after": round((self.resets_at - left) * 1_000),
                "max_concurrency": self.max_concurrency,
            },
        )

    def _renew(self) -> None:
        while self.resets_at <= asyncio.get_running_loop().time():
            self.remaining, self.resets_at = 1_000, self.resets_at + DAY

    def take(self, socket: _Socket, operation: int, data: dict[str, Any]) -> None:
        """Take IDENTIFY (2) or RESUME (6)."""
        if operation == 2:
            self._identify(socket, data["shard"][0])
        else:
            socket.shard = self._sessions.get(data["session_id"], -1)
            self.resumes[socket.shard] += 1
        state = self._state_of(socket)
        lost = state in (State.INVALID, State.FORGETFUL) or socket.shard < 0
        if state is State.SILENT:
            return
        if state is State.INVALID or (operation == 6 and lost):
            socket.tell({"op": 9, "d": False})
        elif state in (State.CLOSING, State.FORGETFUL):
            socket.tell(4000)
        else:
            self._begin(socket, operation)

    def _state_of(self, socket: _Socket) -> State:
        return self.state if self.only is None or socket.shard in self.only else State.UP

    def _identify(self, socket: _Socket, shard: int) -> None:
        now = asyncio.get_running_loop().time()
        self._renew()
        self.remaining -= 1
        assert self.remaining >= 0, "Discord resets the token"
        bucket = shard % self.max_concurrency
        assert now - self._buckets[bucket] >= 5, "Discord limits IDENTIFY"
        self._buckets[bucket] = now
        self.identifies[shard].append(now)
        socket.shard = shard

    def _begin(self, socket: _Socket, operation: int) -> None:
        session = f"{socket.shard}-{len(self.identifies[socket.shard])}"
        if operation == 6:
            socket.tell({"op": 0, "t": "RESUMED", "s": 2, "d": {}})
        else:
            self._sessions[session] = socket.shard
            ready: dict[str, Any] = {"user": _USER, "session_id": session, "guilds": []}
            ready["resume_gateway_url"] = RESUMING
            ready["shard"] = [socket.shard, self.shards]
            ready["application"] = {"id": "1", "flags": 0}
            socket.tell({"op": 0, "t": "READY", "s": 1, "d": ready})
        if self._state_of(socket) is State.FLAPPING:
            socket.tell(4000)
            return
        socket.ready, self._ready[socket.shard] = True, socket
        if len(self._ready) == self.shards:
            self.complete.set()

    def become(self, state: State) -> None:
        """Change the state, which ends every connection."""
        self.state = state
        self._end(4000)

    def ask_to_reconnect(self) -> None:
        """Operation 7, to every shard."""
        self._end({"op": 7, "d": None})

    def cut(self) -> None:
        """Let every connection break without a word."""
        self._end(1006)


class SimulatedBot(ShardedClient):
    """The connections of a bot, without the bot."""

    def __init__(self, gateway: SimulatedGateway) -> None:
        super().__init__(command_prefix=(), help_command=None, intents=discord.Intents(guilds=True))
        http: Any = self.http
        http.ws_connect, http.get_bot_gateway = gateway.connect, gateway.limits
        self.gateway = gateway

    async def __aenter__(self) -> "SimulatedBot":
        """Connect every shard."""
        resume_shards()
        await super().__aenter__()
        self._running = asyncio.create_task(self.connect())
        await self.until_ready()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await super().__aexit__(*error)
        await self._running

    async def until_ready(self) -> float:
        """Wait until every shard is connected; returns the seconds taken."""
        began = asyncio.get_running_loop().time()
        waiting = asyncio.create_task(self.gateway.complete.wait())
        await asyncio.wait([waiting, self._running], return_when=asyncio.FIRST_COMPLETED)
        assert waiting.done(), self._running.result()
        return asyncio.get_running_loop().time() - began


OUTAGES = [state for state in State if state is not State.UP]
# Kinds of outages that sessions survive.
KEEPING = [State.UNREACHABLE, State.CLOSING]
HOURS = 3_600.0


async def _outage(bot: SimulatedBot, state: State, seconds: float) -> None:
    """Simulate an outage of some length; counts begin with it."""
    await asyncio.sleep(600)
    bot.gateway.identifies.clear()
    bot.gateway.connections = 0
    bot.gateway.become(state)
    await asyncio.sleep(seconds)


async def _end_outage(bot: SimulatedBot) -> float:
    """End an outage, and return the seconds until every shard is connected."""
    bot.gateway.become(State.UP)
    return await bot.until_ready()


@pytest.mark.parametrize("shards", [1, 4, pytest.param(16, marks=pytest.mark.slow)])
@pytest.mark.parametrize("state", OUTAGES)
@simulated
async def test_outage_of_three_hours_costs_few_sessions(state: State, shards: int) -> None:
    gateway = SimulatedGateway(shards)
    async with SimulatedBot(gateway) as bot:
        await _outage(bot, state, 3 * HOURS)
        assert gateway.connections <= 60 * shards
        assert max(map(len, gateway.identifies.values()), default=0) <= 30
        assert await _end_outage(bot) <= 11 * 60


@pytest.mark.parametrize("shards", [1, 6])
@pytest.mark.parametrize("seconds", [10, 60, 1_400])
@pytest.mark.parametrize("state", KEEPING)
@simulated
async def test_shards_resume_within_a_minute(state: State, seconds: float, shards: int) -> None:
    async with SimulatedBot(SimulatedGateway(shards)) as bot:
        await _outage(bot, state, seconds)
        assert await _end_outage(bot) <= 60
        assert not any(bot.gateway.identifies.values())


@pytest.mark.parametrize("shards", [1, 6])
@pytest.mark.parametrize("state", [State.FORGETFUL, State.INVALID])
@pytest.mark.parametrize("seconds", [10, 60, 200])
@simulated
async def test_sessions_begin_within_a_minute(state: State, seconds: float, shards: int) -> None:
    """As far as Discord lets as many shards begin at once."""
    async with SimulatedBot(SimulatedGateway(shards, max_concurrency=16)) as bot:
        await _outage(bot, state, seconds)
        assert await _end_outage(bot) <= 60


@pytest.mark.parametrize(
    "interrupt",
    [
        SimulatedGateway.ask_to_reconnect,
        SimulatedGateway.cut,
        lambda gateway: gateway.become(State.UP),
    ],
    ids=["operation 7", "cut", "close"],
)
@simulated
async def test_steady_connection_is_resumed_immediately(
    interrupt: Callable[[SimulatedGateway], None],
) -> None:
    async with SimulatedBot(SimulatedGateway(16, max_concurrency=16)) as bot:
        for _ in range(3):
            await asyncio.sleep(600)
            interrupt(bot.gateway)
            assert await bot.until_ready() <= 1
        assert sum(map(len, bot.gateway.identifies.values())) == 16
        assert sum(bot.gateway.resumes.values()) == 48


@simulated
async def test_waiting_shard_delays_no_other() -> None:
    async with SimulatedBot(SimulatedGateway(2)) as bot:
        bot.gateway.only = {0}
        await _outage(bot, State.CLOSING, 1 * HOURS)
        assert bot.gateway.ready == {1}
        bot.gateway.cut()
        await asyncio.sleep(1)
        assert bot.gateway.ready == {1}


@simulated
async def test_session_is_resumed_without_its_own_address() -> None:
    async with SimulatedBot(SimulatedGateway(1)) as bot:
        await asyncio.sleep(600)
        bot.gateway.gone = (RESUMING,)
        bot.gateway.cut()
        assert await bot.until_ready() <= 2
        assert len(bot.gateway.identifies[0]) == 1


@simulated
async def test_start_continues_after_an_outage() -> None:
    """The second shard has to wait for its turn, and then for Discord."""
    gateway = SimulatedGateway(2)
    loop = asyncio.get_running_loop()
    loop.call_later(3, setattr, gateway, "state", State.UNREACHABLE)
    loop.call_later(3 * HOURS, setattr, gateway, "state", State.UP)
    async with SimulatedBot(gateway):
        assert 20 <= gateway.connections <= 60
        assert {shard: len(sent) for shard, sent in gateway.identifies.items()} == {0: 1, 1: 1}


@simulated
async def test_shard_is_resumed_while_another_is_launched() -> None:
    gateway = SimulatedGateway(2)
    resumed: list[int] = []
    loop = asyncio.get_running_loop()
    loop.call_later(3, setattr, gateway, "gone", (COMMON,))
    loop.call_later(600, gateway.cut)
    loop.call_later(610, lambda: resumed.extend(gateway.ready))
    loop.call_later(620, setattr, gateway, "gone", ())
    async with SimulatedBot(gateway):
        assert resumed == [0]


async def _no_limits() -> Mapping[str, int]:
    return {}


@simulated
async def test_shard_that_closes_soon_waits_longer() -> None:
    """As where leases run out again and again."""
    connections = Connections(_no_limits)
    for _ in range(12):
        began = loop_seconds()
        async with connections.connecting(0, identifies=True):
            waited = loop_seconds() - began
        connections.ready(0)
        await asyncio.sleep(STEADY_SECONDS / 2)
        connections.note_end(0)
        await asyncio.sleep(STEADY_SECONDS)
    assert waited > 400


@pytest.mark.slow
@pytest.mark.parametrize("rest", [True, False])
@simulated
async def test_outage_of_days_leaves_sessions_each_day(rest: bool) -> None:
    """Where nobody can be asked, either; 16 shards need more than there are."""
    gateway = SimulatedGateway(16, remaining=400)
    async with SimulatedBot(gateway) as bot:
        gateway.rest = rest
        await _outage(bot, State.FORGETFUL, 0)
        left = []
        for _ in range(36):
            await asyncio.sleep(1 * HOURS)
            left.append(gateway.remaining)
        gateway.rest = True
        assert await _end_outage(bot) <= DAY
    assert 80 <= min(left) <= 120


@simulated
async def test_health_names_the_next_attempt() -> None:
    async with SimulatedBot(SimulatedGateway(3)) as bot:
        await asyncio.sleep(1)
        assert bot.missing_shards_sentence() == ""
        await _outage(bot, State.CLOSING, 1 * HOURS)
        away = "Discord is not connected: 3 of 3 shards. The next attempt is in "
        assert bot.missing_shards_sentence().startswith(away)
        await _end_outage(bot)
        await asyncio.sleep(1)
        assert bot.missing_shards_sentence() == ""


@pytest.mark.parametrize("state", [State.CLOSING, State.FLAPPING])
@simulated
async def test_outage_and_its_end_are_logged_once(
    state: State, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with SimulatedBot(SimulatedGateway(3)) as bot:
        for _ in range(2):
            await _outage(bot, state, 1 * HOURS)
            await _end_outage(bot)
            await asyncio.sleep(1)
    begins, ends = "Discord can't be reached, or ends each", "Discord is connected again, after "
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 4
    for sentence, begin in zip(told, [begins, ends, begins, ends], strict=True):
        assert sentence.startswith(begin)


@simulated
async def test_health_names_used_up_sessions() -> None:
    async with SimulatedBot(SimulatedGateway(1, remaining=100)) as bot:
        await _outage(bot, State.FORGETFUL, 1 * HOURS)
        assert bot.missing_shards_sentence().startswith(
            "Discord is not connected. Discord lets this bot begin 98 more sessions for now, so a "
            "shard waits "
        )


@simulated
async def test_short_wait_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with SimulatedBot(SimulatedGateway(1)) as bot:
        await _outage(bot, State.CLOSING, TOLD_SECONDS / 2)
        await _end_outage(bot)
    assert caplog.records == []


# The limit alone.

RESET_SECONDS = 7_200.0


def _limits(max_concurrency: int, remaining: int = 1_000) -> dict[str, int]:
    return {
        "total": 1_000,
        "remaining": remaining,
        "reset_after": round(RESET_SECONDS * 1_000),
        "max_concurrency": max_concurrency,
    }


def _limit(shards: int, max_concurrency: int, remaining: int = 1_000) -> IdentifyLimit:
    limit = IdentifyLimit(_no_limits)
    limit.apply(shards, **_limits(max_concurrency, remaining))
    return limit


async def _begin(
    limit: IdentifyLimit, shard: int, *, again: bool = False, seconds: float = 0
) -> float:
    """Begin a session, which takes some seconds to connect; return its time."""
    async with limit.turn(shard, again=again):
        await asyncio.sleep(seconds)
        await limit.count(shard)
        return loop_seconds()


@given(
    shards=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    max_concurrency=st.sampled_from([1, 2, 16]),
)
@simulated
async def test_sessions_begin_five_seconds_apart(shards: list[int], max_concurrency: int) -> None:
    """All at once, as after an outage; some shards more than once."""
    limit = _limit(1, max_concurrency)
    began = await asyncio.gather(*(_begin(limit, shard, seconds=shard / 10) for shard in shards))
    buckets: defaultdict[int, list[float]] = defaultdict(list)
    for shard, at in zip(shards, began, strict=True):
        buckets[shard % max_concurrency].append(at)
    for times in buckets.values():
        # Sums of floats are less exact than that.
        pairs = itertools.pairwise(sorted(times))
        assert all(b - a >= SECONDS - 1e-6 for a, b in pairs), times


@simulated
async def test_first_shard_of_each_bucket_begins_immediately() -> None:
    limit, start = _limit(16, 16), loop_seconds()
    assert {await _begin(limit, shard) for shard in range(16)} == {start}


@simulated
async def test_connection_that_fails_early_costs_no_session() -> None:
    limit, start = _limit(1, 1, remaining=1), loop_seconds()
    for _ in range(5):
        with pytest.raises(OSError, match="away"):
            async with limit.turn(0, again=False):
                raise OSError("away")
    assert await _begin(limit, 0) == start


@pytest.mark.parametrize(("remaining", "times"), [(0, "times"), (1, "time"), (3, "times")])
@simulated
async def test_too_few_sessions_name_the_next_start(remaining: int, times: str) -> None:
    """More sessions would reset the token."""
    _limit(remaining, 1, remaining)
    with pytest.raises(UnreachableError, match=f"{remaining} more {times}, .* 120 minutes"):
        _limit(4, 1, remaining)


@simulated
async def test_concurrent_shards_keep_to_the_days_sessions() -> None:
    limit, start = _limit(3, 16, remaining=3), loop_seconds()
    began = await asyncio.gather(*(_begin(limit, shard, seconds=1) for shard in range(16)))
    assert sum(at < start + RESET_SECONDS for at in began) == 3


@pytest.mark.parametrize(("again", "waited"), [(False, 0.0), (True, RESET_SECONDS)])
@simulated
async def test_last_sessions_are_kept_for_new_shards(again: bool, waited: float) -> None:
    limit, start = _limit(1, 1, remaining=100), loop_seconds()
    assert await _begin(limit, 0, again=again) == pytest.approx(start + waited)
    assert limit.problem == ""


@simulated
async def test_held_shard_begins_once_discord_allows() -> None:
    answers = [{}, _limits(1, remaining=50), _limits(1, remaining=500)]

    async def ask() -> Mapping[str, int]:
        return answers.pop(0)

    limit, start = IdentifyLimit(ask), loop_seconds()
    limit.apply(1, **_limits(1, remaining=100))
    beginning = asyncio.create_task(_begin(limit, 0, again=True))
    await asyncio.sleep(1)
    waiting = "Discord lets this bot begin 100 more sessions for now, so a shard waits 120 minutes."
    assert limit.problem == waiting
    assert await beginning == start + 3 * ASK_SECONDS
    assert answers == []


@simulated
async def test_session_limits_are_fetched_once_a_minute() -> None:
    asked: list[float] = []

    async def ask() -> Mapping[str, int]:
        asked.append(loop_seconds())
        return _limits(1)

    limit = IdentifyLimit(ask)
    await asyncio.gather(*(_begin(limit, shard, again=True) for shard in range(40)))
    assert len(asked) == 4
    assert all(b - a >= ASK_SECONDS for a, b in itertools.pairwise(asked))
