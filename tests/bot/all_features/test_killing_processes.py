"""Processes on one PostgreSQL are killed and cut off in what they do; nothing is lost.

`benchmarks/killing_processes.py` says how, and does the same far more often.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import programs

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not installed")
@pytest.mark.parametrize("trial", ["--kills=6", "--cuts=6", "--restarts=1", "--stops=1"])
def test_nothing_is_lost_or_double_whatever_ends_processes_or_their_connections(
    trial: str,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.killing_processes", trial, "--seconds=1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "; 0 lost, double or told wrongly" in done.stdout
