"""Sandbox: a subprocess with limits and few rights, which parses hostile files.

A thread sends one file after another to the same process. The process is killed when a file takes
too long, and ends itself when a file needs too much memory. When the process has ended, also by a
crash, the next file starts a new process. The digests of the last 1,000 files that ended a process
are cached, so these files aren't parsed again. The process gets files as bytes, its environment is
empty, and `confinement` removes its rights.
"""

import atexit
import contextlib
import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from cachetools import LRUCache

from knowledge.dependencies import environment
from knowledge.files.parsed_file import MAX_BYTES, UnreadableError
from knowledge.files.sandbox_process import Parse, receive, send

SECONDS: Final = 60
MEMORY_BYTES: Final = 1_000_000_000

# Limits of an answer, because a hijacked process may send anything. A character has at most four
# bytes.
_HEADER_BYTES: Final = 1_000_000
_TEXT_BYTES: Final = 4 * MAX_BYTES
# The number of cached digests of files that ended the process.
_REMEMBERED: Final = 1_000

# Isolated from environment variables and the user's packages; no bytecode is written.
_INTERPRETER: Final = (sys.executable, "-I", "-B", "-X", "utf8", "-W", "ignore")
_COMMAND: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1])['path'];"
    "from knowledge.files.sandbox_process import serve; serve()"
)

_OUT_OF_CPU_TIME: Final = -signal.SIGXCPU if sys.platform != "win32" else None

Result = TypeVar("Result")


class _Job(Generic[Result]):
    """A queued file, its parsing function, and the function that converts the parsed values."""

    def __init__(
        self,
        function: Parse,
        content: bytes,
        name: str,
        convert: Callable[[dict[str, Any], str], Result],
    ) -> None:
        self.function = f"{function.__module__}:{function.__qualname__}"
        self.content = content
        self.name = name
        self.convert = convert
        self.future: Future[Result] = Future()

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.function.encode() + self.content).digest()


class Sandbox:
    """The subprocess and its queue of files; the first file starts it.

    `seconds` and `cpu_seconds` limit one file, `memory_bytes` the address space. The default of
    `cpu_seconds` exceeds `seconds`: it is reached only if the parent has died. `readable` are files
    and folders besides Python's own.
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        readable: Sequence[Path] = (),
        cpu_seconds: float | None = None,
    ) -> None:
        self._seconds = seconds
        self._cpu_seconds = 2 * seconds + 1 if cpu_seconds is None else cpu_seconds
        self._memory_bytes = memory_bytes
        self._readable = [str(path) for path in readable]
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._fatal: LRUCache[bytes, str] = LRUCache(_REMEMBERED)
        atexit.register(self.close)

    def begin(
        self,
        function: Parse,
        content: bytes,
        name: str,
        convert: Callable[[dict[str, Any], str], Result],
    ) -> "Future[Result]":
        """Begin to parse; the future gives the result or raises `UnreadableError`.

        A job cancelled before its turn is skipped. The process imports `function` by its name.
        `convert` makes the result from the values and the text that `function` returned. If they
        are malformed, `convert` must raise ValueError, TypeError or LookupError.
        """
        job = _Job(function, content, name, convert)
        self._jobs.put(job)
        with self._lock:
            if self._thread is None:
                # A daemon: a stopping program doesn't wait for a file.
                self._thread = threading.Thread(
                    target=self._work, name="commonplace-sandbox", daemon=True
                )
                self._thread.start()
        return job.future

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                job.future.set_result(self._parse(job))
            except BaseException as error:  # noqa: BLE001 - raised for the waiting caller
                job.future.set_exception(error)
            # Release the file and its result before waiting for the next one.
            del job

    def _parse(self, job: _Job[Result]) -> Result:
        if self._fatal and (reason := self._fatal.get(job.digest)):
            raise UnreadableError(reason)
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("The process was started without pipes.")
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._seconds, stop)
        timer.start()
        try:
            send(process.stdin, {"function": job.function, "name": job.name}, job.content)
            answer, text = receive(process.stdout, _HEADER_BYTES, _TEXT_BYTES)
            if answer["last"]:
                self.close()
            if "unreadable" not in answer:
                return job.convert(answer["values"], text.decode())
        except (OSError, EOFError, ValueError, TypeError, LookupError) as error:
            is_own = self._process is process
            self.close()
            reason = self._reason(late=late.is_set() or process.returncode == _OUT_OF_CPU_TIME)
            if is_own:
                self._fatal[job.digest] = reason
            raise UnreadableError(reason) from error
        finally:
            timer.cancel()
        raise UnreadableError(str(answer["unreadable"]))

    def _reason(self, *, late: bool) -> str:
        if late:
            return f"takes longer than {self._seconds:g} seconds to read. Split or simplify it."
        return (
            "broke the process that was reading it, or needs more than "
            f"{self._memory_bytes / 1e6:,.0f} MB of memory. Save it again, or split it."
        )

    def _running(self) -> "subprocess.Popen[bytes]":
        process = self._process
        if process is not None and process.poll() is None:
            return process
        self.close()
        asked = {
            # Absolute, because the process has another working directory.
            "path": [os.path.abspath(folder) for folder in sys.path],  # noqa: PTH100 - not resolved
            "memory_bytes": self._memory_bytes,
            "cpu_seconds": self._cpu_seconds,
            "readable": self._readable,
        }
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [*_INTERPRETER, "-c", _COMMAND, json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # No token, no proxy, no PATH.
            env=environment(),
            # Ctrl+C goes to the program only, which ends this process when it exits.
            start_new_session=True,
        )
        return self._process
