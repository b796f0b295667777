"""Shared folder: what one of the processes that run tests makes, and all of them read."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def shared_folder(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """A folder of this run of the tests; the first that wants it makes it, others wait for that.

    Nobody may write into it: whoever wants to change something copies it.
    """
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each of those that run tests side by side has a folder of its own in that of the run.
        root = root.parent
    folder = root / name
    with FileLock(root / f"{name}.lock"):
        if not folder.exists():
            made = Path(tempfile.mkdtemp(dir=root, prefix=name))
            make(made)
            made.rename(folder)
    return folder
