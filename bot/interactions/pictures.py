"""Pictures in Discord: detection among attachments, and files to send.

Pictures of notes are named by number, never by a member's file name.
"""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import discord

from knowledge.values.pictures import Picture

# A first guess before fetching; the bytes decide.
_ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".svg", ".bmp", ".tif", ".avif")


class _RewindingFile(discord.File):
    """File that rewinds before each attempt to send it."""

    def reset(self, *, seek: int | bool = True) -> None:
        super().reset(seek=True)


def pictures_among(attachments: Iterable[discord.Attachment]) -> list[discord.Attachment]:
    return [attachment for attachment in attachments if is_picture(attachment)]


def is_picture(attachment: discord.Attachment) -> bool:
    """Whether an attachment looks like a picture, by its content type or name."""
    kind = attachment.content_type or ""
    return kind.startswith("image/") or attachment.filename.casefold().endswith(_ENDINGS)


def picture_files(pictures: Sequence[Picture]) -> list[discord.File]:
    return [
        _RewindingFile(io.BytesIO(picture.content), f"picture-{number}.{picture.kind.value}")
        for number, picture in enumerate(pictures, start=1)
    ]


def drawing_file(png: bytes, name: str, description: str) -> discord.File:
    """Return the file of a PNG drawn by the bot; `description` is its alt text."""
    return _RewindingFile(io.BytesIO(png), f"{name}.png", description=description)


def gallery(files: Sequence[discord.File]) -> discord.ui.MediaGallery[Any]:
    """Return the component that shows files of the same message in a layout."""
    return discord.ui.MediaGallery(
        *(discord.MediaGalleryItem(file.uri, description=file.description) for file in files)
    )
