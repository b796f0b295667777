"""Pictures in Discord: detection among attachments, text recognition, and files to send.

Pictures of notes are named by number, never by a member's file name. Their text is recognized in
the sandbox, and never stored or logged. If that fails or takes too long, the message is handled
without it.
"""

import asyncio
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Final

import discord

from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.services import PictureText
from knowledge.files import picture_text
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.picture_text import TextLine
from knowledge.files.pictures import RECOGNIZED_BYTES
from knowledge.values.notes import PICTURES, Picture

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


# The largest number of messages whose pictures are read or wait; pictures of others are ignored.
AT_ONCE: Final = 6
# Deadline in seconds for all pictures of one message; its sender waits.
SECONDS: Final = 40.0

_logger = logging.getLogger(__name__)

Recognize = Callable[[bytes], "Future[list[TextLine]]"]


class PictureTexts:
    """Recognizes text in pictures, in at most one message of each member at a time."""

    def __init__(
        self,
        *,
        is_on: bool,
        recognize: Recognize = picture_text.begin_recognition,
        seconds: float = SECONDS,
    ) -> None:
        self._is_on = is_on
        self._recognize = recognize
        self._seconds = seconds
        self._members: set[int] = set()

    async def among(self, attachments: Sequence[discord.Attachment], member_id: int) -> str:
        pictures = [
            picture for picture in pictures_among(attachments) if picture.size <= RECOGNIZED_BYTES
        ]
        with self._place(member_id) as has_place:
            if not (has_place and pictures):
                return ""
            try:
                contents = [
                    await send_with_retries(picture.read) for picture in pictures[:PICTURES]
                ]
            except UNREACHED:
                return ""
            return (await self._text_before_deadline(contents)).text

    async def of(self, contents: Sequence[bytes], member_id: int) -> PictureText:
        with self._place(member_id) as has_place:
            if has_place:
                return await self._text_before_deadline(contents[:PICTURES])
            return PictureText(is_whole=not self._is_on)

    @contextmanager
    def _place(self, member_id: int) -> Iterator[bool]:
        """Reserve a place for the member's message; yield False if no place is free."""
        if not self._is_on or member_id in self._members or len(self._members) >= AT_ONCE:
            yield False
            return
        self._members.add(member_id)
        try:
            yield True
        finally:
            self._members.discard(member_id)

    async def _text_before_deadline(self, contents: Sequence[bytes]) -> PictureText:
        """Return the text recognized before the deadline.

        A message's pictures are queued one by one, so that members share the sandbox fairly.
        """
        texts: list[str] = []
        try:
            async with asyncio.timeout(self._seconds):
                for content in contents:
                    with suppress(UnreadableError):
                        lines = await asyncio.wrap_future(self._recognize(content))
                        texts.append(picture_text.as_text(lines))
        except TimeoutError:
            pass
        except Exception:
            _logger.exception("The text in a picture could not be read.")
        return PictureText("\n".join(filter(None, texts)), len(texts) == len(contents))
