import io
import itertools
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageSequence, PngImagePlugin

from knowledge.files import pictures
from knowledge.files.pictures import MalformedPictureError, checked_picture, without_metadata
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
def test_picture_claiming_gigabytes_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidNoteError, match="is too large: "):
        checked_picture("bomb.png", png(*size))


def test_picture_of_too_many_bytes_is_refused() -> None:
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


# Copies without metadata show the same, and contain nothing else.


SECRET: Final = b"Pixel 9 of Mallory"
TURNED: Final = 6
_MAKE, _ORIENTATION, _GPS = 0x010F, 0x0112, 0x8825
PROFILE: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def behind() -> bytes:
    """A ZIP file, as it could be appended to a picture."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hidden.txt", SECRET)
    return file.getvalue()


def exif() -> Image.Exif:
    """A phone's Exif: maker, place, orientation."""
    found = Image.Exif()
    found[_MAKE], found[_ORIENTATION] = SECRET.decode(), TURNED
    found.get_ifd(_GPS).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return found


def drawn(number: int = 0, mode: str = "RGB") -> Image.Image:
    image = Image.new("RGB", (48, 32), (200, 30 * number, 40))
    image.paste((10, 250, 90), (number, 3, 20 + number, 20))
    return image.convert(mode)


def saved(kind: str, image: Image.Image | None = None, **more: Any) -> bytes:
    file = io.BytesIO()
    (image or drawn()).save(file, kind, **more)
    return file.getvalue()


def _text_chunks() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SECRET.decode())
    info.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    info.add(b"prVt", SECRET)
    return info


_FRAMES: Final[dict[str, Any]] = {
    "save_all": True,
    "append_images": [drawn(1), drawn(2)],
    "duration": [100, 200, 300],
    "loop": 3,
}
_PHONE: Final[dict[str, Any]] = {"exif": exif(), "icc_profile": PROFILE}


def _jpeg(**more: Any) -> bytes:
    made = saved("JPEG", comment=SECRET, xmp=SECRET, quality=90, **_PHONE, **more)
    # A thumbnail in its own segment, and another maker's segment.
    others = b"".join(
        struct.pack(">BBH", 0xFF, kind, 2 + len(data)) + data
        for kind, data in ((0xE0, b"JFXX\0" + SECRET), (0xED, b"Photoshop 3.0\0" + SECRET))
    )
    return made[:2] + others + made[2:]


def _gif() -> bytes:
    made = saved("GIF", comment=SECRET, **_FRAMES)
    xmp = b"\x21\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\0"
    place = 13 + (3 << ((made[10] & 7) + 1))
    return made[:place] + xmp + made[place:]


WITH_METADATA: Final = {
    "jpeg": _jpeg(),
    "progressive jpeg": _jpeg(progressive=True),
    "png": saved("PNG", pnginfo=_text_chunks(), **_PHONE),
    "png of a palette": saved("PNG", drawn(mode="P"), pnginfo=_text_chunks(), transparency=0),
    "apng": saved("PNG", pnginfo=_text_chunks(), **_FRAMES, **_PHONE),
    "webp": saved("WEBP", xmp=SECRET, quality=80, **_PHONE),
    "webp without loss": saved("WEBP", drawn(mode="RGBA"), lossless=True, xmp=SECRET, **_PHONE),
    "webp that moves": saved("WEBP", xmp=SECRET, **_FRAMES, **_PHONE),
    "gif": _gif(),
}


def look(content: bytes) -> Any:
    """The visible content of a picture: frames with durations, colours, orientation."""
    with Image.open(io.BytesIO(content)) as image:
        turned = image.getexif().get(_ORIENTATION, 1)
        profile, loop = image.info.get("icc_profile"), image.info.get("loop")
        frames = [
            (frame.info.get("duration"), frame.convert("RGBA").tobytes())
            for frame in ImageSequence.Iterator(image)
        ]
        return image.format, image.size, turned, profile, loop, frames


@pytest.mark.parametrize("content", WITH_METADATA.values(), ids=WITH_METADATA)
def test_what_is_kept_shows_the_same_and_has_nothing_else(content: bytes) -> None:
    assert SECRET in content

    kept = checked_picture("a", content + behind()).content

    assert look(kept) == look(content)
    for hidden in (SECRET, b"hidden.txt", b"PK\x03\x04", b"xmp", b"XMP", b"Photoshop"):
        assert hidden not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert dict(image.getexif()) in ({}, {_ORIENTATION: TURNED})
        assert not image.getexif().get_ifd(_GPS)
    assert checked_picture("a", kept).content == kept


@pytest.mark.parametrize("kind", ["jpeg", "png", "apng", "webp", "webp that moves"])
def test_which_side_is_up_and_the_colours_are_kept(kind: str) -> None:
    _, _, turned, profile, _, _ = look(checked_picture("a", WITH_METADATA[kind]).content)

    assert (turned, profile) == (TURNED, PROFILE)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turned", range(10))
def test_only_the_orientation_of_exif_is_kept(order: str, turned: int) -> None:
    head = b"II*\0" if order == "<" else b"MM\0*"
    tiff = head + struct.pack(f"{order}IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, turned, 0, 0) + SECRET
    content = saved("JPEG", exif=b"Exif\0\0" + tiff)

    assert look(without_metadata(pictures.jpeg_parts, content))[2] == (
        turned if 2 <= turned <= 8 else 1
    )


def test_png_hides_nothing_in_its_colours() -> None:
    plain = saved("PNG")
    start = plain.index(b"IDAT") - 4

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    added = [
        chunk(b"iCCP", SECRET + b"\0\0" + zlib.compress(PROFILE)),
        chunk(b"gAMA", struct.pack(">I", 45_455) + SECRET),
    ]
    content = plain[:start] + b"".join(added) + plain[start:]

    kept = without_metadata(pictures.png_parts, content)

    assert SECRET not in kept
    assert look(kept)[3] == PROFILE


@pytest.mark.parametrize("content", WITH_METADATA.values(), ids=WITH_METADATA)
def test_a_picture_that_ends_anywhere_before_its_end_is_refused(content: bytes) -> None:
    ends = (range(0, len(content) - 1, 97), range(len(content) - 12, len(content)))
    for end in itertools.chain(*ends):
        with pytest.raises(InvalidNoteError, match="isn't a picture that I can keep"):
            checked_picture("a", content[:end])


ANY: Final = st.sampled_from([*WITH_METADATA.values()])


@given(ANY, st.data())
def test_broken_bytes_are_refused_or_kept_the_same(content: bytes, data: st.DataObject) -> None:
    broken = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        kept = checked_picture("a", bytes(broken)).content
    except InvalidNoteError:
        return
    assert checked_picture("a", kept).content == kept


_SIZE = struct.pack("<HH", 1, 1)
# The most parts for a number of bytes, by format.
MANY: Final[dict[str, Callable[[int], bytes]]] = {
    "png": lambda n: saved("PNG")[:33] + b"\0\0\0\0prVt\0\0\0\0" * (n // 12),
    "jpeg": lambda n: b"\xff\xd8" + b"\xff\xe5\0\x02" * (n // 4),
    "jpeg, marks": lambda n: saved("JPEG")[:-2] + b"\xff" * n,
    "jpeg, stuffed": lambda n: saved("JPEG")[:-2] + b"\xff\0" * (n // 2),
    "gif": lambda n: b"GIF89a" + _SIZE + b"\0\0\0\x21\xfe" + b"\1a" * (n // 2),
    "webp": lambda n: b"RIFF" + struct.pack("<I", n + 4) + b"WEBP" + b"abcd\0\0\0\0" * (n // 8),
}


PARTS: Final = {
    b"\x89P": pictures.png_parts,
    b"\xff\xd8": pictures.jpeg_parts,
    b"GI": pictures.gif_parts,
    b"RI": pictures.webp_parts,
}


@pytest.mark.parametrize("make", MANY.values(), ids=MANY)
def test_steps_grow_with_the_parts_of_a_picture(make: Callable[[int], bytes]) -> None:
    assert _steps(make(20_000)) <= 2.1 * _steps(make(10_000)) + 100


def _steps(content: bytes) -> int:
    """The number of lines run until an endless picture is refused."""
    lines = 0

    def count(_frame: Any, event: str, _value: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        with pytest.raises(MalformedPictureError):
            without_metadata(PARTS[content[:2]], content)
    finally:
        sys.settrace(before)
    return lines
