"""Register of degradations: optional parts that are missing or fail.

The bot answers without such a part. The log says so once, and `/healthz` says *degraded* until the
part works again. Only the event loop uses this register; `bot.core.core.Core.problems` lists the
problems of the worker's thread.
"""

import logging

_logger = logging.getLogger(__name__)


class Degradations:
    """Optional parts that answers lack at the moment, by name."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def leave_out(self, part: str, reason: str) -> None:
        """Record that answers lack a part, such as `phrasing`, and log the first reason."""
        if part not in self._reasons:
            _logger.warning("Answers are given without %s: %s", part, reason)
        self._reasons[part] = reason

    def restore(self, part: str) -> None:
        """Record that a part works, and log it if it failed before."""
        if self._reasons.pop(part, None) is not None:
            _logger.info("%s works again.", part.capitalize())

    def reasons(self) -> tuple[str, ...]:
        """The reason for each missing part."""
        return tuple(self._reasons.values())
