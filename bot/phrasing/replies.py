"""Parser of what a model replies: JSON in the form that was asked for, or nothing. Pure.

A model that a server does not hold to the schema may wrap the JSON in a code fence, which is taken
off; nothing else is guessed. Of a reply that its limit cut, what is whole is read.
"""

import re
from typing import Final

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from bot.phrasing.endpoint import Reply

# No more sentences are read of any reply, whatever a server let through.
MOST_READ: Final = 8

_FENCE: Final = re.compile(r"```(?:json)?[ \t]*\n(?P<inside>.*)\n[ \t]*```", re.DOTALL)


class Chosen(BaseModel, strict=True):
    """What the model chose: ids, and whether they answer."""

    sentences: list[str]
    answers: bool


class Written(BaseModel, strict=True):
    """A sentence that the model wrote, and the ids that it names for it."""

    text: str
    named: list[str] = Field(alias="from")


class _Answer(BaseModel, strict=True):
    sentences: list[Written]


class _Order(BaseModel, strict=True):
    order: list[str]


def chosen(reply: Reply) -> Chosen | None:
    """The choice; None if it is none, or was not finished."""
    try:
        found = Chosen.model_validate_json(_bare(reply.text))
    except ValidationError:
        return None
    return None if reply.is_cut else found


def written(reply: Reply) -> list[Written] | None:
    """The sentences; None if there is no such list. A reply that was cut loses its last one."""
    text = _bare(reply.text)
    try:
        # What is missing at the end of a cut reply is closed, and its last sentence with it.
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


def order(reply: Reply) -> list[str] | None:
    """The order of ids; None if it is none."""
    try:
        return None if reply.is_cut else _Order.model_validate_json(_bare(reply.text)).order
    except ValidationError:
        return None


def _bare(text: str) -> str:
    fenced = _FENCE.fullmatch(text.strip())
    return fenced["inside"] if fenced else text
