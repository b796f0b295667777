"""Real processes are killed in the middle of their work, and nothing is lost or doubled.

`benchmarks/killing.py` describes the trials, and runs them at many more moments.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import programs

pytestmark = pytest.mark.slow


ROOT = Path(__file__).parents[3]


def output(benchmark: str, *arguments: str, seconds: int = 600) -> str:
    """The output of a benchmark that ends well."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_random_kills_lose_and_double_nothing() -> None:
    assert "0 losses or doubles" in output("killing", "--kills", "8", seconds=300)


def test_kills_before_writes_lose_and_double_nothing() -> None:
    operations = ("approve", "import", "backup", "restore", "read")
    arguments = ("--boundaries", "3", "--only", *operations)
    assert "0 losses or doubles" in output("killing", *arguments, seconds=300)


@pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not installed")
def test_connections_cut_around_commits_lose_nothing() -> None:
    said = output("killing_bots", "--cuts=3", "--settle=3")
    assert "0 lost, double or told wrongly" in said


@pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not installed")
def test_ended_processes_and_connections_lose_and_double_nothing() -> None:
    trials = ["--kills=5", "--cuts=5", "--restarts=1", "--stops=1", "--seconds=1"]
    said = output("killing_processes", *trials)
    assert said.count("; 0 lost, double or told wrongly") == 4
