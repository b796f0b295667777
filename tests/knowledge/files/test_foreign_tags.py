"""Tags of other bots: read from their exports, tables and Markdown, within the sandbox's limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knowledge.files import foreign_tags, reader
from knowledge.files.foreign_tags import MOST_TAGS, ForeignTag, TagFile, tags_at, tags_of_bytes
from knowledge.files.parsed_file import MAX_PACKED_BYTES, UnreadableError
from tests.knowledge.made_files import zipped

GUILD = 42
FERRY = ForeignTag("ferry", "The ferry leaves at nine.", ("boat", "ship times"))


@pytest.fixture(scope="module", autouse=True)
def _ended_sandbox() -> Iterator[None]:
    yield
    reader.sandbox.close()


def read(content: bytes | str, name: str) -> TagFile:
    encoded = content if isinstance(content, bytes) else content.encode()
    return tags_of_bytes(encoded, name, GUILD)


def red_tags(*guilds: int) -> str:
    """The settings of Red's Tags cog, with the ferry in each guild."""
    tag = {"author_id": 7, "uses": 3, "tag": FERRY.text, "aliases": [*FERRY.aliases]}
    kept = {str(guild): {"tags": {"ferry": tag}} for guild in guilds}
    return json.dumps({"567234895692346562369": {"GUILD": kept, "GLOBAL": {}}})


def red_commands(response: Any) -> str:
    """The settings of Red's CustomCommands cog, with a deleted command."""
    author = {"id": 7, "name": "greta"}
    command = {"author": author, "command": "ferry", "cooldowns": {}, "response": response}
    kept = {str(GUILD): {"commands": {"ferry": command, "gone": None}}}
    return json.dumps({"414589031223512": {"GUILD": kept}})


MARKDOWN = f"---\naliases: [boat, ship  times]\n---\n{FERRY.text}\n"
PLAIN = ForeignTag(FERRY.name, FERRY.text)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param("settings.json", red_tags(GUILD, 9), FERRY, id="Red's Tags"),
        pytest.param("settings.json", red_tags(9), FERRY, id="of the only server"),
        pytest.param("settings.json", red_commands(FERRY.text), PLAIN, id="CustomCommands"),
        pytest.param(
            "settings.json",
            red_commands(["At nine.", "At ten."]),
            ForeignTag("ferry", "At nine.\n\nAt ten."),
            id="random responses",
        ),
        pytest.param(
            "tags.csv",
            f'name,text,aliases\nferry,{FERRY.text},"boat, ship times"\n',
            FERRY,
            id="table",
        ),
        pytest.param("t.csv", f"\ufeffName;Text\nferry;{FERRY.text}\n", PLAIN, id="semicolons"),
        pytest.param("ferry.md", MARKDOWN, FERRY, id="Markdown"),
        pytest.param("ferry.md", FERRY.text, PLAIN, id="Markdown alone"),
        pytest.param(
            "ferry.md",
            f"---\nembed:\n  title: When?\naliases: boat; ship times\n---\n{FERRY.text}",
            ForeignTag("When?", FERRY.text, ("boat", "ship times", "ferry")),
            id="title",
        ),
        pytest.param(
            "all.zip", zipped({"tags/ferry.md": MARKDOWN, "tags/a.png": "x"}), FERRY, id="zip"
        ),
    ],
)
def test_tags_keep_text_and_aliases(name: str, content: bytes | str, expected: ForeignTag) -> None:
    assert read(content, name) == TagFile([expected])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param("a.json", red_tags(8, 9), "has the tags of 2 other servers", id="foreign"),
        pytest.param("a.json", "[1, 2]", "has no tags that I know", id="other JSON"),
        pytest.param("a.json", "{", "is not valid JSON", id="broken JSON"),
        pytest.param("a.csv", "word,meaning\na,b\n", "has no tags that I know", id="other table"),
        pytest.param("a.csv", "name,text\n", "has no tags that I know", id="empty table"),
        pytest.param("a.md", "---\na: *b\n---\nx", "has front matter with aliases", id="YAML"),
        pytest.param("a.csv", b"\x89PNG\0", "is not text", id="picture"),
        pytest.param("a.zip", zipped({"a.png": "x"}), "has no file of tags", id="zip"),
        pytest.param("a.zip", zipped({"a.md": "x"})[:-9], "is a torn zip file", id="torn"),
        pytest.param(
            "a.csv",
            "name,text\n" + "a,b c\n" * (MOST_TAGS + 1),
            f"has more than {MOST_TAGS:,} tags",
            id="too many",
        ),
    ],
)
def test_files_without_tags_are_refused(name: str, content: bytes | str, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        read(content, name)


def test_an_unreadable_file_of_a_folder_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "ferry.md").write_text(MARKDOWN)
    unread = [tmp_path / "broken.json", tmp_path / "large.csv"]
    unread[0].write_text("{")
    with unread[1].open("wb") as file:
        file.truncate(MAX_PACKED_BYTES + 1)
    hidden = tmp_path / ".git"
    hidden.mkdir()
    (hidden / "notes.md").write_text(MARKDOWN)
    found = tags_at(tmp_path, GUILD)
    assert found.tags == [FERRY]
    assert [*found.unread] == [path.name for path in unread]


def test_a_hijacked_sandbox_can_only_give_text() -> None:
    for answer in ('[["a", 1, []]]', '[["a", "b", [2]]]', "{"):
        with pytest.raises((TypeError, ValueError)):
            foreign_tags._check({}, answer)
