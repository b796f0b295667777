"""Chat exports as streams of documents for their own guild.

Memory holds one message and the open conversations, whatever the file's size. Exports contain no
permissions, so a document's scope is the export's own guild, never shared. Private threads and
direct messages are refused. Values of unexpected types are ignored, because other programs write
and edit exports, too.

Source:
    https://github.com/Tyrrrz/DiscordChatExporter, formats up to version 2.46.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from typing import IO, Any, Final

import ijson

from knowledge.chat.conversations import TEXT_CHARACTERS, Message, Reaction
from knowledge.chat.transcript import SOMEONE, Channel, documents, readable
from knowledge.files.formats.detection import (
    BOM,
    EXPORT_SUFFIXES,
    HEAD_BYTES,
    ExportFormat,
    export_format,
)
from knowledge.files.formats.zip import TORN
from knowledge.files.parsed_file import UnreadableError
from knowledge.store.erasure.quote_opt_outs import NOTHING, Withheld, is_deleted_account
from knowledge.values.documents import INSIDE, SHARED, Document, Scope

# A text has at most 4,000 characters; lists of reactions make messages large, with about 200 bytes
# per member. The parser takes half a second for a message of this size.
MESSAGE_BYTES: Final = 4_000_000
NESTING: Final = 24
# Longer than any text in an export; some steps process a whole text at once.
VALUE_CHARACTERS: Final = 100_000
# As many emojis, escaped. The parser is slow with escapes and doesn't stop within a text.
VALUE_BYTES: Final = 12 * VALUE_CHARACTERS
NAME_CHARACTERS: Final = 255

# Large parts that are not used.
_SKIPPED: Final = frozenset(
    {"embeds", "stickers", "inlineEmojis", "roles", "interaction", "forwardedMessage"}
)
_THREADS: Final = frozenset({"GuildPublicThread", "GuildNewsThread", "GuildPrivateThread"})
_PRIVATE: Final = frozenset({"GuildPrivateThread", "DirectTextChat", "DirectGroupTextChat"})
# All other types are system messages: joins, pins, boosts, calls.
_SAID: Final = frozenset({"Default", "Reply"})
# Milliseconds from 1970 to Discord's epoch, the origin of times in ids.
_EPOCH: Final = 1_420_070_400_000

# Some backends of ijson raise `ValueError` for escapes outside JSON and numbers too large for
# Python.
_DAMAGE: Final = (ijson.JSONError, ValueError)

Raw = dict[str, Any]
_Events = Iterator[tuple[str, Any]]


class _BoundedFile:
    """A file that raises `UnreadableError` if one message, or one value in it, is too long.

    The file seems to end before its first invalid UTF-8. Otherwise some of ijson's backends would
    accept an invalid (overlong) encoding, and fail later in a callback, where the error is lost.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        # Bytes of the present message, and of the present value.
        self.message = 0
        self.value = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        content = b"" if self._ended else self._utf8_part(self._file.read(size))
        self.message += len(content)
        self.value += len(content)
        if self.value > VALUE_BYTES:
            raise UnreadableError(
                f"has a text of more than {VALUE_BYTES / 1e6:,.1f} MB: it is no export, or damaged."
            )
        if self.message > MESSAGE_BYTES:
            raise UnreadableError(
                f"has a message of more than {MESSAGE_BYTES / 1e6:,.0f} MB: it is no export, or "
                "damaged."
            )
        return content

    def _utf8_part(self, content: bytes) -> bytes:
        try:
            self._utf8.decode(content)
        except UnicodeDecodeError as error:
            self._ended = True
            # The decoder prepends the incomplete character of the last piece.
            return content[: max(error.start - (len(error.object) - len(content)), 0)]
        return content


def json_export(file: IO[bytes]) -> tuple[Channel, Iterator[Raw]]:
    """The channel of an export, and an iterator over its messages in file order.

    Raises UnreadableError if the file is damaged or no export. The iterator may raise it, too.
    """
    bounded = _BoundedFile(file)
    events = _events(bounded)
    try:
        head = _head(events)
    except _DAMAGE as error:
        raise UnreadableError("is damaged: its beginning is not valid JSON.") from error
    return _channel(head), _raw_messages(events, bounded)


def _events(file: _BoundedFile) -> _Events:
    """The parser's events, with lone surrogates in strings replaced by question marks.

    YAJL itself replaces surrogates. ijson's Python backend keeps surrogates; databases refuse them.
    """
    for event, value in ijson.basic_parse(file, use_float=True):
        file.value = 0
        if isinstance(value, str):
            if len(value) > VALUE_CHARACTERS:
                raise UnreadableError(
                    f"has a text of {len(value):,} characters: it is no export, or damaged."
                )
            if not value.isascii():
                value = value.encode(errors="replace").decode()
        yield event, value


def _head(events: _Events) -> Raw:
    head: Raw = {}
    key = ""
    if next(events, None) != ("start_map", None):
        raise UnreadableError("is no chat export: it should be one JSON object.")
    for event, value in events:
        if event == "map_key":
            key = value
        elif event == "end_map":
            break
        elif key == "messages" and event == "start_array":
            return head
        else:
            head[key] = _built_value(events, event, value)
    raise UnreadableError("is no chat export: it has no list of messages.")


def _raw_messages(events: _Events, bounded: _BoundedFile) -> Iterator[Raw]:
    read = 0
    try:
        for event, value in events:
            if event == "end_array":
                # Only the count of messages follows.
                return
            built = _built_value(events, event, value)
            bounded.message = 0
            read += 1
            yield built if isinstance(built, dict) else {}
    except _DAMAGE as error:
        raise UnreadableError(
            f"is cut off or damaged after {read:,} messages: export the channel again."
        ) from error


def _built_value(events: _Events, event: str, value: Any, depth: int = 0) -> Any:
    """Build the value that starts with this event, without the keys in `_SKIPPED`."""
    if depth > NESTING:
        raise UnreadableError(f"is nested more than {NESTING} levels deep: it is no export.")
    if event == "start_map":
        made: Raw = {}
        for following, key in events:
            if following == "end_map":
                break
            inner, inner_value = next(events)
            built = _built_value(events, inner, inner_value, depth + 1)
            if key not in _SKIPPED:
                made[key] = built
        return made
    if event == "start_array":
        items: list[Any] = []
        for inner, inner_value in events:
            if inner == "end_array":
                break
            items.append(_built_value(events, inner, inner_value, depth + 1))
        return items
    return value


def _channel(head: Raw) -> Channel:
    guild, channel = _map(head.get("guild")), _map(head.get("channel"))
    kind = _words(channel.get("type"))
    return Channel(
        guild_id=_id(guild.get("id")),
        id=_id(channel.get("id")),
        name=_words(channel.get("name")),
        parent=_words(channel.get("category")),
        thread=kind in _THREADS,
        # Guild 0 stands for direct messages.
        private=kind in _PRIVATE or _id(guild.get("id")) == 0,
    )


def json_message(raw: Raw, channel: Channel, withheld: Withheld) -> Message | None:
    """Parse a message; None for a system message, or a message without author or time."""
    author = _map(raw.get("author"))
    message_id = _id(raw.get("id"))
    at = _time(raw.get("timestamp"), message_id)
    if raw.get("type") not in _SAID or at is None or not author:
        return None
    return Message(
        id=message_id,
        author_id=_id(author.get("id")),
        author=_shown_name(author),
        at=at,
        text=_text(raw, channel, withheld),
        reply_to=_id(_map(raw.get("reference")).get("messageId")),
        reactions=tuple(_reactions(raw)),
        bot=author.get("isBot") is True,
    )


def _shown_name(author: Raw) -> str:
    """The author's shown name; the user name for a deleted account."""
    name = _words(author.get("name"))
    if is_deleted_account(name):
        return name
    return _words(author.get("nickname")) or name or SOMEONE


def _text(raw: Raw, channel: Channel, withheld: Withheld) -> str:
    """The message's text with mentions as names, and the names of its attachments."""
    text = raw.get("content")
    text = text[:TEXT_CHARACTERS] if isinstance(text, str) else ""
    names: dict[int, str] = {}
    hidden: set[str] = set()
    for mentioned in _list(raw.get("mentions")):
        shown = [_words(mentioned.get("nickname")), _words(mentioned.get("name"))]
        member = _id(mentioned.get("id"))
        if member in withheld.member_ids:
            hidden.update(filter(None, shown))
            shown = [SOMEONE]
        names[member] = next(filter(None, shown), SOMEONE)
    if hidden:
        longest_first = sorted(hidden, key=len, reverse=True)
        text = re.sub(rf"@(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", f"@{SOMEONE}", text)
    if "<" in text or "@" in text:
        text = readable(text, names, {channel.id: channel.name})
    attached = [_words(item.get("fileName")) for item in _list(raw.get("attachments"))]
    # Attachments' addresses expire within a day; their names stay useful.
    return "\n".join([text, *(f"(attached: {name})" for name in attached if name)]).strip()


def _reactions(raw: Raw) -> Iterator[Reaction]:
    for item in _list(raw.get("reactions")):
        emoji = _map(item.get("emoji"))
        # `code` is a standard emoji's name in words; `name` is the emoji itself.
        name = _words(emoji.get("name")) or _words(emoji.get("code"))
        count = item.get("count")
        members = frozenset(_id(user.get("id")) for user in _list(item.get("users")))
        if name:
            yield Reaction(name, count if isinstance(count, int) else 1, members - {0})


def _time(value: object, message_id: int) -> datetime | None:
    """The stated time of a message in UTC, or else the time in the message's id."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is not None:
            # Times without an offset are in UTC.
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        if message_id:
            return datetime.fromtimestamp(((message_id >> 22) + _EPOCH) / 1_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _map(value: object) -> Raw:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Raw]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _words(value: object) -> str:
    return " ".join(value.split())[:NAME_CHARACTERS] if isinstance(value, str) else ""


def _id(value: object) -> int:
    """Parse an id; 0 for other values. Ids are positive signed 64-bit integers, as in SQLite."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 63:
        return value
    return 0


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

    Raises UnreadableError if the system refuses to read the file.
    """
    if path.suffix.lower() not in EXPORT_SUFFIXES:
        return False
    with _open(on_disk(path)) as file:
        return export_format(file.read(HEAD_BYTES)) is not None


def channel_of(export: ExportFile) -> Channel:
    """The channel of an export; UnreadableError if the export can't be read, or isn't JSON."""
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

    Their ids begin with `document_id`. The scope `SHARED` is replaced by the guild named in the
    export. Raises UnreadableError at the first damaged part; the documents before it are complete.
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
