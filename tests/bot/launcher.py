"""Launcher of the bot as a process of its own, with the tests' Discord as its Discord."""

import asyncio
import atexit
import functools
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Final, Protocol, Self

from bot.config.settings import Settings
from tests.bot.wire.server import SECONDS, WireServer
from tests.bot.wire.state import TOKEN
from tests.fork_server import ForkServer, fork_server, number

ROOT: Final = Path(__file__).parents[2]


@asynccontextmanager
async def run_bot(
    server: WireServer, settings: Settings, *arguments: str | Path
) -> AsyncIterator["BotProcess"]:
    """Run the bot, connected and with its commands sent; stop it at the end."""
    server.connected.clear()
    folder = settings.data.folder
    async with bot_process(server, "run", "--data", folder, *arguments) as process:
        await server.until(lambda: server.state.commands, "commands")
        yield process
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.communicate(), SECONDS)


@asynccontextmanager
async def run_and_kill_bot(
    server: WireServer, settings: Settings, *arguments: str | Path
) -> AsyncIterator[None]:
    """Run the bot as `run_bot` does; kill it at the end, and let Discord's faults end."""
    async with run_bot(server, settings, *arguments) as process:
        yield
        process.kill()
        await process.wait()
    server.rest.faults.clear()


@asynccontextmanager
async def bot_process(
    discord: WireServer,
    *arguments: str | Path,
    token: str = TOKEN,
    connected: bool = True,
    opening_seconds: float = 0,
    log: IO[bytes] | int = asyncio.subprocess.PIPE,
    root: Path = ROOT,
    **environment: str,
) -> AsyncIterator["BotProcess"]:
    """Run `commonplace` against `discord` in a process of its own, which is killed at the end.

    With `connected`, wait for its connection. Opening the core takes `opening_seconds`. Output goes
    to `log`; a pipe is read only at the end. `root` is the checkout of the program.
    """
    environment = {
        **os.environ,
        "DISCORD_TOKEN": token,
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(root),
        "PYTHONWARNINGS": "ignore",
        "COLUMNS": "200",
        "OPENING_SECONDS": str(opening_seconds),
        **environment,
    }
    told = [discord.address, *map(str, arguments)]
    process: BotProcess
    if root == ROOT:
        process = await ForkedProcess.begun(told, environment, log)
    else:
        program = root / "tests" / "bot" / "bot_process.py"
        process = await asyncio.create_subprocess_exec(
            sys.executable, program, *told, cwd=root, env=environment, stdout=log, stderr=log
        )
    try:
        if connected:
            await _connected(discord, process)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class BotProcess(Protocol):
    """The part of `asyncio.subprocess.Process` that tests use."""

    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def pid(self) -> int:
        """Its id."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, or None while it runs."""

    async def wait(self) -> int:
        """Wait for its end; returns its exit code."""

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; returns what it says."""

    def send_signal(self, signal: int, /) -> None:
        """Send it a signal, if it runs."""

    def terminate(self) -> None:
        """Tell it to stop."""

    def kill(self) -> None:
        """End it."""


@functools.cache
def _bots() -> ForkServer:
    """The fork server of bots, which ends with this process."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(fork_server("tests.bot.bot_process"))


class ForkedProcess:
    """A bot forked from a process that has imported it."""

    _ending: asyncio.Task[int]

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None

    @classmethod
    async def begun(
        cls, arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes] | int
    ) -> Self:
        """Start it with its output in `log`."""
        pid, ended, outs = _begun(arguments, environment, log)
        process = cls(pid)
        if outs:
            process.stdout, process.stderr = [await _reader(out) for out in outs]
        process._ending = asyncio.create_task(process._end(await _reader(ended)))
        return process

    async def _end(self, ended: asyncio.StreamReader) -> int:
        self.returncode = number(await ended.read())
        return self.returncode

    async def wait(self) -> int:
        return await asyncio.shield(self._ending)

    async def communicate(self) -> tuple[bytes, bytes]:
        readers = [stream for stream in (self.stdout, self.stderr) if stream is not None]
        said = await asyncio.gather(*(stream.read() for stream in readers))
        await self.wait()
        out, err = said or (b"", b"")
        return out, err

    def send_signal(self, which: int, /) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, which)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _begun(
    arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes] | int
) -> tuple[int, int, list[int]]:
    """Fork a copy; returns its id, the pipe of its exit code, and the pipes of its output."""
    with ExitStack() as stack:

        def open_here(stream: int) -> int:
            stack.callback(os.close, stream)
            return stream

        nothing = open_here(os.open(os.devnull, os.O_RDONLY))
        pipes = [os.pipe(), os.pipe()] if isinstance(log, int) else []
        outs = [open_here(writing) for _, writing in pipes]
        if not isinstance(log, int):
            outs = [log.fileno()] * 2
        pid, ended = _bots().start(arguments, [nothing, *outs], ROOT, environment)
    return pid, ended, [reading for reading, _ in pipes]


async def _reader(pipe: int) -> asyncio.StreamReader:
    """A reader of a pipe, which is closed at its end."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
    )
    return reader


async def _connected(discord: WireServer, process: BotProcess) -> None:
    """Wait until the bot has connected or ended."""
    there = asyncio.create_task(discord.connected.wait())
    ended = asyncio.create_task(process.wait())
    await asyncio.wait([there, ended], timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for waiting in (there, ended):
        waiting.cancel()
    if not discord.connected.is_set():
        assert process.stderr is not None
        if process.returncode is None:
            process.kill()
        raise AssertionError((await process.stderr.read()).decode())
