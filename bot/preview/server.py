"""Server of the preview: runs the bot, simcord's Discord, and the preview's page.

The outer page, the shell, has a viewer menu, a channel list, and the chosen channel's simcord page.
One port serves everything. A request from a simcord page contains the key of this page. The shell's
own key is in the fragment of its URL, so other sites can neither read nor send the key.

simcord itself serves one page with one channel, and is made for tests: its time stands still, and
pages change only with actions. In the preview, time passes, and pages also show background work.
`bot.preview.simcord_internals` lists the private parts of simcord that are used.

Errors:
    Exception
    └── PreviewError    the page can't be served; the message says what to do
"""

import asyncio
import functools
import json
import re
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Final, cast

import simcord
from aiohttp import web
from simcord.backend.access import can_access_channel
from simcord.backend.errors import SetupError
from simcord.enums import AppCommandType, ChannelType
from simcord.preview import Preview, make_preview

from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.preview.simcord_internals import Clock, PreviewServer, _server, build_snapshot, use_locale
from bot.preview.town import GENERAL, NAME, QUESTIONS, Town, add_routes, build_town
from bot.process.client import Bot, start_worker
from bot.process.commands import COMMANDS_DIGEST
from bot.text.languages import of_locale, translations
from indexer.embedding.embedder import Embedder
from knowledge.values.guilds import Language

# Interval of the bot's clock and of redrawing. The most frequent round, the channel sync, runs once
# a second.
TICK_SECONDS: Final = 1.0

# The largest number of open pages of a channel, below simcord's limit.
_OPENED: Final = 8


class RealClock(Clock):
    """Clock with the real time. simcord's own clock stands still at the beginning of 2026."""

    _frozen_at: datetime | None = None

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


# Loggers about Discord's own site: token, developer portal, command sync.
UNTRUE_HERE: Final = (
    "discord.client",
    "bot.interactions.policy.allowed_guilds",
    "bot.process.commands",
)

# Deadline of an action, after which the page says that the bot does not settle.
ACTION_SECONDS: Final = 60


EXAMPLE: Final = "Why were early AI systems closed?"

ELLIPSIS: Final = '"command-suggestion-ellipsis", "…"'
DESCRIPTION: Final = '"command-suggestion-ellipsis", value.description || "…"'

_KEY: Final = "X-Simcord-Capability"
_TYPES: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
# simcord's requests by method.
_REQUESTS: Final = (
    ("POST", "/api/pages", "_pages"),
    ("DELETE", "/api/pages/{context_id}", "_delete_page"),
    ("GET", "/api/state", "_state"),
    ("GET", "/api/commands", "_commands"),
    ("GET", "/api/action-result", "_action_result"),
    ("POST", "/api/action", "_action"),
    ("GET", "/api/assets/{asset_id}", "_asset"),
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
}


class PreviewError(Exception):
    """The page can't be served."""


async def serve(
    settings: Settings,
    port: int,
    ready: Callable[[str], None],
    embedder: Embedder | None = None,
    host: str = "127.0.0.1",
) -> None:
    """Run the bot and its page until the page ends the session or the process is stopped.

    `port` 0 takes any free port. `ready` is called with the page's address once the bot answers.

    Raises:
        PreviewError: if the port is taken.
    """
    # Message content, which Discord gives only to approved bots.
    helper = settings.helper.model_copy(update={"message_content": True})
    sources = settings.sources.model_copy(update={"channels": True})
    settings = settings.model_copy(update={"helper": helper, "sources": sources})
    # simcord waits 5 s for a bot, less than a first start takes.
    worker = start_worker(settings, embedder)
    try:
        await worker.run_slices(index_updates.update_quickly)
        # Each preview is a new Discord without commands.
        await worker.call(lambda core: core.store.remember(COMMANDS_DIGEST, ""))
        await _serve(Bot(settings, worker), port, host, ready)
    finally:
        await worker.stop()


def check_free(port: int, host: str) -> None:
    """Check the port first, because building the index may take long.

    Raises:
        PreviewError: if the port is taken or invalid, or the address isn't this machine's.
    """
    if not port:
        return
    with socket.socket() as tried:
        # As the server does: a port is free right after its last user ended.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except (OSError, OverflowError) as error:
            raise PreviewError(
                f"The preview can't use the port {port} of {host}. Choose another --host or --port."
            ) from error


async def _serve(bot: Bot, port: int, host: str, ready: Callable[[str], None]) -> None:
    add_routes()
    running = simcord.run(bot, settle_timeout=ACTION_SECONDS, check_errors=False)
    clock = RealClock()
    # Before the bot starts: if the clock jumped to the present while the bot's loops run, each loop
    # would run once for every interval since the beginning of 2026.
    running._env.backend.clock = clock
    async with running as env, AsyncExitStack() as stack:
        shell = Shell(stack)
        try:
            await shell.listen(port, host)
            env.backend.bot_user.name = NAME
            # Fixed ids, so that the next start finds the settings of these channels.
            with clock.frozen_at_epoch():
                town = build_town(env)
            # An earlier preview's messages are gone, so waiting cards are posted again.
            channel_ids = [channel.id for channel in town.channels.values()]

            def forget_cards(core: Core) -> None:
                for channel_id in channel_ids:
                    core.store.review_cards.forget_channel(channel_id)

            await bot.worker.call(forget_cards)
            town.emit_guild_create()
            await env.settle()
            address = await shell.show(town)
        except (OSError, SetupError) as error:
            raise PreviewError(
                f"The preview can't be served: {error}. Choose another --host or --port."
            ) from error
        ready(address)
        await shell.pages.run()


# The shell.


def own_program() -> str:
    """Return the command that starts this program in a terminal."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return "python -m bot"
    return str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program)


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _ignore_closed_tabs(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """End a request whose connection was closed before it was read; aiohttp would log an error."""
    try:
        return await handler(request)
    except ConnectionError:
        if request.transport is not None:
            raise
        return web.Response(status=400)


def _translate_descriptions(catalog: Any, language: Language) -> None:
    """Translate the descriptions of commands and options in simcord's nested records."""
    if isinstance(catalog, dict):
        if english := catalog.get("description"):
            catalog["description"] = translations(language).gettext(english)
        catalog = [*catalog.values()]
    if isinstance(catalog, list):
        for part in catalog:
            _translate_descriptions(part, language)


class Shell:
    """Outer page, which embeds the channels' pages."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._key = secrets.token_urlsafe(32)
        self._pages: Pages | None = None
        self._port = 0
        self._language = Language.ENGLISH

    @property
    def pages(self) -> Pages:
        if self._pages is None:
            raise web.HTTPServiceUnavailable
        return self._pages

    async def listen(self, port: int, host: str) -> None:
        """Listen on a port of an address of this machine; 0 picks a free port."""
        app = web.Application(
            middlewares=[_ignore_closed_tabs], handler_args={"handler_cancellation": False}
        )
        app.router.add_get("/", self._index)
        for name in ("shell.css", "shell.js", "channel.css", "icon.svg"):
            app.router.add_get(f"/shell/{name}", self._static(name))
        for method, path, handler in (
            ("GET", "/shell/state", self._state),
            ("POST", "/shell/viewer", self._view_as),
            ("POST", "/shell/post", self._post),
            ("POST", "/shell/menu", self._choose),
            ("POST", "/shell/start", self._begin),
        ):
            app.router.add_route(method, path, self._mine(handler))
        app.router.add_get("/channel", self._channel)
        for method, path, name in _REQUESTS:
            app.router.add_route(method, path, self._forward_to_simcord(name))
        app.router.add_get("/{path:.*}", self._asset)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, host, port)
        await site.start()
        self._port = runner.addresses[0][1]

    async def show(self, town: Town) -> str:
        """Add a page for each channel of a guild, and return the shell's address."""
        pages = Pages(town, self._port, self._stack)
        await pages.add_missing()
        self._pages = pages
        return f"http://127.0.0.1:{self._port}/#{self._key}"

    def _static(self, name: str) -> _Handler:
        content = (files("bot.preview") / name).read_text(encoding="utf-8")
        kind = _TYPES[name.rpartition(".")[2]]

        async def serve(_: web.Request) -> web.Response:
            return web.Response(text=content, content_type=kind, headers=_HEADERS)

        return serve

    async def _index(self, request: web.Request) -> web.StreamResponse:
        """Serve the page. Its browser's language is the language of everybody's Discord."""
        tongues = request.headers.get("Accept-Language", "")
        locale = re.split("[,;]", tongues, maxsplit=1)[0].strip() or "en-US"
        self._language = of_locale(locale) or Language.ENGLISH
        use_locale(locale)
        return await self._static("shell.html")(request)

    # simcord's pages.

    async def _channel(self, request: web.Request) -> web.StreamResponse:
        return await self._any().page(request)

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        """Serve simcord's scripts and styles, the same for every channel."""
        if request.path not in ChannelServer._STATIC_FILES:
            raise web.HTTPNotFound
        response: web.Response = await self._any()._static(request)
        if request.path.endswith("/commands.js"):
            # simcord's list of further options shows "…" instead of descriptions.
            text = response.text or ""
            return web.Response(
                text=text.replace(ELLIPSIS, DESCRIPTION),
                content_type=response.content_type,
                headers=ChannelServer._SECURITY_HEADERS,
            )
        return response

    def _any(self) -> ChannelServer:
        return cast(ChannelServer, self.pages.previews[0]._server)

    def _forward_to_simcord(self, name: str) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            server = self.pages.server(request.headers.get(_KEY, ""))
            if server is None:
                raise web.HTTPUnauthorized
            method = getattr(server, name)
            if name == "_commands":
                # simcord describes commands in English.
                catalog = json.loads((await method(request)).text)
                _translate_descriptions(catalog, self._language)
                return web.json_response(catalog, headers=ChannelServer._SECURITY_HEADERS)
            if name != "_action":
                response: web.StreamResponse = await method(request)
                return response
            async with self.pages.acting:
                done: web.StreamResponse = await method(request)
                # The result is newer than the published time, and may include new posts and
                # threads.
                await self.pages.add_missing()
                self.pages.draw()
            return done

        return handle

    # The shell's own requests.

    def _mine(self, handler: _Handler) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            hosts = {f"127.0.0.1:{self._port}", f"localhost:{self._port}"}
            key = request.headers.get(_KEY, "")
            if request.host not in hosts or not secrets.compare_digest(key, self._key):
                raise web.HTTPUnauthorized
            if request.method == "GET":
                return await handler(request)
            try:
                async with self.pages.acting:
                    response = await handler(request)
                    await self.pages.add_missing()
                    self.pages.draw()
            except (SetupError, KeyError, ValueError, json.JSONDecodeError) as error:
                return web.json_response({"problem": str(error)}, status=400, headers=_HEADERS)
            return response

        return handle

    async def _state(self, _: web.Request) -> web.Response:
        pages = self.pages
        people = [
            {"id": str(person.id), "name": f"{person.user.global_name} ({role})"}
            for person, role in zip(pages.town.people, pages.town.ROLES, strict=True)
        ]
        shown = {
            "viewer": str(pages.viewer.id),
            "people": people,
            "example": EXAMPLE,
            "program": own_program(),
            "places": [self._place_record(place) for place in pages.visible()],
        }
        return web.json_response(shown, headers=_HEADERS)

    def _place_record(self, place: Place) -> dict[str, Any]:
        page = f"/channel#{place.preview.capability}" if place.preview is not None else None
        return {
            "id": str(place.channel.id),
            "name": place.name,
            "kind": place.kind,
            "page": page,
            "newest": str(self.pages.newest(place)),
            "menus": self.pages.menus(place) if place.kind in ("text", "post") else [],
        }

    async def _view_as(self, request: web.Request) -> web.Response:
        self.pages.view_as(int((await request.json())["viewer"]))
        return web.json_response({}, headers=_HEADERS)

    async def _post(self, request: web.Request) -> web.Response:
        sent = await request.json()
        title, text = str(sent["title"]).strip()[:100], str(sent["text"]).strip()[:2_000]
        if not title or not text:
            raise ValueError("A post has a title and a text.")
        forum = self.pages.places[int(sent["forum"])].channel
        thread = self.pages.town.post(forum, self.pages.viewer, title, text)
        await self.pages.town.env.settle()
        return web.json_response({"place": str(thread.id)}, headers=_HEADERS)

    async def _choose(self, request: web.Request) -> web.Response:
        sent = await request.json()
        place = self.pages.places[int(sent["place"])]
        await self.pages.choose(place, int(sent["message"]), str(sent["name"]))
        return web.json_response({}, headers=_HEADERS)

    async def _begin(self, request: web.Request) -> web.Response:
        """Follow a suggestion of the page (`setup`, `ask`, `post`). Return the channel to show."""
        pages, thing = self.pages, (await request.json())["thing"]
        town = pages.town
        general, questions = town.channels[GENERAL], town.channels[QUESTIONS]
        pages.view_as(town.admin.id if thing == "setup" else town.member.id)
        if thing == "setup":
            await town.admin.slash(general, "setup")
        elif thing == "ask":
            await town.member.slash(general, "ask", question=EXAMPLE)
        place = questions if thing == "post" else general
        return web.json_response({"place": str(place.id)}, headers=_HEADERS)
