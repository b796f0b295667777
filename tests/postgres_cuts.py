"""A proxy between a program and PostgreSQL that loses connections around a commit.

It reads the messages of the protocol as far as is needed to know what each side says, so that a
connection is lost between two messages and not by chance. The server's socket is one of the file
system, as the tests' servers have it; the clients' is one, too, or a port of this machine (TCP).
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_SOCKET: Final = ".s.PGSQL.5432"
_BYTES: Final = 65_536
# The type of a message and its length, which counts itself and not the type.
_HEAD: Final = 5
_WHILE_SECONDS: Final = 2.0
_COMPLETE: Final = b"C"
_QUERY: Final = b"Q"
_PARSE: Final = b"P"
_BIND: Final = b"B"
_COMMITTED: Final = b"COMMIT\x00"
_CHANGED: Final = (b"INSERT ", b"UPDATE ", b"DELETE ")


class Cut(Enum):
    """Where the next connection that commits is lost."""

    BEFORE = "before the server has been told to commit"
    AFTER = "after it has committed, before it says so"
    # Of a statement that is a transaction by itself as well as of one in a transaction.
    AFTER_STATEMENT = "after a statement has changed rows, before the server says so"
    # As where a network drops what is sent until keepalives find that out.
    UNHEARD = "after it has committed, which is not heard for a while, and then the connection ends"
    # Nothing is lost.
    LATE = "after it has committed, and what the server says comes a while later"


class _Messages:
    """Divides what one side sends into messages; the first of a client's has no type."""

    def __init__(self, *, untyped_first: bool) -> None:
        self._left = b""
        self._untyped = untyped_first

    def divided(self, data: bytes) -> Iterator[bytes]:
        self._left += data
        while True:
            head = _HEAD - self._untyped
            if len(self._left) < head:
                return
            size = int.from_bytes(self._left[head - 4 : head], "big") + head - 4
            if len(self._left) < size:
                return
            message, self._left = self._left[:size], self._left[size:]
            self._untyped = False
            yield message


class _Asked:
    """Whether a client asks to commit: by a query, or by a statement that was prepared as one."""

    def __init__(self) -> None:
        self._prepared: set[bytes] = set()

    def commits(self, message: bytes) -> bool:
        kind, body = message[:1], message[_HEAD:]
        if kind == _QUERY:
            return body == b"commit\x00"
        name, _, rest = body.partition(b"\x00")
        if kind == _PARSE and rest.startswith(b"commit\x00"):
            self._prepared.add(name)
        # A portal has a name, too, and it comes first.
        return kind == _BIND and rest.partition(b"\x00")[0] in self._prepared


class CuttingSocket:
    """Hands everything on between the clients of a socket and a server's, and cuts when asked."""

    def __init__(self, folder: Path, server: Path, *, by_port: bool = False) -> None:
        self.folder = folder
        # How many connections were cut.
        self.done = 0
        # How many messages clients have sent, and how many connections found no server.
        self.sent = self.refused = 0
        self._at: tuple[int, Callable[[], None]] | None = None
        self._server = server
        self._cuts: list[Cut] = []
        self._cutting = threading.Lock()
        self._reachable = threading.Event()
        self._reachable.set()
        self._closing = threading.Event()
        self._listening = socket.socket(socket.AF_INET if by_port else socket.AF_UNIX)
        self._listening.bind(("127.0.0.1", 0) if by_port else str(folder / _SOCKET))
        self._listening.listen()
        self._sockets = [self._listening]
        self._threads: list[threading.Thread] = []
        self._begin(self._accept)

    def url_of(self, url: str) -> str:
        """By which a database of the server is reached through this, named by the server's URL."""
        place = self._listening.getsockname()
        if isinstance(place, str):
            return url.replace(str(self._server), str(self.folder))
        user, _, rest = url.partition("@/")
        # What is encrypted could not be read.
        plain = "sslmode=disable&gssencmode=disable"
        return f"{user}@{place[0]}:{place[1]}/{rest.partition('?')[0]}?{plain}"

    def cut(self, *cuts: Cut) -> None:
        """Lose the next connections that commit, each as is said."""
        self._cuts = [*cuts]

    def at_message(self, number: int, do: Callable[[], None]) -> None:
        """Call a function instead of handing on that message of the clients, counted from now."""
        with self._cutting:
            self.sent, self._at = 0, (number, do)

    def refuse(self, *, refusing: bool) -> None:
        """Take no connections, as a server that is down; what is connected stays so."""
        (self._reachable.clear if refusing else self._reachable.set)()

    def close(self) -> None:
        self._closing.set()
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
                if client.family == socket.AF_INET:
                    # Messages are handed on one by one: each would wait for the one before.
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(client)
                server = self._connected()
                if server is None:
                    client.shutdown(socket.SHUT_RDWR)
                    self.refused += 1
                    continue
                self._sockets.append(server)
                asked = _Asked()
                self._begin(self._hand_on, client, server, self._asking(asked))
                self._begin(self._hand_on, server, client, self._is_cut_after)

    def _connected(self) -> socket.socket | None:
        """A connection to the server; None where there is none to be had."""
        server = socket.socket(socket.AF_UNIX)
        if self._reachable.is_set():
            with suppress(OSError):
                server.connect(str(self._server / _SOCKET))
                return server
        server.close()
        return None

    def _asking(self, asked: _Asked) -> Callable[[bytes], bool]:
        def cuts(message: bytes) -> bool:
            self._count()
            return asked.commits(message) and self._cuts_now(Cut.BEFORE)

        return cuts

    def _count(self) -> None:
        """Count a client's message, and do what is to be done at it."""
        with self._cutting:
            self.sent += 1
            if self._at is not None and self.sent >= self._at[0]:
                _, do = self._at
                self._at = None
                do()

    def _is_cut_after(self, message: bytes) -> bool:
        if message[:1] != _COMPLETE:
            return False
        tag = message[_HEAD:]
        if tag == _COMMITTED:
            if self._cuts_now(Cut.LATE):
                self._closing.wait(_WHILE_SECONDS)
                return False
            if self._cuts_now(Cut.UNHEARD):
                self._closing.wait(_WHILE_SECONDS)
                return True
            return self._cuts_now(Cut.AFTER)
        return tag.startswith(_CHANGED) and self._cuts_now(Cut.AFTER_STATEMENT)

    def _cuts_now(self, cut: Cut) -> bool:
        """Whether such a cut is the next one to be done; it is done then."""
        with self._cutting:
            if self._cuts[:1] != [cut]:
                return False
            del self._cuts[0]
            self.done += 1
            return True

    def _hand_on(
        self, source: socket.socket, target: socket.socket, cuts: Callable[[bytes], bool]
    ) -> None:
        # Whoever asks begins with a message without a type, and a server never does.
        messages = _Messages(untyped_first=cuts != self._is_cut_after)
        with suppress(OSError):
            while data := source.recv(_BYTES):
                for message in messages.divided(data):
                    if cuts(message):
                        raise ConnectionAbortedError
                    target.sendall(message)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting_socket(server: Path, *, by_port: bool = False) -> Iterator[CuttingSocket]:
    """A socket before a server's, whose folder is named; a port with `by_port`."""
    with TemporaryDirectory(prefix="cut-") as folder:
        made = CuttingSocket(Path(folder), server, by_port=by_port)
        try:
            yield made
        finally:
            made.close()
