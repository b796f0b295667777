"""People of several servers: members propose and withdraw notes and ask, moderators decide.

They click and fill in forms as in Discord's client. If an action fails or goes unanswered, they
look into the database and repeat it once if it isn't there. The bot's replies are kept, to be
compared with the database in the end.
"""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import psycopg

from benchmarks.bot_processes import Watch
from tests.bot.cluster.processes import QUESTION
from tests.bot.wire.gateway import Gateway
from tests.bot.wire.people import Person, labels
from tests.bot.wire.server import WireServer
from tests.bot.wire.state import APPLICATION, Interaction, Json, State, snowflake, user
from tests.bot.world import text_of

# Seconds to wait for a response: Discord reports a failure after three.
PATIENCE: Final = 5.0
# Seconds to wait after *thinking…*, because another process may take up the form.
THINKING: Final = 10.0
FORM_THINKING: Final = 45.0
# Seconds between two questions.
ASKING: Final = 1.0
_LOOK_SECONDS: Final = 0.05
_STATES: Final = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}

_T = TypeVar("_T")


@dataclass
class Told:
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
        self.told: list[Told] = []
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
            told = Told(f"Trial {self.shard}n{len(self.told)}")
            self.told.append(told)
            await self._propose(told)
            card = await self._soon(lambda told=told: self._card(told.title), 60)  # type: ignore[misc]
            if card is not None:
                told.wanted = self._chance.choice(["approve", "approve", "reject", "withdraw"])
                told.reason = f"Because of {told.title}."
                await self._decide(told, card)

    def _card(self, title: str) -> Json | None:
        for one in self._server.messages(self.review):
            if f"**{title}**" in text_of(one):
                return one
        return None

    async def _propose(self, told: Told) -> None:
        words = " ".join(f"w{self._chance.getrandbits(40):x}" for _ in range(12))
        fields = {"title": told.title, "text": f"{told.title}: {words}"}
        sent: Interaction | None = None
        opened: Interaction | None = None
        while not await self._on_record(told.title):
            told.attempts["submit"] += 1
            if opened is None or (sent is not None and sent.response is not None):
                opened = await self._opened(lambda: self.mia.slash(self.general, "note add"))
                if opened is None:
                    continue
            # A client leaves a rejected form open.
            sent = await self.mia.fill(opened, **fields)
            told.submitted = "is with the moderators" in await self._answer(sent, FORM_THINKING)

    async def _decide(self, told: Told, card: Json) -> None:
        while await self._on_record(told.title) == "pending":
            told.attempts[told.wanted] += 1
            said = await getattr(self, f"_{told.wanted}")(told, card)
            told.decided = said is not None and _STATES[told.wanted] in said.lower()

    async def _approve(self, told: Told, card: Json) -> str | None:
        if "Approve" not in labels(card):
            return await self._soon(lambda: "", PATIENCE)
        return await self._answer(await self.ada.click(card, "Approve"))

    async def _reject(self, told: Told, card: Json) -> str | None:
        if "Reject" not in labels(card):
            return await self._soon(lambda: "", PATIENCE)
        opened = await self._opened(lambda: self.ada.click(card, "Reject"))
        if opened is None:
            return None
        sent = await self.ada.fill(opened, reason=told.reason)
        return await self._answer(sent, FORM_THINKING)

    async def _withdraw(self, told: Told, card: Json) -> str | None:
        command = await self.mia.slash(self.general, "note show", note=told.title)
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

    def _message(self, one: Interaction) -> Json | None:
        message = self._server.state.messages.get(one.original or 0)
        return message if message is not None and not message["flags"] & 128 else None

    async def _answer(self, one: Interaction, thinking: float = THINKING) -> str:
        """The response to an interaction, or an empty string if it came too late."""
        if await self._soon(lambda: one.response, PATIENCE) is None:
            return ""
        message = await self._soon(lambda: self._message(one), thinking)
        return text_of(message) if message is not None else ""

    async def _opened(self, act: Callable[[], Awaitable[Interaction]]) -> Interaction | None:
        """The form that an interaction opened, if any."""
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
        self._of = {one.general["id"]: one for one in communities}
        self._last = 0

    async def listen(self, answered: Callable[[int, float], Any]) -> None:
        """Listen until cancelled; call `answered` with the shard and the question's time."""
        while True:
            new = itertools.takewhile(lambda one: one > self._last, reversed(self._messages))
            found = [self._messages[one] for one in [*new][::-1]]
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
