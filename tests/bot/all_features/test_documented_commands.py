"""docs/commands.md describes every command that Discord is sent, with each of its options."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[3] / "docs" / "commands.md"
# Discord's numbers for a subcommand, and for a command in the *Apps* menu of a message.
SUBCOMMAND = 1
MESSAGE_MENU = 3


def _commands(payload: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Every command as a member types it, with the names of its options."""
    for command in payload:
        options = command.get("options") or []
        inner = [option for option in options if option["type"] == SUBCOMMAND]
        if command.get("type") == MESSAGE_MENU:
            yield command["name"], []
        for subcommand in inner:
            names = [option["name"] for option in subcommand.get("options") or []]
            yield f"/{command['name']} {subcommand['name']}", names
        if not inner and command.get("type", SUBCOMMAND) == SUBCOMMAND:
            yield f"/{command['name']}", [option["name"] for option in options]


def test_each_discord_command_is_described_with_options(payload: list[dict[str, Any]]) -> None:
    entries = re.split(r"^- ", DOCUMENT.read_text(), flags=re.MULTILINE)
    commands = dict(_commands(payload))
    assert {"/ask", "/source add", "Save as note"} <= set(commands)
    for name, options in commands.items():
        named = re.compile(rf"[`*]{re.escape(name)}(?!\w)")
        described = [entry for entry in entries if named.search(entry)]
        assert described, name
        for option in options:
            assert any(re.search(rf"\b{option}\b", entry) for entry in described), (name, option)
