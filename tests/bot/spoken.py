"""Sentences for comparison with the bot's, whose tasks begin without a language."""

from collections.abc import Callable
from typing import Any

from bot.text.languages import speaking
from knowledge.values.guilds import Language


def said_in(language: Language, say: Callable[..., Any], *args: Any, **values: Any) -> Any:
    with speaking(language):
        return say(*args, **values)


def english(say: Callable[..., Any], *args: Any, **values: Any) -> Any:
    return said_in(Language.ENGLISH, say, *args, **values)
