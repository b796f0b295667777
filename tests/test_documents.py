"""Documents: links lead somewhere, names exist, generated parts are current."""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bot.__main__ import app
from bot.config import settings as config

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))

PACKAGES = ("bot", "indexer", "knowledge", "benchmarks", "tests")
DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
PATH = re.compile(rf"(?:{'|'.join(PACKAGES)}|docs|deploy)/[\w./-]*")


def _name(document: Path) -> str:
    return str(document.relative_to(ROOT))


def _code(document: Path) -> list[str]:
    """Code in backticks and in blocks, without cog's."""
    text = re.sub(r"<!-- \[\[\[cog.*?\]\]\] -->", "", document.read_text(), flags=re.DOTALL)
    blocks = re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [*blocks, *spans]


def _is_module(dotted: str) -> bool:
    try:
        return importlib.util.find_spec(dotted) is not None
    except ModuleNotFoundError:
        return False


def _resolves(dotted: str) -> bool:
    """Whether a module, or a name in one, is there."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        if not _is_module(".".join(parts[:count])):
            continue
        if count == len(parts):
            # Not imported, because a benchmark may need packages that are not installed.
            return True
        found: Any = importlib.import_module(".".join(parts[:count]))
        for name in parts[count:]:
            fields = getattr(found, "__dataclass_fields__", {})
            if not hasattr(found, name):
                return name in fields and name == parts[-1]
            found = getattr(found, name)
        return True
    return False


def _anchors(document: Path) -> set[str]:
    """The headings of a document as GitHub makes addresses of them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _terminal_commands() -> dict[str, Any]:
    """Every command by its name, with its group's name before it."""
    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    inside = {
        f"{name} {inner}": command
        for name, group in commands.items()
        for inner, command in getattr(group, "commands", {}).items()
    }
    return {**commands, **inside}


def test_every_command_of_the_terminal_has_a_help_text_and_is_described() -> None:
    commands = _terminal_commands()
    assert {"run", "preview", "index", "ask", "search", "dev eval", "doctor"} <= set(commands)
    documented = (ROOT / "docs" / "commands.md").read_text()
    for name, described in commands.items():
        assert described.help, name
        assert re.search(rf"`{name}[ `]", documented) or hasattr(described, "commands"), name
        for parameter in described.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert parameter.help, (name, parameter.name)


def test_every_setting_is_described_with_its_default() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text()
    for key, default, description in config.table():
        shown = f"`{default}`" if default else "none"
        assert f"- `{key}` ({shown}): {description}\n" in documented


def test_every_dependency_is_in_the_table_that_says_what_it_saves() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *extras["preview"], *extras["plot"], *extras["fuzz"]]
    needed = {re.split(r"[\[<>=~!]", requirement)[0] for requirement in required}
    table = (ROOT / "docs" / "architecture.md").read_text().split("| Dependency |")[1]
    first_cells = " ".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE))
    assert needed - set(re.split(r"[ ,()]+", first_cells)) == set()


def test_each_promise_of_security_names_a_test_that_is_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    promised = text.split("## Promises")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?!Promise |-).*$", promised, re.MULTILINE)
    promises = [re.search(r"`(tests/[\w/.]+)`: `(test_\w+)` \|$", row) for row in rows]
    assert None not in promises
    for file, name in (promise.groups() for promise in promises if promise):
        assert f"def {name}(" in (ROOT / file).read_text(), name


def test_the_generated_parts_of_the_documents_are_current() -> None:
    generated = [str(path) for path in DOCUMENTS if "[[[cog" in path.read_text()]
    assert str(ROOT / "docs" / "commands.md") in generated
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", *generated],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_what_a_document_links_to_in_this_project_is_there(document: Path) -> None:
    text = document.read_text()
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", text):
        linked = document.parent / target if target else document
        assert linked.exists(), target
        assert not anchor or anchor in _anchors(linked), (target, anchor)
    for picture in re.findall(r'<img src="([^"]+)"', text):
        assert (document.parent / picture).is_file(), picture


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_command_of_the_terminal_that_a_document_says_is_there(document: Path) -> None:
    commands = _terminal_commands()
    for piece in _code(document):
        # In Docker's commands the container is called commonplace, too.
        for said in re.findall(r"\bcommonplace (?!commonplace)((?:source )?[a-z]+)", piece):
            assert said in commands, piece


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_target_of_make_that_a_document_says_is_there(document: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for piece in _code(document):
        for said in re.findall(r"\bmake ([a-z-]+)", piece):
            assert said in targets, piece


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_path_and_name_of_the_code_that_a_document_says_is_there(document: Path) -> None:
    derived = tuple((ROOT / ".gitignore").read_text().replace("\n/", "\n").split())
    for word in (word.rstrip("()") for piece in _code(document) for word in piece.split()):
        if DOTTED.fullmatch(word):
            assert _resolves(word), word
        elif PATH.fullmatch(word):
            assert (ROOT / word).exists() or word.startswith(derived), word
