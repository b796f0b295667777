"""Pictures in Discord: which attachments are meant as some, and files that are sent once more."""

from types import SimpleNamespace
from typing import Any

import pytest

from bot.interactions.pictures import is_picture, picture_files
from tests.knowledge.full_store import picture


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a.PNG", None, True),
        ("photo", "image/jpeg", True),
        ("a.svg", "image/svg+xml", True),
        ("a.md", "text/markdown", False),
        ("png", None, False),
    ],
)
def test_pictures_are_told_by_type_or_name(name: str, kind: str | None, expected: bool) -> None:
    attachment: Any = SimpleNamespace(filename=name, content_type=kind)

    assert is_picture(attachment) is expected


def test_a_repeated_picture_is_sent_whole() -> None:
    [file] = picture_files([picture()])
    assert file.fp.read() == picture().content

    # discord.py's first attempt to send, after one that was ours.
    file.reset(seek=0)

    assert file.fp.read() == picture().content


def test_pictures_are_called_by_their_number_and_kind() -> None:
    files = picture_files([picture(1), picture(2)])

    assert [file.filename for file in files] == ["picture-1.png", "picture-2.png"]
