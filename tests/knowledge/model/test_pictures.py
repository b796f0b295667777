"""Pictures: what is kept, and what is refused by its first bytes and its claims."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.model.pictures import (
    PICTURE_BYTES,
    PICTURE_PIXELS,
    PictureKind,
    checked_picture,
)
from knowledge.model.submissions import InvalidNoteError

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
# A marker segment of four bytes, as cameras write them, then the first frame.
JPEG = b"\xff\xd8\xff\xe0\0\x06JFIF\xff\xc2\0\x11\x08"
WEBP = b"RIFF\0\0\0\0WEBP"


def png(width: int, height: int) -> bytes:
    return PNG + struct.pack(">II", width, height) + b"\x08\x06\0\0\0"


PICTURES = [
    (png(640, 480), PictureKind.PNG),
    (b"GIF89a" + struct.pack("<HH", 640, 480), PictureKind.GIF),
    (JPEG + struct.pack(">HH", 480, 640), PictureKind.JPEG),
    (WEBP + b"VP8 " + b"\0" * 10 + struct.pack("<HH", 640, 480), PictureKind.WEBP),
    (WEBP + b"VP8L" + b"\0" * 5 + struct.pack("<I", 639 | 479 << 14), PictureKind.WEBP),
    (WEBP + b"VP8X" + b"\0" * 8 + b"\x7f\x02\0\xdf\x01\0", PictureKind.WEBP),
]


@pytest.mark.parametrize(("content", "kind"), PICTURES)
def test_a_picture_is_told_by_its_first_bytes_and_kept_as_it_came(
    content: bytes, kind: PictureKind
) -> None:
    picture = checked_picture("holiday.txt", content)

    assert (picture.kind, picture.content) == (kind, content)


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
        WEBP + b"ICCP" + b"\0" * 20,
        *[content[:-1] for content, _ in PICTURES if content[:4] not in {b"\x89PNG", b"RIFF"}],
    ],
)
def test_what_is_no_picture_that_is_kept_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidNoteError, match=r"a\.png is no picture that I can keep"):
        checked_picture("a.png", content)


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (PICTURE_PIXELS + 1, 1)])
def test_a_picture_that_would_unpack_to_gigabytes_is_refused_by_what_it_claims(
    size: tuple[int, int],
) -> None:
    with pytest.raises(InvalidNoteError, match="pixels, which is too large"):
        checked_picture("bomb.png", png(*size))


def test_a_picture_of_too_many_bytes_is_refused_with_the_figures() -> None:
    with pytest.raises(InvalidNoteError, match=r"2\.5 MB; a picture may have 2 MB"):
        checked_picture("a.png", png(1, 1) + b"\0" * (PICTURE_BYTES + 500_000))


@given(st.sampled_from([content for content, _ in PICTURES]), st.binary(max_size=40), st.data())
def test_no_bytes_do_more_than_be_refused(head: bytes, rest: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(head)))
    try:
        picture = checked_picture("a", head[:cut] + rest)
    except InvalidNoteError:
        return
    assert picture.content == head[:cut] + rest
