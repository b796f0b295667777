"""HTTP server of `/healthz` and `/metrics`, read-only.

Errors:
    Exception
    └── HealthError    the address can't be used; the message says what to do
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from bot.config.host_names import allowed_hosts, host_without_port
from bot.config.settings import OFF, HealthSettings
from bot.process.metrics import CONTENT_TYPE

# The largest number of connections without a request.
MOST_WAITING: Final = 128
# The largest number of connections. Monitors ask one at a time; more connections would use up file
# descriptors.
_CONNECTIONS: Final = 2 * MOST_WAITING
# Connections accepted in one turn of the event loop. A request that comes with its connection is
# read five turns later, before newer connections push it out.
_BACKLOG: Final = 16
# Lifetime of a connection, which takes one request; checking a stuck worker takes 5 s.
CONNECTION_SECONDS: Final = 10
_PATHS: Final = ("/healthz", "/metrics")
_FOREIGN: Final = "421: Misdirected Request. Ask 127.0.0.1 or localhost, or change health.host."

_logger = logging.getLogger(__name__)
# Silent, because anybody could fill the log with aiohttp's warnings about malformed requests.
_unheard = logging.Logger(__name__, logging.CRITICAL + 1)


class HealthError(Exception):
    """The address can't be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Health:
    """Health of the bot: unhealthy for `reasons`, incomplete in its answers if `degraded`."""

    reasons: tuple[str, ...] = ()
    details: dict[str, object] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        return not self.reasons

    def to_dict(self) -> dict[str, object]:
        """Return the record of `/healthz`."""
        status = "degraded" if self.degraded else "ok"
        reasons = [*self.reasons, *self.degraded]
        return {
            "status": status if self.well else "unavailable",
            "reasons": reasons,
            **self.details,
        }


class _Server(web.Server):
    """A server that limits the number and lifetime of its connections."""

    def __init__(self, answer: Callable[[web.BaseRequest], Awaitable[web.Response]]) -> None:
        super().__init__(answer, access_log=None, logger=_unheard, lingering_time=0)
        # Connections without a request, the oldest first.
        self._waiting: dict[web.RequestHandler, asyncio.Transport] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Accept a connection, within two limits.

        If more than `MOST_WAITING` connections have sent no request yet, the oldest of them is
        aborted. Otherwise, if there are more than `_CONNECTIONS`, the new connection is aborted.
        """
        super().connection_made(handler, transport)
        self._waiting[handler] = transport
        if len(self._waiting) > MOST_WAITING:
            self._waiting.pop(next(iter(self._waiting))).abort()
        elif len(self.connections) > _CONNECTIONS:
            self._waiting.pop(handler).abort()
        self._loop.call_later(CONNECTION_SECONDS, transport.abort)

    def stop_waiting(self, handler: web.RequestHandler) -> None:
        """Stop counting a connection as waiting, because its request has arrived."""
        self._waiting.pop(handler, None)

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Forget an ended connection."""
        self._waiting.pop(handler, None)
        super().connection_lost(handler, exc)


@asynccontextmanager
async def serving(
    settings: HealthSettings,
    look: Callable[[], Awaitable[Health]],
    expose: Callable[[], Awaitable[bytes]],
) -> AsyncIterator[str]:
    """Serve health and metrics, and yield the address, or "" if off; HealthError if it is taken."""
    if settings.port == OFF:
        yield ""
        return

    hosts = allowed_hosts(settings.host)

    async def respond(request: web.BaseRequest) -> web.Response:
        if hosts and host_without_port(request.headers.getall("Host", ())) not in hosts:
            return web.Response(status=421, text=_FOREIGN)
        if request.path not in _PATHS:
            return web.Response(status=404, text="404: Not Found")
        if request.method not in ("GET", "HEAD"):
            text, headers = "405: Method Not Allowed", {"Allow": "GET,HEAD"}
            return web.Response(status=405, text=text, headers=headers)
        if request.path == "/metrics":
            return web.Response(body=await expose(), headers={"Content-Type": CONTENT_TYPE})
        health = await look()
        return web.json_response(health.to_dict(), status=200 if health.well else 503)

    async def answer(request: web.BaseRequest) -> web.Response:
        server.stop_waiting(request.protocol)
        try:
            response = await respond(request)
        except Exception:
            _logger.exception("A request to %s failed.", request.path)
            response = web.Response(status=500)
        response.force_close()
        return response

    server = _Server(answer)
    # Unfinished requests aren't worth waiting for.
    runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.host, settings.port, backlog=_BACKLOG).start()
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
