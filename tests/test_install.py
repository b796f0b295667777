"""The installation that the Makefile's targets begin with: what it takes, and who installs it."""

import runpy
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
INSTALL: dict[str, Any] = runpy.run_path(str(ROOT / "deploy" / "install.py"))
KINDS = INSTALL["KINDS"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _installed(*names: str, uv_fails_at: str = "") -> tuple[list[str], list[str]]:
    """The commands that an installation runs, and the lines that it says."""
    commands: list[str] = []
    said: list[str] = []

    def run(command: Sequence[str]) -> int:
        line = " ".join(command).replace(sys.executable, "python")
        commands.append(line)
        return int(bool(uv_fails_at) and uv_fails_at in line)

    assert INSTALL["install"](INSTALL["kind_with"](*names), run, said.append) == 0
    return commands, said


@pytest.mark.parametrize("names", [("run",), ("preview",), ("dev",), ("run", "git", "models")])
def test_installation_takes_base_and_named_extras(names: tuple[str, ...]) -> None:
    kind, *extras = names
    every = [*PROJECT["dependencies"]]
    for extra in ([] if kind == "run" else [kind]) + extras:
        every += PROJECT["optional-dependencies"][extra]
    assert INSTALL["requirements"](INSTALL["kind_with"](*names)) == every


def test_models_come_from_the_checkout_and_development_has_all() -> None:
    folders = [path.parent for path in (ROOT / "models").glob("*/pyproject.toml")]
    assert INSTALL["models"](KINDS["dev"]) == sorted(folders)
    for kind in ("run", "preview"):
        assert INSTALL["models"](KINDS[kind]) == [ROOT / "models" / "english"]
    taken = INSTALL["requirements"](INSTALL["kind_with"]("run", "english"))
    assert not [line for line in taken if line.startswith("commonplace")]


def test_unknown_extra_is_named_with_the_others() -> None:
    with pytest.raises(SystemExit, match=r"no extra modles\. Choose from .*models"):
        _installed("run", "modles")


@pytest.mark.parametrize("kind", ["run", "preview"])
def test_base_installation_has_no_pytorch(kind: str) -> None:
    libraries = {"torch", "sentence-transformers", "scipy"}
    taken = {Requirement(line).name for line in INSTALL["requirements"](KINDS[kind])}
    extra = {Requirement(line).name for line in PROJECT["optional-dependencies"]["models"]}
    assert extra == libraries
    assert not taken & libraries


def test_sizes_are_said_before_anything_is_run() -> None:
    for name, kind in KINDS.items():
        commands, [said, *_] = _installed(name)
        assert f"{kind.download:,} MB to download, {kind.disk:,} MB on the disk" in said
        assert commands
    base, extra = KINDS["run"], INSTALL["EXTRAS"]["models"]
    _, [said, *_] = _installed("run", "models")
    assert f"{base.download + extra[0]:,} MB to download, {base.disk + extra[1]:,} MB" in said


def test_uv_installs_the_build_without_graphics_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert "--torch-backend" not in " ".join(_installed("run")[0])
    first, second, third = _installed("run", "models")[0]
    assert first == "python -m pip install --quiet uv"
    assert second.startswith("python -m uv pip install --python python --torch-backend cpu ")
    assert third.endswith(f"--no-deps --editable {ROOT} --editable {ROOT / 'models' / 'english'}")


@pytest.mark.parametrize("failing", ["--quiet uv", "-m uv"])
def test_pip_takes_over_where_uv_can_not_install(failing: str) -> None:
    commands, _ = _installed("run", uv_fails_at=failing)
    *_, listed, itself = commands
    assert listed == " ".join(["python -m pip install", *INSTALL["requirements"](KINDS["run"])])
    editable = f"--editable {ROOT} --editable {ROOT / 'models' / 'english'}"
    assert itself == f"python -m pip install --quiet --no-deps {editable}"


@pytest.mark.parametrize("failing", ["", "-m uv"])
def test_development_takes_the_locked_releases_first(failing: str) -> None:
    commands, _ = _installed("dev", uv_fails_at=failing)
    *_, locked, listed, _ = commands
    assert locked.endswith(f"--require-hashes --requirement {ROOT / 'deploy/requirements-dev.txt'}")
    assert " pytest" in listed


def test_the_makefile_installs_each_kind() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for kind in KINDS:
        assert f"$(BIN)/python deploy/install.py {kind}\n" in makefile
    assert "$(BIN)/python deploy/install.py run $(EXTRAS)" in makefile


def test_packages_are_not_listed(capfd: pytest.CaptureFixture[str]) -> None:
    lines = ["Resolved 80 packages", "Downloading numpy (16MiB)", " + numpy==2.4", "error: no"]
    code = INSTALL["_run"]([sys.executable, "-c", f"print(*{lines}, sep='\\n'); exit(3)"])
    assert code == 3
    assert capfd.readouterr().err.splitlines() == [lines[0], lines[1], lines[3]]
