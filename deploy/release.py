"""Release: builds, checks and tries all distributions (`make release`).

    .venv/bin/python deploy/release.py [TAG]

`dist` then has a wheel and a source archive of the bot and of each model. They are installed into
an empty environment from a folder of wheels, without an index, and run there. With a tag, such as
v1.0.0, the bot's version must be the tag's.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
DIST: Final = ROOT / "dist"
BOT: Final = "commonplace-bot"

# Package indexes take files of at most 100 MB.
MOST_BYTES: Final = 95_000_000
MOST_BYTES_OF_BOT: Final = 10_000_000
# Of the base with its model, in an environment of its own.
MOST_MEGABYTES: Final = 450
# The first answer of an empty folder, on a machine that may have other things to do.
MOST_CPU_SECONDS: Final = 4
MOST_MEMORY_MEGABYTES: Final = 300
HEAVY: Final = {"torch", "transformers", "sentence_transformers", "scipy", "onnx"}

PROCESSORS: Final = ("x86_64", "aarch64")
TWINE: Final = "twine==7.0.0"
QUESTION: Final = "Why were early AI systems closed?"
START_SECONDS: Final = 300

UV: Final = (sys.executable, "-m", "uv")


def projects() -> dict[str, dict[str, Any]]:
    """The pyproject.toml of each distribution, by its folder: the bot's first."""
    folders = [ROOT, *sorted(path.parent for path in ROOT.glob("models/*/pyproject.toml"))]
    return {
        str(folder): tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))[
            "project"
        ]
        for folder in folders
    }


def defects(files: dict[str, int], known: dict[str, str]) -> Iterator[str]:
    """Defects of the names and sizes of built files.

    Args:
        files: the size of each file in bytes, by its name.
        known: the version of each distribution, by its name.
    """
    expected: dict[str, int] = {}
    for name, version in known.items():
        stem = f"{name.replace('-', '_')}-{version}"
        most = MOST_BYTES_OF_BOT if name == BOT else MOST_BYTES
        expected |= {f"{stem}-py3-none-any.whl": most, f"{stem}.tar.gz": most}
    yield from (f"{name} is missing." for name in sorted(expected.keys() - files.keys()))
    yield from (f"{name} is unexpected." for name in sorted(files.keys() - expected.keys()))
    for name, size in sorted(files.items()):
        if size > (most := expected.get(name, MOST_BYTES)):
            yield f"{name} has {size:,} bytes, and may have {most:,}."


def build(tag: str) -> None:
    """Build the distributions, and check their metadata, names and sizes."""
    found = projects()
    version = found[str(ROOT)]["version"]
    if tag and tag != f"v{version}":
        sys.exit(f"The tag is {tag}, and the version {version}.")
    shutil.rmtree(DIST, ignore_errors=True)
    for folder in found:
        run(*UV, "build", "--quiet", "--out-dir", str(DIST), folder)
    (DIST / ".gitignore").unlink(missing_ok=True)
    built = sorted(DIST.iterdir())
    known = {project["name"]: project["version"] for project in found.values()}
    if wrong := list(defects({path.name: path.stat().st_size for path in built}, known)):
        sys.exit("\n".join(wrong))
    run(*UV, "tool", "run", "--from", TWINE, "twine", "check", "--strict", *map(str, built))
    for path in built:
        say(f"{path.name}: {path.stat().st_size:,} bytes")


def locked_lists() -> list[Path]:
    """The lists of what the bot, its preview and its models need."""
    names = ["requirements.txt", "requirements-preview.txt"]
    names += [f"requirements-{Path(folder).name}.txt" for folder in projects()]
    return [path for name in names if (path := ROOT / "deploy" / name).exists()]


def check_processors() -> None:
    """Check that every locked package has a wheel for each processor of the image.

    A list for one of them holds for the others: they need the same packages.
    """
    # PyTorch is in an index of its own, and models are wheels of this project.
    left_out = {"dev", "models", *(Path(folder).name for folder in projects())}
    command = [*UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "pyproject.toml"]
    command += ["--only-binary", ":all:", "--python-version", "3.11.9"]
    for path in sorted((ROOT / "deploy").glob("requirements*.txt")):
        extra = path.stem.removeprefix("requirements").removeprefix("-")
        if extra not in left_out:
            command += ["--constraint", str(path), *(["--extra", extra] if extra else [])]
    resolved = {
        run(*command, "--python-platform", f"{processor}-manylinux_2_28")
        for processor in PROCESSORS
    }
    if len(resolved) > 1:
        sys.exit("The image needs other packages on another processor.")
    say(f"{len(resolved.pop().splitlines())} packages have wheels for {' and '.join(PROCESSORS)}.")


def try_wheels(folder: Path) -> None:
    """Install the wheels into an empty environment, and run the bot there."""
    wheels, home = folder / "wheels", folder / "home"
    home.mkdir()
    locked = [part for path in locked_lists() for part in ("--requirement", str(path))]
    pip = (sys.executable, "-m", "pip", "--quiet", "download", "--only-binary", ":all:")
    run(*pip, "--no-deps", "--require-hashes", "--dest", str(wheels), *locked)
    environment = folder / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", str(environment))

    def install(extra: str) -> None:
        # uv's cache may have an older wheel of the same version.
        command = [*UV, "pip", "install", "--quiet", "--no-cache", "--compile-bytecode"]
        command += ["--link-mode", "copy", "--python", str(environment / "bin" / "python")]
        command += ["--no-index", "--find-links", str(wheels), "--find-links", str(DIST)]
        run(*command, f"{BOT}[{extra}]")

    install("english")
    files = [path for path in environment.rglob("*") if not path.is_symlink()]
    megabytes = sum(path.stat().st_blocks * 512 for path in files) // 1_000_000
    say(f"The environment takes {megabytes} MB (at most {MOST_MEGABYTES}).")
    heavy = {path.name for path in environment.glob("lib/python*/site-packages/*")} & HEAVY
    if megabytes > MOST_MEGABYTES or heavy:
        sys.exit(f"The environment is too large{': it has ' if heavy else ''}{', '.join(heavy)}.")
    program = str(environment / "bin" / "commonplace")
    cpu, memory = first_answer(program, home)
    if cpu > MOST_CPU_SECONDS or memory > MOST_MEMORY_MEGABYTES:
        sys.exit(f"It may take {MOST_CPU_SECONDS} s and {MOST_MEMORY_MEGABYTES} MB.")
    said = run(program, "doctor", cwd=home, code=None)
    if not re.search(r"^ok +model", said, re.MULTILINE) or re.search("^wrong", said, re.MULTILINE):
        sys.exit(f"`doctor` says:\n{said}")
    install("preview")
    try_preview(program, home)
    for model in (Path(name).name for name in projects()):
        if model not in (ROOT.name, "english"):
            install(model)
            (folder / model).mkdir()
            (folder / model / "config.toml").write_text(f'[model]\nname = "{model}"\n')
            first_answer(program, folder / model)


def first_answer(program: str, home: Path) -> tuple[float, float]:
    """Index the articles and ask; return the seconds of processor time, and the megabytes."""
    cpu, memory, answer = 0.0, 0.0, ""
    for command in ([program, "index"], [program, "ask", QUESTION]):
        with subprocess.Popen(command, cwd=home, env=bare(home), stdout=-1) as process:  # noqa: S603
            answer = process.stdout.read().decode() if process.stdout else ""
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{answer}")
        cpu += used.ru_utime + used.ru_stime
        memory = max(memory, used.ru_maxrss * 1_024 / 1_000_000)
    if "early, closed days of AI" not in answer:
        sys.exit(f"`ask` answers:\n{answer}")
    say(f"The first answer took {cpu:.1f} s of processor time and {memory:.0f} MB.")
    return cpu, memory


def try_preview(program: str, home: Path) -> None:
    """Start the preview, and open its page."""
    began = time.monotonic()
    command = [program, "preview"]
    with subprocess.Popen(  # noqa: S603
        command, cwd=home, env=bare(home), stdout=-1, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            address = re.search(r"http://127\.0\.0\.1:\d+/", line)
            if address is None:
                sys.exit(f"`preview` says: {line}")
            with urllib.request.urlopen(address[0], timeout=START_SECONDS) as page:  # noqa: S310
                if b"<html" not in page.read():
                    sys.exit("The preview's page is empty.")
        finally:
            process.terminate()
    say(f"The preview's page answered after {time.monotonic() - began:.0f} s.")


def bare(home: Path) -> dict[str, str]:
    """An environment without the variables of this one."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "200"}


def run(*command: str, cwd: Path = ROOT, code: int | None = 0) -> str:
    """Run a command; return its output.

    Raises:
        SystemExit: if it ends with another code, unless any will do.
    """
    environment = None if cwd == ROOT else bare(cwd)
    done = subprocess.run(  # noqa: S603
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if code not in (None, done.returncode):
        sys.exit(f"{' '.join(command[:6])} … ended with {done.returncode}.\n{done.stdout}")
    return done.stdout


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    build(*sys.argv[1:] or ("",))
    check_processors()
    with tempfile.TemporaryDirectory() as scratch:
        try_wheels(Path(scratch))
