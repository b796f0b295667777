"""The command `mcp`: what may be quoted is served to other programs."""

import asyncio
import os
import socket
from functools import partial
from typing import Annotated, Final

import typer

from bot.cli.console import ConfigOption, DataOption, err, fail, settings_from
from bot.cli.sources import guild_scope
from bot.config import Settings
from bot.engine import index_updates
from bot.engine.core import Core
from bot.engine.worker import Worker

TOKEN_VARIABLE: Final = "COMMONPLACE_MCP_TOKEN"  # noqa: S105 - the name of a variable


def mcp(
    config_file: ConfigOption = None,
    data: DataOption = None,
    guild: Annotated[
        str | None,
        typer.Option(metavar="ID", help="What everybody in this server may read, too."),
    ] = None,
    http: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help=f"Serve HTTP on this machine, to who knows {TOKEN_VARIABLE}; 0 takes any port.",
        ),
    ] = None,
) -> None:
    """Serve what may be quoted to other programs by MCP: on standard input and output, or HTTP."""
    try:
        from bot.programs import mcp_server
    except ImportError as error:
        fail(f"MCP needs `pip install 'commonplace[mcp]'` ({error}).")
    settings = settings_from(config_file, data)
    guild_id = int(guild_scope(guild)) if guild is not None else None
    try:
        sock = None
        if http is not None:
            mcp_server.check(os.environ.get(TOKEN_VARIABLE, ""))
            sock = mcp_server.listening(http)
        asyncio.run(_served(settings, guild_id, sock))
    except mcp_server.McpError as error:
        fail(str(error))


async def _served(settings: Settings, guild_id: int | None, sock: socket.socket | None) -> None:
    from bot.programs.mcp_server import HOST, PATH, mcp_server, serve_http, serve_stdio

    worker = Worker(partial(Core, settings), Core.close)
    try:
        await worker.run_slices(index_updates.told(index_updates.update_quickly))
        server = mcp_server(worker, guild_id)
        if sock is None:
            await serve_stdio(server)
            return
        err.print(f"MCP is served at http://{HOST}:{sock.getsockname()[1]}{PATH}; Ctrl+C ends it.")
        await serve_http(server, sock, os.environ.get(TOKEN_VARIABLE, ""))
    finally:
        await worker.stop()
