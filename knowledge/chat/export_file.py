"""Chat exports as streams of documents for their own guild.

Memory holds one message and the open conversations, whatever the file's size. Exports contain no
permissions, so a document's scope is the export's own guild, never shared. Private threads and
direct messages are refused.

Source:
    https://github.com/Tyrrrz/DiscordChatExporter, formats up to version 2.46.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import IO, Final

from knowledge.chat.conversations import Message
from knowledge.chat.export_json import json_export, json_message
from knowledge.chat.transcript import Channel, documents
from knowledge.files.formats.chat_export import (
    BOM,
    EXPORT_SUFFIXES,
    HEAD_BYTES,
    ExportFormat,
    export_format,
)
from knowledge.files.formats.zip import TORN
from knowledge.files.parsed_file import UnreadableError
from knowledge.store.erasure.quote_opt_outs import NOTHING, Withheld
from knowledge.values.documents import INSIDE, SHARED, Document, Scope

_PART: Final = re.compile(r" \[part (?P<number>\d{1,6})\]$")
# More than the hour by which a clock goes back after daylight-saving time.
_REVERSED: Final = timedelta(days=1)
# Bytes of a file that are read in one step, in at most 0.1 s.
_STEP_BYTES: Final = 500_000


@dataclass(slots=True)
class Count:
    """Counters: messages read, documents made."""

    messages: int = 0
    documents: int = 0


@dataclass(frozen=True, slots=True)
class ExportFile:
    """An export on the disk or inside a zip.

    `open` may be called several times. `name` is the file's name, which may contain the channel's
    id and the number of the part.
    """

    name: str
    open: Callable[[], IO[bytes]]

    @property
    def part(self) -> int:
        """The part's number in the file name ("… [part 2].json"); 1 if there is none."""
        part = _PART.search(PurePath(self.name).stem)
        return int(part["number"]) if part else 1


def on_disk(path: Path) -> ExportFile:
    return ExportFile(path.name, lambda: path.open("rb"))


def is_export(path: Path) -> bool:
    """Whether a file is a chat export; only files with an export's suffix are opened.

    Raises:
        UnreadableError: if the system refuses to read the file.
    """
    if path.suffix.lower() not in EXPORT_SUFFIXES:
        return False
    with _open(on_disk(path)) as file:
        return export_format(file.read(HEAD_BYTES)) is not None


def channel_of(export: ExportFile) -> Channel:
    """The channel of an export.

    Raises:
        UnreadableError: if the export can't be read, or isn't JSON.
    """
    with _open(export) as file:
        channel = _read(file, NOTHING)[0]
    # A later part of a thread begins in the middle, so it is split like a channel.
    return replace(channel, thread=False) if export.part > 1 else channel


def export_documents(
    export: ExportFile,
    document_id: str,
    scope: Scope = SHARED,
    withheld: Withheld = NOTHING,
    count: Count | None = None,
) -> Iterator[Document | None]:
    """Make the documents of one export; yields None in between, so the caller can do other work.

    Args:
        export: the file.
        document_id: the prefix of the documents' ids.
        scope: the documents' scope; `SHARED` is replaced by the guild named in the export.
        withheld: members and messages to leave out.
        count: updated with each message and document.

    Raises:
        UnreadableError: at the first damaged part; the documents before it are complete.
    """
    count = count if count is not None else Count()
    channel = channel_of(export)
    if channel.private:
        raise UnreadableError(
            "is a private thread or a direct message: everyone in the server could read what is "
            "quoted from it, so it is left out."
        )
    # A channel that isn't private has a guild.
    scope = scope if scope != SHARED else Scope(channel.guild_id)
    for made in documents(channel, _stream(export, channel, withheld, count), scope, withheld):
        count.documents += made is not None
        yield replace(made, id=f"{document_id}{INSIDE}{made.id}") if made is not None else None


def _stream(
    export: ExportFile, channel: Channel, withheld: Withheld, count: Count
) -> Iterator[Message | None]:
    """The messages of an export, and None after each `_STEP_BYTES` of the file."""
    latest: datetime | None = None
    step_from = 0
    with _open(export) as file:
        for message in _read(file, withheld)[1]:
            if file.tell() - step_from >= _STEP_BYTES:
                step_from = file.tell()
                yield None
            if message is None:
                continue
            count.messages += 1
            if latest and latest - message.at > _REVERSED and not channel.thread:
                raise UnreadableError(
                    "has its newest messages first: export it again without --reverse."
                )
            latest = max(latest or message.at, message.at)
            yield message


@contextmanager
def _open(export: ExportFile) -> Iterator[IO[bytes]]:
    try:
        with export.open() as file:
            if file.read(len(BOM)) != BOM:
                file.seek(0)
            yield file
    except OSError as error:
        raise UnreadableError(f"can't be read: {error.strerror or error}.") from error
    except TORN as error:
        raise UnreadableError("is torn: pack it again.") from error


def _read(file: IO[bytes], withheld: Withheld) -> tuple[Channel, Iterator[Message | None]]:
    """The channel of an export, and its messages; None for system messages and the like."""
    start = file.tell()
    found = export_format(file.read(HEAD_BYTES))
    file.seek(start)
    if found is ExportFormat.JSON:
        channel, raw = json_export(file)
        return channel, (json_message(values, channel, withheld) for values in raw)
    if found is None:
        raise UnreadableError("is no chat export of DiscordChatExporter.")
    raise UnreadableError(
        f"is a chat export as {found.value}, which lacks what tells questions from answers: "
        "export the channel as JSON."
    )
