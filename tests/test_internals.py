"""Private names of libraries: each that the program uses is listed, and looked for at import."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from unittest.mock import patch

import pytest
from discord import shard
from discord.shard import Shard

from bot.interactions.kit import discord_internals
from bot.preview import simcord_internals
from bot.programs import http_server
from knowledge.dependencies import missing
from knowledge.files.formats import rst

ROOT = Path(__file__).parents[1]
# By library, every list there is.
USED: Final = {
    "discord": discord_internals.USED,
    "docutils": rst.USED,
    "simcord": simcord_internals.USED,
    "sqlite_utils": (),
    "uvicorn": http_server.USED,
}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def _libraries(tree: ast.Module) -> set[str]:
    """Those of the libraries that a module imports."""
    named: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named.append(node.module or "")
    return {name.partition(".")[0] for name in named} & USED.keys()


def _own(tree: ast.Module) -> set[str]:
    """Private names that a module defines itself."""
    own: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            own.update({node.attr} if getattr(node.value, "id", "") == "self" else ())
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    return own


def _used(tree: ast.Module) -> Iterator[str]:
    """Private names that a module takes from elsewhere."""
    own = _own(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr) and node.attr not in own:
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module:
            path = [*node.module.split("."), *(alias.name for alias in node.names)]
            if path[0] in USED:
                yield from filter(_is_private, path)


def _modules() -> Iterator[Path]:
    for package in ("bot", "indexer", "knowledge"):
        yield from sorted((ROOT / package).rglob("*.py"))


def test_every_private_name_that_is_used_is_on_a_list() -> None:
    unlisted = []
    for path in _modules():
        source = path.read_text(encoding="utf-8")
        if not any(library in source for library in USED):
            continue
        tree = ast.parse(source)
        libraries = _libraries(tree)
        text = " ".join(name for library in libraries for name in USED[library])
        listed = set(text.replace(":", ".").replace(".", " ").split())
        if libraries:
            found = set(_used(tree)) - listed
            unlisted += [f"{path.relative_to(ROOT)}: {name}" for name in sorted(found)]
    assert unlisted == []


def test_attributes_of_instances_are_found_through_a_subclass() -> None:
    class Resuming(Shard):
        def __init__(self) -> None:
            self.own = 1

    with patch.object(shard, "Shard", Resuming):
        assert missing(["discord.shard:Shard.ws", "discord.shard:Shard.own"]) == []
        assert missing(["discord.shard:Shard.nothing"]) == ["discord.shard:Shard.nothing"]


@pytest.mark.parametrize("library", USED)
def test_what_is_listed_is_there(library: str) -> None:
    assert missing(USED[library]) == []
