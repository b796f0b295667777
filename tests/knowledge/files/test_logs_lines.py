"""Deciding lines of logs: those of judged logs, and what they lose."""

import json
from pathlib import Path
from typing import Any

import pytest

from knowledge.files.logs import LINE_CHARACTERS, LINES, deciding_lines
from knowledge.secrets import HIDDEN

# In two parts, so that no file of the project has a machine's path.
HOME = "/home" + "/greta"
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
