"""The commands `dev mcp` and `dev serve`: search and documents for other programs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bot.cli.console import Begins, check_data_folder, err, fail, guild_scope, say, with_settings
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.worker import Worker
from knowledge.dependencies import install_hint
from knowledge.values.documents import SHARED

if TYPE_CHECKING:
    import socket

    from bot.programs.service import Reader

MCP_TOKEN_VARIABLE: Final = "COMMONPLACE_MCP_TOKEN"  # noqa: S105 - the name of a variable
SERVE_TOKEN_VARIABLE: Final = "COMMONPLACE_SERVE_TOKEN"  # noqa: S105 - the name of a variable
PORT: Final = 8771
PER_SECOND: Final = 300

GuildOption = Annotated[
    str | None,
    typer.Option("--guild", metavar="ID", help="Include this server's own notes and sources."),
]
PerSecondOption = Annotated[
    int,
    typer.Option(
        metavar="N", min=0, max=100_000, help="HTTP requests a second for each token; 0: no limit."
    ),
]


@with_settings(Begins.DEFAULT)
def mcp(
    settings: Settings,
    guild: GuildOption = None,
    http: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help=f"Serve local HTTP, with tokens from {MCP_TOKEN_VARIABLE}; 0: any port.",
        ),
    ] = None,
    per_second: PerSecondOption = PER_SECOND,
) -> None:
    """Serve search and documents by MCP, on standard input and output or by HTTP.

    Example:
        commonplace dev mcp --guild 123456789012345678
    """
    try:
        from bot.programs import mcp_server
        from bot.programs.http_server import ServingError, Tokens, open_socket
    except ImportError as error:
        fail(f"MCP needs {install_hint('mcp')} ({error}).")
    guild_id = guild_id_of(guild)
    if http is None:
        asyncio.run(_serve_by_stdio(settings, guild_id))
        return
    try:
        tokens = Tokens.of_environment(MCP_TOKEN_VARIABLE)
        with open_socket(http, "--http") as sock:
            application = partial(
                mcp_server.http_application, sock=sock, tokens=tokens, per_second=per_second
            )
            asyncio.run(_serve_http(settings, guild_id, application, sock, "MCP", mcp_server.PATH))
    except ServingError as error:
        fail(str(error))


# A page is served without a data folder.
@with_settings(Begins.ANY)
def serve(
    settings: Settings,
    guild: GuildOption = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="The address to listen on; change it only behind a TLS proxy."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="The port to listen on; 0 for any free one."
        ),
    ] = PORT,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A `Host` name that a proxy passes on; may be repeated."),
    ] = None,
    per_second: PerSecondOption = PER_SECOND,
    page: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Serve only this published page, to everyone."),
    ] = None,
) -> None:
    """Serve search and documents by HTTP, to clients with COMMONPLACE_SERVE_TOKEN.

    Example:
        commonplace dev serve --port 8771
        commonplace dev serve --page www/
    """
    try:
        from bot.config.host_names import allowed_hosts
        from bot.programs.http_api import http_api
        from bot.programs.http_server import ServingError, Tokens, open_socket
    except ImportError as error:
        fail(f"The HTTP interface needs {install_hint('serve')} ({error}).")
    guild_id = guild_id_of(guild)
    try:
        if page is not None:
            with open_socket(port, "--port", host) as sock:
                asyncio.run(_serve_page(page, sock))
            return
        check_data_folder(settings, Begins.DEFAULT)
        tokens = Tokens.of_environment(SERVE_TOKEN_VARIABLE)
        hosts = allowed_hosts(host, name or ())
        with open_socket(port, "--port", host) as sock:
            application = partial(http_api, tokens=tokens, hosts=hosts, per_second=per_second)
            asyncio.run(
                _serve_http(
                    settings, guild_id, application, sock, "The HTTP interface", "/openapi.json"
                )
            )
    except ServingError as error:
        fail(str(error))


def guild_id_of(guild: str | None) -> int | None:
    return int(guild_scope(guild)) if guild is not None else None


def guild_problem(core: Core, guild_id: int | None) -> str:
    """A sentence about a server that the index doesn't know, for its id may be mistyped; or ""."""
    # Scopes of channels are below.
    known = sorted(scope for scope in core.index.tables.passages_by_scope() if scope > SHARED)
    if guild_id is None or guild_id in known:
        return ""
    servers = ", ".join(map(str, known)) or "none"
    return f"Server {guild_id} has no notes or sources here. Servers that have: {servers}."


@asynccontextmanager
async def _reader(settings: Settings, guild_id: int | None) -> AsyncIterator["Reader"]:
    from bot.programs.service import Reader

    worker = Worker(partial(Core, settings), Core.close)
    try:
        await worker.run_slices(index_updates.with_progress_logged(index_updates.update_quickly))
        if problem := await worker.call(partial(guild_problem, guild_id=guild_id)):
            fail(problem)
        yield Reader(worker, guild_id)
    finally:
        await worker.stop()


async def _serve_by_stdio(settings: Settings, guild_id: int | None) -> None:
    from bot.programs.mcp_server import mcp_server

    async with _reader(settings, guild_id) as reader:
        await mcp_server(reader).run_stdio_async()


async def _serve_page(folder: Path, sock: "socket.socket") -> None:
    from bot.programs.http_server import address_of_socket, serve
    from bot.programs.page_server import page_application

    if not (folder / "index.html").is_file():
        fail(f"--page {folder} is no page: `commonplace publish` writes one.")
    say(f"The page is served at {address_of_socket(sock)}/. Press Ctrl+C to stop.", err)
    await serve(page_application(folder), sock, public=True)


async def _serve_http(
    settings: Settings,
    guild_id: int | None,
    application: Callable[["Reader"], Any],
    sock: "socket.socket",
    name: str,
    path: str,
) -> None:
    """Serve an interface by HTTP until stopped; print the name, and the address with `path`."""
    from bot.programs.http_server import address_of_socket
    from bot.programs.http_server import serve as run_server

    async with _reader(settings, guild_id) as reader:
        # Otherwise the first requests would wait for caches to fill.
        warming = asyncio.create_task(reader.worker.run_slices(Core.warm_up))
        say(f"{name} is served at {address_of_socket(sock)}{path}. Press Ctrl+C to stop.", err)
        try:
            await run_server(application(reader), sock)
        finally:
            warming.cancel()
