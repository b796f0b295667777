"""Pictures attached to notes: format and size by the file's header, and copies without metadata.

Nothing is decoded here, so a decompression bomb can't harm this process; text in pictures is
recognized in the sandbox (`knowledge.files.picture_text`). Oversized dimensions are refused,
because members' viewers would decode them.

A copy is lossless: PNG and APNG, JPEG, GIF, WebP. Each format has an allowlist of the parts that
viewers need. Exif is reduced to the orientation, and bytes after the picture's end are dropped. The
time is linear in the file's length.

Source:
    PNG (W3C, third edition, with APNG); JPEG (ITU-T T.81), JFIF (T.871) and Exif 3.0; GIF89a; WebP
    (RFC 9649).
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from knowledge.values.notes import PICTURE_BYTES, PICTURE_PIXELS, Picture, PictureKind
from knowledge.values.submissions import InvalidNoteError


class MalformedPictureError(ValueError):
    """A picture violates its file format."""


Parts = Iterator[bytes]


def without_metadata(parts: Callable[[bytes], Parts], content: bytes) -> bytes:
    """Copy the visible parts of a picture, as yielded by `parts` (for example `png_parts`).

    Raises MalformedPictureError if the file ends too early, or is malformed.
    """
    try:
        return b"".join(parts(content))
    except (struct.error, IndexError) as error:
        raise MalformedPictureError("It ends before a part of it does.") from error


def _cut(content: bytes, start: int, length: int) -> bytes:
    """Cut out exactly `length` bytes from `start`; raises if the file is shorter."""
    found = content[start : start + length]
    if len(found) < length:
        raise MalformedPictureError("It ends before a part of it does.")
    return found


# Orientation.

_ORIENTATION: Final = 0x0112
_SHORT: Final = 3


def _orientation(tiff: bytes) -> bytes:
    """Make Exif data with only the orientation in `tiff`; empty if upright or malformed."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return b""
    try:
        (place,) = struct.unpack_from(f"{order}I", tiff, 4)
        (number,) = struct.unpack_from(f"{order}H", tiff, place)
        for entry in range(place + 2, place + 2 + 12 * number, 12):
            tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if (tag, kind, count) == (_ORIENTATION, _SHORT, 1) and 2 <= value <= 8:
                # A single directory with one entry.
                return struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, tag, kind, 1, value, 0, 0)
    except struct.error:
        return b""
    return b""


# PNG and APNG.

_PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n"
# The allowed sizes of chunks, so that none has anything behind its data.
_PNG_SHOWN: Final = {
    **{b"IHDR": range(13, 14), b"PLTE": range(769), b"tRNS": range(257)},
    **{b"IDAT": range(1 << 31), b"IEND": range(1)},
    # Colours, including high dynamic range.
    **{b"gAMA": range(4, 5), b"cHRM": range(32, 33), b"sRGB": range(1, 2), b"cICP": range(4, 5)},
    **{b"mDCV": range(24, 25), b"cLLI": range(8, 9)},
    # Animation.
    **{b"acTL": range(8, 9), b"fcTL": range(26, 27), b"fdAT": range(1 << 31)},
}


def png_parts(content: bytes) -> Parts:
    yield _PNG_HEAD
    place, seen = len(_PNG_HEAD), set[bytes]()
    while b"IEND" not in seen:
        length, kind = struct.unpack_from(">I4s", content, place)
        whole = _cut(content, place, 12 + length)
        place += 12 + length
        data = whole[8:-4]
        if kind == b"eXIf" and kind not in seen:
            if turned := _orientation(data):
                yield _png_chunk(kind, turned)
        elif kind == b"iCCP" and kind not in seen:
            _, named, profile = data.partition(b"\0")
            if named:
                # The profile without its name.
                yield _png_chunk(kind, b"icc" + named + profile)
        elif length in _PNG_SHOWN.get(kind, ()):
            yield whole
        seen.add(kind)
    if b"IDAT" not in seen:
        raise MalformedPictureError("It has no picture.")


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# JPEG.

_EXIF: Final = b"Exif\0\0"
_ICC: Final = b"ICC_PROFILE\0"
_JFIF: Final = b"JFIF\0"
_ADOBE: Final = b"Adobe"
_APP0, _APP1, _APP2, _APP14, _SOS, _EOI = 0xE0, 0xE1, 0xE2, 0xEE, 0xDA, 0xD9
# Frames and their tables; DNL, DRI, DHP and EXP.
_JPEG_SHOWN: Final = frozenset((*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, 0xDE, 0xDF)) - {0xC8}
# The marker after image data: not a stuffed 0, a restart or a fill byte.
_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def jpeg_parts(content: bytes) -> Parts:
    yield b"\xff\xd8"
    place, turned, is_drawn = 2, False, False
    while True:
        kind, place = _next_marker(content, place)
        if kind == _EOI:
            break
        (length,) = struct.unpack_from(">H", content, place + 2)
        if length < 2 or kind < 0xC0 or 0xD0 <= kind <= 0xD8:
            raise MalformedPictureError("There is a mark that has no place there.")
        data = _cut(content, place + 4, length - 2)
        place += 2 + length
        if kind == _SOS:
            end = _AFTER_SCAN.search(content, place)
            if end is None:
                raise MalformedPictureError("It ends before the picture does.")
            yield _segment(kind, data) + content[place : end.start()]
            place, is_drawn = end.start(), True
        elif kind == _APP1 and data.startswith(_EXIF) and not turned:
            orientation = _orientation(data[len(_EXIF) :])
            if orientation:
                turned = True
                yield _segment(kind, _EXIF + orientation)
        else:
            yield _shown_segment(kind, data)
    if not is_drawn:
        raise MalformedPictureError("It has no picture.")
    yield b"\xff\xd9"


def _next_marker(content: bytes, place: int) -> tuple[int, int]:
    """Skip fill bytes at `place`; returns the JPEG marker after them and its position."""
    if content[place] != 0xFF:
        raise MalformedPictureError("There is no mark where one should be.")
    while content[place + 1] == 0xFF:
        place += 1
    return content[place + 1], place


def _shown_segment(kind: int, data: bytes) -> bytes:
    """The part of a JPEG segment that viewers need; empty if none. JFIF loses its thumbnail."""
    if kind in _JPEG_SHOWN or (kind == _APP2 and data.startswith(_ICC)):
        return _segment(kind, data)
    if kind == _APP0 and data.startswith(_JFIF) and len(data) >= 14:
        return _segment(kind, data[:12] + b"\0\0")
    if kind == _APP14 and data.startswith(_ADOBE) and len(data) >= 12:
        return _segment(kind, data[:12])
    return b""


def _segment(kind: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data


# GIF.

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_PLAIN_TEXT, _CONTROL, _APPLICATION = 0x01, 0xF9, 0xFF
# Application extensions: the number of repeats, in 3 bytes, and a colour profile.
_LOOPS: Final = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")
_GIF_ICC: Final = b"\x0bICCRGBG1012"


def gif_parts(content: bytes) -> Parts:
    place = 13 + _colour_table_bytes(content[10])
    yield _cut(content, 0, place)
    control, is_drawn = b"", False
    while content[place] != _TRAILER:
        start = place
        if content[place] == _IMAGE:
            place = _after_blocks(content, place + 11 + _colour_table_bytes(content[place + 9]))
            yield control + content[start:place]
            control, is_drawn = b"", True
        elif content[place] == _EXTENSION:
            kind, place = content[place + 1], _after_blocks(content, place + 2)
            extension = content[start:place]
            if kind == _CONTROL:
                if len(extension) != 8:
                    raise MalformedPictureError("A control block has another length.")
                control = extension
            elif kind == _PLAIN_TEXT:
                # No viewer draws plain text, and its control block would apply to the next image.
                control = b""
            elif kind == _APPLICATION:
                yield _shown_extension(extension)
        else:
            raise MalformedPictureError("There is a block that has no place there.")
    if not is_drawn:
        raise MalformedPictureError("It has no picture.")
    yield b"\x3b"


def _colour_table_bytes(packed: int) -> int:
    """The size in bytes of the colour table with these flags."""
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _after_blocks(content: bytes, place: int) -> int:
    """The position after a series of length-prefixed blocks; an empty block ends it."""
    while length := content[place]:
        place += length + 1
    return place + 1


def _shown_extension(extension: bytes) -> bytes:
    if extension[2:].startswith(_LOOPS) and extension[14:16] == b"\x03\x01":
        return extension[:18] + b"\0"
    return extension if extension[2:].startswith(_GIF_ICC) else b""


# WebP.

_HAS_EXIF, _HAS_XMP = 0x08, 0x04
_WEBP_SHOWN: Final = frozenset((b"ICCP", b"ANIM", b"ALPH", b"VP8 ", b"VP8L"))
_FRAME_HEAD: Final = 16


def webp_parts(content: bytes) -> Parts:
    (size,) = struct.unpack_from("<I", content, 4)
    inside = _cut(content, 8, size)
    parts = [*_webp_chunks(inside[4:])]
    images = [part for part in parts if part[:4] in (b"VP8 ", b"VP8L", b"ANMF")]
    if not images:
        raise MalformedPictureError("It has no picture.")
    if parts[0][:4] == b"VP8X":
        flags = parts[0][8] & ~(_HAS_EXIF | _HAS_XMP)
        if parts[-1][:4] == b"EXIF":
            flags |= _HAS_EXIF
        parts[0] = parts[0][:8] + bytes([flags]) + parts[0][9:]
    else:
        # Without a VP8X head there is one image, and nothing else is allowed.
        parts = images[:1]
    body = b"".join(parts)
    yield struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WEBP") + body


def _webp_chunks(chunks: bytes) -> Parts:
    """The chunks that viewers need, then the Exif orientation if there is one."""
    exif, seen = b"", set[bytes]()
    for kind, data in _riff(chunks):
        if kind in seen:
            continue
        if kind != b"ANMF":
            seen.add(kind)
        if kind == b"VP8X" and len(data) == 10:
            # Two bits and three bytes are reserved.
            yield _webp_chunk(kind, bytes([data[0] & 0x3E, 0, 0, 0]) + data[4:])
        elif kind == b"ANMF":
            inner = b"".join(
                _webp_chunk(*chunk)
                for chunk in _riff(data[_FRAME_HEAD:])
                if chunk[0] in (b"ALPH", b"VP8 ", b"VP8L")
            )
            yield _webp_chunk(kind, data[:_FRAME_HEAD] + inner)
        elif kind in _WEBP_SHOWN:
            yield _webp_chunk(kind, data)
        elif kind == b"EXIF":
            exif = _orientation(data.removeprefix(_EXIF))
    if exif:
        yield _webp_chunk(b"EXIF", exif)


def _riff(chunks: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(chunks):
        kind, length = struct.unpack_from("<4sI", chunks, place)
        yield kind, _cut(chunks, place + 8, length)
        place += 8 + length + length % 2


def _webp_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(data)) + data + b"\0" * (len(data) % 2)


# Checks.

# OCR decodes the picture: a screenshot of 5,120 by 2,880 has 15 million pixels. The picture isn't
# stored, so its limit in bytes is higher than for a note's picture.
RECOGNIZED_PIXELS: Final = 16_000_000
RECOGNIZED_BYTES: Final = 8_000_000

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
# JPEG segments with the picture's size.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_PARTS: Final = {
    PictureKind.PNG: png_parts,
    PictureKind.JPEG: jpeg_parts,
    PictureKind.GIF: gif_parts,
    PictureKind.WEBP: webp_parts,
}


def is_recognizable(content: bytes) -> bool:
    """Whether a file, by its header, is a picture small enough for text recognition."""
    _, width, height = _header(content) or (None, 0, 0)
    return len(content) <= RECOGNIZED_BYTES and 0 < width * height <= RECOGNIZED_PIXELS


def checked_picture(name: str, content: bytes) -> Picture:
    """Make a picture of a file's bytes, keeping only the visible parts.

    Raises InvalidNoteError if the picture is too large, damaged, or in no accepted format.
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
        return Picture(kind, without_metadata(_PARTS[kind], content))
    except MalformedPictureError as error:
        raise none from error


def check_size(name: str, size: int) -> None:
    """Check a picture's size in bytes before it is fetched; InvalidNoteError if it's too large."""
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
