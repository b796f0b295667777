"""Reader of other bots' tags: names with a text and aliases, in JSON, CSV, Markdown or a zip.

Read are the settings files of Red's CustomCommands and Tags cogs (`settings.json` of each, where
Red keeps a guild's commands by name), tables with the columns `name`, `text` and `aliases`, and
Markdown files with front matter, one tag each. Each file is parsed in the sandbox.

Source:
    https://github.com/Cog-Creators/Red-DiscordBot (`redbot/cogs/customcom`),
    https://github.com/phenom4n4n/phen-cogs (`tags`)
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple

from knowledge.files import reader
from knowledge.files.formats.detection import Format, packed_format
from knowledge.files.formats.front_matter import names
from knowledge.files.formats.tables import csv_rows, json_value
from knowledge.files.formats.text import decode, front_matter
from knowledge.files.formats.zip import Archive
from knowledge.files.parsed_file import MAX_BYTES, UnreadableError, check_size, one_line
from knowledge.text import storable

# A file of more tags is no list that people wrote.
MOST_TAGS: Final = 2_000
SUFFIXES: Final = (".json", ".csv", ".tsv", ".md", ".markdown")
_KINDS: Final = (
    "Red's CustomCommands or Tags settings (JSON), a table with the columns name, text and "
    "aliases, or Markdown files with front matter"
)
# Where Red's cogs keep a guild's tags, and each tag's text.
_RED: Final = {"commands": "response", "tags": "tag"}


class ForeignTag(NamedTuple):
    """A tag of another bot."""

    name: str
    text: str
    aliases: tuple[str, ...] = ()


@dataclass(slots=True)
class TagFile:
    """The tags of a file, and the reasons why files in it can't be read, by path."""

    tags: list[ForeignTag] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


def tags_at(path: Path, guild_id: int) -> TagFile:
    """The tags of a file or a folder; UnreadableError if nothing of it can be read."""
    if not path.is_dir():
        return tags_of_bytes(reader.read_content(path), path.name, guild_id)
    inside = (file.relative_to(path) for file in sorted(path.rglob("*")))
    wanted = (
        name
        for name in inside
        if name.suffix.casefold() in SUFFIXES and not str(name).startswith(".")
    )
    return _tags_of_files(((str(name), _content(path / name)) for name in wanted), guild_id)


def _content(file: Path) -> bytes | UnreadableError:
    try:
        return reader.read_content(file)
    except UnreadableError as error:
        return error


def tags_of_bytes(content: bytes, name: str, guild_id: int) -> TagFile:
    """The tags of a file. Of several guilds in a settings file of Red, only this guild's.

    Takes up to a minute for a hostile file. Any thread may call this function. Raises
    UnreadableError if nothing of it can be read.
    """
    if packed_format(content) is not Format.ZIP:
        return TagFile(_tags(content, name, guild_id))
    check_size(len(content))
    members = Archive(content).members()
    wanted = (member for member in members if PurePath(member.path).suffix.casefold() in SUFFIXES)
    return _tags_of_files(((member.path, member.content) for member in wanted), guild_id)


def _tags_of_files(files: Iterator[tuple[str, bytes | UnreadableError]], guild_id: int) -> TagFile:
    found = TagFile()
    for path, content in files:
        try:
            if isinstance(content, UnreadableError):
                raise content
            found.tags += _tags(content, path, guild_id)
        except UnreadableError as error:
            found.unread[path] = str(error)
        _check_number(found.tags)
    if not found.tags:
        first = next((f" {path} {why}" for path, why in found.unread.items()), "")
        raise UnreadableError(f"has no file of tags: {_KINDS}.{first}")
    return found


def _tags(content: bytes, name: str, guild_id: int) -> list[ForeignTag]:
    check_size(len(content))
    return reader.sandbox.begin(
        tags_in_sandbox, content, f"{guild_id}/{PurePath(name).name}", _check
    ).result()


def _check_number(tags: Sequence[object]) -> None:
    if len(tags) > MOST_TAGS:
        raise UnreadableError(f"has more than {MOST_TAGS:,} tags. Split it.")


# In the sandbox.


def tags_in_sandbox(content: bytes, name: str) -> tuple[dict[str, Any], str]:
    """Parse a file in the sandbox's process; `name` is the guild's id and the file's name."""
    path = PurePath(name)
    suffix, text = path.suffix.casefold(), decode(content)
    if suffix in (".md", ".markdown"):
        matter, text, _ = front_matter(text)
        # The file's name is the tag's name, or one more alias of a tag with a title.
        aliases = (*matter.aliases, *([path.stem] if matter.title else []))
        tags = [ForeignTag(matter.title or path.stem, text, aliases)]
    elif suffix == ".json" or text.lstrip().startswith("{"):
        tags = list(_red_tags(json_value(text), path.parent.name))
    else:
        tags = list(_table_tags(text))
    if not tags:
        raise UnreadableError(f"has no tags that I know: {_KINDS}.")
    _check_number(tags)
    return {}, json.dumps(tags)


def _table_tags(text: str) -> Iterator[ForeignTag]:
    rows = csv_rows(text)
    header = [one_line(cell).casefold() for cell in rows[0]] if rows else []
    if "name" not in header or "text" not in header:
        return
    for row in rows[1:]:
        cells = dict(zip(header, row, strict=False))
        yield ForeignTag(cells["name"], cells.get("text", ""), names(cells.get("aliases", "")))


def _red_tags(values: Any, guild_id: str) -> Iterator[ForeignTag]:
    """The tags of one guild in a settings file, which has an object for each cog's identifier.

    Raises UnreadableError if several guilds have tags, and this guild has none.
    """
    cogs = values.values() if isinstance(values, Mapping) else ()
    guilds: dict[str, list[ForeignTag]] = {}
    for cog in cogs:
        of_guilds = cog.get("GUILD") if isinstance(cog, Mapping) else None
        for key, guild in of_guilds.items() if isinstance(of_guilds, Mapping) else ():
            if tags := list(_guild_tags(guild)):
                guilds.setdefault(key, []).extend(tags)
    if len(guilds) > 1 and guild_id not in guilds:
        raise UnreadableError(
            f"has the tags of {len(guilds)} other servers, and none of this one ({guild_id})."
        )
    yield from guilds.get(guild_id) or next(iter(guilds.values()), [])


def _guild_tags(guild: Any) -> Iterator[ForeignTag]:
    for place, key in _RED.items():
        tags = guild.get(place) if isinstance(guild, Mapping) else None
        for name, tag in tags.items() if isinstance(tags, Mapping) else ():
            # A deleted command stays as null.
            text = tag.get(key) if isinstance(tag, Mapping) else None
            if isinstance(text, list):
                # One of several is said at random.
                text = "\n\n".join(part for part in text if isinstance(part, str))
            if isinstance(text, str):
                yield ForeignTag(name, text, names(tag.get("aliases")))


def _check(_values: dict[str, Any], text: str) -> list[ForeignTag]:
    """Check the sandbox's answer, because a file may have hijacked its process."""
    if len(text) > MAX_BYTES:
        raise ValueError("The tags are longer than their file can be.")
    found = []
    for name, said, aliases in json.loads(text):
        if not all(isinstance(value, str) for value in (name, said, *aliases)):
            raise TypeError("A tag isn't text.")
        found.append(ForeignTag(storable(name), storable(said), tuple(map(storable, aliases))))
    return found
