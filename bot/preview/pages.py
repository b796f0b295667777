"""Pages of channels: simcord's page of one channel, as often as there are channels, on one port.

simcord allows one page a server and shows one channel in it; `Pages` stands in for it there. Each
page has a key that every request of it carries, by which `bot.preview.shell` knows which of them
is meant. For tests, time stands still in simcord, and pages change with what is done on them; here
it goes on, and what the bot does by itself is shown. What this needs of simcord's insides is listed
in `bot.preview.simcord_internals`.
"""

import asyncio
import functools
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, cast

import simcord
from aiohttp import web
from simcord.backend.access import can_access_channel
from simcord.enums import AppCommandType, ChannelType
from simcord.preview import Preview, make_preview

from bot.preview.simcord_internals import Clock, PreviewServer, _server, build_snapshot
from bot.preview.town import Town

# How often the bot is told that time has passed, and the pages are looked at: its quickest step, a
# request of reading channels, is taken once a second.
TICK_SECONDS: Final = 1.0

# So often a channel may be open at once; simcord's limit is above it.
_OPENED: Final = 8


class RealClock(Clock):
    """The time that it is; simcord's own stands still at the beginning of 2026."""

    _founded: datetime | None = None

    def begin(self, running: simcord.run) -> None:
        """Let this be the time of a bot that has not been started yet.

        What waits again and again would make up for all that has passed since 2026 began, if the
        bot had been started then.
        """
        running._env.backend.clock = self

    def now(self) -> datetime:
        return self._founded or datetime.now(UTC)

    @contextmanager
    def at_founding(self) -> Iterator[None]:
        """Stand still at one time, so that the ids made meanwhile are the same at every start."""
        self._founded = self._epoch
        yield
        self._founded = None


class ChannelServer(PreviewServer):
    """What serves simcord's page of one channel, inside the page of `bot.preview.shell`."""

    _STATIC_FILES: ClassVar[dict[str, str]] = {
        **PreviewServer._STATIC_FILES,
        "/channel": "index.html",
    }
    _SECURITY_HEADERS: ClassVar[dict[str, str]] = {
        **PreviewServer._SECURITY_HEADERS,
        "X-Frame-Options": "SAMEORIGIN",
        "Content-Security-Policy": PreviewServer._SECURITY_HEADERS[
            "Content-Security-Policy"
        ].replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
    }

    async def start(self) -> None:
        """It is served by the shell, which listens already."""
        # simcord imports it where it begins to listen.
        vars(_server)["web"] = web
        self.port = self._requested_port

    async def close(self) -> None:
        self.port = None

    async def _pages(self, request: web.Request) -> web.Response:
        """Open the page in a browser; the oldest of many goes, which nobody may have closed."""
        opened = [key for key, page in self.preview._pages.items() if page.id != "python"]
        for key in opened[: -_OPENED + 1]:
            self.preview._close_page(key)
        response: web.Response = await super()._pages(request)
        return response

    async def page(self, request: web.Request) -> web.Response:
        """The page, without the parts that the shell has instead."""
        response: web.Response = await self._index(request)
        text = (response.text or "").replace("<title>SimCord Preview", "<title>Commonplace")
        styled = text.replace("</head>", '<link rel="stylesheet" href="/shell/channel.css"></head>')
        return web.Response(text=styled, content_type="text/html", headers=self._SECURITY_HEADERS)


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to be: a channel, a post, a direct message, and its page; a forum has none."""

    name: str
    channel: Any
    preview: Preview | None = None

    @property
    def kind(self) -> str:
        if self.channel._channel.guild_id is None:
            return "direct"
        if self.channel.is_thread:
            return "post"
        return "forum" if self.channel._channel.type == ChannelType.FORUM else "text"

    @property
    def parent_id(self) -> int | None:
        parent: int | None = self.channel._channel.parent_id
        return parent


class Pages:
    """The pages of all channels, of which one person looks at one.

    It does one thing at a time: `acting` is held by what is done on a page, or by time passing.
    """

    def __init__(self, town: Town, port: int, stack: AsyncExitStack) -> None:
        self.town = town
        self.viewer = town.admin
        self.places: dict[int, Place] = {}
        self.acting = asyncio.Lock()
        self._env = town.env
        self._port = port
        self._stack = stack
        self._closed = True

    @property
    def previews(self) -> list[Preview]:
        return [place.preview for place in self.places.values() if place.preview is not None]

    def server(self, key: str) -> ChannelServer | None:
        """What serves the page whose requests carry this key."""
        found = (one for one in self.previews if secrets.compare_digest(one.capability, key))
        preview = next(found, None)
        return cast(ChannelServer, preview._server) if preview is not None else None

    async def follow(self) -> None:
        """Have a page for every channel that there is, and for every post and thread."""
        for name, channel in self.town.channels.items():
            await self._add(name, channel)
        for thread in self.town.threads():
            await self._add(thread.name, thread)
        for person in self.town.people:
            await self._add("Direct messages", person.user.dm_channel, person.user)

    async def _add(self, name: str, channel: Any, only: Any = None) -> None:
        if channel.id in self.places:
            return
        place = Place(name, channel)
        if place.kind != "forum":
            place = Place(name, channel, await self._page(channel, only))
        self.places[channel.id] = place

    async def _page(self, channel: Any, only: Any) -> Preview:
        preview = make_preview(
            self._env,
            channel,
            viewers=[only] if only is not None else self._readers(channel),
            layout="channel",
            display="responsive",
            width=960,
            height=720,
            locale="en-US",
            timezone="UTC",
            presentation_time=None,
            assets=None,
            sku_presentations=None,
            port=None,
        )
        preview._server = ChannelServer(preview, self._port)
        # It opens at the newest message, not at the last one of the bot.
        vars(preview)["_initial_target"] = lambda *_: None
        self._env._preview = None
        await self._stack.enter_async_context(preview)
        self._env._preview = self
        return preview

    def _readers(self, channel: Any) -> list[Any]:
        """Those who can read a channel, first whoever looks: simcord opens a page for the first."""
        people = sorted(self.town.people, key=lambda one: one is not self.viewer)
        can = functools.partial(can_access_channel, self._env, channel.id, history=True)
        return [*filter(can, people)]

    def look_as(self, user_id: int) -> None:
        self.viewer = self.town.person(user_id)
        for place in self.places.values():
            if place.preview is not None and place.kind != "direct":
                place.preview.viewers = tuple(self._readers(place.channel))

    def seen(self) -> list[Place]:
        """The places that whoever looks can see, in order: threads below what they are in."""
        there = [one for one in self.places.values() if self._sees(one)]
        top = [one for one in there if one.kind != "post"]
        below = [one for one in there if one.kind == "post"]
        return [
            place
            for parent in top
            for place in [
                parent,
                *(one for one in below if one.channel._channel.parent_id == parent.channel.id),
            ]
        ]

    def _sees(self, place: Place) -> bool:
        if place.kind == "direct":
            return bool(place.channel.id == self.viewer.user.dm_channel.id)
        return bool(self.viewer in self._readers(place.channel))

    def newest(self, place: Place) -> int:
        """The id of the newest message there that whoever looks sees; 0 if there is none."""
        if place.kind == "forum":
            return 0
        messages = place.channel.history(viewer=self._reader(place))
        return max((message.id for message in messages), default=0)

    def _reader(self, place: Place) -> Any:
        return self.viewer.user if place.kind == "direct" else self.viewer

    def menus(self, place: Place) -> list[str]:
        """What the *Apps* menu of a message there has for whoever looks."""
        commands = self._env.backend.visible_commands(
            user_id=self.viewer.id, channel_id=place.channel.id, type=AppCommandType.MESSAGE
        )
        return [command["name"] for command in commands]

    async def choose(self, place: Place, message_id: int, name: str) -> None:
        """Choose from the *Apps* menu of a message; a form that opens is shown in its page."""
        found = (one for one in place.channel.history() if one.id == message_id)
        message = next(found, None)
        if message is None or place.preview is None or place.kind == "direct":
            return
        result = await self.viewer.context_menu(place.channel, name, message)
        for page in place.preview._pages.values():
            if result.modal is not None and page.viewer is self.viewer:
                page.modal = result
                page.modal_handle = f"m_{secrets.token_urlsafe(12)}"
            place.preview._publish(page)

    def _mark_action_dispatched(self) -> None:
        for preview in self.previews:
            preview._mark_action_dispatched()

    async def run(self) -> None:
        """Let time pass for the bot, and show what it does by itself, until a page ends it all.

        simcord wakes what waits on purpose, as the steps of the background tasks do between each
        other, only when it is told that time has passed.
        """
        seen = 0
        while not any(preview._closed for preview in self.previews):
            await asyncio.sleep(TICK_SECONDS)
            async with self.acting:
                # What takes longer than an action may goes on all the same.
                with suppress(TimeoutError):
                    await self._env.advance_time(TICK_SECONDS)
                # Every request of the bot's and every event stand in it.
                happened = len(self._env.backend.transcript)
                if happened != seen:
                    seen = happened
                    await self.follow()
                    self.draw(only_changed=True)

    def draw(self, *, only_changed: bool = False) -> None:
        """Draw the pages as they are now, or those that show other messages than before.

        They are not published anew: what somebody is doing there at this moment would be refused as
        done on a page that is no more. It is checked by what is there, anyway.
        """
        for preview in self.previews:
            preview._advance_presentation_time()
            for page in preview._pages.values():
                drawn = build_snapshot(preview, page)
                if not only_changed or drawn["messages"] != page.snapshot["messages"]:
                    page.snapshot = drawn
