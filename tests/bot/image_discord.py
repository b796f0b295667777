"""The tests' Discord beside a bot in an image (`deploy/try_image.sh`).

It runs in the same image, asks each bot that connects the question of its command line, and prints
the answers.
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any, Final

from aiohttp.test_utils import TestServer

from tests.bot.discord_server import DiscordServer

PORT: Final = 8931


@dataclass
class AskingDiscord(DiscordServer):
    """A Discord whose member asks as soon as a bot has connected."""

    question: str = ""

    async def _send(self, event: str, data: dict[str, Any]) -> None:
        await super()._send(event, data)
        if event == "READY":
            await self.ask(self.question)


async def main() -> None:
    discord = AskingDiscord(question=sys.argv[1])
    async with TestServer(discord.application(), port=PORT) as server:
        discord.address = str(server.make_url("")).rstrip("/")
        while True:
            sys.stdout.write(f"answer: {await discord.said.get()!r}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
