"""Commands typed in this process, with a word embedder in place of the models."""

import io
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bot.__main__ import main
from bot.cli import console, programs, sources, stats
from bot.config.settings import Settings
from bot.core.core import Core
from tests.fakes import WordEmbedder


class _CoreOfWords(Core):
    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(settings, WordEmbedder(512), **options)


class TypedCommands:
    """Runs `commonplace` in this process; `run` is that of `tests.fork_server.ForkServer`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (console, programs, sources, stats):
            monkeypatch.setattr(module, "Core", _CoreOfWords)

    def run(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; returns its exit code and its output."""
        typed = ["commonplace", *map(str, arguments)]
        root, out, err, code = logging.getLogger(), io.StringIO(), io.StringIO(), 0
        handlers, level = root.handlers[:], root.level
        with (
            chdir(cwd or Path.cwd()),
            patch.dict(os.environ, {"COLUMNS": "200", **(environment or {})}),
            patch.object(sys, "argv", typed),
            patch.object(sys, "stdin", io.StringIO(stdin)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        root.handlers[:] = handlers
        root.setLevel(level)
        return subprocess.CompletedProcess(typed, code, out.getvalue(), err.getvalue())


@pytest.fixture
def typed_commands(monkeypatch: pytest.MonkeyPatch) -> TypedCommands:
    """Runs commands in this process, with a word embedder."""
    return TypedCommands(monkeypatch)
