"""Outages of Discord's gateway under a running bot: connections, sessions, time until it is back.

    python -m benchmarks.gateway_outages --hours 3 --shards 1 10 16

The bot is a real process with a faster clock in its event loop (`--speed`); all figures are in that
clock's seconds. Discord is the strict one of the tests, over HTTP and websockets. It is away in
three ways, one after another:

- *closing*: it says HELLO and closes each session that resumes or begins with 4000
- *forgetful*: the same, and sessions are lost, so each RESUME ends in an IDENTIFY
- *refusing*: no websocket opens (HTTP 503)
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp.test_utils import unused_port

from benchmarks.shards import processor_seconds
from tests.bot.launcher import bot_process
from tests.bot.wire.server import WireServer, wire_server

CLOSING: Final = 4_000
REFUSING: Final = 503
PATIENCE_SECONDS: Final = 120
HEARTBEAT_MS: Final = 10_000
# As long as sessions last before and after an outage.
STEADY_SECONDS: Final = 300


async def _health(port: int) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/healthz") as response,
    ):
        said = await response.json()
    return f"{response.status} {said['status']} {said['reasons']}"


async def _outage(kind: str, server: WireServer, seconds: float, speed: float, port: int) -> str:
    """Let Discord be away for a time, and come back; returns a line of figures."""
    gateway = server.gateway
    await asyncio.sleep(STEADY_SECONDS / speed)
    gateway.connections = gateway.identified = 0
    gateway.remaining = 1_000
    if kind == "forgetful":
        gateway.sessions.clear()
    await gateway.go_away(REFUSING if kind == "refusing" else CLOSING)
    await asyncio.sleep(seconds / speed)
    connections, identified = gateway.connections, gateway.identified
    said = await _health(port)
    gateway.refusing, began = 0, time.monotonic()
    await asyncio.wait_for(server.connected.wait(), PATIENCE_SECONDS)
    back = (time.monotonic() - began) * speed
    return (
        f"{kind:<10} {seconds:>6.0f} s  {gateway.shards:>2} shards: {connections:>5} connections "
        f"({connections / gateway.shards:.1f} a shard), {identified:>4} IDENTIFYs "
        f"({identified / gateway.shards:.1f}), back after {back:.0f} s; /healthz {said}"
    )


async def _measure(shards: int, outages: list[float], speed: float, folder: Path) -> None:
    port, log = unused_port(), folder / "log"
    config = folder / "config.toml"
    config.write_text(f"[health]\nport = {port}\n", encoding="utf-8")
    arguments = ("run", "--config", config, "--data", folder / "data")
    async with wire_server() as server:
        server.gateway.shards, server.gateway.max_concurrency = shards, 16
        server.gateway.heartbeat_ms = round(HEARTBEAT_MS / speed)
        # Another day is further away than the end.
        server.gateway.reset_after_ms = 86_400_000
        with log.open("wb") as file:
            async with bot_process(
                server, *arguments, connected=False, log=file, CLOCK_SPEED=str(speed)
            ) as process:
                await asyncio.wait_for(server.connected.wait(), PATIENCE_SECONDS)
                for kind in ("closing", "forgetful", "refusing"):
                    for seconds in outages:
                        before = processor_seconds(process.pid)
                        lines = log.read_text().count("\n")
                        line = await _outage(kind, server, seconds, speed, port)
                        used = processor_seconds(process.pid) - before
                        lines = log.read_text().count("\n") - lines
                        print(
                            f"{line}; {lines} lines of log; {used:.1f} s of processor", flush=True
                        )


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 10, 16])
    parser.add_argument("--short", type=float, nargs="*", default=[60.0])
    parser.add_argument("--speed", type=float, default=60.0)
    chosen = parser.parse_args()
    for shards in chosen.shards:
        with tempfile.TemporaryDirectory() as folder:
            await _measure(
                shards, [*chosen.short, chosen.hours * 3_600], chosen.speed, Path(folder)
            )


if __name__ == "__main__":
    asyncio.run(_main())
