"""Subprocess that derives a model: a new interpreter with a JSON request on standard input.

The subprocess is killed when the process that started it exits.
"""

import atexit
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any, Final

from knowledge.environment import environment

# For the models' files, temporary files, and the libraries that compute.
_PASSED_ON: Final = (
    *("HOME", "TMPDIR", "TEMP", "LD_LIBRARY_PATH", "HF_HUB_OFFLINE"),
    *("OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"),
)
# Interval of the log's "still deriving".
TELL_SECONDS: Final = 10.0
GOING_ON: Final = "Still deriving after %.0f s."

_logger = logging.getLogger(__name__)


def answer_of_process(command: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Run Python code in a subprocess, and log at intervals that it is still running.

    Args:
        command: Python code that reads a JSON object from standard input.
        payload: the JSON object.

    Returns:
        The last line of the code's standard output, parsed as JSON.

    Raises:
        RuntimeError: if the subprocess ended without printing JSON in its last line.
    """
    # A fresh interpreter, because forking a process with threads can lock it up. Not
    # multiprocessing either: that runs the script that started this program once more.
    folders = (path or os.getcwd() for path in sys.path)  # noqa: PTH109 - as Python says it
    # A file, because after a timeout `communicate` sends no further part of its input.
    with tempfile.TemporaryFile() as request:
        request.write(json.dumps(payload).encode())
        request.seek(0)
        with subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-W", "ignore", "-c", command],
            stdin=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environment(*_PASSED_ON), "PYTHONPATH": os.pathsep.join(folders)},
        ) as process:
            # It ends with this process, even if this one is stopped meanwhile.
            atexit.register(process.kill)
            output = _output(process)
            atexit.unregister(process.kill)
    try:
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise RuntimeError(
            f"the process that derives it ended with {process.returncode}"
        ) from error
    return answer


def _output(process: "subprocess.Popen[bytes]") -> bytes:
    started = time.monotonic()
    while True:
        try:
            return process.communicate(timeout=TELL_SECONDS)[0]
        except subprocess.TimeoutExpired:
            _logger.info(GOING_ON, time.monotonic() - started)
