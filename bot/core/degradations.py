"""Register of degradations: optional parts that are missing or fail.

The bot answers without such a part. The log says so once, and `/healthz` says *degraded* until the
part works again. Used in the event loop only; `bot.core.core.Core.problems` has the parts of the
worker's thread.
"""

import logging

_logger = logging.getLogger(__name__)


class Degradations:
    """Parts that are left out at the moment, by name."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def leave_out(self, part: str, reason: str) -> None:
        """Leave a part out until it works again.

        Args:
            part: a short name such as `phrasing`.
            reason: a sentence for the operator: finding and remedy.
        """
        if part not in self._reasons:
            _logger.warning("Answers are given without %s: %s", part, reason)
        self._reasons[part] = reason

    def restore(self, part: str) -> None:
        """Note that a part works."""
        if self._reasons.pop(part, None) is not None:
            _logger.info("%s works again.", part.capitalize())

    def reasons(self) -> tuple[str, ...]:
        """A sentence for each part left out."""
        return tuple(self._reasons.values())
