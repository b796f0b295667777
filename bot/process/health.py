"""Where machines ask how a running bot is: `/healthz` and `/metrics` over HTTP.

Read-only, and nothing else is served. It knows the bot by two functions alone.

Errors:
    Exception
    └── HealthError    the address can't be had, and what to do
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from bot.config import OFF, HealthSettings

# What is asked is only ever a line; a body is none of our business.
_MOST_BYTES: Final = 1_024

_logger = logging.getLogger(__name__)


class HealthError(Exception):
    """The address can't be had; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the bot is: well, or for which reasons not."""

    reasons: tuple[str, ...] = ()
    details: dict[str, object] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Whether members get their answers."""
        return not self.reasons

    def to_dict(self) -> dict[str, object]:
        """As it is served."""
        status = "ok" if self.well else "unavailable"
        return {"status": status, "reasons": list(self.reasons), **self.details}


@asynccontextmanager
async def serving(
    settings: HealthSettings,
    look: Callable[[], Awaitable[Health]],
    expose: Callable[[], Awaitable[bytes]],
    content_type: str,
) -> AsyncIterator[str]:
    """Serve while the context lasts, if the settings say so.

    Args:
        settings: where.
        look: how the bot is.
        expose: the metrics.
        content_type: of the metrics.

    Returns:
        The address, or nothing where it is off.

    Raises:
        HealthError: if the address can't be had.
    """
    if settings.port == OFF:
        yield ""
        return

    async def healthz(_request: web.Request) -> web.Response:
        health = await look()
        return web.json_response(health.to_dict(), status=200 if health.well else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=await expose(), headers={"Content-Type": content_type})

    app = web.Application(client_max_size=_MOST_BYTES)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    # What is still being read when the bot ends is not worth waiting for.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            raise HealthError(
                f"/healthz can't be served at {settings.host}:{settings.port} ({error}). Choose "
                'another `health.port` or `health.host` in config.toml, or set the port to "off".'
            ) from error
        host, port = runner.addresses[0][:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        _logger.info("Health and metrics are served.", extra={"address": address})
        yield address
    finally:
        await runner.cleanup()
