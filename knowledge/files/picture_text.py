"""Text recognition (OCR) for screenshots and photos, in a sandbox of its own.

Recognition makes mistakes, so members see the text before the bot uses it. The text has no control
characters and no secrets, and is never logged.
"""

import importlib.util
import unicodedata
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.pictures import is_recognizable
from knowledge.files.sandbox import Sandbox
from knowledge.files.text_recognition import (
    CPU_SECONDS,
    open_models_in_sandbox,
    recognize_in_sandbox,
)
from knowledge.secrets import without_secrets

SECONDS: Final = 20
# Seconds for the lines, and for opening the models and finding the lines on a slow core.
_CPU_SECONDS: Final = CPU_SECONDS + 10
# Models, libraries and a decoded picture take 0.9 GB of address space, 0.6 of memory.
MEMORY_BYTES: Final = 2_500_000_000
LINES: Final = 200
LINE_CHARACTERS: Final = 500
# The package of the extra `ocr`.
_PACKAGE: Final = "rapidocr"


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text in a picture, with its confidence, from 0 to 1."""

    text: str
    confidence: float


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    """The sandbox for pictures; its process ends after each picture, to free its memory."""
    return Sandbox(SECONDS, MEMORY_BYTES, cpu_seconds=_CPU_SECONDS)


def is_installed() -> bool:
    return importlib.util.find_spec(_PACKAGE) is not None


def begin_recognition(content: bytes) -> "Future[list[TextLine]]":
    """Begin to recognize the text in a picture.

    The future gives the lines (none for a picture without text), or raises `UnreadableError`. A
    picture is never decoded if its header states too large a size.
    """
    if not is_recognizable(content):
        refused: Future[list[TextLine]] = Future()
        refused.set_exception(UnreadableError("is no picture, or is too large to be read."))
        return refused
    return sandbox().begin(recognize_in_sandbox, content, "", _lines)


def problem() -> str:
    """The reason why text recognition doesn't work on this machine; empty if it works."""
    try:
        sandbox().begin(open_models_in_sandbox, b"", "", lambda values, _: values).result()
    except UnreadableError as error:
        return str(error)
    return ""


def as_text(lines: Sequence[TextLine]) -> str:
    """Join lines to one text without secrets."""
    return without_secrets("\n".join(line.text for line in lines))


def _lines(values: dict[str, Any], _text: str) -> list[TextLine]:
    """Check and convert the sandbox's answer, because a picture may have hijacked its process."""
    found = values["lines"]
    if not isinstance(found, list):
        raise TypeError(type(found).__name__)
    lines = [
        TextLine(_clean(text), min(max(float(confidence), 0.0), 1.0))
        for text, confidence in found[:LINES]
    ]
    return [line for line in lines if line.text]


def _clean(text: object) -> str:
    """One line without control and direction characters."""
    if not isinstance(text, str):
        raise TypeError(type(text).__name__)
    one = " ".join(text[:LINE_CHARACTERS].split())
    return "".join(sign for sign in one if unicodedata.category(sign)[0] != "C").strip()
