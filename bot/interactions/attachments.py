"""Reading what members attach, in a thread of its own: a file's text, or the sentence why not."""

import asyncio

import discord

from bot.interactions.errors import UNREACHED
from bot.interactions.retries import resent
from knowledge.files.reader import MAX_BYTES, Reading, UnreadableError, read_bytes
from knowledge.model.submissions import InvalidNoteError


async def read_attachment(attachment: discord.Attachment) -> Reading:
    """What an attached file says.

    It is read at once: Discord's address for it expires.

    Raises:
        InvalidNoteError: if it is too large, can't be read or can't be fetched any more.
    """
    # The limit is told before anything is fetched.
    if attachment.size > MAX_BYTES:
        raise InvalidNoteError(
            f"{attachment.filename} has {attachment.size / 1e6:,.1f} MB; "
            f"{MAX_BYTES / 1e6:,.0f} MB is the most.",
            f"{attachment.filename} hat {attachment.size / 1e6:.1f} MB; höchstens "
            f"{MAX_BYTES / 1e6:.0f} MB gehen.",
        )
    try:
        content = await resent(attachment.read)
        return await asyncio.to_thread(read_bytes, content, name=attachment.filename)
    except UnreadableError as error:
        raise InvalidNoteError(
            f"{attachment.filename} {error}",
            f"Diese Datei lässt sich nicht lesen: {attachment.filename} {error}",
        ) from error
    except UNREACHED as error:
        raise InvalidNoteError(
            f"{attachment.filename} can't be fetched from Discord any more: attach it again.",
            f"{attachment.filename} ist bei Discord nicht mehr zu bekommen: Häng sie noch einmal "
            "an.",
        ) from error
