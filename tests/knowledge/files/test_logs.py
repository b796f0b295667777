"""Logs: unpacked within limits in the sandbox, and cut to their deciding lines."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knowledge.files import logs
from knowledge.files.logs import (
    FILES,
    LINE_CHARACTERS,
    LINES,
    UNPACKED_BYTES,
    Problem,
    ReadLog,
    begin_log,
    deciding_lines,
)
from knowledge.secrets import HIDDEN
from tests.knowledge.made_files import zipped

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


# Deciding lines: those of judged logs, and what they lose.


# In two parts, so that no file of the project has a machine's path.
JUDGED = Path(__file__).parents[2] / "judged/logs/logs.jsonl"


def judged(*, held_out: bool) -> list[dict[str, Any]]:
    logs = map(json.loads, JUDGED.read_text(encoding="utf-8").splitlines())
    return [log for log in logs if log["held_out"] is held_out]


@pytest.mark.parametrize(("held_out", "floor"), [(False, 1.0), (True, 0.91)])
def test_deciding_line_of_judged_logs_is_chosen(held_out: bool, floor: float) -> None:
    """Measured on 2 December 2026; the floor of held-out logs is that measurement."""
    logs = judged(held_out=held_out)
    found = [deciding_lines(log["text"]) for log in logs]
    assert max(map(len, found)) == LINES
    chosen = [
        any(log["deciding"] in line for line in lines)
        for log, lines in zip(logs, found, strict=True)
    ]
    assert sum(chosen) / len(logs) >= floor


def test_log_without_an_error_has_no_deciding_line() -> None:
    calm = "[12:00:01] [main/INFO]: Done (7.061s)! For help, type help\n0 errors, 0 warnings\n"
    assert deciding_lines(calm) == []


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            f"ERROR: [Errno 2] No such file or directory: '{HOME}/srv/conf.toml'",
            "[Errno 2] No such file or directory: 'conf.toml'",
        ),
        ("ERROR cannot open C:\\Users\\Greta Lind\\x.txt", "cannot open x.txt"),
        ("2026-01-02 03:04:05 ERROR refused by 10.1.2.3:8080", "refused by …"),
        ("ERROR login failed for greta@example.org", "login failed for …"),
        ("ERROR invalid user 'greta'", "invalid user …"),
        ("ERROR no home for greta", "no home for …"),
        ("ERROR Disconnecting Steve_42: invalid session", "Disconnecting …: invalid session"),
        ("ERROR invalid id 6f1c1f1e-7a53-4a5b-9f0e-0123456789ab", "invalid id …"),
        ("ERROR failed at 2026-01-02T03:04:05Z, see https://a.example/x?y=1", "failed at …, see …"),
        ("ERROR invalid password: hunter2hunter2x", f"invalid password: {HIDDEN}"),
        ("ERROR HTTP 502 from v1.20.4", "HTTP 502 from v1.20.4"),
    ],
)
def test_line_loses_what_is_personal(line: str, shown: str) -> None:
    [found] = deciding_lines(f"cd {HOME}/srv\n{line}\n")
    assert found == shown


def test_secret_is_hidden_before_the_line_is_cut() -> None:
    token = "ghp_" + "a1B2c3D4" * 5
    filling = "word " * ((LINE_CHARACTERS - 20) // 5)
    [found] = deciding_lines(f"ERROR invalid {filling} {token}")
    assert len(found) <= LINE_CHARACTERS
    assert token[:8] not in found
