"""Pictures: accepted and refused ones, by their first bytes and stated sizes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.files.pictures import checked_picture
from knowledge.values.notes import PICTURE_BYTES, PICTURE_PIXELS, PictureKind
from knowledge.values.submissions import InvalidNoteError
from tests.knowledge.full_store import picture


def png(width: int, height: int) -> bytes:
    content = picture().content
    return content[:16] + struct.pack(">II", width, height) + content[24:]


# Each with its size, one drawn pixel, and an end.
GIF = b"GIF89a" + struct.pack("<HH", 640, 480) + b"\0\0\0,\0\0\0\0\1\0\1\0\0\2\1\0\0;"
# A camera's segment, then the first frame and its picture.
JPEG_HEAD = b"\xff\xd8\xff\xe5\0\x06JFIF\xff\xc2\0\x0b\x08"
JPEG = JPEG_HEAD + struct.pack(">HH", 480, 640) + b"\1\1\0\0\xff\xda\0\2\1\xff\xd9"


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(data)) + data for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


LOSSY = (b"VP8 ", b"\0" * 6 + struct.pack("<HH", 640, 480))
LOSSLESS = (b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14) + b"\0")
EXTENDED = (b"VP8X", b"\0" * 4 + b"\x7f\x02\0\xdf\x01\0")

PICTURES = [
    (png(640, 480), PictureKind.PNG),
    (GIF, PictureKind.GIF),
    (JPEG, PictureKind.JPEG),
    (webp(LOSSY), PictureKind.WEBP),
    (webp(LOSSLESS), PictureKind.WEBP),
    (webp(EXTENDED, LOSSY), PictureKind.WEBP),
]


@pytest.mark.parametrize(("content", "kind"), PICTURES)
def test_a_picture_is_told_by_its_first_bytes(content: bytes, kind: PictureKind) -> None:
    assert checked_picture("holiday.txt", content).kind is kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><!DOCTYPE svg>",
        b"BM" + b"\0" * 60,
        b"%PDF-1.7",
        b"MZ" + b"\0" * 60,
        b"\x89PNG\r\n\x1a\n<script>",
        png(0, 480),
        b"\xff\xd8\xff\xe0\0\0",
        b"\xff\xd8\xff\xe0\0\x06JFIF<html>",
        webp((b"ICCP", b"\0" * 20)),
        *[content[:-1] for content, _ in PICTURES],
    ],
)
def test_what_is_no_picture_that_is_kept_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidNoteError, match=r"a\.png isn't a picture that I can keep"):
        checked_picture("a.png", content)


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (PICTURE_PIXELS + 1, 1)])
def test_a_picture_that_would_unpack_to_gigabytes_is_refused_by_what_it_claims(
    size: tuple[int, int],
) -> None:
    with pytest.raises(InvalidNoteError, match="is too large: "):
        checked_picture("bomb.png", png(*size))


def test_a_picture_of_too_many_bytes_is_refused_with_the_figures() -> None:
    with pytest.raises(InvalidNoteError, match=r"2\.5 MB; the limit for a picture is 2 MB"):
        checked_picture("a.png", png(1, 1) + b"\0" * (PICTURE_BYTES + 500_000))


@given(st.sampled_from([content for content, _ in PICTURES]), st.binary(max_size=40), st.data())
def test_no_bytes_do_more_than_be_refused(head: bytes, rest: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(head)))
    try:
        kept = checked_picture("a", head[:cut] + rest)
    except InvalidNoteError:
        return
    assert len(kept.content) <= len(head) + len(rest)
