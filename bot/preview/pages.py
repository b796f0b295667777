"""Channel pages of the preview: a simcord page for each channel, all on one port.

simcord itself serves one page with one channel. Each page sends its key with every request, and
`bot.preview.server` finds the page by its key. simcord is made for tests: its time stands still,
and pages change only with actions. In the preview, time passes, and pages also show the bot's
background work. `bot.preview.simcord_internals` lists the private parts of simcord that are used.
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

# Interval of the bot's clock and of redrawing. The most frequent round, the channel sync, runs once
# a second.
TICK_SECONDS: Final = 1.0

# The largest number of open pages of a channel, below simcord's limit.
_OPENED: Final = 8


class RealClock(Clock):
    """Clock with the real time. simcord's own clock stands still at the beginning of 2026."""

    _frozen_at: datetime | None = None

    def begin(self, running: simcord.run) -> None:
        """Replace simcord's clock, before the bot starts.

        If the clock jumped to the present while the bot's loops run, each loop would run once for
        every interval since the beginning of 2026.
        """
        running._env.backend.clock = self

    def now(self) -> datetime:
        return self._frozen_at or datetime.now(UTC)

    @contextmanager
    def frozen_at_epoch(self) -> Iterator[None]:
        """Freeze the clock at simcord's epoch, so ids made now are the same at every start."""
        self._frozen_at = self._epoch
        yield
        self._frozen_at = None


class ChannelServer(PreviewServer):
    """Server of one channel's simcord page, embedded in the page of `bot.preview.server`."""

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
        """Note the port without listening, because the shell listens on this port already."""
        # simcord imports aiohttp's `web` only when it listens.
        vars(_server)["web"] = web
        self.port = self._requested_port

    async def close(self) -> None:
        self.port = None

    async def _pages(self, request: web.Request) -> web.Response:
        """Show the channel in another browser tab. If too many are open, close the oldest."""
        opened = [key for key, page in self.preview._pages.items() if page.id != "python"]
        for key in opened[: -_OPENED + 1]:
            self.preview._close_page(key)
        response: web.Response = await super()._pages(request)
        return response

    async def page(self, request: web.Request) -> web.Response:
        """Return simcord's page without its toolbar and sidebar, because the shell has its own."""
        response: web.Response = await self._index(request)
        text = (response.text or "").replace("<title>SimCord Preview", "<title>Commonplace")
        styled = text.replace("</head>", '<link rel="stylesheet" href="/shell/channel.css"></head>')
        return web.Response(text=styled, content_type="text/html", headers=self._SECURITY_HEADERS)


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, post or direct message with its page; a forum has no page."""

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
    """The pages of all channels; the viewer sees one at a time.

    The lock `acting` is held while a page's action runs, and while time is advanced.
    """

    def __init__(self, town: Town, port: int, stack: AsyncExitStack) -> None:
        self.town = town
        self.viewer = town.admin
        self.places: dict[int, Place] = {}
        self.acting = asyncio.Lock()
        self._env = town.env
        self._avatars = town.avatars()
        self._port = port
        self._stack = stack
        self._closed = True

    @property
    def previews(self) -> list[Preview]:
        return [place.preview for place in self.places.values() if place.preview is not None]

    def server(self, key: str) -> ChannelServer | None:
        """Return the server of the page with this key."""
        found = (shown for shown in self.previews if secrets.compare_digest(shown.capability, key))
        preview = next(found, None)
        return cast(ChannelServer, preview._server) if preview is not None else None

    async def add_missing(self) -> None:
        """Add the missing pages of channels, posts, threads and direct messages."""
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
            assets=self._avatars,
            sku_presentations=None,
            port=None,
        )
        preview._server = ChannelServer(preview, self._port)
        # The page opens at the newest message, not at the bot's last message.
        vars(preview)["_initial_target"] = lambda *_: None
        self._env._preview = None
        await self._stack.enter_async_context(preview)
        self._env._preview = self
        return preview

    def _readers(self, channel: Any) -> list[Any]:
        """Return the people who can read a channel.

        If the viewer can read the channel, the viewer comes first, because simcord shows the
        channel as the first person sees it.
        """
        people = sorted(self.town.people, key=lambda person: person is not self.viewer)
        can = functools.partial(can_access_channel, self._env, channel.id, history=True)
        return [*filter(can, people)]

    def view_as(self, user_id: int) -> None:
        self.viewer = self.town.person(user_id)
        for place in self.places.values():
            if place.preview is not None and place.kind != "direct":
                place.preview.viewers = tuple(self._readers(place.channel))

    def visible(self) -> list[Place]:
        """Return the places that the viewer sees, each thread below its channel."""
        direct_id = self.viewer.user.dm_channel.id
        there = [
            place
            for place in self.places.values()
            if (
                place.channel.id == direct_id
                if place.kind == "direct"
                else self.viewer in self._readers(place.channel)
            )
        ]
        posts = [place for place in there if place.kind == "post"]
        found: list[Place] = []
        for place in there:
            if place.kind != "post":
                found += [place, *(post for post in posts if post.parent_id == place.channel.id)]
        return found

    def newest(self, place: Place) -> int:
        """Return the id of the newest message visible to the viewer; 0 without any."""
        if place.kind == "forum":
            return 0
        reader = self.viewer.user if place.kind == "direct" else self.viewer
        messages = place.channel.history(viewer=reader)
        return max((message.id for message in messages), default=0)

    def menus(self, place: Place) -> list[str]:
        """Return the names of the commands in the viewer's *Apps* menu of a message."""
        commands = self._env.backend.visible_commands(
            user_id=self.viewer.id, channel_id=place.channel.id, type=AppCommandType.MESSAGE
        )
        return [command["name"] for command in commands]

    async def choose(self, place: Place, message_id: int, name: str) -> None:
        """Run a command from a message's *Apps* menu, and open its form in the page."""
        found = (sent for sent in place.channel.history() if sent.id == message_id)
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
        """Let time pass and show the bot's background work, until a page ends the session.

        simcord wakes sleeping tasks, such as loops between steps, only when time is advanced.
        """
        seen = 0
        while not any(preview._closed for preview in self.previews):
            await asyncio.sleep(TICK_SECONDS)
            async with self.acting:
                # Work longer than an action's deadline continues.
                with suppress(TimeoutError):
                    await self._env.advance_time(TICK_SECONDS)
                # simcord's transcript has every request of the bot and every event.
                happened = len(self._env.backend.transcript)
                if happened != seen:
                    seen = happened
                    await self.add_missing()
                    self.draw(only_changed=True)

    def draw(self, *, only_changed: bool = False) -> None:
        """Draw all pages again, or only pages with changed messages.

        simcord's own `_publish` would give each page a new revision. simcord refuses actions on an
        older revision, so a click just before the redrawing would be lost.
        """
        for preview in self.previews:
            preview._advance_presentation_time()
            for page in preview._pages.values():
                drawn = build_snapshot(preview, page)
                if not only_changed or drawn["messages"] != page.snapshot["messages"]:
                    page.snapshot = drawn
