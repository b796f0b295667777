"""What a file might make its parser do, were it to take it over; runs in the sandbox."""

import ctypes
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from knowledge.files.sandbox_process import Parsed

_HELD: list[bytearray] = []


def everything(content: bytes, name: str) -> Parsed:
    """Try everything; what was got, by what was tried. `content` is a file's path.

    Python itself sets the one variable.
    """
    parent = os.getppid()
    system = ctypes.CDLL(None, use_errno=True)
    file = Path(os.fsdecode(content))
    tried: dict[str, Callable[[], Any]] = {
        "the environment": lambda: os.environ.keys() - {"LC_CTYPE"} or None,
        "the parent's environment": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        "the parent's memory": lambda: Path(f"/proc/{parent}/maps").read_text(),
        "a file": file.read_bytes,
        "a folder": lambda: os.listdir(file.parent),  # noqa: PTH208 - any way
        "writing": lambda: file.write_text("x"),
        "a new file": lambda: Path(f"{os.fsdecode(content)}.new").write_bytes(b""),
        "a socket": socket.socket,
        "a pair of sockets": socket.socketpair,
        "another program": lambda: os.execv("/bin/sh", ["sh", "-c", "exit"]),  # noqa: S606 - it is what is tried
        "a process": _forked,
        "a signal": lambda: _signalled(parent),
        "the parent's limits": lambda: _limits_of(parent),
        "looking into the parent": lambda: system.ptrace(16, parent, 0, 0) == 0 or None,
        "io_uring": lambda: system.syscall(425, 1, b"\0" * 120) >= 0 or None,
        "a mode": lambda: _done(file.chmod, 0o777),
        "an owner": lambda: _done(os.chown, file, os.getuid(), os.getgid()),
        "a link's owner": lambda: _done(os.lchown, file, os.getuid(), os.getgid()),
        "times": lambda: _done(os.utime, file),
        "an attribute": lambda: _done(os.setxattr, file, "user.x", b"x"),
        "a length": lambda: _done(os.truncate, file, 0),
        "another folder": lambda: _done(os.chdir, "/"),
        "another root": lambda: _done(os.chroot, "/"),
        "a user": lambda: _done(os.setuid, os.getuid()),
        "a group": lambda: _done(os.setgid, os.getgid()),
        "turns": lambda: _done(os.sched_setaffinity, parent, {0}),
        "shared memory": lambda: system.shmget(0, 4_096, 0o1600) >= 0 or None,
    }
    return {"got": {key: got for key, attempt in tried.items() if (got := _got(attempt))}}, name


def variables(_: bytes, name: str) -> Parsed:
    """The names of the environment's variables."""
    return {"got": list(os.environ)}, name


def _got(attempt: Callable[[], Any]) -> str:
    try:
        got = attempt()
    except (OSError, RuntimeError, ValueError):
        return ""
    return "" if got is None else repr(got)[:200]


def _done(call: Callable[..., None], *arguments: object) -> str:
    call(*arguments)
    return "done"


def _forked() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    return child


def _signalled(process: int) -> str:
    os.kill(process, 0)
    return "sent"


def _limits_of(process: int) -> Any:
    import resource

    return resource.prlimit(process, resource.RLIMIT_NOFILE) if sys.platform == "linux" else None


def ending(content: bytes, name: str) -> Parsed:
    """End the process."""
    os._exit(1)


def swelling(content: bytes, name: str) -> Parsed:
    """Hold on to much memory, and answer as a parser does."""
    needed = bytearray(b"x") * 400_000_000
    _HELD.append(needed)
    values: dict[str, Any] = {"title": name, "tags": [], "verified": None, "link": "", "hidden": ""}
    return {**values, "first_line": 0, "page": {}}, str(len(needed))


def lying(content: bytes, name: str) -> Parsed:
    """Answer what no parser does."""
    return {"title": ["no", "text"], "tags": 3, "verified": None, "link": "", "hidden": ""}, "\x00"
