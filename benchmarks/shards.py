"""Start of a bot with thousands of servers: time, memory, processor time, and answers.

    python -m benchmarks.shards 3000 10000

For each number of servers, a bot process connects to a Discord on this machine, with a shard for
each 1,000 of them, as Discord recommends. Every server has eight channels and ten roles. `/ask` is
sent in a server of each shard. The embedder is the tests' bag of words.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.embedding import resident
from tests.bot.launcher import bot_process
from tests.bot.wire.people import Person
from tests.bot.wire.server import WireServer, wire_server
from tests.bot.wire.state import Json, snowflake, user

A_SHARD: Final = 1_000
CHANNELS: Final = 8
ROLES: Final = 10
# As Discord grants it to most bots is 1; a start of ten shards then takes 45 s longer.
CONCURRENCY: Final = 16
PATIENCE_SECONDS: Final = 600
QUESTION: Final = "What is open source AI?"


def _add(server: WireServer, number: int) -> tuple[Person, Json]:
    guild = server.state.add_guild(f"Server {number}", snowflake() + (number << 22))
    for role in range(ROLES):
        server.state.add_role(guild, f"Role {role}")
    channels = [server.state.add_channel(guild, f"channel-{place}") for place in range(CHANNELS)]
    account = user(f"Member {number}")
    server.state.join(guild, account, [])
    return Person(server.state, server.gateway, guild, account), channels[0]


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def _measure(guilds: int, folder: Path) -> None:
    async with wire_server() as server:
        server.gateway.shards = max(-(-guilds // A_SHARD), 1)
        server.gateway.max_concurrency = CONCURRENCY
        members = [_add(server, number) for number in range(guilds)]
        began = time.monotonic()
        arguments = ("run", "--data", folder)
        async with bot_process(server, *arguments, connected=False) as process:
            await asyncio.wait_for(server.connected.wait(), PATIENCE_SECONDS)
            await server.until(lambda: server.state.commands, "commands")
            connected = time.monotonic() - began
            await asyncio.sleep(15)
            before = processor_seconds(process.pid)
            megabytes = resident(process.pid)
            await asyncio.sleep(10)
            idle = (processor_seconds(process.pid) - before) / 10
            times = []
            for member, channel in members[:: max(guilds // 20, 1)]:
                asked = time.monotonic()
                await server.answered(await member.slash(channel, "ask", question=QUESTION))
                times.append(time.monotonic() - asked)
        print(
            f"{guilds:>6,} servers, {server.gateway.shards:>2} shards: connected after "
            f"{connected:.1f} s, {before:.1f} s of processor, {megabytes:.0f} MB; idle "
            f"{idle:.1%} of a core; /ask median {statistics.median(times) * 1000:.0f} ms, "
            f"worst {max(times) * 1000:.0f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("guilds", nargs="+", type=int)
    for guilds in parser.parse_args().guilds:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_measure(guilds, Path(folder)))


if __name__ == "__main__":
    main()
