"""Sentences for comparison with the bot's, whose tasks begin without a language."""

from collections.abc import Callable
from typing import Any, TypeAlias

from bot.text.languages import Plural, Sentence, speaking
from knowledge.values.guilds import Language

# mypy finds no call in a named tuple.
_Say: TypeAlias = Callable[..., Any] | Sentence | Plural


def said_in(language: Language, say: _Say, *args: Any, **values: Any) -> Any:
    with speaking(language):
        return say(*args, **values)


def english(say: _Say, *args: Any, **values: Any) -> Any:
    return said_in(Language.ENGLISH, say, *args, **values)
