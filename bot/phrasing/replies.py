"""Parser of model replies: JSON in the requested form, or nothing. Pure.

A code fence around the JSON is removed. If a reply with written sentences was cut, the last
sentence is dropped. Any other reply that was cut is invalid.
"""

import re
from typing import Final

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from bot.phrasing.endpoint import Reply

# Most sentences read from a reply, even if the server ignores the schema.
MOST_READ: Final = 8

_FENCE: Final = re.compile(r"```(?:json)?[ \t]*\n(?P<inside>.*)\n[ \t]*```", re.DOTALL)


class Chosen(BaseModel, strict=True):
    """The ids that a model chose, and whether it found an answer."""

    sentences: list[str]
    answers: bool


class Written(BaseModel, strict=True):
    """A sentence that a model wrote, and the ids of its sources."""

    text: str
    named: list[str] = Field(alias="from")


class _Answer(BaseModel, strict=True):
    sentences: list[Written]


class _Order(BaseModel, strict=True):
    order: list[str]


def parse_choice(reply: Reply) -> Chosen | None:
    """Return the choice; None if the reply is invalid or was cut."""
    try:
        found = Chosen.model_validate_json(_bare(reply.text))
    except ValidationError:
        return None
    return None if reply.is_cut else found


def parse_sentences(reply: Reply) -> list[Written] | None:
    """Return the sentences, without the last if the reply was cut. None if the reply is invalid."""
    text = _bare(reply.text)
    try:
        # A cut reply is completed; its last sentence is then dropped.
        found = from_json(text, allow_partial="trailing-strings" if reply.is_cut else False)
        if reply.is_cut:
            found = _without_last(found)
        sentences = _Answer.model_validate(found).sentences
    except ValueError:
        return None
    return sentences[:MOST_READ]


def _without_last(found: object) -> object:
    match found:
        case {"sentences": [*whole, _]}:
            return {"sentences": whole}
        case _:
            return found


def parse_order(reply: Reply) -> list[str] | None:
    """Return the ids in the model's order; None if the reply is invalid or was cut."""
    try:
        return None if reply.is_cut else _Order.model_validate_json(_bare(reply.text)).order
    except ValidationError:
        return None


def _bare(text: str) -> str:
    fenced = _FENCE.fullmatch(text.strip())
    return fenced["inside"] if fenced else text
