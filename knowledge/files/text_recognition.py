"""Text recognition (OCR) in a picture, in the sandbox: lines of text, from top to bottom.

The engine is RapidOCR, with the models in its package, on ONNX Runtime in one thread. The extra
`ocr` installs RapidOCR. This module imports RapidOCR when it gets the first picture. Lines are
recognized one at a time, until the processor time is used up; the other lines are left out.
"""

import io
import math
import os
import time
from typing import Any, Final

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.pictures import RECOGNIZED_PIXELS
from knowledge.files.sandbox_process import Parsed

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

    Raises:
        UnreadableError: if the file is no picture, is cut off, or has too many pixels.
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
