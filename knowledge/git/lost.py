"""Loss of a repository, as against a failure that may pass: it is quoted for a time of grace alone.

Errors:
    RefusedError
    └── LostError    the repository or its branch is no more, or not for everybody
"""

from knowledge.web.safe_network import RefusedError


class LostError(RefusedError):
    """The repository or its branch is no more, or not for everybody; the message says which."""
