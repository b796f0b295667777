"""Fork server: a process that has imported the program, and of which every command is a copy.

To import the program is most of what a short command does. A copy of a process that has done that
and nothing else is as fresh as one that begins with nothing; that it can begin so, other tests see.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).parents[1]

# A command that hangs is ended, so that the test fails and the others go on.
SECONDS: Final = 300

_SERVING: Final = "from tests.fork_server import serve; serve({})"
_MOST_BYTES: Final = 1_000_000
_STANDARD_STREAMS: Final = 3

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
    """Runs commands of `commonplace`, one after another."""

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
        asked = json.dumps([told, str(cwd), {**ENVIRONMENT, **(environment or {})}]).encode()
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin.encode())
            given.seek(0)
            socket.send_fds(self._connection, [asked], [one.fileno() for one in (given, out, err)])
            code = int.from_bytes(self._connection.recv(4), "big", signed=True)
            return subprocess.CompletedProcess(told, code, _text(out), _text(err))


def _text(written: IO[bytes]) -> str:
    written.seek(0)
    return written.read().decode()


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    """A fork server of whoever asks, which ends with the context."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", _SERVING.format(theirs.fileno())],
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


def serve(connection: int) -> None:
    """Run what is asked for until nobody asks any more; in a copy, until its command has ended."""
    # Whoever imports this module asks, and has no need of it.
    from bot.__main__ import main

    with socket.socket(fileno=connection) as asking:
        while True:
            asked, streams, _, _ = socket.recv_fds(asking, _MOST_BYTES, _STANDARD_STREAMS)
            if not asked:
                return
            child = os.fork()
            if child == 0:
                break
            for stream in streams:
                os.close(stream)
            _, status = os.waitpid(child, 0)
            code = os.waitstatus_to_exitcode(status)
            asking.send(code.to_bytes(4, "big", signed=True))
    signal.alarm(SECONDS)
    _become(streams, *json.loads(asked))
    main()


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
