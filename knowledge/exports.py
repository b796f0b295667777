"""Which files are chat exports, and what one of them gives: an export in parts is one stream.

What is held in memory is one message and the conversations that are open, however large the file
is. Exports carry no permissions: an export therefore belongs to its own guild, is never shared
with others, and private threads and direct messages are refused.

Source:
    The formats are those of https://github.com/Tyrrrz/DiscordChatExporter, 2.46 and before.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from knowledge.chat import Message
from knowledge.export_json import json_export, json_message
from knowledge.export_text import text_channel, text_lines, text_messages
from knowledge.model import SHARED, Document, Scope
from knowledge.reading import UnreadableError
from knowledge.transcript import NOTHING, Channel, Withheld, documents

HEAD_BYTES: Final = 65_536

_BOM: Final = b"\xef\xbb\xbf"
_JSON_HEAD: Final = re.compile(rb'\s*\{\s*"(?:guild|channel)"\s*:\s*\{')
_TEXT_HEAD: Final = re.compile(rb"={62}\r?\nGuild: ")
_CSV_HEAD: Final = b"AuthorID,Author,Date,Content,Attachments,Reactions"
_PART: Final = re.compile(r" \[part (?P<number>\d{1,6})\]$")
# Clocks that are put back an hour once a year are no sign of a reversed export.
_REVERSED: Final = timedelta(days=1)


class Format(StrEnum):
    """What DiscordChatExporter makes."""

    JSON = "JSON"
    TEXT = "TXT"
    HTML = "HTML"
    CSV = "CSV"


@dataclass(slots=True)
class Count:
    """What came of an export: messages read, documents given."""

    messages: int = 0
    documents: int = 0


def recognised(path: Path) -> Format | None:
    """What kind of chat export a file is, told by its first bytes; None if it is none.

    Raises:
        UnreadableError: if the system refuses to read it.
    """
    with _opened(path) as file:
        return recognised_head(file.read(HEAD_BYTES))


def recognised_head(head: bytes) -> Format | None:
    """As `recognised`, of a file's first `HEAD_BYTES` bytes."""
    head = head.removeprefix(_BOM)
    if _JSON_HEAD.match(head) and b'"guild"' in head and b'"channel"' in head:
        return Format.JSON if b'"messages"' in head else None
    if _TEXT_HEAD.match(head):
        return Format.TEXT
    if head.startswith(_CSV_HEAD):
        return Format.CSV
    if b"<html" in head[:2_000] and b"chatlog__" in head and b"preamble__" in head:
        return Format.HTML
    return None


def grouped(paths: Iterable[Path]) -> list[list[Path]]:
    """The files of each export: one, or its parts in order ("… [part 2].json")."""
    found: dict[Path, list[tuple[int, Path]]] = {}
    for path in paths:
        part = _PART.search(path.stem)
        stem = path.stem[: part.start()] if part else path.stem
        number = int(part["number"]) if part else 1
        found.setdefault(path.with_name(stem + path.suffix), []).append((number, path))
    return [[path for _, path in sorted(parts)] for _, parts in sorted(found.items())]


def channel_of(path: Path) -> Channel:
    """The channel that an export is of.

    Raises:
        UnreadableError: if it can't be read, or is an export of a kind that can't be used.
    """
    with _opened(path) as file:
        return _read(file, path, NOTHING)[0]


def export_documents(
    paths: Sequence[Path],
    scope: Scope = SHARED,
    withheld: Withheld = NOTHING,
    count: Count | None = None,
) -> Iterator[Document]:
    """The documents of one export, whose parts are read as one stream.

    Args:
        paths: the export's parts, in order.
        scope: the guild that may quote it; without one, the guild that it was exported from.
        withheld: what must not be quoted.
        count: what has been read and given so far is kept there.

    Raises:
        UnreadableError: where the file stops being an export. What was given before is sound.
    """
    count = count if count is not None else Count()
    channel = channel_of(paths[0])
    if channel.private:
        raise UnreadableError(
            "is a private thread or a direct message: everyone in the server could read what is "
            "quoted from it, so it is left out."
        )
    scope = scope if scope != SHARED else Scope(channel.guild_id)
    if scope == SHARED:
        raise UnreadableError(
            "doesn't say which server it comes from, as no plain-text export does: add it with "
            "--guild and the server's id, or export the channel as JSON."
        )
    channel = replace(channel, guild_id=channel.guild_id or int(scope))
    for made in documents(channel, _stream(paths, channel, withheld, count), scope, withheld):
        count.documents += 1
        yield made


def _stream(
    paths: Sequence[Path], channel: Channel, withheld: Withheld, count: Count
) -> Iterator[Message]:
    """The messages of all parts."""
    latest: datetime | None = None
    for path in paths:
        with _opened(path) as file:
            for message in _read(file, path, withheld)[1]:
                count.messages += 1
                if latest and latest - message.at > _REVERSED and not channel.thread:
                    raise UnreadableError(
                        "has its newest messages first: export it again without --reverse."
                    )
                latest = max(latest or message.at, message.at)
                yield message


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            if file.read(len(_BOM)) != _BOM:
                file.seek(0)
            yield file
    except OSError as error:
        raise UnreadableError(f"can't be read: {error.strerror or error}.") from error


def _read(file: IO[bytes], path: Path, withheld: Withheld) -> tuple[Channel, Iterator[Message]]:
    """The channel of an opened export, and its messages."""
    start = file.tell()
    found = recognised_head(file.read(HEAD_BYTES))
    file.seek(start)
    if found is Format.JSON:
        channel, raw = json_export(file)
        read = (json_message(each, channel, withheld) for each in raw)
        return channel, (message for message in read if message is not None)
    if found is Format.TEXT:
        channel = text_channel(text_lines(file), path.name)
        file.seek(start)
        return channel, text_messages(text_lines(file))
    if found is None:
        raise UnreadableError("is no chat export of DiscordChatExporter.")
    raise UnreadableError(
        f"is a chat export as {found.value}, which lacks what tells questions from answers: "
        "export the channel as JSON."
    )
