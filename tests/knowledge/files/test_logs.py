"""Logs: unpacked within limits in the sandbox, and cut to their deciding lines."""

import gzip
import io
import zipfile
from collections.abc import Iterator

import pytest

from knowledge.files import logs
from knowledge.files.logs import FILES, UNPACKED_BYTES, Problem, ReadLog, begin_log

# In two parts, so that no file of the project has a machine's path.
HOME = "/home" + "/greta"
TRACE = f"""\
[12:00:01] [main/INFO]: Loading for player Steve_42
Traceback (most recent call last):
  File "{HOME}/bot/main.py", line 4, in <module>
    import aiohttp
ModuleNotFoundError: No module named 'aiohttp'
"""
DECIDING = "ModuleNotFoundError: No module named 'aiohttp'"


@pytest.fixture(scope="module", autouse=True)
def _ended_sandbox() -> Iterator[None]:
    yield
    logs.sandbox().close()


def read(content: bytes) -> ReadLog:
    return begin_log(content).result()


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def encrypted() -> bytes:
    """A zip whose only file claims to be encrypted."""
    packed = bytearray(zipped({"latest.log": TRACE.encode()}))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TRACE.encode(), id="text"),
        pytest.param(TRACE.encode("utf-16"), id="wide text"),
        pytest.param(gzip.compress(TRACE.encode()), id="gzip"),
        pytest.param(zipped({"a/latest.log": TRACE.encode(), "icon.png": b"\0"}), id="zip"),
    ],
)
def test_text_gzip_and_zip_give_their_deciding_line(content: bytes) -> None:
    assert read(content) == ReadLog((DECIDING,))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(gzip.compress(b"a" * (UNPACKED_BYTES + 1)), Problem.BOMB, id="gzip bomb"),
        pytest.param(zipped({"a.log": b"a" * 20_000_000}), Problem.BOMB, id="zip bomb"),
        pytest.param(
            zipped({f"{number}.log": b"" for number in range(FILES + 1)}), Problem.MANY, id="many"
        ),
        pytest.param(zipped({"icon.png": b"\0"}), Problem.EMPTY, id="no log"),
        pytest.param(gzip.compress(TRACE.encode())[:-9], Problem.TORN, id="torn gzip"),
        pytest.param(zipped({"a.log": b"a"})[:-9], Problem.TORN, id="torn zip"),
        pytest.param(encrypted(), Problem.PACKED, id="encrypted"),
        pytest.param(b"\x7fELF\0\0", Problem.NO_TEXT, id="program"),
        pytest.param(zipped({"a.zip.log": zipped({"a.log": b"a"})}), Problem.NO_TEXT, id="nested"),
    ],
)
def test_what_cannot_be_read_is_named(content: bytes, problem: Problem) -> None:
    assert read(content) == ReadLog(problem=problem)


def test_newest_log_of_a_zip_decides() -> None:
    older = b"java.lang.IllegalStateException: the old one\n\tat a.B.c(B.java:1)\n"
    content = zipped({"new.log": TRACE.encode()})
    assert DECIDING in read(content).lines
    assert len(read(zipped({"old.log": older, "new.log": TRACE.encode()})).lines) == 2


def test_log_of_many_lines_stays_within_its_time() -> None:
    line = f"[12:00:00] [main/WARN]: could not load {HOME}/a.txt: not found"
    text = "".join(f"{line} {number}\n" for number in range(100_000)) + TRACE
    assert DECIDING in read(gzip.compress(text.encode(), 1)).lines
