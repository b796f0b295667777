"""Browser simulator: the whole bot in a page with no token, on simcord.

simcord runs the real bot against a Discord in memory and shows one channel of it a page. A server
has several, so each channel gets a page of its own, and a bar at the top of every page leads to
the others. For tests, time stands still there and pages change with what is done on them; here it
goes on, and what the bot does by itself is shown. What this needs of simcord's insides stands in
`build_server`, `_RealClock`, `_ChannelPage` and `_Pages` alone; their first lines fail loudly if a
release changes them.

Errors:
    Exception
    └── PreviewError    the pages can't be served, and what to do
"""

import asyncio
import html
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import discord
import simcord
from aiohttp import web
from simcord._clock import Clock
from simcord.backend.errors import SetupError
from simcord.preview import Preview, make_preview
from simcord.preview._server import PreviewServer
from simcord.preview._snapshot import build_snapshot

from bot.client import Bot, start_worker
from bot.config import Settings
from bot.engine import index_updates
from bot.process.background import COMMANDS_DIGEST
from bot.process.connection import invite_permissions
from indexer.embedding.embedder import Embedder
from knowledge.model.guilds import GuildSettings

# How long an action may take before the page says that the bot does not settle.
ACTION_SECONDS: Final = 60

# How often the bot is told that time has passed, and the pages are looked at: its quickest step, a
# request of reading channels, is taken once a second.
TICK_SECONDS: Final = 1.0

NAME: Final = "Commonplace"

GENERAL: Final = "#general"
HELP: Final = "#help"
REVIEW: Final = "#review"
MESSAGES: Final = "@messages"
CHANNELS: Final = (GENERAL, HELP, REVIEW, MESSAGES)


class PreviewError(Exception):
    """The pages can't be served; the message says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A guild as a small community has it: who is there, and where they talk."""

    channels: Mapping[str, Any]
    member: Any
    moderator: Any
    admin: Any
    moderator_role: Any
    guild: Any

    def viewers(self, channel: str) -> list[Any]:
        if channel == MESSAGES:
            return [self.member.user]
        if channel == REVIEW:
            return [self.moderator, self.admin]
        return [self.member, self.moderator, self.admin]


class _Typist(simcord.MemberActor):
    """A member whose `@Commonplace` becomes a mention, as in the composer of Discord."""

    async def send(self, channel: Any, content: str = "", **options: Any) -> discord.Message:
        mention = f"<@{self._env.backend.bot_user.id}>"
        return await super().send(channel, content.replace(f"@{NAME}", mention), **options)


def build_server(env: Any) -> Server:
    guild = env.create_guild("Open Source Corner", description="A server to try Commonplace in.")
    # The role that the invitation gives: what it holds is all that the bot may do.
    bot_role = next(role for role in guild.roles.values() if role._role.managed)
    granted = {"name": NAME, "permissions": invite_permissions().value}
    env.backend.edit_role(guild.id, bot_role.id, granted)
    moderators = guild.create_role(
        "Moderators", color=0xE67E22, permissions=discord.Permissions(manage_messages=True)
    )
    admins = guild.create_role("Admins", permissions=discord.Permissions(administrator=True))
    hidden = {
        guild.default_role: discord.PermissionOverwrite(view_channel=False),
        moderators: discord.PermissionOverwrite(view_channel=True),
        bot_role: discord.PermissionOverwrite(view_channel=True),
    }
    general = guild.create_text_channel("general", topic="Ask with /ask; add with /note add.")
    channels = {
        GENERAL: general,
        HELP: guild.create_text_channel("help", topic=f"Mention @{NAME} with a question."),
        REVIEW: guild.create_text_channel(
            "review", overwrites=hidden, topic="Moderators decide on notes here."
        ),
    }

    def join(name: str, shown: str, *roles: Any) -> _Typist:
        joined = guild.add_member(env.create_user(name, global_name=shown), roles=roles)
        return _Typist(env, guild, joined.user)

    member = join("mia", "Mia (member)")
    moderator = join("max", "Max (moderator)", moderators)
    admin = join("ada", "Ada (admin)", admins)
    channels[MESSAGES] = member.user.dm_channel
    return Server(channels, member, moderator, admin, moderators, guild)


class _RealClock(Clock):
    """The time that it is; simcord's own stands still at the beginning of 2026."""

    def begin(self, running: simcord.run) -> None:
        """Let this be the time of a bot that has not been started yet.

        What waits again and again would make up for all that has passed since 2026 began, if the
        bot had been started then.
        """
        running._env.backend.clock = self

    def now(self) -> datetime:
        return datetime.now(UTC)


class _ChannelPage(PreviewServer):
    """simcord's page of one channel, with a bar that leads to the other channels."""

    def __init__(self, preview: Preview, port: int, channel: str, pages: "_Pages") -> None:
        super().__init__(preview, port)
        self._channel = channel
        self._pages_of_all = pages

    async def _index(self, request: web.Request) -> web.Response:
        for preview in self._pages_of_all.previews:
            preview._advance_presentation_time()
        response: web.Response = await super()._index(request)
        links = "".join(
            f'<a class="toolbar-button" href="{html.escape(address)}" '
            f'aria-current="{"page" if name == self._channel else "false"}">{html.escape(name)}</a>'
            for name, address in self._pages_of_all.addresses.items()
        )
        bar = f'<nav class="preview-toolbar" aria-label="Channels">{links}</nav>'
        page = response.text or ""
        marked = page.replace("<title>SimCord Preview", "<title>Commonplace").replace(
            '<div id="preview-shell"', f'{bar}<div id="preview-shell"', 1
        )
        return web.Response(text=marked, content_type="text/html", headers=self._SECURITY_HEADERS)

    async def _action(self, request: web.Request) -> web.Response:
        async with self._pages_of_all.acting:
            response: web.Response = await super()._action(request)
            # What came of it is newer than the time that it was published with.
            self._pages_of_all.draw(self.preview)
        return response


@dataclass(slots=True)
class _Pages:
    """Every channel's page. simcord allows one page a server; this stands in for it there.

    It does one thing at a time: `acting` is held by what is done on a page, or by time passing.
    """

    env: Any
    addresses: dict[str, str] = field(default_factory=dict)
    previews: list[Preview] = field(default_factory=list)
    acting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _closed: bool = True

    async def add(self, channel: str, server: Server, port: int, stack: AsyncExitStack) -> None:
        preview = make_preview(
            self.env,
            server.channels[channel],
            viewers=server.viewers(channel),
            layout="channel",
            display="responsive",
            width=960,
            height=720,
            locale="en-US",
            timezone="UTC",
            presentation_time=None,
            assets=None,
            sku_presentations=None,
            port=port or None,
        )
        preview._server = _ChannelPage(preview, port, channel, self)
        self.env._preview = None
        await stack.enter_async_context(preview)
        self.previews.append(preview)
        self.addresses[channel] = preview.url
        self.env._preview = self

    def _mark_action_dispatched(self) -> None:
        for preview in self.previews:
            preview._mark_action_dispatched()

    async def run(self) -> None:
        """Let time pass for the bot until any of the pages ends the session."""
        ended = [asyncio.create_task(preview.wait_closed()) for preview in self.previews]
        tasks = [asyncio.create_task(self._go_on()), *ended]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _go_on(self) -> None:
        """Let time pass for the bot, and show what it does by itself, until this is cancelled.

        simcord wakes what waits on purpose, as the steps of `Upkeep.go_on` do between each other,
        only when it is told that time has passed.
        """
        seen = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            async with self.acting:
                # What takes longer than an action may goes on all the same.
                with suppress(TimeoutError):
                    await self.env.advance_time(TICK_SECONDS)
                # Every request of the bot's and every event stand in it.
                happened = len(self.env.backend.transcript)
                if happened != seen:
                    seen = happened
                    for preview in self.previews:
                        self.draw(preview, only_changed=True)

    def draw(self, preview: Preview, *, only_changed: bool = False) -> None:
        """Draw a channel's pages as they are now, or those that show other messages than before.

        They are not published anew: what somebody is doing there at this moment would be refused as
        done on a page that is no more. It is checked by what is there, anyway.
        """
        preview._advance_presentation_time()
        for page in preview._pages.values():
            drawn = build_snapshot(preview, page)
            if not only_changed or drawn["messages"] != page.snapshot["messages"]:
                page.snapshot = drawn


async def serve(
    settings: Settings,
    port: int,
    ready: Callable[[dict[str, str]], None],
    embedder: Embedder | None = None,
) -> None:
    """Run the bot and its pages until a page ends the session or the process is stopped.

    The first page has the `port`, the others follow; 0 takes any. `ready` is told every page's
    address once the bot answers.

    Raises:
        PreviewError: if a port is taken.
    """
    if port:
        _check_free(range(port, port + len(CHANNELS)))
    # simcord waits 5 s for a bot; a first start takes longer, so the core is made ready before.
    worker = start_worker(settings, embedder)
    try:
        await worker.run_slices(index_updates.told(index_updates.update_quickly))
        # Each preview is a Discord of its own, which was sent no commands yet.
        await worker.call(lambda core: core.store.remember(COMMANDS_DIGEST, ""))
        await _serve(Bot(settings, worker), port, ready)
    finally:
        await worker.stop()


def _check_free(ports: range) -> None:
    """Look at the ports first: a first start takes long, and to be told only then is annoying.

    Raises:
        PreviewError: if one is taken, or is none.
    """
    for port in ports:
        with socket.socket() as tried:
            # As the page's server does: a port whose last user has just ended is free.
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except (OSError, OverflowError) as error:
                raise PreviewError(
                    f"The preview needs the ports {ports[0]} to {ports[-1]}, and {port} can't be "
                    "had. Choose another --port."
                ) from error


async def _serve(bot: Bot, port: int, ready: Callable[[dict[str, str]], None]) -> None:
    running = simcord.run(bot, settle_timeout=ACTION_SECONDS, check_errors=False)
    _RealClock().begin(running)
    async with running as env:
        env.backend.bot_user.name = NAME
        server = build_server(env)
        await env.settle()
        chosen = GuildSettings(
            server.guild.id, server.channels[REVIEW].id, server.moderator_role.id
        )
        await bot.worker.call(lambda core: core.store.guilds.save_settings(chosen, server.admin.id))
        async with AsyncExitStack() as stack:
            pages = _Pages(env)
            try:
                for number, channel in enumerate(server.channels):
                    await pages.add(channel, server, port + number if port else 0, stack)
            except SetupError as error:
                raise PreviewError(
                    f"The preview can't be served: {error}. Choose another --port."
                ) from error
            ready(dict(pages.addresses))
            await pages.run()
