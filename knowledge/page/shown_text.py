"""Text of members as a page shows it: without secrets, and without signs that can't be seen."""

from knowledge.values.legible_text import legible
from knowledge.values.secrets import without_secrets


def shown(text: str) -> str:
    return legible(without_secrets(text))
