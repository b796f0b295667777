"""Server of the preview: runs the bot, simcord's Discord, and the preview's page.

Errors:
    Exception
    └── PreviewError    the page can't be served; the message says what to do
"""

import logging
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import simcord
from simcord.backend.errors import SetupError

from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.preview.pages import RealClock
from bot.preview.shell import Shell
from bot.preview.town import NAME, add_routes, build_town
from bot.process.client import Bot, start_worker
from bot.process.commands import COMMANDS_DIGEST
from indexer.embedding.embedder import Embedder

# Loggers about Discord's own site: token, developer portal, command sync.
UNTRUE_HERE: Final = (
    "discord.client",
    "bot.interactions.policy.allowed_guilds",
    "bot.process.commands",
)

# Deadline of an action, after which the page says that the bot does not settle.
ACTION_SECONDS: Final = 60


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
    settings = _with_content(settings)
    # simcord waits 5 s for a bot, less than a first start takes.
    worker = start_worker(settings, embedder)
    try:
        await worker.run_slices(index_updates.update_quickly)
        # Each preview is a new Discord without commands.
        await worker.call(lambda core: core.store.remember(COMMANDS_DIGEST, ""))
        await _serve(Bot(settings, worker), port, host, ready)
    finally:
        await worker.stop()


def _forget_cards(core: Core, channel_id: int) -> None:
    core.store.review_cards.forget_channel(channel_id)


def _with_content(settings: Settings) -> Settings:
    """Enable message content, which Discord gives only to approved bots."""
    helper = settings.helper.model_copy(update={"message_content": True})
    sources = settings.sources.model_copy(update={"channels": True})
    return settings.model_copy(update={"helper": helper, "sources": sources})


def silence_logs_about_discord() -> None:
    """Drop log messages that apply only to the real Discord."""
    for name in UNTRUE_HERE:
        logging.getLogger(name).setLevel(logging.ERROR)


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
    clock.begin(running)
    async with running as env, AsyncExitStack() as stack:
        shell = Shell(stack)
        try:
            await shell.listen(port, host)
            env.backend.bot_user.name = NAME
            # Fixed ids, so that the next start finds the settings of these channels.
            with clock.frozen_at_epoch():
                town = build_town(env)
            for channel in town.channels.values():
                # An earlier preview's messages are gone, so waiting cards are posted again.
                await bot.worker.call(partial(_forget_cards, channel_id=channel.id))
            town.emit_guild_create()
            await env.settle()
            address = await shell.show(town)
        except (OSError, SetupError) as error:
            raise PreviewError(
                f"The preview can't be served: {error}. Choose another --host or --port."
            ) from error
        ready(address)
        await shell.pages.run()
