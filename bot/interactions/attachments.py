"""Reader of attached files, with a bounded queue for each member."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import discord

from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.retries import send_with_retries
from knowledge.files import logs, reader
from knowledge.files.foreign_tags import TagFile, tags_of_bytes
from knowledge.files.logs import Problem, ReadLog
from knowledge.files.parsed_file import MAX_BYTES, ParsedFile, UnreadableError
from knowledge.files.pictures import check_size, checked_picture
from knowledge.values.notes import Picture
from knowledge.values.submissions import InvalidNoteError

# The largest number of a member's files that wait while another file of the member is read.
WAITING: Final = 2

_Parsed = TypeVar("_Parsed")


class Attachments:
    """Reads the text of attached files in a thread of its own.

    In asyncio's default threads, slow files would delay requests to Discord, because the same
    threads resolve host names.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commonplace-attachments")
        self._counts: Counter[int] = Counter()
        self._turns: dict[int, asyncio.Lock] = {}

    async def read(self, attachment: discord.Attachment, member_id: int) -> ParsedFile:
        """Fetch a file at once, because its address expires, and extract its text.

        Raises:
            InvalidNoteError: if the file is too large, unreadable or gone, or if too many files of
                the member wait.
        """
        return await self._parse(
            attachment, member_id, lambda content, name: reader.parse_bytes(content, name=name)
        )

    async def tags(self, attachment: discord.Attachment, member_id: int, guild_id: int) -> TagFile:
        """Read this guild's tags in a file of another bot; InvalidNoteError as in `read`."""
        return await self._parse(
            attachment, member_id, lambda content, name: tags_of_bytes(content, name, guild_id)
        )

    async def _parse(
        self, attachment: discord.Attachment, member_id: int, parse: Callable[[bytes, str], _Parsed]
    ) -> _Parsed:
        # Refuse before fetching.
        if attachment.size > MAX_BYTES:
            raise InvalidNoteError(
                "{file} is too large ({megabytes:,.1f} MB); the limit is {most:,.0f} MB.",
                file=attachment.filename,
                megabytes=attachment.size / 1e6,
                most=MAX_BYTES / 1e6,
            )
        async with self._turn(attachment, member_id):
            content = await _fetch(attachment)
            try:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, parse, content, attachment.filename)
            except UnreadableError as error:
                raise InvalidNoteError(
                    "{file} {problem}", file=attachment.filename, problem=error
                ) from error

    async def picture(self, attachment: discord.Attachment, member_id: int) -> Picture:
        """Fetch and check a picture, whose address expires; InvalidNoteError as in `read`."""
        check_size(attachment.filename, attachment.size)
        async with self._turn(attachment, member_id):
            content = await _fetch(attachment)
            # In a thread: checking a picture of many tiny parts takes some tenths of a second.
            return await asyncio.to_thread(checked_picture, attachment.filename, content)

    async def log(self, attachment: discord.Attachment, member_id: int) -> ReadLog:
        """Fetch a log, and read its deciding lines; InvalidNoteError as in `read`."""
        if attachment.size > logs.LOG_BYTES:
            return ReadLog(problem=Problem.LARGE)
        async with self._turn(attachment, member_id):
            return await self.log_of_bytes(await _fetch(attachment))

    async def log_of_bytes(self, content: bytes) -> ReadLog:
        try:
            return await asyncio.wrap_future(logs.begin_log(content))
        except UnreadableError:
            # It took too long, or too much memory.
            return ReadLog(problem=Problem.LARGE)

    @asynccontextmanager
    async def _turn(self, attachment: discord.Attachment, member_id: int) -> AsyncIterator[None]:
        """Hold the member's lock in turn; InvalidNoteError if too many files wait."""
        if self._counts[member_id] > WAITING:
            raise InvalidNoteError(
                "I didn't read {file}, because I'm still reading other files of "
                "yours. Send it again when they're done.",
                file=attachment.filename,
            )
        self._counts[member_id] += 1
        try:
            async with self._turns.setdefault(member_id, asyncio.Lock()):
                yield
        finally:
            self._counts[member_id] -= 1
            if not self._counts[member_id]:
                del self._counts[member_id], self._turns[member_id]

    def close(self) -> None:
        """Drop the waiting files, and stop reading the current file."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._counts:
            reader.sandbox.close()


async def _fetch(attachment: discord.Attachment) -> bytes:
    try:
        return await send_with_retries(attachment.read)
    except UNREACHED as error:
        raise InvalidNoteError(
            "I can't download {file} from Discord any more. Please attach it again.",
            file=attachment.filename,
        ) from error
