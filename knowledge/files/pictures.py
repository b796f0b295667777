"""Checks of attached pictures: format and size by the file's header, and a copy without metadata.

Nothing is decoded here, so a decompression bomb can't harm this process; text in pictures is
recognized in the sandbox (`knowledge.files.picture_text`). Oversized dimensions are refused,
because members' viewers would decode them. `knowledge.files.picture_metadata` makes the copy.
"""

import struct
from typing import Final

from knowledge.files import picture_metadata
from knowledge.values.pictures import PICTURE_BYTES, PICTURE_PIXELS, Picture, PictureKind
from knowledge.values.submissions import InvalidNoteError

# OCR decodes the picture: a screenshot of 5,120 by 2,880 has 15 million pixels. The picture isn't
# stored, so its limit in bytes is higher than for a note's picture.
RECOGNIZED_PIXELS: Final = 16_000_000
RECOGNIZED_BYTES: Final = 8_000_000

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
# JPEG segments with the picture's size.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_PARTS: Final = {
    PictureKind.PNG: picture_metadata.png_parts,
    PictureKind.JPEG: picture_metadata.jpeg_parts,
    PictureKind.GIF: picture_metadata.gif_parts,
    PictureKind.WEBP: picture_metadata.webp_parts,
}


def is_recognizable(content: bytes) -> bool:
    """Whether a file, by its header, is a picture small enough for text recognition."""
    _, width, height = _header(content) or (None, 0, 0)
    return len(content) <= RECOGNIZED_BYTES and 0 < width * height <= RECOGNIZED_PIXELS


def checked_picture(name: str, content: bytes) -> Picture:
    """Make a picture of a file's bytes, keeping only the visible parts.

    Raises:
        InvalidNoteError: if the picture is too large, damaged, or in no accepted format.
    """
    check_size(name, len(content))
    none = InvalidNoteError(
        "{file} isn't a picture that I can keep. Send PNG, JPEG, GIF or WebP.", file=name
    )
    kind, width, height = _header(content) or (None, 0, 0)
    if kind is None or width <= 0 or height <= 0:
        raise none
    if width * height > PICTURE_PIXELS:
        raise InvalidNoteError(
            "{file} is too large: {width:,} by {height:,} pixels.",
            file=name,
            width=width,
            height=height,
        )
    try:
        return Picture(kind, picture_metadata.without_metadata(_PARTS[kind], content))
    except picture_metadata.MalformedPictureError as error:
        raise none from error


def check_size(name: str, size: int) -> None:
    """Check a picture's size in bytes before it is fetched.

    Raises:
        InvalidNoteError: if the picture is too large.
    """
    if size > PICTURE_BYTES:
        raise InvalidNoteError(
            "{file} has {megabytes:,.1f} MB; the limit for a picture is {most:,.0f} MB.",
            file=name,
            megabytes=size / 1e6,
            most=PICTURE_BYTES / 1e6,
        )


def _header(content: bytes) -> tuple[PictureKind, int, int] | None:
    """The format, width and height (in pixels) in the header of a picture; None if invalid."""
    try:
        if content.startswith(_PNG) and content[12:16] == b"IHDR":
            return PictureKind.PNG, *struct.unpack_from(">II", content, 16)
        if content.startswith((b"GIF87a", b"GIF89a")):
            return PictureKind.GIF, *struct.unpack_from("<HH", content, 6)
        if content.startswith(_JPEG):
            return PictureKind.JPEG, *_jpeg_size(content)
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return PictureKind.WEBP, *_webp_size(content)
    except struct.error:
        # The file ends before its size.
        return None
    return None


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Width and height in the first frame, found by the segments' lengths."""
    place = 2
    while True:
        mark, kind, length = struct.unpack_from(">BBH", content, place)
        if mark != 0xFF or length < 2:
            return 0, 0
        if kind in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            return width, height
        place += 2 + length


def _webp_size(content: bytes) -> tuple[int, int]:
    """Width and height of a WebP picture, from its header in one of three formats."""
    form = content[12:16]
    if form == b"VP8X":
        width, height = content[24:27], content[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0
