"""Processes on one PostgreSQL are killed or cut off during their work, and nothing is lost.

`benchmarks/killing_processes.py` describes the trials, and runs far more of them.
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
