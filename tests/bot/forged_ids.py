"""Custom ids as somebody could make them up: every word that a format has, and one number."""

from collections.abc import Iterator
from itertools import product

from bot.text.custom_ids import NONCE, NUMBER, CustomId, Field


def forgeries(ids: CustomId, number: str, nonce: str = "ab") -> Iterator[str]:
    """Every id of a format with this number wherever it has one, and where it has any text."""
    choices = [_choices(field, number, nonce) for field in ids.fields.values()]
    for chosen in product(*choices):
        yield ":".join([ids.prefix, *chosen])


def _choices(field: Field, number: str, nonce: str) -> list[str]:
    if field is NONCE:
        return [nonce]
    if field.pattern == NUMBER:
        return [number]
    if field.pattern.startswith("["):
        return ["any"] if "a-z" in field.pattern else [number]
    return field.pattern.split("|")
