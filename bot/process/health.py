"""Health and metrics endpoints over HTTP, for machines: `/healthz` and `/metrics`.

Read-only, and nothing else is served. It knows the bot by two functions alone.

Errors:
    Exception
    └── HealthError    the address can't be had, and what to do
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from bot.config.sections import OFF, HealthSettings
from bot.programs.host_names import known_hosts, named_host

# Connections at once that have asked nothing yet.
MOST_WAITING: Final = 128
# All at once. Monitors ask one at a time; more would use up the files that a process may have.
_CONNECTIONS: Final = 2 * MOST_WAITING
# The event loop takes so many at once. A request that comes with its connection is read five turns
# later, before as many newer connections as may wait have been taken.
_BACKLOG: Final = 16
# A connection is one request, and ends by then; looking at a stuck worker takes 5 s.
CONNECTION_SECONDS: Final = 10
_PATHS: Final = ("/healthz", "/metrics")
_FOREIGN: Final = "421: Misdirected Request. Ask 127.0.0.1 or localhost, or change health.host."

_logger = logging.getLogger(__name__)
# Anybody could fill the log with what aiohttp has to say of requests that are none.
_unheard = logging.Logger(__name__, logging.CRITICAL + 1)


class HealthError(Exception):
    """The address can't be had; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the bot is: well, or for which reasons not.

    `degraded` names what it answers without: it is well all the same.
    """

    reasons: tuple[str, ...] = ()
    details: dict[str, object] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        return not self.reasons

    @property
    def status(self) -> str:
        if not self.well:
            return "unavailable"
        return "degraded" if self.degraded else "ok"

    def to_dict(self) -> dict[str, object]:
        reasons = [*self.reasons, *self.degraded]
        return {"status": self.status, "reasons": reasons, **self.details}


class _Server(web.Server):
    """A server with few connections, each of which ends in time, whatever its other end does."""

    def __init__(self, answer: Callable[[web.BaseRequest], Awaitable[web.Response]]) -> None:
        super().__init__(answer, access_log=None, logger=_unheard, lingering_time=0)
        # Those that have asked nothing yet, the oldest first.
        self._waiting: dict[web.RequestHandler, asyncio.Transport] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection; of too many that have asked nothing, the oldest ends."""
        super().connection_made(handler, transport)
        self._waiting[handler] = transport
        if len(self._waiting) > MOST_WAITING:
            self._waiting.pop(next(iter(self._waiting))).abort()
        elif len(self.connections) > _CONNECTIONS:
            self._waiting.pop(handler).abort()
        self._loop.call_later(CONNECTION_SECONDS, transport.abort)

    def being_answered(self, handler: web.RequestHandler) -> None:
        """Keep a connection whose request has come until it is answered."""
        self._waiting.pop(handler, None)

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Count a connection that ended no more."""
        self._waiting.pop(handler, None)
        super().connection_lost(handler, exc)


@asynccontextmanager
async def serving(
    settings: HealthSettings,
    look: Callable[[], Awaitable[Health]],
    expose: Callable[[], Awaitable[bytes]],
    content_type: str,
) -> AsyncIterator[str]:
    """Serve what `look` finds, and the metrics, while the context lasts, if the settings say so.

    Returns:
        The address, or nothing where it is off.

    Raises:
        HealthError: if the address can't be had.
    """
    if settings.port == OFF:
        yield ""
        return

    hosts = known_hosts(settings.host)

    async def answer(request: web.BaseRequest) -> web.Response:
        server.being_answered(request.protocol)
        try:
            if hosts and named_host(request.headers.getall("Host", ())) not in hosts:
                response = web.Response(status=421, text=_FOREIGN)
            else:
                response = await _answer(request, look, expose, content_type)
        except Exception:
            _logger.exception("A request to %s failed.", request.path)
            response = web.Response(status=500)
        response.force_close()
        return response

    server = _Server(answer)
    # What is still being read when the bot ends is not worth waiting for.
    runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    try:
        address = await _listen(runner, settings.host, settings.port)
        _logger.info("Health and metrics are served.", extra={"address": address})
        yield address
    finally:
        await runner.cleanup()


async def _listen(runner: web.ServerRunner, host: str, port: int) -> str:
    """Begin to listen; returns the address."""
    site = web.TCPSite(runner, host, port, backlog=_BACKLOG)
    try:
        await site.start()
    except (OSError, OverflowError) as error:
        raise HealthError(
            f"/healthz can't be served at {host}:{port} ({error}). Choose "
            'another `health.port` or `health.host` in config.toml, or set the port to "off".'
        ) from error
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _answer(
    request: web.BaseRequest,
    look: Callable[[], Awaitable[Health]],
    expose: Callable[[], Awaitable[bytes]],
    content_type: str,
) -> web.Response:
    if request.path not in _PATHS:
        return web.Response(status=404, text="404: Not Found")
    if request.method not in ("GET", "HEAD"):
        return web.Response(
            status=405, text="405: Method Not Allowed", headers={"Allow": "GET,HEAD"}
        )
    if request.path == "/metrics":
        return web.Response(body=await expose(), headers={"Content-Type": content_type})
    health = await look()
    return web.json_response(health.to_dict(), status=200 if health.well else 503)
