"""Whether a request is as Discord describes it, where its description lies beside the project."""

from collections.abc import Iterator
from typing import Any

from tests.bot import strict_discord


def disagreements(method: str, path: str, body: Any) -> Iterator[str]:
    """Where a request is not as its route is described; nothing without the description."""
    if strict_discord.DESCRIPTION.exists():
        request: Any = _Request(method, path, body)
        yield from strict_discord.disagreements(request)


class _Request:
    """As much of a request as the comparison looks at."""

    def __init__(self, method: str, path: str, body: Any) -> None:
        self.method, self.path, self.json = method, path, body
