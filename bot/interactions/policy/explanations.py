"""Explanations of errors to members; an unexpected error is explained by a log entry's id."""

import logging
import secrets
import time
from typing import Final

from bot.core.worker import WorkerBusyError, WorkerStoppedError
from bot.interactions.kit.errors import BusyError
from bot.interactions.policy.flood_control import Limit, TooFastError
from bot.text import error_messages
from indexer.embedding.embedder import ModelError
from indexer.index.database import IndexError_
from knowledge.store.database import DerivedTablesError, StoreError, is_away

_logger = logging.getLogger(__name__)

# Expected failures, explained by their own message.
EXPLAINED: Final = (
    BusyError,
    IndexError_,
    ModelError,
    DerivedTablesError,
    StoreError,
    WorkerBusyError,
    WorkerStoppedError,
)


_TOO_FAST: Final = {
    Limit.MEMBER: error_messages.TOO_FAST,
    Limit.WAITING: error_messages.STILL_ANSWERING,
    Limit.GUILD: error_messages.TRY_AGAIN,
    Limit.QUOTA: error_messages.QUESTIONS_USED_UP,
}


def explanation(error: BaseException) -> str:
    """One sentence about an error, for the member; with the log's id if it is unexpected."""
    if isinstance(error, BusyError):
        _logger.warning("%s", error)
        return error_messages.BUSY()
    if isinstance(error, TooFastError):
        when = f"<t:{int(time.time()) + error.seconds}:R>"
        return _TOO_FAST[error.reason](seconds=error.seconds, when=when)
    if isinstance(error, WorkerBusyError):
        _logger.warning("%s", error)
        return error_messages.TRY_AGAIN(seconds=error.seconds)
    if isinstance(error, EXPLAINED):
        _logger.warning("%s", error)
        if is_away(error):
            return error_messages.DATABASE_AWAY()
        return error_messages.EXPLAINED(reason=error)
    error_id = secrets.token_hex(4)
    known = {"error_id": error_id, "kind": type(error).__name__}
    _logger.error("Something went wrong.", exc_info=error, extra=known)
    return error_messages.FAILED(error_id=error_id)
