"""Lifecycle of the bot's process: start, health endpoint, graceful shutdown.

On SIGTERM or SIGINT, the bot takes no new work, finishes acknowledged questions and clicks within a
deadline, and closes. A second signal skips the wait.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from typing import Final

from bot.config.settings import Settings
from bot.process import allocator, logs
from bot.process.client import Bot
from bot.process.health_server import serving

# Longer than any answer takes; shorter than the 30 s before a service manager kills (compose.yaml,
# systemd unit).
FINISHING_SECONDS: Final = 15

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

_logger = logging.getLogger(__name__)


def run_bot(settings: Settings, token: str, make: Callable[[Settings], Bot] = Bot) -> None:
    """Run the bot until stopped; LoginError, UnreachableError or HealthError if it can't start."""
    allocator.limit_arenas()
    asyncio.run(_run(make(settings), token))


async def _run(bot: Bot, token: str) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.log_failed_task)
    asked, insisted = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        (insisted if asked.is_set() else asked).set()

    async with bot, serving(bot.settings.health, bot.health, bot.exposition):
        with _signals(loop, stop):
            running = asyncio.create_task(bot.start(token))
            await _first(running, asked)
            if running.done():
                return await running
            _logger.info("Stopping after the work under way.")
            running.cancel()
            await asyncio.wait([running])
            finishing = asyncio.create_task(bot.finish(FINISHING_SECONDS))
            await _first(finishing, insisted)
            finishing.cancel()
            await asyncio.wait([finishing])
    _logger.info("Stopped.")
    return None


async def _first(task: "asyncio.Task[None]", event: asyncio.Event) -> None:
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on each SIGTERM and SIGINT."""
    # Windows has no such handlers; Ctrl+C ends the loop.
    with contextlib.suppress(NotImplementedError):
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
