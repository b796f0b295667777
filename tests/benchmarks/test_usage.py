"""The usage lines of benchmarks: each can be typed as its docstring has it."""

import ast
import importlib
import os
import re
import runpy
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_each_benchmark_runs_as_its_docstring_says(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, module = path.read_text(encoding="utf-8"), f"benchmarks.{path.stem}"
    docstring = ast.get_docstring(ast.parse(source)) or ""
    typed = set(re.findall(r"^ {4}python (\S+ \S+)", docstring, re.MULTILINE))
    assert typed == ({f"-m {module}"} if "__main__" in source else set())
    with patch.dict(os.environ), patch.object(sys, "argv", [module, "--help"]):
        if not typed or "parse_args" not in source:
            importlib.import_module(module)
            return
        # A module that another test has imported would be executed with a warning.
        sys.modules.pop(module, None)
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(module, run_name="__main__")
    assert (ended.value.code, "usage:" in capsys.readouterr().out) == (0, True)
