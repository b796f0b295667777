"""Processes of a bot that people use end, are cut off and stand still; nothing is lost or double.

`benchmarks/killing_bots.py` says how, and does the same far more often.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import programs

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not installed")
@pytest.mark.parametrize("trial", ["--kills=2", "--cuts=3"])
def test_nothing_is_lost_or_double_whatever_ends_processes_of_a_bot(trial: str) -> None:
    more = ("--life=10", "--settle=3")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.killing_bots", trial, *more],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 lost, double or told wrongly" in done.stdout
