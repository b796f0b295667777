"""Installation into a virtual environment, with its size told beforehand.

    .venv/bin/python deploy/install.py preview|run|dev

It needs Python and pip only. The preview leaves out the libraries for models other than the
default. uv installs, because it is ten times as fast as pip and can choose PyTorch's CPU build;
pip takes over if uv reaches no index. Development installs locked releases, so a new release of a
tool breaks nobody's first run.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

# For models other than the default, which comes derived.
OTHER_MODELS: Final = frozenset({"sentence-transformers", "torch", "onnx"})

# Give up soon on an unreachable index, because pip may know another one.
_ENVIRONMENT: Final = {
    "UV_HTTP_CONNECT_TIMEOUT": "5",
    "UV_HTTP_RETRIES": "1",
    # Links into uv's cache take no room; on another disk uv copies, without a warning.
    "UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "hardlink"),
}

# Beginnings of lines that uv and pip write for each package, besides those about downloads.
_LISTS: Final = (" + ", " - ", " ~ ", "Requirement already", "Collecting ", "Ignoring ")

# Runs a command, and returns its exit code.
Run = Callable[[Sequence[str]], int]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of installation: its extra, and its size in MB as a download and on the disk."""

    extra: str
    download: int
    disk: int
    has_other_models: bool = True
    lock: str = ""


KINDS: Final = {
    "preview": Kind("preview", 230, 690, has_other_models=False),
    "run": Kind("", 420, 1_600),
    "dev": Kind("dev", 700, 2_500, lock="deploy/requirements-dev.txt"),
}


def requirements(kind: Kind) -> list[str]:
    """Everything that is installed besides the project itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = project["optional-dependencies"][kind.extra] if kind.extra else []
    listed: list[str] = [*project["dependencies"], *extra]
    return [one for one in listed if kind.has_other_models or _name(one) not in OTHER_MODELS]


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def install(kind: Kind, run: Run, say: Callable[[str], None]) -> int:
    """Install the project and its requirements; returns the exit code."""
    say(
        f"Installing {len(requirements(kind))} packages and what they need into "
        f"{_shown(Path(sys.prefix))}: up to {kind.download:,} MB to download, {kind.disk:,} MB on "
        "the disk, one to five minutes."
    )
    if not kind.has_other_models:
        say(f"Left out, for models other than the default: {', '.join(sorted(OTHER_MODELS))}.")
    python = sys.executable
    pip = [python, "-m", "pip", "install"]
    needed = requirements(kind)
    # Everything but PyTorch and its requirements, which the next step adds.
    locked = ["--no-deps", "--require-hashes", "--requirement", str(ROOT / kind.lock)]
    # The project alone: its requirements are installed, or left out on purpose.
    itself = ["--no-deps", "--editable", str(ROOT)]
    if run([*pip, "--quiet", "uv"]) == 0:
        uv = [python, "-m", "uv", "pip", "install", "--python", python]
        build = ["--torch-backend", "cpu"] if sys.platform == "linux" else []
        steps = [[*uv, *locked]] if kind.lock else []
        steps += [[*uv, *build, *needed], [*uv, *itself]]
        if all(run(step) == 0 for step in steps):
            return 0
        say("uv can't install them here (above); pip takes over, which takes some minutes longer.")
        if kind.has_other_models and sys.platform == "linux":
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
    sys.exit(install(KINDS[sys.argv[1]], _run, _say))
