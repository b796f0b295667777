"""What tests that start processes of this project share."""

import ctypes
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Final

import pytest

ROOT_CAN_BE_REFUSED: Final = pytest.mark.skipif(
    os.geteuid() == 0 and sys.platform != "linux", reason="nothing is forbidden to root here"
)

# A child that hangs is ended, so that the test fails and the others go on.
CHILD_SECONDS: Final = 300


def interruptible() -> None:
    """Let the process that begins here be interrupted, though a test run in the background can't.

    A shell starts what it runs in the background with interrupts ignored, and that is inherited.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def suspend(pid: int) -> None:
    """Stop a child of this process; SIGCONT lets it go on.

    The signal reaches one of the child's threads first. On a busy machine another one runs on until
    the system reports that the whole process has stopped.
    """
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)


def in_a_process(work: Callable[[], None]) -> str:
    """Run something in a process of its own; returns the error that it ended with."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # From Python 3.12 on; what was begun in other threads is not used in the child.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        said = ""
        signal.alarm(CHILD_SECONDS)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is told to the parent
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return said if status == 0 else f"ended with status {status}"


def give_up_privileges() -> None:
    """Let this process be refused what the owner of a file has not allowed, root or not."""
    if os.geteuid() == 0:
        # Version 3 of the interface, this process; no capability is left.
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        if ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) != 0:
            raise PermissionError("The capabilities can't be given up.")
