"""Custom ids as somebody could make them up: every word that a format has, and one number."""

from collections.abc import Iterator
from itertools import product

from bot.interactions.kit.buttons import NONCE, NUMBER, CustomId, Part


def forgeries(ids: CustomId, number: str, nonce: str = "ab") -> Iterator[str]:
    """Every id of a format with this number wherever it has one, and where it has any text."""
    choices = [_choices(part, number, nonce) for part in ids.parts.values()]
    for chosen in product(*choices):
        yield ":".join([ids.prefix, *chosen])


def _choices(part: Part, number: str, nonce: str) -> list[str]:
    if part is NONCE:
        return [nonce]
    if part.pattern == NUMBER:
        return [number]
    if part.pattern.startswith("["):
        return ["any"] if "a-z" in part.pattern else [number]
    return part.pattern.split("|")
