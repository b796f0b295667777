"""Sandbox: a subprocess with limits of time and memory, in which hostile formats are parsed.

One process is kept and used again. It is killed when a file takes too long, and ends by itself
when it needs too much memory or breaks; the next file starts another. Files come to it as bytes:
it opens none.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from typing import Any, BinaryIO, Final

from knowledge.files.parsed_file import MAX_BYTES, ParsedFile, UnreadableError

SECONDS: Final = 60
MEMORY_BYTES: Final = 1_000_000_000

# Deeper than any format's own limit on nesting needs, less than what the C stack holds.
_RECURSION: Final = 5_000
_STACK_BYTES: Final = 256_000_000
_COMMAND: Final = "from knowledge.files.sandbox import serve; serve()"


class Sandbox:
    """The process, and the order in which files go through it."""

    def __init__(self, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        """Start nothing yet.

        Args:
            seconds: the longest that one file may take.
            memory_bytes: the most address space that the process may have.
        """
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()
        atexit.register(self.close)

    def begin(self, kind: str, content: bytes, name: str) -> "Future[ParsedFile]":
        """Begin to read; the future gives the reading or raises `UnreadableError`."""
        future: Future[ParsedFile] = Future()

        def run() -> None:
            try:
                with self._turn:
                    future.set_result(self._read(kind, content, name))
            except BaseException as error:  # noqa: BLE001 - belongs to whoever waits
                future.set_exception(error)

        # A daemon: a program that is told to stop does not wait for a file.
        threading.Thread(target=run, name="commonplace-reading", daemon=True).start()
        return future

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()

    def _read(self, kind: str, content: bytes, name: str) -> ParsedFile:
        process = self._process or self._started()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("The process was started without pipes.")
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._seconds, stop)
        timer.start()
        try:
            _send(process.stdin, {"kind": kind, "name": name, "size": len(content)}, content)
            answer, _ = _received(process.stdout)
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise UnreadableError(self._reason(late=late.is_set())) from error
        finally:
            timer.cancel()
        if late.is_set():
            self.close()
        if "unreadable" in answer:
            raise UnreadableError(answer["unreadable"])
        return ParsedFile(answer["title"], answer["text"], answer["metadata"])

    def _reason(self, *, late: bool) -> str:
        if late:
            return f"takes longer than {self._seconds:g} seconds to read. Split or simplify it."
        return (
            "broke the process that was reading it, or needs more than "
            f"{self._memory_bytes / 1e6:,.0f} MB of memory. Save it again, or split it."
        )

    def _started(self) -> subprocess.Popen[bytes]:
        folders = (folder or os.getcwd() for folder in sys.path)  # noqa: PTH109 - as Python says it
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                _COMMAND,
                str(self._memory_bytes),
                str(self._seconds),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
            # Ctrl+C is for the program; it ends this process when it ends itself.
            start_new_session=True,
        )
        return self._process


def _send(pipe: BinaryIO | Any, header: dict[str, Any], content: bytes = b"") -> None:
    pipe.write(json.dumps(header).encode() + b"\n")
    pipe.write(content)
    pipe.flush()


def _received(pipe: BinaryIO | Any) -> tuple[dict[str, Any], bytes]:
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    header: dict[str, Any] = json.loads(line)
    return header, pipe.read(header.get("size", 0))


# What runs in the process.


def serve() -> None:
    """Read files from standard input until it ends, answering each on standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not stand between two answers.
    os.dup2(2, 1)
    _limit_memory(int(sys.argv[1]))
    sys.setrecursionlimit(_RECURSION)
    threading.stack_size(_STACK_BYTES)
    thread = threading.Thread(target=_serve, args=(answers, float(sys.argv[2])))
    thread.start()
    thread.join()


def _serve(answers: BinaryIO | Any, seconds: float) -> None:
    while True:
        try:
            header, content = _received(sys.stdin.buffer)
        except (EOFError, ValueError):
            return
        _limit_time(seconds)
        _send(answers, _answer(header["kind"], content, header["name"]))


def _answer(kind: str, content: bytes, name: str) -> dict[str, Any]:
    try:
        reading = _reader(kind)(content, name)
    except UnreadableError as error:
        return {"unreadable": str(error)}
    except RecursionError:
        return {"unreadable": "is nested too deeply to be read. Simplify it."}
    except MemoryError:
        # What is left of this process can't be trusted with another file.
        os._exit(1)
    except Exception as error:  # noqa: BLE001 - a format library met what it does not expect
        reason = " ".join(str(error).split())[:200]
        return {"unreadable": f"can't be read as {kind}: {type(error).__name__}: {reason}."}
    if len(reading.text) > MAX_BYTES:
        return {
            "unreadable": f"has more than {MAX_BYTES / 1e6:,.0f} million characters of text. "
            "Split it."
        }
    return {"title": reading.title, "text": reading.text, "metadata": dict(reading.metadata)}


def _reader(kind: str) -> Any:
    """The function that reads this format; its libraries are imported when it is first needed."""
    if kind == "PDF":
        from knowledge.files.formats.pdf import parse_pdf

        return parse_pdf
    if kind == "Word":
        from knowledge.files.formats.docx import parse_docx

        return parse_docx
    if kind == "HTML":
        from knowledge.files.formats.html import parse_html

        return parse_html
    from knowledge.files.formats.rst import parse_rst

    return lambda content, name: parse_rst(content.decode(), name)


def _limit_memory(size: int) -> None:
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _limit_time(seconds: float) -> None:
    """End by itself, should whoever would kill this process be gone."""
    if sys.platform != "win32":
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        used = usage.ru_utime + usage.ru_stime
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (int(used + 2 * seconds) + 1, hard))
