"""Chat exports as plain text."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.files.parsed_file import UnreadableError
from knowledge.values.documents import Scope
from tests.knowledge.chat.exports import read
from tests.knowledge.exporting import (
    CHANNEL_ID,
    GUILD_ID,
    TEXT,
    TEXT_HEAD,
)

LINK = f"https://discord.com/channels/{GUILD_ID}/{CHANNEL_ID}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1_200), byte=st.binary(min_size=0, max_size=3))
def test_no_damage_to_plain_text_ends_in_anything_but_a_sentence(
    path: Path, place: int, byte: bytes
) -> None:
    content = TEXT.encode()
    path.write_bytes(content[:place] + byte + content[place + 1 :])
    with contextlib.suppress(UnreadableError):
        read(path, Scope(5))


def test_a_plain_text_export_is_read_with_what_it_has(path: Path) -> None:
    path = path.with_suffix(".txt")
    path.write_text(TEXT, encoding="utf-8")
    [made] = read(path, Scope(GUILD_ID))
    assert made.title == "Password reset mail never arrives"
    assert made.link == LINK
    assert made.contributor == "ada"
    assert made.text == (
        "**mira**, 28 Mar 2026:\n\n"
        "I asked for a new password and no mail comes. What can I do?\n"
        "(attached: screen.png)\n\n"
        "**ada**, 28 Mar 2026:\n\n"
        "Mail to that provider is held back: ask again under Security.\n\n"
        "## Replies\n\n"
        "**bo\\#1234**, 28 Mar 2026:\n\n"
        "My log says:\n\n[12:00:01] started\n\n[12:00:02] failed\nand nothing else."
    )


def test_a_plain_text_export_asks_for_its_server(path: Path) -> None:
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(UnreadableError, match="add it with --guild"):
        read(path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("28.03.2026 21:05", "28.03.2026 21:10"),
        ("28/03/2026 21:05", "28/03/2026 21:10"),
        ("2026-03-28 21:05", "2026-03-28 21:10"),
        ("28-Mar-26 09:05 PM", "28-Mar-26 09:10 PM"),
        ("3/28/2026 9:05 PM", "3/28/2026 9:10 PM"),
        ("28.03.26, 21:05", "28.03.26, 21:10"),
    ],
)
def test_dates_are_read_in_every_usual_order(path: Path, first: str, second: str) -> None:
    path.write_text(
        f"{TEXT_HEAD}[{first}] mira\nHow do I change the colour of a role?\n\n\n"
        f"[{second}] ada\nIn the settings of the server, under Roles.\n\n\n",
        encoding="utf-8",
    )
    [made] = read(path, Scope(5))
    assert made.text.count("28 Mar 2026") == 2


def test_a_line_without_end_costs_its_beginning_only(path: Path) -> None:
    body = "How do I change the colour of a role? " + "ä" * 3_000_000
    path.write_text(
        f"{TEXT_HEAD}[28.03.2026 21:05] mira\n{body}\n\n\n"
        "[28.03.2026 21:10] ada\nIn the settings of the server, under Roles.\n",
        encoding="utf-8",
    )
    [made] = read(path, Scope(5))
    assert len(made.text) < 10_000


@pytest.mark.parametrize("content", [b"=" * 62 + b"\nGuild: x\n", TEXT_HEAD.encode() + b"\xff\n"])
def test_a_damaged_plain_text_export_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UnreadableError):
        read(path, Scope(5))
