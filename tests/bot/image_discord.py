"""The tests' Discord beside a bot in an image (`deploy/try_image.sh`).

It runs in the same image, asks each bot that connects the question of its command line, and prints
the answers.
"""

import asyncio
import sys
from typing import Final

from aiohttp.test_utils import TestServer

from tests.bot.wire.server import WireServer

PORT: Final = 8931


async def main(question: str) -> None:
    # As long as the script waits for a first start.
    discord = WireServer(patience_seconds=300)
    async with TestServer(discord.application(), port=PORT) as server:
        discord.state.address = str(server.make_url("")).rstrip("/")
        while True:
            await discord.connected.wait()
            await discord.until(lambda: discord.state.commands, "commands")
            answer = await discord.answered(
                await discord.mia.slash(discord.general, "ask", question=question)
            )
            sys.stdout.write(f"answer: {answer['content']!r} {answer['components']!r}\n")
            sys.stdout.flush()
            discord.connected.clear()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
