"""Steps that tests over the wire take: the bot runs, a note is proposed, cards wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.config.settings import Settings
from tests.bot.discord_server import SECONDS, bot_process
from tests.bot.wire.people import labels
from tests.bot.wire.server import WireServer
from tests.bot.wire.state import Json


@asynccontextmanager
async def running(
    server: WireServer, settings: Settings, *arguments: str | Path
) -> AsyncIterator[None]:
    """The bot, connected and with its commands sent; told to stop at the end."""
    server.connected.clear()
    folder = settings.data.folder
    async with bot_process(server, "run", "--data", folder, *arguments) as process:
        await server.until(lambda: server.state.commands, "commands")
        yield
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.communicate(), SECONDS)


async def proposed(server: WireServer, title: str, text: str) -> str:
    """Propose a note as Mia; what she is told."""
    form = await server.mia.slash(server.general, "note add")
    await server.form(form)
    answer = await server.answered(await server.mia.fill(form, title=title, text=text))
    return str(answer["content"])


def waiting(server: WireServer) -> list[Json]:
    """The cards with something to decide on."""
    return [one for one in server.messages(server.review) if "Approve" in labels(one)]
