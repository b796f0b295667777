"""Files as members send them: read or refused with a sentence."""

import codecs
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.files.parsed_file import MAX_BYTES, UnreadableError
from knowledge.files.reader import SUFFIXES, begin_parsing, parse_bytes, read_content
from tests.knowledge.fuzzed import TARGETS

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 100


def test_a_picture_named_md_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_bytes(PNG)
    with pytest.raises(UnreadableError, match="is not text: byte 6 is 0x1a"):
        parse_bytes(read_content(path), name=path.name)


@pytest.mark.parametrize(
    "content", [b"", b" \n\t\n", codecs.BOM_UTF8, "\u2003\n".encode()], ids=repr
)
def test_a_file_without_a_word_is_empty(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="is empty"):
        parse_bytes(content, name="x")


def test_a_file_of_60_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "dump.txt"
    with path.open("wb") as file:
        # A hole: it takes no room on the disk, and its bytes would be refused as binary if read.
        file.truncate(60_000_000)
    with pytest.raises(UnreadableError, match=r"has 60\.0 MB; the limit is 50 MB\. Split it"):
        parse_bytes(read_content(path), name=path.name)


def test_too_large_content_is_refused() -> None:
    with pytest.raises(UnreadableError, match="the limit is 10 MB"):
        parse_bytes(b"x" * (MAX_BYTES + 1), name="x")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="can't be read: No such file"):
        read_content(tmp_path / "missing.md")
    with pytest.raises(UnreadableError, match="can't be read"):
        read_content(tmp_path)


def test_page_with_a_picture_is_read_in_the_sandbox() -> None:
    """The sandbox may not read that list, which docutils looks into."""
    page = b"Opening\n=======\n\n.. image:: /_static/door.png\n\nRing twice.\n"
    assert "Ring twice." in parse_bytes(page, name="opening.rst").text


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("how_to-install.md", "How to install"),
        ("sci-fi night.txt", "Sci-fi night"),
        ("iPhone-setup.md", "iPhone setup"),
        ("README.md", "README"),
        ("release-1.2", "Release 1.2"),
        ("__.md", "Untitled"),
        ("guides/index.md", "Guides"),
        ("guides/README.md", "Guides"),
        ("guides/install.md", "Install"),
    ],
)
def test_untitled_file_is_called_by_its_name(name: str, title: str) -> None:
    assert parse_bytes(b"Text.", name=name).title == title


# Fuzzing of every reader: damaged input is parsed or refused with a sentence.


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="replace")),
    st.sampled_from(sorted(SUFFIXES)),
)
def test_any_bytes_under_any_name(content: bytes, ending: str) -> None:
    """Through the real sandbox, unlike the targets below."""
    refusals: list[BaseException | None] = []
    try:
        for part in begin_parsing(content, name=f"x{ending}"):
            refusals.append(part.future.exception(timeout=90))
            if refusals[-1] is None:
                assert part.future.result().text.strip()
                assert part.future.result().title.strip()
    except UnreadableError as error:
        refusals.append(error)
    for refusal in filter(None, refusals):
        assert type(refusal) is UnreadableError
        assert str(refusal).strip()


@st.composite
def _damaged(draw: st.DrawFn, content: bytes, others: Sequence[bytes]) -> bytes:
    """Valid bytes with flipped bits, and with pieces cut, repeated, removed or spliced in."""
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        end = draw(st.integers(place, min(len(content), place + 100)))
        match draw(st.sampled_from(["bit", "cut", "repeated", "removed", "spliced"])):
            case "bit" if place < len(content):
                bit = 1 << draw(st.integers(0, 7))
                content = content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
            case "cut":
                content = content[:place]
            case "repeated":
                piece = content[place:end] * draw(st.integers(2, 30))
                content = content[:place] + piece + content[end:]
            case "removed":
                content = content[:place] + content[end:]
            case "spliced":
                other = draw(st.sampled_from(others))
                content = content[:place] + other[draw(st.integers(0, len(other))) :]
    return content[:100_000]


@pytest.mark.filterwarnings("ignore")
def test_every_reader_accepts_one_of_its_seeds() -> None:
    refusing = [
        name
        for name, target in TARGETS.items()
        if "given" not in {target.run(seed) for seed in target.seeds}
    ]
    assert not refusing


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.filterwarnings("ignore")
@given(data=st.data())
def test_every_reader_parses_or_refuses_damaged_input(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    words = [word for word in target.words if word] or [b"\xff"]
    content = data.draw(_damaged(data.draw(st.sampled_from(target.seeds)), [*target.seeds, *words]))
    assert target.run(content) in ("given", "refused", "netted")
