"""Parts of messages and responses, as members read and click them."""

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any, Final

from simcord import InteractionResult, ResponseMessage

from bot.ask.messages import MENU_LABELS
from bot.text.languages import Sentence
from tests.bot import strictness

_DISPLAY: Final = 10


def buttons(message: Any) -> list[str]:
    """The labels of a message's buttons that do something, in order."""
    return [part["label"] for part in _components(message) if "label" in part and "url" not in part]


def choices(message: Any) -> dict[str, str]:
    """What the lists below a message offer, besides an answer's actions: labels by value."""
    return {
        option["value"]: option["label"]
        for component in _components(message)
        for option in component.get("options") or []
        if option["value"].partition(":")[0] not in MENU_LABELS
    }


def actions(message: Any) -> list[str]:
    """The actions in the menu below an answer."""
    return [
        option["value"]
        for component in _components(message)
        for option in component.get("options") or []
        if option["value"].partition(":")[0] in MENU_LABELS
    ]


def custom_ids(message: Any) -> list[str]:
    """The ids of a message's buttons, in order, whatever language their labels are in."""
    return [
        component["custom_id"] for component in _components(message) if "custom_id" in component
    ]


def text_of(message: Any) -> str:
    """What a message says: its content, or the texts among its components."""
    displays = [part["content"] for part in _components(message) if part["type"] == _DISPLAY]
    written = message["content"] if isinstance(message, dict) else message.content
    return "\n".join(displays) or str(written)


def links(message: Any) -> list[str]:
    """Where the buttons of a message lead that lead somewhere."""
    return [component["url"] for component in _components(message) if "url" in component]


def _components(message: Any) -> list[Mapping[str, Any]]:
    components = message["components"] if isinstance(message, dict) else message.components
    rows = [
        row if isinstance(row, dict) else row.to_dict()  # a response has what came over the wire
        for row in components
    ]
    return list(strictness.everything_in(rows))


def parts(command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A command, its subcommands, options and choices."""
    yield command
    for option in [*(command.get("options") or []), *(command.get("choices") or [])]:
        yield from parts(option)


def shown_message(result: InteractionResult) -> ResponseMessage:
    assert result.response is not None
    return result.response


def content(result: InteractionResult) -> str:
    """The text of a response."""
    return text_of(shown_message(result))


def said(result: InteractionResult) -> str:
    """The text of a private response."""
    assert shown_message(result).ephemeral
    return content(result)


def everything(result: InteractionResult) -> str:
    """Everything that was said in response to an interaction."""
    parts = [result.response, *result.followups]
    return "\n".join(text_of(part) for part in parts if part is not None)


def longest_part(sentence: Sentence) -> str:
    """The longest part of a sentence between its fields, which are of no interest."""
    return max((part for part, *_ in Formatter().parse(sentence.english)), key=len)


def up_to(field: str, sentence: Sentence, **values: object) -> str:
    """The beginning of a sentence, as far as a field of no interest."""
    beginning, found, _ = sentence.english.partition(f"{{{field}")
    assert found
    return beginning.format(**values)
