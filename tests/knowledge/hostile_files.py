"""Damaged files of every format, the same each time; a look into the process that reads them."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

from tests.knowledge.fuzzed import TARGETS

# The formats among what is fuzzed, by the names of files of them.
NAMES = {
    "Markdown": "a.md",
    "plain text": "a.txt",
    "CSV": "a.csv",
    "JSON": "a.json",
    "HTML": "a.html",
    "reStructuredText": "a.rst",
    "PDF": "a.pdf",
    "Word": "a.docx",
    "zip": "a.zip",
}


def hostile_files(kind: str, number: int) -> Iterator[bytes]:
    """So many files of a format, each damaged in another way: words, bits, ends, other files."""
    chance = random.Random(kind)  # noqa: S311 - the same each time
    target = TARGETS[kind]
    others = [seed for each in NAMES for seed in TARGETS[each].seeds]
    for _ in range(number):
        content = chance.choice(target.seeds)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(content) + 1)
            end = min(len(content), at + chance.randrange(200))
            other = chance.choice(others)
            content = chance.choice(
                [
                    content[:at] + chance.randbytes(chance.randrange(1, 9)) + content[at + 1 :],
                    content[:at] + chance.choice(target.words or (b"\xff",)) + content[at:],
                    content[:at] + content[at:end] * chance.randrange(300) + content[end:],
                    content[:at] + content[end:],
                    content[:at] + other[chance.randrange(len(other)) :],
                ]
            )[:1_000_000]
        yield content


def holds(process: int, secret: bytes) -> bool:
    """Whether a secret stands in the environment or anywhere in the memory of a process."""
    folder = Path(f"/proc/{process}")
    if secret in folder.joinpath("environ").read_bytes():
        return True
    with folder.joinpath("mem").open("rb", buffering=0) as memory:
        for line in folder.joinpath("maps").read_text().splitlines():
            places, rights, *_ = line.split()
            first, end = (int(place, 16) for place in places.split("-"))
            if rights.startswith("rw") and secret in _read(memory.fileno(), first, end):
                return True
    return False


def _read(memory: int, first: int, end: int) -> bytes:
    try:
        return os.pread(memory, end - first, first)
    except (OSError, OverflowError):
        return b""
