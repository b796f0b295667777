"""Cost of a second run over files that have not changed, and of a change.

    python benchmarks/rescanning.py --files 10000

Each run is `commonplace index` as a process of its own, on a temporary folder. Beside its whole
time stands that of the look at the sources alone, which a running bot repeats.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from indexer.index.file_records import records
from indexer.index.sqlite_file import SQLiteConnection
from knowledge.files.scan import scan
from knowledge.values.documents import SHARED

OLD = 1_700_000_000
FOLDER_FILES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="commonplace-rescanning-") as temporary:
        folder = Path(temporary)
        make(folder / "files", arguments.files)
        print(f"| run over {arguments.files:,} files | seconds | embedded | the look alone |")
        print("|---|---|---|---|")
        measure("first", folder)
        measure("nothing changed", folder)
        measure("nothing changed, again", folder)
        (folder / "files" / "0").rename(folder / "files" / "moved")
        measure(f"a folder of {FOLDER_FILES} moved", folder)
        write(folder / "files" / "moved" / "0.md", "A new text.")
        measure("one edited", folder)


def make(folder: Path, count: int) -> None:
    for n in range(count):
        write(folder / str(n // FOLDER_FILES) / f"{n}.md", f"# File {n}\n\nWhat file {n} says.")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (OLD, OLD))


def measure(name: str, folder: Path) -> None:
    look = look_seconds(folder)
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-m", "bot", "index", folder / "files", "--json"],
        env={**os.environ, "COMMONPLACE_DATA": str(folder / "data")},
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds = time.perf_counter() - started
    report: dict[str, Any] = json.loads(done.stdout)
    assert not report["failed"]
    print(f"| {name} | {seconds:.2f} | {report['embedded']:,} | {look:.2f} |", flush=True)


def look_seconds(folder: Path) -> float:
    path = folder / "data" / "index" / "index.db"
    if not path.exists():
        return 0.0
    started = time.perf_counter()
    *_, _look = scan(
        [(str(folder / "files"), SHARED)],
        {},
        records(SQLiteConnection(path.parent, {})),
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
