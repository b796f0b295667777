"""Every reader against bytes that grow towards unread code: no hang, no crash, bounded memory.

    .venv/bin/pip install -e '.[fuzz]'
    python -m benchmarks.fuzzing --seconds 240 --findings findings

libFuzzer changes small valid files (`tests.knowledge.fuzzed`) and keeps the changes that reach new
lines of the readers and their Python libraries. Each target runs in a process of its own. A reader
may refuse with its own error. Any other error, more than 10 seconds or too much memory is a
finding; its bytes are written down, once for each place in the code.
"""

import argparse
import importlib.util
import json
import logging
import re
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, Final

MEMORY_MB: Final = 1_000
TIMEOUT_SECONDS: Final = 10
LONGEST_BYTES: Final = 8_192

_INSTRUMENTED: Final = (
    "knowledge",
    "bot.text.markdown",
    "pypdf",
    "mammoth",
    "cobble",
    "markdownify",
    "bs4",
    "docutils",
    "yaml",
    "frontmatter",
    "markdown_it",
    "mdurl",
    "zipfile",
    "csv",
    "protego",
    "h11",
    "httpcore2",
    "httpx2",
)
_FINDING: Final = re.compile(r"ERROR: libFuzzer: (?P<what>[^\n]*)")
_EXECUTED: Final = re.compile(r"#(?P<count>\d+)\t")
_HELD: Final = re.compile(r"rss: (?P<mb>\d+)Mb")


class Ledger:
    """Results of a target's inputs, saved now and then, because libFuzzer may end at any time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = 0.0
        self.counts = {"given": 0, "refused": 0, "netted": 0}
        self.findings: dict[str, str] = {}

    def add(self, outcome: str) -> None:
        self.counts[outcome] += 1
        if time.monotonic() - self._written > 1:
            self.write()

    def found(self, content: bytes, error: BaseException) -> None:
        """Keep an input, once for each place of an unexpected error."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        key = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
        if key not in self.findings:
            self.findings[key] = "".join(traceback.format_exception(error))[-3_000:]
            (self._folder / f"finding-{len(self.findings)}.bin").write_bytes(content)
            self.write()

    def write(self) -> None:
        self._written = time.monotonic()
        told = {"counts": self.counts, "findings": self.findings}
        (self._folder / "ledger.json").write_text(json.dumps(told, indent=1))


def fuzz(name: str, folder: Path, options: list[str]) -> None:
    """Fuzz one target in this process; ends it."""
    import atheris

    with atheris.instrument_imports(include=list(_INSTRUMENTED)):
        from tests.knowledge.fuzzed import TARGETS, import_libraries

        import_libraries()
    # Libraries' warnings are for their users; the bot's process hides them, too.
    warnings.simplefilter("ignore")
    logging.disable()
    target, ledger = TARGETS[name], Ledger(folder)

    def once(content: bytes) -> None:
        try:
            ledger.add(target.run(content))
        except Exception as error:  # noqa: BLE001 - any error is a finding
            ledger.found(content, error)

    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
        once(seed)
    if target.words:
        words = folder / "words.txt"
        words.write_text("".join(f'"{_escape(word)}"\n' for word in target.words))
        options = [*options, f"-dict={words}"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


def _escape(word: bytes) -> str:
    return "".join(chr(c) if 32 <= c < 127 and chr(c) not in '"\\' else f"\\x{c:02x}" for c in word)


def fuzz_apart(name: str, folder: Path, seconds: int) -> str:
    """Fuzz one target in a process of its own; the target's row of the table."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.fuzzing", "--only", name]
    command += ["--findings", str(folder), "--"]
    command += [f"-max_total_time={seconds}", f"-timeout={TIMEOUT_SECONDS}"]
    command += [f"-rss_limit_mb={MEMORY_MB}", f"-max_len={LONGEST_BYTES}"]
    command += [f"-artifact_prefix={folder}/", "-print_final_stats=1"]
    begun = time.monotonic()
    log = folder / "log.txt"
    with log.open("wb") as output:
        # This very program.
        subprocess.run(command, stdout=output, stderr=output, check=False)  # noqa: S603
    minutes = (time.monotonic() - begun) / 60
    return _row(name, minutes, log.read_text(errors="replace"), folder / "ledger.json")


def _row(name: str, minutes: float, log: str, ledger: Path) -> str:
    told: dict[str, Any] = json.loads(ledger.read_text())
    counts = told["counts"]
    findings = [*told["findings"], *(match["what"] for match in _FINDING.finditer(log))]
    executed = max((int(match["count"]) for match in _EXECUTED.finditer(log)), default=0)
    held = max((int(match["mb"]) for match in _HELD.finditer(log)), default=0)
    shares = [f"{counts[key] / max(sum(counts.values()), 1):.0%}" for key in counts]
    return (
        f"| {name} | {executed:,} | {minutes:.1f} | {' | '.join(shares)} | {held} | "
        f"{'; '.join(findings) or 'none'} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", help="which targets; all of them without any")
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--findings", type=Path, help="where inputs and logs are kept")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        fuzz(asked.only, asked.findings, asked.targets)
        return
    if importlib.util.find_spec("atheris") is None:
        sys.exit("Fuzzing needs `pip install -e '.[fuzz]'`, in an environment of its own.")
    from tests.knowledge.fuzzed import TARGETS

    print("| target | executions | minutes | read | refused | by the last net | MB | findings |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.findings or Path(temporary)
        for name in asked.targets or TARGETS:
            print(fuzz_apart(name, folder / name, asked.seconds), flush=True)


if __name__ == "__main__":
    main()
