"""Bot processes in use lose their database connections, and nothing is lost or doubled.

`benchmarks/killing_bots.py` describes the trials, and runs far more, with kills and stops.
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
