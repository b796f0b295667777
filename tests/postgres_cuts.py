"""A socket between a program and PostgreSQL's that loses the connection around a commit."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_SOCKET: Final = ".s.PGSQL.5432"
_COMMIT: Final = b"commit\x00"
_BYTES: Final = 65_536


class Cut(Enum):
    """Where the next connection that commits is lost."""

    BEFORE = "before the server has been told to commit"
    AFTER = "after it has committed, before it says so"


class CuttingSocket:
    """Hands everything on between the clients of a socket and a server's, and cuts when asked."""

    def __init__(self, folder: Path, server: Path) -> None:
        self.folder = folder
        self._server = server
        self._cuts: list[Cut] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / _SOCKET))
        self._listening.listen()
        self._sockets = [self._listening]
        self._threads: list[threading.Thread] = []
        self._begin(self._accept)

    def cut(self, *cuts: Cut) -> None:
        """Lose the next connections that commit, each as is said."""
        self._cuts = [*cuts]

    def close(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server / _SOCKET))
                self._sockets += [client, server]
                loses = threading.Event()
                self._begin(self._hand_on, client, server, True, loses)
                self._begin(self._hand_on, server, client, False, loses)

    def _hand_on(
        self, source: socket.socket, target: socket.socket, asks: bool, loses: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := source.recv(_BYTES):
                if asks and self._cuts and _COMMIT in data:
                    if self._cuts.pop(0) is Cut.BEFORE:
                        break
                    loses.set()
                elif not asks and loses.is_set():
                    # What the server says now is that it has committed.
                    break
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting_socket(server: Path) -> Iterator[CuttingSocket]:
    """A socket before a server's, whose folder is named."""
    with TemporaryDirectory(prefix="cut-") as folder:
        made = CuttingSocket(Path(folder), server)
        try:
            yield made
        finally:
            made.close()
