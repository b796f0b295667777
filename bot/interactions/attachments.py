"""Parsing of attached files in a thread of its own: the text, or the sentence why not."""

import asyncio

import discord

from bot.interactions.errors import UNREACHED
from bot.interactions.retries import resent
from knowledge.files.parsed_file import MAX_BYTES, ParsedFile, UnreadableError
from knowledge.files.reader import parse_bytes
from knowledge.model.submissions import InvalidNoteError


async def read_attachment(attachment: discord.Attachment) -> ParsedFile:
    """What an attached file says.

    It is read at once: Discord's address for it expires.

    Raises:
        InvalidNoteError: if it is too large, can't be read or can't be fetched any more.
    """
    # The limit is told before anything is fetched.
    if attachment.size > MAX_BYTES:
        raise InvalidNoteError(
            "{file} has {megabytes:,.1f} MB; {most:,.0f} MB is the most.",
            file=attachment.filename,
            megabytes=attachment.size / 1e6,
            most=MAX_BYTES / 1e6,
        )
    try:
        content = await resent(attachment.read)
        return await asyncio.to_thread(parse_bytes, content, name=attachment.filename)
    except UnreadableError as error:
        raise InvalidNoteError(
            "{file} {problem}", file=attachment.filename, problem=error
        ) from error
    except UNREACHED as error:
        raise InvalidNoteError(
            "{file} can't be fetched from Discord any more: attach it again.",
            file=attachment.filename,
        ) from error
