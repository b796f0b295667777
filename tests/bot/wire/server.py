"""A strict Discord on this machine: one server with people in it, for the bot as a real process."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.bot.wire.gateway import Gateway
from tests.bot.wire.people import Person, labels
from tests.bot.wire.rest import Fault, Rest
from tests.bot.wire.state import (
    APPLICATION,
    Interaction,
    Json,
    State,
    permissions,
    snowflake,
    user,
)

# What anything may take on a machine that has other things to do.
SECONDS: Final = 60
_LOOK_SECONDS: Final = 0.02
# A request carries ten files of 10 MiB at the most.
_BODY_BYTES: Final = 110 << 20

_T = TypeVar("_T")


@dataclass
class WireServer:
    """Discord with the server of a small community."""

    state: State = field(default_factory=State)
    patience_seconds: float = SECONDS

    def __post_init__(self) -> None:
        self.gateway = Gateway(self.state)
        self.rest = Rest(self.state, self.gateway)
        self.guild = self.state.add_guild("Lantern")
        self.general = self.state.add_channel(self.guild, "general")
        self.review = self.state.add_channel(self.guild, "review")
        self.moderators = self.state.add_role(self.guild, "Moderators")
        admins = self.state.add_role(self.guild, "Admins", "manage_guild")
        self.mia = self.person("Mia")
        self.ada = self.person("Ada", self.moderators)
        self.ben = self.person("Ben", self.moderators)
        self.root = self.person("Root", admins)

    @property
    def address(self) -> str:
        return self.state.address

    @property
    def connected(self) -> asyncio.Event:
        """Whether the bot is connected."""
        return self.gateway.connected

    @property
    def problems(self) -> list[str]:
        """Violations of Discord's rules so far."""
        return [*self.rest.problems, *self.gateway.problems]

    def person(self, name: str, *roles: Json) -> Person:
        account = user(name)
        self.state.join(self.guild, account, roles)
        return Person(self.state, self.gateway, self.guild, account)

    def fail(self, method: str, path: str, status: int = 0, **how: Any) -> Fault:
        """Fail requests to a matching route from now on."""
        fault = Fault(method, path, status, **how)
        self.rest.faults.append(fault)
        return fault

    def deny(self, channel: Json, names: str) -> None:
        """Take permissions from the bot in a channel."""
        denied = {"id": str(APPLICATION), "type": 1, "allow": "0", "deny": str(permissions(names))}
        channel["permission_overwrites"] = [denied] if names else []

    def in_shard(self, shard: int) -> tuple[Person, Json]:
        """A member and a channel of a new server in a shard."""
        ahead = (shard - (snowflake() >> 22)) % self.gateway.shards
        guild = self.state.add_guild(f"Shard {shard}", snowflake() + (ahead << 22))
        channel = self.state.add_channel(guild, "general")
        account = user(f"Member {shard}")
        self.state.join(guild, account, [])
        return Person(self.state, self.gateway, guild, account), channel

    async def propose(self, title: str, text: str) -> str:
        """Propose a note as Mia; returns the reply to her."""
        form = await self.mia.slash(self.general, "note add")
        await self.form(form)
        answer = await self.answered(await self.mia.fill(form, title=title, text=text))
        return str(answer["content"])

    # Looking.

    def messages(self, channel: Json, *, private: bool = False) -> list[Json]:
        """Messages in a channel, optionally with ephemeral ones."""
        return [
            one
            for one in self.state.messages.values()
            if one["channel_id"] == channel["id"] and (private or not one["flags"] & 64)
        ]

    def bot_messages(self, channel: Json) -> list[Json]:
        """The bot's own messages in a channel."""
        return [
            message
            for message in self.messages(channel)
            if message["author"]["id"] == str(APPLICATION)
        ]

    def replies(self, channel: Json, to: Json) -> list[Json]:
        return [
            message
            for message in self.messages(channel)
            if (message.get("message_reference") or {}).get("message_id") == to["id"]
        ]

    def waiting(self) -> list[Json]:
        """The cards with something to decide on."""
        return [card for card in self.messages(self.review) if "Approve" in labels(card)]

    def unanswered(self) -> list[Interaction]:
        """Interactions that the bot has not acknowledged."""
        return [one for one in self.state.interactions.values() if one.response is None]

    async def until(self, look: Callable[[], _T], what: str = "") -> _T:
        """Wait until a function returns something true; returns it.

        Raises:
            AssertionError: if it does not become so.
        """
        end = time.monotonic() + self.patience_seconds
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"not so: {what or look}; problems: {self.problems}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def answered(self, one: Interaction) -> Json:
        """The final response to an interaction, after *thinking…*."""

        def look() -> Json | None:
            message = self.state.messages.get(one.original or 0)
            return message if message is not None and not message["flags"] & 128 else None

        found = await self.until(look, f"the answer to {one.payload.get('data')}")
        assert found is not None
        return found

    async def form(self, one: Interaction) -> Json:
        """The form that an interaction was answered with."""
        response = await self.until(lambda: one.response, f"a form for {one.payload.get('data')}")
        assert response is not None
        assert response["type"] == 9, response
        form: Json = response["data"]
        return form

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_BODY_BYTES)
        app.router.add_get("/gateway/", self.gateway.serve)
        app.router.add_get("/attachments/{channel}/{id}/{name}", self.rest.file)
        app.router.add_route("*", "/{anything:.*}", self.rest.serve)
        return app


@asynccontextmanager
async def wire_server() -> AsyncIterator[WireServer]:
    """A strict Discord on a free port; violations fail the test at the end."""
    made = WireServer()
    async with TestServer(made.application()) as server:
        made.state.address = str(server.make_url("")).rstrip("/")
        yield made
    assert made.problems == []
