"""`commonplace dev serve` and `dev mcp` in processes of their own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.storage.data_folder import data_folder

ROOT = Path(__file__).parents[3]
TOKEN = "0123456789abcdef"  # noqa: S105 - of these tests alone
GIVEN = {"Authorization": f"Bearer {TOKEN}"}


def environment(folder: Path, token: str = TOKEN) -> dict[str, str]:
    return {
        **os.environ,
        "COMMONPLACE_DATA": str(data_folder(folder)),
        "COMMONPLACE_MCP_TOKEN": token,
        "COMMONPLACE_SERVE_TOKEN": token,
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[str]:
    """Run a command of `dev`, and yield the address that it tells."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "dev", *arguments],
        cwd=ROOT,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        told = (re.search(r"http://127\.0\.0\.1:\d+/[\w.]+\w", line) for line in process.stderr)
        yield next(match[0] for match in told if match)
    finally:
        process.kill()
        process.communicate()
