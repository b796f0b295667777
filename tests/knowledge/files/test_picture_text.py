"""Text in pictures: recognition in the sandbox, and refusal of harmful pictures."""

import struct
import zlib
from types import SimpleNamespace
from typing import Any

import pytest

from knowledge.files import picture_text
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.picture_text import (
    LINE_CHARACTERS,
    LINES,
    TextLine,
    _lines,
    as_text,
    begin_recognition,
    problem,
)
from knowledge.files.pictures import RECOGNIZED_BYTES, RECOGNIZED_PIXELS
from knowledge.files.sandbox import Sandbox
from tests.knowledge.drawings import drawn


@pytest.mark.slow
@pytest.mark.usefixtures("rapidocr", "picture_sandbox")
def test_recognition_keeps_order_and_hides_secrets() -> None:
    assert problem() == ""
    picture = drawn("CUDA out of memory\npassword: hunter2hunter2!", colours="black white")
    lines = begin_recognition(picture).result()
    assert [line.text for line in lines] == ["CUDA out of memory", "password: hunter2hunter2!"]
    assert all(0.6 <= line.confidence <= 1 for line in lines)
    assert "hunter2" not in as_text(lines)


def _png(width: int, height: int, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.slow
@pytest.mark.usefixtures("rapidocr", "picture_sandbox")
def test_largest_picture_fits_the_limits() -> None:
    height = RECOGNIZED_PIXELS // 4_000
    rows = (b"\0" + b"\xff" * 4_000) * height
    assert begin_recognition(_png(4_000, height, zlib.compress(rows))).result() == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="no picture"),
        pytest.param(_png(65_536, 65_536), id="four billion pixels"),
        pytest.param(_png(0, 10), id="no pixels"),
        pytest.param(_png(10, 10) + b"\0" * RECOGNIZED_BYTES, id="too many bytes"),
    ],
)
def test_refused_picture_stays_out_of_the_sandbox(picture_sandbox: Sandbox, content: bytes) -> None:
    with pytest.raises(UnreadableError):
        begin_recognition(content).result(0)
    assert picture_sandbox._process is None


# Functions that run in the sandbox.


def test_every_format_decodes_to_the_same_pixels() -> None:
    np = pytest.importorskip("numpy")
    expected = picture_text._pixels(drawn("Still here"))
    for kind in ("JPEG", "GIF", "WEBP"):
        pixels = picture_text._pixels(drawn("Still here", kind))
        assert pixels.shape == expected.shape
        assert np.abs(pixels.astype(int) - expected).mean() < 3


def test_a_broken_picture_is_refused_or_partly_drawn() -> None:
    whole = drawn("Something is here")
    rows = [b"", zlib.compress(b"\0" * 500), b"\xff" * 200]
    for broken in (whole[: len(whole) // 2], *(_png(200, 200, some) for some in rows)):
        with pytest.raises(UnreadableError, match="cut off"):
            picture_text._pixels(broken)
    with pytest.raises(UnreadableError, match="too many pixels"):
        picture_text._pixels(_png(RECOGNIZED_PIXELS, 2))
    too_many_rows = _png(200, 200, zlib.compress(b"\0" * 50_000_000))
    assert picture_text._pixels(too_many_rows).shape == (200, 200, 3)


class _Engine:
    """RapidOCR's interface, with given lines and confidences instead of models."""

    def __init__(self, *lines: tuple[str, float]) -> None:
        self._lines = lines

    def preprocess_img(self, pixels: Any) -> tuple[Any, None]:
        return pixels, None

    def detect_and_crop(self, pixels: Any, _: None) -> tuple[Any, None]:
        return self._lines, None

    def recognize_txt(self, pieces: list[tuple[str, float]]) -> SimpleNamespace:
        [(text, confidence)] = pieces
        return SimpleNamespace(txts=[text], scores=[confidence])


@pytest.mark.usefixtures("rapidocr")
@pytest.mark.parametrize(("seconds", "lines"), [(1_000.0, [["Sure", 0.9]]), (-1.0, [])])
def test_recognition_skips_unsure_lines_and_stops_at_its_processor_time(
    monkeypatch: pytest.MonkeyPatch, seconds: float, lines: list[list[object]]
) -> None:
    monkeypatch.setattr(picture_text, "CPU_SECONDS", seconds)
    engine = _Engine(("Sure", 0.9), ("Unsure", 0.5), (" ", 0.9))
    monkeypatch.setattr(picture_text, "_engine", engine)
    assert picture_text.recognize_in_sandbox(drawn(""), "") == ({"lines": lines}, "")


# Possible answers of a process taken over by a picture.


@pytest.mark.parametrize("lines", [None, "text", [["a"]], [[1, 1]], [["a", "b"]], [5]])
def test_an_answer_of_another_shape_is_not_believed(lines: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        _lines({"lines": lines}, "")


def test_recognized_lines_are_bounded_and_visible() -> None:
    many = _lines({"lines": [["x" * 10_000, 7.5]] * 1_000}, "")
    assert len(many) == LINES
    assert many[0] == TextLine("x" * LINE_CHARACTERS, 1.0)
    assert _lines({"lines": [["a\x00b\u202ec\nd", 0.9], ["\u200b", 0.9]]}, "") == [
        TextLine("abc d", 0.9)
    ]
