"""Texts in code blocks of a message: shown as they are, and read again from the message."""

from typing import Final

from bot.text.markdown import beginning, legible

_FENCE: Final = "```"


def code_block(text: str, most: int) -> str:
    """A code block with as much of a text as has `most` units; no backtick in it ends it."""
    inside = legible(text).replace("`", "'").strip()
    return f"{_FENCE}\n{beginning(inside, most).rstrip()}\n{_FENCE}"


def code_blocks(message: str) -> list[str]:
    """What stands in the code blocks of a message that this program wrote, in order."""
    return [inside.strip() for inside in message.split(_FENCE)[1::2]]
