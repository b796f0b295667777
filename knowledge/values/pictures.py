"""Pictures of notes, and their limits. `knowledge.files.pictures` checks what members attach."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Each answer that quotes the note sends its pictures along, below the quotation.
PICTURES: Final = 4
PICTURE_BYTES: Final = 2_000_000
# A phone's photo has 12 to 50 million pixels; a file of 2 MB that claims more is malicious.
PICTURE_PIXELS: Final = 50_000_000


class PictureKind(StrEnum):
    """Formats that every Discord client shows; the value is the file name's suffix."""

    PNG = "png"
    JPEG = "jpg"
    GIF = "gif"
    WEBP = "webp"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, checked by `knowledge.files.pictures.checked_picture`."""

    kind: PictureKind
    content: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()
