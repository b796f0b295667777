"""Log formatting: text or JSON lines, without tokens and members' text.

All modules log with the standard library; only this module uses structlog. Exceptions of other
libraries are logged without their messages, which may quote members. Tokens in URLs are hidden.
"""

import asyncio
import logging
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import structlog
from rich.console import Console
from rich.logging import RichHandler
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.config.settings import LogSettings

# At level INFO, these log every request.
_NOISY: Final = (
    "httpx",
    "sentence_transformers",
    "faiss",
    "markdown_it",
    "watchfiles",
    "filelock",
    "mcp",
    "uvicorn",
)
# At level DEBUG, these log every event and request, with members' text.
_TALKATIVE: Final = ("discord", "aiohttp", "asyncio")

# discord.py's message whenever it can't connect a new shard.
_CONNECTING: Final = "Failed to connect for shard_id: %s. Retrying..."

_OURS: Final = ("bot.", "indexer.", "knowledge.")

# With the token of an interaction or webhook, anybody can speak as the bot for 15 minutes.
_ADDRESS_TOKEN: Final = re.compile(r"(/(?:interactions|webhooks)/\d+)/[\w%.-]+")
_HIDDEN: Final = "(hidden)"

_logger = logging.getLogger(__name__)


def configure(settings: LogSettings, console: Console, secrets: Iterable[str] = ()) -> None:
    """Log to a console as the settings say, and never log `secrets` such as the bot's token."""
    handler: logging.Handler
    if settings.format == "json":
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(_formatter(structlog.processors.JSONRenderer(ensure_ascii=False)))
    elif console.is_terminal:
        handler = RichHandler(console=console, show_path=False, markup=False)
        handler.setFormatter(_formatter(_line))
    else:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(_formatter(_dated_line))
    handler.addFilter(_RedactingFilter(secrets))
    level = logging.getLevelName(settings.level.upper())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(settings.format == "json")
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.INFO))


def log_failed_task(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """Log the exception of a task that nobody awaits.

    asyncio's own handler would log the task's whole state, with the exception's message.
    """
    _logger.error("A task failed that nobody waits for.", exc_info=context.get("exception"))


class _RedactingFilter(logging.Filter):
    """Redacts secrets, and other libraries' exception messages, before records are formatted."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if secret]

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record; always returns True, so it is logged."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                _description(value) if isinstance(value, BaseException) else value
                for value in record.args
            )
        text = record.getMessage()
        if record.msg == _CONNECTING and record.exc_info and record.exc_info[1] is not None:
            # An outage of the network needs no traceback.
            text = f"{text} ({_description(record.exc_info[1])})"
            record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        record.msg, record.args = _ADDRESS_TOKEN.sub(rf"\1/{_HIDDEN}", text), ()
        return True


def _formatter(renderer: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            _add_traceback,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
        ],
    )


def _add_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add an exception's traceback to the record."""
    error = event.pop("exc_info", None)
    error = error[1] if isinstance(error, tuple) else error
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_tracebacks(error))
    return event


def _tracebacks(error: BaseException) -> Iterator[str]:
    """Tracebacks of an exception and its causes, the first cause on top, without members' text."""
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _tracebacks(earlier)
        yield "which led to:"
    yield "".join(traceback.format_tb(error.__traceback__)) + _description(error)


def _description(error: BaseException) -> str:
    """An exception's type, with its message or codes if they can't contain members' text."""
    kind = type(error)
    if kind.__module__.startswith(_OURS) or isinstance(error, OSError):
        return f"{kind.__name__}: {error}"
    # Discord's errors: their sentence can quote the request.
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    if isinstance(status, int) and isinstance(code, int):
        return f"{kind.__name__}: status {status}, code {code}"
    return kind.__name__


def _line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Format a record as text: logger, message, extra fields and traceback."""
    event = dict(event)
    story = event.pop("exception", "")
    shown = f"{event.pop('logger')}: {event.pop('event')}"
    for key in ("level", "timestamp"):
        event.pop(key)
    known = " ".join(f"{key}={value}" for key, value in event.items())
    return "\n".join(part for part in (f"{shown} {known}".rstrip(), story) if part)


def _dated_line(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """Format a record as `_line` does, after its time and level."""
    return f"{event['timestamp']} {event['level']:<8}{_line(logger, method, event)}"
