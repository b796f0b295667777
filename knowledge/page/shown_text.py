"""Text of members as a page shows it: without secrets, and without signs that can't be seen."""

from knowledge.model.legible_text import legible
from knowledge.model.secrets import without_secrets


def shown(text: str) -> str:
    return legible(without_secrets(text))
