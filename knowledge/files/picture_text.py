"""Text in pictures: screenshots and photos to lines of text, recognized in a sandbox of their own.

Nobody has typed the recognized text, so it is shown before anything is done with it. It has no
control characters and no secrets. Nothing of it is logged.
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
from knowledge.files.text_recognition import CPU_SECONDS, open_apart, recognize_apart
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
    """The process for pictures. It needs more memory than files do, and ends after each picture."""
    return Sandbox(SECONDS, MEMORY_BYTES, cpu_seconds=_CPU_SECONDS)


def is_installed() -> bool:
    return importlib.util.find_spec(_PACKAGE) is not None


def begin_recognition(content: bytes) -> "Future[list[TextLine]]":
    """Begin to recognize the text in a picture; a picture without text gives an empty list.

    The future's exception, if any, is an `UnreadableError`. A picture that is too large by its
    header is never decoded.
    """
    if not is_recognizable(content):
        refused: Future[list[TextLine]] = Future()
        refused.set_exception(UnreadableError("is no picture, or is too large to be read."))
        return refused
    return sandbox().begin(recognize_apart, content, "", _lines)


def problem() -> str:
    """Why the text in pictures can't be read here; empty if it can."""
    try:
        sandbox().begin(open_apart, b"", "", lambda values, _: values).result()
    except UnreadableError as error:
        return str(error)
    return ""


def as_text(lines: Sequence[TextLine]) -> str:
    """Lines as one text, without invisible characters and secrets."""
    return without_secrets("\n".join(line.text for line in lines))


def _lines(values: dict[str, Any], _text: str) -> list[TextLine]:
    """Check the process's answer: the picture might have taken it over."""
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
