"""PHP's own web server on this machine, for real wikis."""

import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PHP: Final = "/usr/bin/php"


class PhpServer:
    """Serves a program in PHP as long as the context lasts; each request is a line of its log."""

    def __init__(self, log: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = log

    def start(self, program: Path, environment: Mapping[str, str] | None = None) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    PHP,
                    "-d",
                    "opcache.enable_cli=1",
                    "-d",
                    "opcache.revalidate_freq=0",
                    "-S",
                    f"127.0.0.1:{self.port}",
                ],
                cwd=program,
                env=environment,
                stdout=log,
                stderr=log,
            )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(self.log.read_text())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()
