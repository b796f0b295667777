"""Lines of other files (`literalinclude`) in pages of Sphinx projects, put in before parsing.

The parser opens no file, so the source's reader is asked for each: it reads visible files of the
same source only. A page has at most `MOST_FILES` of them, each with `MOST_LINES`. The directive of
any other file stays, and the parsers show nothing of it.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

MOST_FILES: Final = 50
MOST_LINES: Final = 300
MOST_BYTES: Final = 200_000

_WORD: Final = b"literalinclude"
_RST: Final = re.compile(
    r"(?P<lead>[ \t]{0,40})\.\. literalinclude::[ \t]+(?P<path>\S{1,300})\s*\Z"
)
_MYST: Final = re.compile(
    r"(?P<lead>[ \t]{0,40})(?P<mark>[`~:]{3,40})\{literalinclude\}[ \t]+(?P<path>\S{1,300})\s*\Z"
)
_OPTION: Final = re.compile(r"[ \t]{0,40}+:(?P<key>[a-z-]{1,30}):(?P<value>[^\n]*)\Z")
_RANGE: Final = re.compile(r"(?P<first>\d{1,6})?(?P<to>-)?(?P<last>\d{1,6})?\Z")
_LANGUAGES: Final = {
    ".py": "python", ".pyi": "python", ".js": "js", ".ts": "ts", ".sh": "sh", ".toml": "toml",
    ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".html": "html", ".css": "css", ".c": "c",
    ".cpp": "cpp", ".h": "c", ".rs": "rust", ".go": "go", ".java": "java", ".ini": "ini",
    ".cfg": "ini", ".rst": "rst", ".md": "md", ".sql": "sql", ".xml": "xml",
}  # fmt: skip

Reader = Callable[[PurePosixPath], bytes | None]


def with_inclusions(content: bytes, path: PurePosixPath, read: Reader) -> bytes:
    """A page with the lines of the files in its `literalinclude` directives as code.

    `read` gives a file of the source by its path, None if there is no such file.
    """
    if _WORD not in content:
        return content
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError:
        return content
    found: list[str] = []
    place, left = 0, MOST_FILES
    while place < len(lines):
        line = lines[place]
        directive = _RST.match(line) or _MYST.match(line) if "literalinclude" in line else None
        if directive is None or not left:
            found.append(line)
            place += 1
            continue
        left -= 1
        end = next(
            (i for i in range(place + 1, len(lines)) if _OPTION.match(lines[i]) is None), len(lines)
        )
        matches = [_OPTION.match(line) for line in lines[place + 1 : end]]
        options = {option["key"]: option["value"].strip() for option in matches if option}
        included = _read_target(directive["path"], path, read)
        if included is None:
            found += lines[place:end]
        else:
            found += _as_code(directive, options, included)
        place = end
    return "\n".join(found).encode()


def _read_target(target: str, page: PurePosixPath, read: Reader) -> list[str] | None:
    """The lines of an included file; None if it isn't a text of the source."""
    # An absolute path begins at the project's folder, which is one of those above the page.
    folders = [page.parent, *page.parent.parents] if target.startswith("/") else [page.parent]
    for folder in folders:
        file = PurePosixPath(posixpath.normpath(folder / target.lstrip("/")))
        if file.is_absolute() or any(part.startswith(".") for part in file.parts):
            continue
        content = read(file)
        if content is not None and len(content) <= MOST_BYTES and b"\0" not in content:
            return content.decode(errors="replace").replace("\r\n", "\n").rstrip("\n").split("\n")
    return None


def _as_code(
    directive: re.Match[str], options: Mapping[str, str], included: Sequence[str]
) -> Iterator[str]:
    """The lines of a directive with code instead of `literalinclude`."""
    suffix = PurePosixPath(directive["path"]).suffix.lower()
    language = options.get("language") or _LANGUAGES.get(suffix, "")
    chosen = _select(included, options)
    indent = min((len(line) - len(line.lstrip()) for line in chosen if line.strip()), default=0)
    lines = [line[indent:].rstrip() for line in chosen[:MOST_LINES]]
    lead = directive["lead"]
    if directive.re is _RST:
        yield from (f"{lead}.. code-block:: {language}".rstrip(), "")
        yield from (f"{lead}    {line}" if line.strip() else "" for line in lines)
        yield ""
    else:
        yield f"{lead}{directive['mark']}{{code-block}} {language}".rstrip()
        # A line that would end the directive is left out.
        yield from (f"{lead}{line}" for line in lines if directive["mark"] not in line)


def _select(lines: Sequence[str], options: Mapping[str, str]) -> Sequence[str]:
    """The lines chosen by a directive's options."""
    if name := options.get("pyobject"):
        lines = _object(lines, name)
    if numbers := options.get("lines"):
        lines = [line for first, last in _ranges(numbers) for line in lines[first:last]]
    for key, shift in (("start-at", 0), ("start-after", 1)):
        if key in options:
            place = next((i for i, line in enumerate(lines) if options[key] in line), len(lines))
            lines = lines[place + shift :]
    for key, shift in (("end-at", 1), ("end-before", 0)):
        if key in options:
            place = next((i for i, line in enumerate(lines) if options[key] in line), len(lines))
            lines = lines[: place + shift]
    return lines


def _ranges(numbers: str) -> Iterator[tuple[int, int]]:
    """The ranges of `1,3-5,8-`, counting from 0, without the last."""
    for part in numbers.split(",")[:MOST_LINES]:
        found = _RANGE.match(part.strip())
        if found is not None and (found["first"] or found["last"]):
            first = int(found["first"] or 1)
            last = int(found["last"]) if found["last"] else MOST_BYTES if found["to"] else first
            yield max(first, 1) - 1, min(last, first + MOST_LINES)


def _object(lines: Sequence[str], name: str) -> Sequence[str]:
    """The lines of a Python class or function, such as `Zoo.feed`; found by indentation."""
    for part in name.split("."):
        begins = (f"def {part}(", f"async def {part}(", f"class {part}(", f"class {part}:")
        first = next((i for i, line in enumerate(lines) if line.lstrip().startswith(begins)), None)
        if first is None:
            return []
        indent = len(lines[first]) - len(lines[first].lstrip())
        while first and lines[first - 1].startswith(f"{' ' * indent}@"):
            first -= 1
        below = (
            i
            for i, line in enumerate(lines)
            if i > first
            and line.strip()
            and len(line) - len(line.lstrip()) <= indent
            and not line.lstrip().startswith((*begins, "@", ")"))
        )
        lines = lines[first : next(below, len(lines))]
    return lines
