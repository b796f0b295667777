"""Parser of DiscordChatExporter's plain text: a head, then messages below their time and author.

The format has no ids and no replies. Times have no seconds, and dates are in the exporter's locale.
The parser supports locales writing the month as a number or as three English letters.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Final

from knowledge.chat.conversations import Message, Reaction
from knowledge.chat.transcript import SOMEONE, Channel, readable
from knowledge.files.parsed_file import UnreadableError

LINE_BYTES: Final = 65_536
# More than the lines of any topic in a head.
HEAD_LINES: Final = 5_000
# Messages examined to find out which number is the day.
SAMPLED: Final = 2_000

# Of a message's text, attachments and reactions.
BODY_CHARACTERS: Final = 100_000

_RULE: Final = "=" * 62
_HEADER: Final = re.compile(
    r"\[(?P<date>\d{1,4}[./-](?:\d{1,2}|[A-Za-z]{3})[./-]\d{1,4}),?[ \u00a0\u202f]"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?::\d{2})?"
    r"(?:[ \u00a0\u202f]?(?P<half>[AaPp])\.?[Mm]\.?)?\] (?P<author>.+?)(?: \(pinned\))?"
)
_FILE_ID: Final = re.compile(r"\[(?P<id>\d{15,18}|[1-8]\d{18})\]")
_TRAILER: Final = re.compile(r"Exported [\d.,\u00a0\u202f' ]+ message\(s\)")
_REACTION: Final = re.compile(r"(?P<emoji>\S+)(?: \((?P<count>\d{1,7})\))?")
_BLOCK: Final = re.compile(r"\{(?P<name>Attachments|Embed|Stickers|Reactions|Forwarded Message)\}")
_MONTH_NAMES: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS: Final = {name: number for number, name in enumerate(_MONTH_NAMES.split(), 1)}
# System messages, in the same format as members'.
_SYSTEM: Final = re.compile(
    r"(?:Joined the server|Pinned a message|Started a thread|Left the group|"
    r"Changed the channel (?:icon|name)(?:: .*)?|Added .* to the group|Added a recipient|"
    r"Removed .* from the group|Removed a recipient|Started a call that lasted \d+ minutes)\."
)

_Block = tuple[re.Match[str], list[str]]


def text_lines(file: IO[bytes]) -> Iterator[str]:
    """The lines of a file; overlong lines are cut.

    Raises:
        UnreadableError: if the file isn't in UTF-8.
    """
    whole = True
    while line := file.readline(LINE_BYTES):
        begins, whole = whole, line.endswith(b"\n")
        if not begins:
            continue
        try:
            # A cut line may end inside a character.
            text = line.decode("utf-8", "strict" if whole else "ignore")
        except UnicodeDecodeError as error:
            raise UnreadableError("is not valid UTF-8: export it again.") from error
        yield text.rstrip("\r\n")


def text_channel(lines: Iterable[str], file_name: str) -> Channel:
    """The channel named in an export's head.

    The channel's id is only in the file name, and the guild's id is unknown. If the head names a
    category, a channel and a third name, the export is of the thread with the third name.

    Raises:
        UnreadableError: if there is no head.
    """
    head: dict[str, str] = {}
    for line in itertools.islice(lines, 1, 20):
        if line == _RULE:
            break
        key, _, value = line.partition(": ")
        head.setdefault(key, " ".join(value.split()))
    path = [part.strip() for part in head.get("Channel", "").split(" / ")]
    if not path[-1]:
        raise UnreadableError("is no chat export: its head names no channel.")
    named = _FILE_ID.search(file_name)
    return Channel(
        guild_id=0,
        id=int(named["id"]) if named else 0,
        name=path[-1],
        parent=path[-2] if len(path) > 1 else "",
        thread=len(path) > 2,
        private=head.get("Guild") == "Direct Messages",
    )


def text_messages(lines: Iterator[str]) -> Iterator[Message | None]:
    """The messages of an export, oldest first; None for anything else.

    Raises:
        UnreadableError: if the file isn't in UTF-8.
    """
    for line in itertools.islice(lines, 1, HEAD_LINES):
        if line == _RULE:
            break
    blocks = _messages(lines)
    sample: list[_Block] = []
    for block in blocks:
        yield None
        if block is not None:
            sample.append(block)
        if len(sample) == SAMPLED:
            break
    day_first = _day_comes_first(header["date"] for header, _ in sample)
    for block in itertools.chain(sample, blocks):
        yield _message(*block, day_first=day_first) if block is not None else None


def _messages(lines: Iterable[str]) -> Iterator[_Block | None]:
    """Yield the header and the lines of each message, and None for each line without room."""
    header: re.Match[str] | None = None
    body: list[str] = []
    characters = 0
    previous = ""
    for line in lines:
        # Pasted logs have such lines, too, but seldom after an empty one.
        begins = _HEADER.fullmatch(line) if not previous and line.startswith("[") else None
        previous = line
        if begins is None:
            if characters < BODY_CHARACTERS:
                body.append(line)
                characters += len(line) + 1
            else:
                yield None
            continue
        if header is not None:
            yield header, body
        header, body, characters = begins, [], 0
    if header is not None:
        yield header, body


def _message(header: re.Match[str], body: list[str], *, day_first: bool) -> Message | None:
    """Parse a message; None for a system message, or a message with an impossible time."""
    at = _time(header, day_first=day_first)
    text, blocks = _text_and_blocks(body)
    if _SYSTEM.fullmatch(text) or at is None:
        return None
    attached = [line.rpartition("/")[2].partition("?")[0] for line in blocks.get("Attachments", ())]
    text = readable(text, {}, {})
    text = "\n".join([text, *(f"(attached: {name})" for name in attached if name)]).strip()
    return Message(
        id=0,
        author_id=0,
        author=" ".join(header["author"].split()) or SOMEONE,
        at=at,
        text=text,
        reactions=tuple(
            Reaction(match["emoji"], int(match["count"] or 1))
            for line in blocks.get("Reactions", ())
            for match in _REACTION.finditer(line)
        ),
    )


def _text_and_blocks(body: list[str]) -> tuple[str, dict[str, list[str]]]:
    """Split a message's lines into its text and the blocks after it, such as `{Attachments}`.

    Returns:
        The text, and the lines of each block by the block's name.
    """
    text: list[str] = []
    blocks: dict[str, list[str]] = {}
    into = text
    for line in body:
        if line == _RULE or _TRAILER.fullmatch(line):
            continue
        block = _BLOCK.fullmatch(line)
        if block is not None:
            into = blocks.setdefault(block["name"], [])
        else:
            into.append(line)
    return "\n".join(text).strip(), {
        name: [line.strip() for line in lines if line.strip()] for name, lines in blocks.items()
    }


def _day_comes_first(dates: Iterable[str]) -> bool:
    """Whether the day precedes the month in these dates.

    The first number above 12 decides, because it must be a day. Without such a number, the day
    comes first in dates with dots, such as 03.04.2024, and the month in all other dates.
    """
    seen = ""
    for date in dates:
        seen = date
        first, second, _ = re.split(r"[./-]", date)
        if not second.isdigit() or len(first) == 4:
            return True
        if int(first) > 12 or int(second) > 12:
            return int(first) > 12
    return "." in seen


def _time(header: re.Match[str], *, day_first: bool) -> datetime | None:
    first, second, third = re.split(r"[./-]", header["date"])
    if len(first) == 4:
        year, month, day = first, second, third
    else:
        day, month, year = (first, second, third) if day_first else (second, first, third)
    hour = int(header["hour"])
    if header["half"]:
        hour = hour % 12 + (12 if header["half"] in "Pp" else 0)
    try:
        return datetime(
            int(year) + (2000 if len(year) <= 2 else 0),
            _MONTHS.get(month.lower()) or int(month),
            int(day),
            hour,
            int(header["minute"]),
            tzinfo=UTC,
        )
    except ValueError:
        return None
