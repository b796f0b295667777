"""Relative words in docstrings, comments and documents: `make check` fails above a ceiling.

    python -m tests.prose [--worst N] [PATH ...]

Counted are *what, who, whoever, which, that, those* and *whose* in 100 words, and free relatives
("what is", "who may", "of which") in 1,000 words. A ceiling only ever falls. Code in backticks
and code blocks are left out.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
RELATIVE: Final = re.compile(r"\b(?:what|who|whoever|which|that|those|whose)\b", re.IGNORECASE)
FREE: Final = re.compile(
    r"\b(?:what(?:ever)?|who(?:ever)?)"
    r" (?:is|was|are|were|may|can|has|have|had|does|did|will|must)\b"
    r"|\b(?:of|to|in|from|by|with|for|at|on) (?:which|whom|whose|what|whoever)\b"
    r"|\bthat which\b|\bthose (?:who|that|which)\b",
    re.IGNORECASE,
)
WORD: Final = re.compile(r"[A-Za-z][A-Za-z'’-]*")
NOT_PROSE: Final = re.compile(r"```.*?```|<!--.*?-->|`[^`\n]*`|https?://\S+", re.DOTALL)

# By part: relative words in 100 words, free relatives in 1,000.
CEILINGS: Final = {
    "bot": (2.0, 1.4),
    "indexer": (1.5, 0.5),
    "knowledge": (1.2, 0.7),
    "docs": (1.0, 0.7),
    "benchmarks": (0.7, 0.4),
}


class Passage(NamedTuple):
    """A docstring, a run of comment lines or a document's paragraph."""

    place: str
    text: str


class Figures(NamedTuple):
    words: int
    relative: int
    free: int

    @property
    def rates(self) -> tuple[float, float]:
        """Relative words in 100 words, free relatives in 1,000."""
        return 100 * self.relative / max(1, self.words), 1_000 * self.free / max(1, self.words)


def figures(texts: Iterator[str] | list[str]) -> Figures:
    words = relative = free = 0
    for text in texts:
        prose = NOT_PROSE.sub(" ", text)
        words += len(WORD.findall(prose))
        relative += len(RELATIVE.findall(prose))
        free += len(FREE.findall(prose))
    return Figures(words, relative, free)


def _of_code(path: Path) -> Iterator[Passage]:
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield Passage(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", docstring)
    run: list[str] = []
    last = -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if run and token.start[0] != last + 1:
                yield Passage(f"{path.relative_to(ROOT)}:{last}", " ".join(run))
                run = []
            run.append(token.string.lstrip("# "))
            last = token.start[0]
    if run:
        yield Passage(f"{path.relative_to(ROOT)}:{last}", " ".join(run))


def _of_document(path: Path) -> Iterator[Passage]:
    text = NOT_PROSE.sub(lambda found: "\n" * found[0].count("\n"), path.read_text("utf-8"))
    line = 1
    for paragraph in text.split("\n\n"):
        yield Passage(f"{path.relative_to(ROOT)}:{line}", paragraph)
        line += paragraph.count("\n") + 2


def passages(path: Path) -> Iterator[Passage]:
    """The prose of a file, or of all files of a folder."""
    if path.is_dir():
        for inside in sorted([*path.rglob("*.py"), *path.rglob("*.md")]):
            if "articles" not in inside.parts:
                yield from passages(inside)
    else:
        yield from _of_document(path) if path.suffix == ".md" else _of_code(path)


def _parts() -> dict[str, list[Path]]:
    parts = {name: [ROOT / name] for name in CEILINGS}
    parts["docs"] += [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    return parts


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--worst", type=int, default=0, help="show so many passages")
    given = parser.parse_args()
    parts = {str(path): [path.resolve()] for path in given.paths} or _parts()
    failed = False
    for name, paths in parts.items():
        found = [passage for path in paths for passage in passages(path)]
        counted = figures([passage.text for passage in found])
        relative, free = counted.rates
        ceiling = CEILINGS.get(name)
        above = ceiling is not None and (relative > ceiling[0] or free > ceiling[1])
        failed |= above
        sys.stdout.write(
            f"{name}: {counted.words} words, {relative:.2f} relative words in 100,"
            f" {free:.1f} free relatives in 1,000{' - above the ceiling' if above else ''}\n"
        )
        found.sort(key=lambda passage: -sum(figures([passage.text])[1:]))
        for passage in found[: given.worst]:
            sys.stdout.write(f"\n{passage.place}\n{passage.text}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(_main())
