"""Text of members as a page shows it: without secrets, and without signs that can't be seen."""

from knowledge.secrets import without_secrets
from knowledge.text import legible


def shown(text: str) -> str:
    return legible(without_secrets(text))
