"""Text recognition (OCR) for screenshots and photos, in a sandbox of its own.

Recognition makes mistakes, so members see the text before the bot uses it. The text has no control
characters and no secrets, and is never logged.

The engine is RapidOCR of the extra `ocr`, on ONNX Runtime in one thread, imported with the first
picture. It recognizes one line at a time, from top to bottom, until the processor time is used up.
"""

import importlib.util
import io
import math
import os
import time
import unicodedata
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.pictures import RECOGNIZED_PIXELS, is_recognizable
from knowledge.files.sandbox import Sandbox
from knowledge.files.sandbox_process import Parsed
from knowledge.secrets import without_secrets

# Text on a screen is legible at this size; finding lines takes time in proportion.
_SIDE_PIXELS: Final = 2_000
_PIXELS: Final = 2_000_000
# Processor time for recognizing lines, top to bottom.
CPU_SECONDS: Final = 5.0
# Below this confidence, most lines are no text.
_LEAST_CONFIDENCE: Final = 0.6
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")

# The process can't start threads. Telemetry of ONNX Runtime is off, as in
# `indexer.embedding.onnx_model`.
_VARIABLES: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}
_ONE_THREAD: Final = {
    "Global.log_level": "critical",
    # Upside-down text is rare on screens, and looking for it costs a third.
    "Global.use_cls": False,
    "Global.max_side_len": _SIDE_PIXELS,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}

_engine: Any = None


def recognize_in_sandbox(content: bytes, _name: str) -> Parsed:
    """Recognize the lines of text in a picture, each with its confidence, from 0 to 1.

    Raises UnreadableError if the file is no picture, is cut off, or has too many pixels.
    """
    engine = _engine_with_models()
    from rapidocr.main import RapidOCRError

    try:
        pieces, _ = engine.detect_and_crop(*engine.preprocess_img(_pixels(content)))
    except RapidOCRError:
        # Detection found no line.
        pieces = []
    lines: list[list[object]] = []
    # Opening the models and finding the lines takes as long again on a slow core.
    until = time.process_time() + CPU_SECONDS
    for piece in pieces:
        if time.process_time() > until:
            break
        found = engine.recognize_txt([piece])
        [text], [confidence] = found.txts, found.scores
        if text.strip() and confidence >= _LEAST_CONFIDENCE:
            lines.append([text, float(confidence)])
    return {"lines": lines}, ""


def open_models_in_sandbox(_content: bytes, _name: str) -> Parsed:
    """Open the models, to check that they work."""
    _engine_with_models()
    return {}, ""


def _engine_with_models() -> Any:
    global _engine
    if _engine is None:
        os.environ.update(_VARIABLES)
        import cv2
        from rapidocr import RapidOCR

        cv2.setNumThreads(1)
        _engine = RapidOCR(params=_ONE_THREAD)
    return _engine


def _pixels(content: bytes) -> Any:
    """Decode a picture to an array of height, width and colours, in OpenCV's order of colours."""
    import numpy as np
    from PIL import Image

    # Counted below; Pillow would only warn.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            # The header, before anything is decoded.
            if image.width * image.height > RECOGNIZED_PIXELS:
                raise UnreadableError("has too many pixels.")
            image.draft("RGB", (_SIDE_PIXELS, _SIDE_PIXELS))
            shown = image.convert("RGBA")
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadableError("is no picture that can be read, or is cut off.") from error
    scale = min(1.0, math.sqrt(_PIXELS / (shown.width * shown.height)))
    sides = (math.ceil(side * scale) for side in shown.size)
    width, height = (min(side, _SIDE_PIXELS) for side in sides)
    shown.thumbnail((width, height))
    # Transparency becomes white, because text cut out of a page is mostly dark.
    ground = Image.new("RGBA", shown.size, "white")
    return np.asarray(Image.alpha_composite(ground, shown).convert("RGB"))[:, :, ::-1].copy()


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
    if not isinstance(values["lines"], list):
        raise TypeError(type(values["lines"]).__name__)
    lines = []
    for text, confidence in values["lines"][:LINES]:
        if not isinstance(text, str):
            raise TypeError(type(text).__name__)
        line = " ".join(text[:LINE_CHARACTERS].split())
        # Control and direction characters.
        shown = "".join(sign for sign in line if unicodedata.category(sign)[0] != "C").strip()
        share = min(max(float(confidence), 0.0), 1.0)
        if shown:
            lines.append(TextLine(shown, share))
    return lines
