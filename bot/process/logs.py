"""Log formatting: how a record becomes a line, and what may never stand in one.

Everything logs with the standard library; this module alone knows structlog. A line is for people
(`text`) or for programs (`json`, one object a line). Nothing that people wrote and no token gets
into it: an exception that is not ours is named by its type, because its message may quote the
value that it failed on, and Discord's own tokens are cut out of the addresses that it logs.
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

from bot.config.sections import LogSettings

# Each request of these at level INFO would drown what we say.
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
# At level DEBUG these log every event and request, and with them what people write.
_TALKATIVE: Final = ("discord", "aiohttp", "asyncio")

# With this, discord.py logs an exception each time that it could not connect a new shard.
_CONNECTING: Final = "Failed to connect for shard_id: %s. Retrying..."

_OURS: Final = ("bot.", "indexer.", "knowledge.")

# Whoever has an interaction's or a webhook's token can speak as the bot for a quarter of an hour.
_ADDRESS_TOKEN: Final = re.compile(r"(/(?:interactions|webhooks)/\d+)/[\w%.-]+")
_HIDDEN: Final = "(hidden)"

_logger = logging.getLogger(__name__)


def configure(settings: LogSettings, console: Console, secrets: Iterable[str] = ()) -> None:
    """Log to a console as the settings say, in place of wherever was logged to before.

    `secrets` must not stand in the log wherever they come from, as the bot's token.
    """
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
    handler.addFilter(_Discreet(secrets))
    level = logging.getLevelName(settings.level.upper())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(settings.format == "json")
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.INFO))


def log_failed_task(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """What the event loop does about an exception that nobody waits for.

    asyncio's own handler writes the task's whole state, and the exception's message with it.
    """
    _logger.error("A task failed that nobody waits for.", exc_info=context.get("exception"))


class _Discreet(logging.Filter):
    """Takes out of a record what must not be logged, before anything makes a line of it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if secret]

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, changed."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                _described(one) if isinstance(one, BaseException) else one for one in record.args
            )
        text = record.getMessage()
        if record.msg == _CONNECTING and record.exc_info and record.exc_info[1] is not None:
            # That a network is away for a while is no defect, and told in a line.
            text = f"{text} ({_described(record.exc_info[1])})"
            record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
        record.msg, record.args = self._without_tokens(text), ()
        return True

    def _without_tokens(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return _ADDRESS_TOKEN.sub(rf"\1/{_HIDDEN}", text)


def _formatter(renderer: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            _traced,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
        ],
    )


def _traced(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put an exception's story into the record."""
    found = event.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_story(error))
    return event


def _story(error: BaseException) -> Iterator[str]:
    """Where an exception came from, the first cause first, as Python tells it but for messages."""
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _story(earlier)
        yield "which led to:"
    yield "".join(traceback.format_tb(error.__traceback__)) + _described(error)


def _described(error: BaseException) -> str:
    """An exception in a few words that nobody but a program has written."""
    kind = type(error)
    if kind.__module__.startswith(_OURS) or isinstance(error, OSError):
        return f"{kind.__name__}: {error}"
    # Discord's errors have these; the sentence beside them can quote what was sent.
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    if isinstance(status, int) and isinstance(code, int):
        return f"{kind.__name__}: status {status}, code {code}"
    return kind.__name__


def _line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """A record for people: who, what, and what is known about it."""
    event = dict(event)
    story = event.pop("exception", "")
    shown = f"{event.pop('logger')}: {event.pop('event')}"
    for key in ("level", "timestamp"):
        event.pop(key)
    known = " ".join(f"{key}={value}" for key, value in event.items())
    return "\n".join(part for part in (f"{shown} {known}".rstrip(), story) if part)


def _dated_line(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """A record for people who read it later: when and how bad in front."""
    return f"{event['timestamp']} {event['level']:<8}{_line(logger, method, event)}"
