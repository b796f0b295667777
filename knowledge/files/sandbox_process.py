"""Main loop of the sandbox's process: files from standard input are parsed until its end.

A request is a line of JSON and the file's content. An answer is a line of JSON and the text. The
JSON states the length of the content or text.
"""

import importlib
import json
import mimetypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from knowledge.files import confinement
from knowledge.files.parsed_file import MAX_BYTES, UnreadableError

# Result of a parsing function: values for JSON, and a text that may be long.
Parsed = tuple[dict[str, Any], str]
Parse = Callable[[bytes, str], Parsed]

# Enough for each format's limit on nesting, and within the C stack.
_RECURSION: Final = 5_000
_STACK_BYTES: Final = 256_000_000
# Python rarely returns memory to the system, so a process that holds this much ends.
_MOST_RESIDENT_BYTES: Final = 300_000_000
_MEMORY: Final = Path("/proc/self/statm")


def send(pipe: BinaryIO | Any, header: dict[str, Any], content: bytes = b"") -> None:
    pipe.write(json.dumps({**header, "size": len(content)}).encode() + b"\n")
    pipe.write(content)
    pipe.flush()


def receive(
    pipe: BinaryIO | Any, most_header: int, most_content: int
) -> tuple[dict[str, Any], bytes]:
    """Read a header and the bytes after it.

    Raises EOFError if the other end is closed, or sends more than allowed, and ValueError if the
    header is malformed.
    """
    line = pipe.readline(most_header)
    if not line.endswith(b"\n"):
        raise EOFError
    header = json.loads(line)
    size = header.get("size") if isinstance(header, dict) else None
    if not isinstance(size, int) or not 0 <= size <= most_content:
        raise ValueError(size)
    content = pipe.read(size)
    if len(content) < size:
        raise EOFError
    return header, content


def serve() -> None:
    """Confine this process, and parse files until standard input ends."""
    asked = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "wb")
    # Output of a library must not get between two answers.
    os.dup2(2, 1)
    # Loaded while files are readable: docutils uses it for the formats of pictures.
    mimetypes.init()
    memory = _MEMORY.open() if _MEMORY.exists() else None
    confinement.limit(asked["memory_bytes"])
    readable = [*confinement.libraries(), *map(Path, asked["readable"])]
    confinement.confine(readable)
    sys.setrecursionlimit(_RECURSION)
    threading.stack_size(_STACK_BYTES)
    thread = threading.Thread(target=_serve, args=(answers, asked["cpu_seconds"], memory))
    thread.start()
    thread.join()


def _serve(answers: BinaryIO | Any, cpu_seconds: float, memory: IO[str] | None) -> None:
    confinement.limit_processes()
    last = False
    while not last:
        try:
            header, content = receive(sys.stdin.buffer, sys.maxsize, sys.maxsize)
        except (EOFError, ValueError):
            return
        confinement.limit_time(cpu_seconds)
        module, _, name = header["function"].partition(":")
        function: Parse = getattr(importlib.import_module(module), name)
        values, text = run_parser(function, content, header["name"])
        # The current memory; the peak would include the parent's.
        last = _resident_bytes(memory) > _MOST_RESIDENT_BYTES
        send(answers, {**values, "last": last}, text.encode(errors="replace"))


def _resident_bytes(memory: IO[str] | None) -> int:
    """Resident memory of this process; 0 on systems without /proc."""
    if memory is None:
        return 0
    memory.seek(0)
    return int(memory.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run_parser(function: Parse, content: bytes, name: str) -> Parsed:
    """Run a parsing function; after a failure, the value `unreadable` is the sentence to show."""
    try:
        values, text = function(content, name)
    except UnreadableError as error:
        return {"unreadable": str(error)}, ""
    except RecursionError:
        return {"unreadable": "is nested too deeply to be read. Simplify it."}, ""
    except MemoryError:
        # A broken process can't be trusted with another file.
        os._exit(1)
    except Exception:  # noqa: BLE001 - a library failed on unexpected input
        return {"unreadable": "can't be read: it is damaged, or made by an unusual program."}, ""
    if len(text) > MAX_BYTES:
        return {
            "unreadable": f"has more than {MAX_BYTES / 1e6:,.0f} million characters of text. "
            "Split it."
        }, ""
    return {"values": values}, text
