"""Environments of started programs: each has the variables named for it, and no secret."""

import ast
import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from bot.page.publisher import run_hook
from knowledge.dependencies import COMMAND, environment
from knowledge.files.sandbox import Sandbox
from knowledge.page import publish
from knowledge.page.site import PublishError
from tests.knowledge.files import hostile_code
from tests.knowledge.page.made_sites import note, published, site

ROOT = Path(__file__).parents[1]
VALUE = "never-to-be-seen"
# What an operator may have in the bot's environment, and a name that nobody thought of.
SECRETS = (
    *("DISCORD_TOKEN", "DISCORD_TOKEN_FILE", "PHRASING_KEY", "PGPASSWORD", "PGPASSFILE"),
    *("COMMONPLACE_SOURCE_TOKEN_WIKI_EXAMPLE_ORG", "COMMONPLACE_SERVE_TOKEN", "NEW_KEY"),
)
# Set by a Python that starts in the locale C, whatever it was given (PEP 538).
OWN = {"LC_CTYPE"}
STARTS = {"run", "Popen", "call", "check_call", "check_output"}
STARTS |= {"create_subprocess_exec", "create_subprocess_shell", "system", "popen"}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, VALUE)
    monkeypatch.setenv("LANG", "C.UTF-8")


def test_the_hook_gets_the_variables_of_a_command(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program = "import json, os, sys; open(sys.argv[1], 'w').write(json.dumps(dict(os.environ)))"
    assert asyncio.run(run_hook([sys.executable, "-c", program, str(seen)], 60)) == ""
    assert json.loads(seen.read_text()).keys() - OWN == environment(*COMMAND).keys() - OWN
    assert VALUE not in seen.read_text()
    documented = (ROOT / "docs" / "page.md").read_text()
    assert [name for name in COMMAND if f"`{name}`" not in documented] == []


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script")
def test_pagefind_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = tmp_path / "pagefind"
    stand_in.write_text(f"#!{sys.executable}\nimport os, sys; sys.exit(' '.join(os.environ))\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(publish, "get_executable", lambda: stand_in)
    with pytest.raises(PublishError, match=r"pages: (?:LC_CTYPE|1)\."):
        published(site(note(1)), tmp_path / "www")


def test_the_sandbox_gets_no_secret() -> None:
    sandbox = Sandbox(readable=[ROOT])
    seen = sandbox.begin(hostile_code.variables, b"", "x", lambda values, _: values["got"])
    assert set(seen.result()) <= {*OWN, "SYSTEMROOT"}
    sandbox.close()


def test_every_start_of_a_program_names_its_variables() -> None:
    starts = [
        (path.relative_to(ROOT).as_posix(), ast.unparse(call))
        for package in ("bot", "indexer", "knowledge")
        for path in (ROOT / package).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in STARTS
        and ast.unparse(call.func.value) in ("subprocess", "asyncio", "os")
        # Not a program, but a coroutine.
        and ast.unparse(call.func) != "asyncio.run"
    ]
    assert len(starts) == 3
    for path, start in starts:
        assert "env=environment(" in start, path
