"""Pictures of notes in Discord: which attachments are some, and the files that show them.

They are called by their number, never by the name that somebody gave them.
"""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import discord

from knowledge.values.pictures import Picture

# What is told to be a picture before it is fetched; what it really is, its bytes say.
_ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".svg", ".bmp", ".tif", ".avif")


class _SentAgain(discord.File):
    """A file that is sent from its beginning each time, also where the first time was lost."""

    def reset(self, *, seek: int | bool = True) -> None:
        super().reset(seek=True)


def pictures_among(attachments: Iterable[discord.Attachment]) -> list[discord.Attachment]:
    return [one for one in attachments if is_picture(one)]


def is_picture(attachment: discord.Attachment) -> bool:
    """Whether an attachment is meant as a picture, by what Discord or its name says of it."""
    kind = attachment.content_type or ""
    return kind.startswith("image/") or attachment.filename.casefold().endswith(_ENDINGS)


def picture_files(pictures: Sequence[Picture]) -> list[discord.File]:
    return [
        _SentAgain(io.BytesIO(picture.content), f"picture-{number}.{picture.kind.value}")
        for number, picture in enumerate(pictures, start=1)
    ]


def gallery(files: Sequence[discord.File]) -> discord.ui.MediaGallery[Any]:
    """What shows files of the same message in a layout."""
    return discord.ui.MediaGallery(*(discord.MediaGalleryItem(file.uri) for file in files))
