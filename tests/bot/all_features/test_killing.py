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


def killed(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.killing", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_random_kills_lose_and_double_nothing() -> None:
    assert "0 losses or doubles" in killed("--kills", "8")


def test_kills_before_writes_lose_and_double_nothing() -> None:
    operations = ("approve", "import", "backup", "restore", "read")
    assert "0 losses or doubles" in killed("--boundaries", "3", "--only", *operations)


@pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not installed")
def test_connections_cut_around_commits_lose_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.killing_bots", "--cuts=3", "--settle=3"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 lost, double or told wrongly" in done.stdout


@pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not installed")
def test_ended_processes_and_connections_lose_and_double_nothing() -> None:
    trials = ["--kills=5", "--cuts=5", "--restarts=1", "--stops=1", "--seconds=1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.killing_processes", *trials],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("; 0 lost, double or told wrongly") == 4
