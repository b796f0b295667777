"""A file of any supported format → its title, Markdown and front matter.

What a file *is* is read from its bytes, never from its name: a picture called `notes.md` is
refused with a sentence. Plain text in numbered sections becomes Markdown headings, so that it is
cut where its author cut it; its tables are left as they are.

Errors:
    Exception
    └── UnreadableError    the file can't be read; the message is the sentence to show
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import yaml
from frontmatter.default_handlers import YAMLHandler
from markdown_it import MarkdownIt

SUFFIXES: Final = frozenset({".md", ".markdown", ".txt"})

# A book of 1,000 pages has about 3 MB of text. Above this a file is more likely to be a dump than
# something to quote from, and it would be held in memory whole.
MAX_BYTES: Final = 10_000_000

# No writing contains these control characters, and every common binary format does.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NUMBERED = re.compile(r"(?P<number>\d{1,3})[.)]\s+(?P<title>\S.{0,98})")
_SETEXT_OR_SENTENCE_END: Final = (".", ";", ",", ":")


class UnreadableError(Exception):
    """The file can't be read; the message says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: its title, its Markdown without front matter, and the front matter."""

    title: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tags(self) -> tuple[str, ...]:
        """The front matter's tags, whatever YAML made of them."""
        tags = self.metadata.get("tags") or ()
        if isinstance(tags, str):
            tags = re.split(r"[,\s]+", tags)
        return tuple(str(tag) for tag in tags) if isinstance(tags, list | tuple) else ()

    @property
    def verified(self) -> date | None:
        """When the front matter says somebody last checked the text."""
        value = self.metadata.get("verified")
        if isinstance(value, datetime):
            return value.date()
        return value if isinstance(value, date) else None

    @property
    def link(self) -> str:
        """Where the text comes from: the front matter's `link`, `url` or first source."""
        for key in ("link", "url", "source"):
            value = self.metadata.get(key)
            if isinstance(value, str) and value.startswith(("http://", "https://")):
                return value
        sources = self.metadata.get("sources")
        if isinstance(sources, list):
            for source in sources:
                if isinstance(source, dict) and str(source.get("url", "")).startswith("http"):
                    return str(source["url"])
        return ""


def read(path: Path) -> Reading:
    """Read a Markdown or plain-text file.

    Raises:
        UnreadableError: if it is too large, empty, binary, in an unknown encoding, has broken
            front matter, or the system refuses to read it.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UnreadableError(
                f"has {size / 1e6:,.1f} MB; {MAX_BYTES / 1e6:,.0f} MB is the most. Split it."
            )
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"can't be read: {error.strerror or error}.") from error
    markdown = path.suffix.lower() != ".txt"
    return read_bytes(content, name=path.stem, markdown=markdown)


def read_bytes(content: bytes, *, name: str, markdown: bool = True) -> Reading:
    """Read the content of a Markdown or plain-text file.

    Args:
        content: the file's bytes.
        name: what to call the document where it has no title of its own.
        markdown: whether `#` and front matter mean something; numbered sections are only
            looked for where they don't.

    Raises:
        UnreadableError: as `read`.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableError(
            f"has {len(content) / 1e6:,.1f} MB; {MAX_BYTES / 1e6:,.0f} MB is the most. Split it."
        )
    text = _decoded(content)
    if not text.strip():
        raise UnreadableError("is empty.")
    metadata: Mapping[str, Any] = {}
    if markdown:
        metadata, text = _front_matter(text)
        if not text.strip():
            raise UnreadableError("has front matter and nothing after it.")
    else:
        text = with_headings(text)
    title = str(metadata.get("title") or "").strip() or _first_heading(text) if markdown else ""
    return Reading(title or name.replace("_", " ").strip() or "Untitled", text, metadata)


def _decoded(content: bytes) -> str:
    """The text of `content`: UTF-8, or UTF-16 where a byte-order mark says so."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig"
        binary = _BINARY.search(content)
        if binary:
            raise UnreadableError(
                f"is not text: byte {binary.start():,} is 0x{content[binary.start()]:02x}. "
                "Only Markdown and plain text can be read."
            )
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"is not valid {encoding.removesuffix('-sig').upper()}: "
            f"byte {error.start:,} is 0x{content[error.start]:02x}. Save it as UTF-8."
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    """The YAML front matter, if there is any, and the text after it."""
    handler = YAMLHandler()
    if not handler.detect(text):
        return {}, text
    try:
        block, content = handler.split(text)
    except ValueError:
        # A rule on top with no second one below it is no front matter.
        return {}, text
    try:
        metadata = handler.load(block)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it can't be parsed"
        raise UnreadableError(f"has front matter that is not YAML{where}: {problem}.") from error
    except (ValueError, TypeError) as error:
        raise UnreadableError(f"has front matter with an impossible value: {error}.") from error
    if not isinstance(metadata, dict | None):
        raise UnreadableError("has front matter that is not a list of `key: value`.")
    return metadata or {}, content.strip()


def _first_heading(text: str) -> str:
    """The text of the first level-one heading, or nothing."""
    tokens = MarkdownIt("commonmark").parse(text)
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h1":
            return inline.content.strip()
    return ""


def with_headings(text: str) -> str:
    """Plain text with its numbered sections as Markdown headings; other text as it is.

    Lines such as `3. The Rise of Open-Source Software` are sections, not items of a list, if they
    count up from 1 and each is followed by text of its own. A short first line without a full
    stop, before the first section, heads what stands above it.
    """
    lines = text.split("\n")
    sections = _numbered_sections(lines)
    if len(sections) < 2:
        return text
    headed = [f"## {line.strip()}" if i in sections else line for i, line in enumerate(lines)]
    first = next(i for i, line in enumerate(lines) if line.strip())
    opening = lines[first].strip()
    if first < min(sections) and len(opening) <= 60 and not opening.endswith("."):
        headed[first] = f"## {opening}"
    # A heading ends the paragraph above it only with a blank line between them.
    return "\n".join(f"\n{line}\n" if line.startswith("## ") else line for line in headed)


def _numbered_sections(lines: list[str]) -> set[int]:
    """The positions of lines that open a numbered section; empty if they are a mere list."""
    sections: list[int] = []
    for position, line in enumerate(lines):
        match = _NUMBERED.fullmatch(line.strip())
        if match is None or match["title"].endswith(_SETEXT_OR_SENTENCE_END):
            continue
        if int(match["number"]) == len(sections) + 1:
            sections.append(position)
    for start, end in itertools.pairwise([*sections, len(lines)]):
        if not any(line.strip() for line in lines[start + 1 : end]):
            return set()
    return set(sections)
