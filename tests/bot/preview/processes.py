"""Previews as processes of their own."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.fork_server import ENVIRONMENT
from tests.processes import interruptible

ROOT: Final = Path(__file__).parents[3]
# Opening the model and indexing the articles on a busy machine.
START_SECONDS: Final = 300
ADDRESS: Final = re.compile(r"http://127\.0\.0\.1:\S+")


@contextmanager
def started(folder: Path, *options: str) -> Iterator[str]:
    """Run a preview in a folder; yields its output up to its address."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bot", "preview", *options],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=interruptible,
    )
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    with process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if ADDRESS.search(line):
                break
        watchdog.cancel()
        # The process must not wait for somebody to read its output.
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        reader.start()
        yield printed
        process.send_signal(signal.SIGINT)
        # Ctrl+C is the usual end.
        assert process.wait(30) == 0
        reader.join()
