"""Register of degradations: parts that answers are given without, because they are missing or fail.

What is optional never costs an answer: it is left out, the log says so once, and `/healthz` names
it as *degraded* until it works again. Used in the event loop alone; what the worker's thread leaves
out is `bot.core.core.Core.left_out`.
"""

import logging

_logger = logging.getLogger(__name__)


class Degradations:
    """What is left out at the moment, by the name of the part."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def leave_out(self, part: str, reason: str) -> None:
        """Say that a part is left out; the log has it once, until the part works again.

        Args:
            part: a short name of it, such as `phrasing`.
            reason: a sentence for the operator: what was found, and what to do.
        """
        if part not in self._reasons:
            _logger.warning("Answers are given without %s: %s", part, reason)
        self._reasons[part] = reason

    def restore(self, part: str) -> None:
        """Say that a part works, whether or not it was left out."""
        if self._reasons.pop(part, None) is not None:
            _logger.info("%s works again.", part.capitalize())

    def reasons(self) -> tuple[str, ...]:
        """A sentence for each part that is left out."""
        return tuple(self._reasons.values())
