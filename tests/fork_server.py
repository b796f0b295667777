"""Fork server: a process that has imported a program, and of which every run is a copy.

To import the program is most of what a short command does. A copy of a process that has done that
and nothing else is as fresh as one that begins with nothing; that it can begin so, other tests see.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, NoReturn

ROOT: Final = Path(__file__).parents[1]

# A command that hangs is ended, so that the test fails and the others go on.
SECONDS: Final = 300

_SERVING: Final = "from tests.fork_server import serve; serve({}, {!r})"
_MOST_BYTES: Final = 1_000_000
# The standard streams, and the pipe on which a copy's id and its exit code are told.
_STREAMS: Final = 4
_NUMBER_BYTES: Final = 4

# The settings of whoever runs the tests are none of the commands'.
ENVIRONMENT: Final = {
    **{key: value for key, value in os.environ.items() if key != "DISCORD_TOKEN"},
    "HF_HUB_OFFLINE": "1",
    "PYTHONPATH": str(ROOT),
    # A warning of a library is no failure of the command line.
    "PYTHONWARNINGS": "ignore",
    "COLUMNS": "200",
}


class ForkServer:
    """Runs a program in copies of a process that has imported it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def run(
        self,
        *arguments: str | Path,
        cwd: Path = ROOT,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """What a command says, and its exit code, as `subprocess.run` does."""
        told = [*map(str, arguments)]
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin.encode())
            given.seek(0)
            streams = [one.fileno() for one in (given, out, err)]
            whole = {**ENVIRONMENT, **(environment or {})}
            _, ended = self.start(told, streams, cwd, whole, SECONDS)
            with os.fdopen(ended, "rb") as pipe:
                code = number(pipe.read())
            return subprocess.CompletedProcess(told, code, _text(out), _text(err))

    def start(
        self,
        arguments: Sequence[str],
        streams: Sequence[int],
        cwd: Path,
        environment: Mapping[str, str],
        seconds: int = 0,
    ) -> tuple[int, int]:
        """Begin a copy with these standard streams, which is ended after so many seconds, if any.

        Returns:
            Its process id, and the pipe from which its exit code can be read once it has ended.
        """
        asked = json.dumps([arguments, str(cwd), dict(environment), seconds])
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._connection, [asked.encode()], [*streams, writing])
        finally:
            os.close(writing)
        return number(os.read(reading, _NUMBER_BYTES)), reading


def number(told: bytes) -> int:
    """A number that a fork server tells."""
    return int.from_bytes(told, "big", signed=True)


def _text(written: IO[bytes]) -> str:
    written.seek(0)
    return written.read().decode()


@contextmanager
def fork_server(program: str = "bot.__main__") -> Iterator[ForkServer]:
    """A fork server for the `main` of a module, which ends with the context."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", _SERVING.format(theirs.fileno(), program)],
                cwd=ROOT,
                env=ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        try:
            yield ForkServer(ours)
        finally:
            ours.shutdown(socket.SHUT_RDWR)
            process.wait(SECONDS)


def serve(connection: int, program: str) -> None:
    """Run what is asked for until nobody asks any more; in a copy, until its run has ended."""
    main = importlib.import_module(program).main
    signal.signal(signal.SIGCHLD, _reap)
    with socket.socket(fileno=connection) as asking:
        while True:
            asked, passed, _, _ = socket.recv_fds(asking, _MOST_BYTES, _STREAMS)
            if not asked:
                return
            if os.fork() == 0:
                break
            for stream in passed:
                os.close(stream)
    *streams, telling = passed
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child:
        _tell_end(child, streams, telling)
    os.close(telling)
    arguments, cwd, environment, seconds = json.loads(asked)
    signal.alarm(seconds)
    _become(streams, arguments, cwd, environment)
    main()


def _reap(*_: object) -> None:
    """Take note of those that have ended: the time that they took counts as this process's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _tell_end(child: int, streams: Sequence[int], telling: int) -> NoReturn:
    """Tell the id of a copy, and its exit code once it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for stream in streams:
        os.close(stream)
    os.write(telling, child.to_bytes(_NUMBER_BYTES, "big", signed=True))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os.write(telling, code.to_bytes(_NUMBER_BYTES, "big", signed=True))
    os._exit(0)


def _become(
    streams: Sequence[int], arguments: Sequence[str], cwd: str, environment: Mapping[str, str]
) -> None:
    """Make of a copy what a shell would have started."""
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["commonplace", *arguments]
