"""Code blocks of messages: text shown verbatim, and parsed back from the message."""

from typing import Final

from bot.text.markdown import beginning, legible

_FENCE: Final = "```"


def code_block(text: str, most: int) -> str:
    """Return a code block with the first `most` units of a text; backticks in it can't end it."""
    inside = legible(text).replace("`", "'").strip()
    return f"{_FENCE}\n{beginning(inside, most).rstrip()}\n{_FENCE}"


def code_blocks(message: str) -> list[str]:
    """Return the contents of the code blocks of the bot's own message, in order."""
    return [inside.strip() for inside in message.split(_FENCE)[1::2]]
