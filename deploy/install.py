"""Installation into a virtual environment, with its size told beforehand.

    .venv/bin/python deploy/install.py preview|run|dev [EXTRA…]

It needs Python and pip only. uv installs, because it is ten times as fast as pip and can choose
PyTorch's CPU build; pip takes over if uv reaches no index. Development installs locked releases, so
a new release of a tool breaks nobody's first run.
"""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]

# Give up soon on an unreachable index, because pip may know another one.
_ENVIRONMENT: Final = {
    "UV_HTTP_CONNECT_TIMEOUT": "5",
    "UV_HTTP_RETRIES": "1",
    # Links into uv's cache take no room; on another disk uv copies, without a warning.
    "UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "hardlink"),
}

# Beginnings of lines that uv and pip write for each package, besides those about downloads.
_LISTS: Final = (" + ", " - ", " ~ ", "Requirement already", "Collecting ", "Ignoring ")

# The beginning of the names of packages with models.
_MODEL: Final = "commonplace-model-"

# Runs a command, and returns its exit code.
Run = Callable[[Sequence[str]], int]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of installation: its extras, and its size in MB as a download and on the disk."""

    extras: tuple[str, ...]
    download: int
    disk: int
    lock: str = ""


KINDS: Final = {
    "preview": Kind(("preview", "english"), 150, 430),
    "run": Kind(("english",), 120, 380),
    "dev": Kind(("dev",), 700, 2_500, lock="deploy/requirements-dev.txt"),
}
# The same sizes of the large extras; the others take some MB.
EXTRAS: Final = {"models": (240, 870), "ocr": (100, 220), "plot": (25, 75)}


def kind_with(name: str, *extras: str) -> Kind:
    """A kind of installation with further extras."""
    kind = KINDS[name]
    sizes = [EXTRAS.get(extra, (0, 0)) for extra in extras]
    return replace(
        kind,
        extras=(*kind.extras, *extras),
        download=kind.download + sum(download for download, _ in sizes),
        disk=kind.disk + sum(disk for _, disk in sizes),
    )


def requirements(kind: Kind) -> list[str]:
    """Everything that is installed besides the project itself and its models.

    Raises:
        SystemExit: if there is no such extra.
    """
    project = _project(ROOT)
    extras = project["optional-dependencies"]
    listed: list[str] = [*project["dependencies"]]
    for extra in kind.extras:
        if extra not in extras:
            sys.exit(f"There is no extra {extra}. Choose from {', '.join(sorted(extras))}.")
        listed += [needed for needed in extras[extra] if not needed.startswith(_MODEL)]
    for folder in models(kind):
        own = _project(folder).get("dependencies", [])
        listed += [needed for needed in own if needed not in listed]
    return listed


def models(kind: Kind) -> list[Path]:
    """The folders of the models, which come with the checkout; development has all."""
    folders = sorted(path.parent for path in (ROOT / "models").glob("*/pyproject.toml"))
    return [folder for folder in folders if folder.name in kind.extras or kind.lock]


def _project(folder: Path) -> dict[str, Any]:
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    project: dict[str, Any] = tomllib.loads(text)["project"]
    return project


def install(kind: Kind, run: Run, say: Callable[[str], None]) -> int:
    """Install the project and its requirements; returns the exit code."""
    needed = requirements(kind)
    say(
        f"Installing {len(needed)} packages and what they need into "
        f"{_shown(Path(sys.prefix))}: up to {kind.download:,} MB to download, {kind.disk:,} MB on "
        "the disk, one to five minutes."
    )
    python = sys.executable
    pip = [python, "-m", "pip", "install"]
    has_pytorch = any(requirement.startswith("torch") for requirement in needed)
    # Everything but PyTorch and its requirements, which the next step adds.
    locked = ["--no-deps", "--require-hashes", "--requirement", str(ROOT / kind.lock)]
    # The project and its models alone: their requirements are installed.
    itself = ["--no-deps"]
    for folder in (ROOT, *models(kind)):
        itself += ["--editable", str(folder)]
    if run([*pip, "--quiet", "uv"]) == 0:
        uv = [python, "-m", "uv", "pip", "install", "--python", python]
        build = ["--torch-backend", "cpu"] if has_pytorch and sys.platform == "linux" else []
        steps = [[*uv, *locked]] if kind.lock else []
        steps += [[*uv, *build, *needed], [*uv, *itself]]
        if all(run(step) == 0 for step in steps):
            return 0
        say("uv can't install them here (above); pip takes over, which takes some minutes longer.")
        if has_pytorch and sys.platform == "linux":
            say("pip may choose PyTorch's build for graphics cards, which is 4 GB larger.")
    failed = run([*pip, *locked]) if kind.lock else 0
    return failed or run([*pip, *needed]) or run([*pip, "--quiet", *itself])


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _run(command: Sequence[str]) -> int:
    """Run a command, and pass on its output without the names of all packages."""
    with subprocess.Popen(  # noqa: S603
        command,
        env={**os.environ, **_ENVIRONMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            if not line.startswith(_LISTS):
                _say(line.rstrip())
    return process.returncode


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(install(kind_with(*sys.argv[1:]), _run, _say))
