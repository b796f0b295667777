"""Parsers of Markdown and plain text: encodings, front matter, titles, numbered sections.

In plain text, the titles of numbered sections become Markdown headings, so passages end where the
author's sections end. Tables in plain text stay unchanged.
"""

import itertools
import re
import unicodedata
from typing import Final

from markdown_it import MarkdownIt

from knowledge.files.formats.front_matter import FrontMatter, parsed_front_matter
from knowledge.files.formats.myst import without_myst
from knowledge.files.formats.site_markup import fence_after, without_site_markup
from knowledge.files.parsed_file import WIDE, ParsedFile, UnreadableError
from knowledge.files.site_addresses import without_own_id

# A heading further down is the title of a part.
TOP_CHARACTERS: Final = 50_000
# The most text above the title, such as badges or a note.
ABOVE_CHARACTERS: Final = 300

# Generic headings and file names, which are no titles.
_GENERIC: Final = frozenset({"contents", "home", "index", "introduction", "overview", "readme"})

# Delimiters of front matter: YAML, and TOML as in Hugo and Zola.
_TOML: Final = re.compile(
    r"\s{0,99}\+\+\+[ \t]{0,99}\n(?P<block>.*?)^\+\+\+[ \t]{0,99}$", re.DOTALL | re.MULTILINE
)
_YAML: Final = re.compile(
    r"\s{0,99}---[ \t]{0,99}(?P<block>\n.*?)^(?:---|\.\.\.)[ \t]{0,99}$", re.DOTALL | re.MULTILINE
)
# The first line of a mapping, behind comments.
_KEY: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*[\"']?\w[^\n:]{0,99}:(?:\s|\Z)")

# A line in bold that stands for a heading, in a long text without headings.
_LABEL: Final = re.compile(
    r"(?P<mark>\*\*|__)(?P<words>[^\s*_][^*_\n]{0,60})(?P=mark)(?P<colon>:?)[ \t]*\Z"
)
_LABELS: Final = 3
_LABELLED_CHARACTERS: Final = 3_000
_HEADING: Final = re.compile(r" {0,3}#{1,6}(?:[ \t]|\Z)")
_UNDERLINE: Final = re.compile(r" {0,3}(?:=+|-+)[ \t]*\Z")

# A book of 1,000 pages has 40,000 lines.
MAX_LINES: Final = 200_000

# Parse only blocks: inline Markdown can be made to take the parser hours.
_MARKDOWN = MarkdownIt("commonmark").disable("inline")

# Control characters of binary formats, which no text contains.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# Controls, unassigned and private characters.
_MEANINGLESS: Final = frozenset({"Cc", "Cn", "Co", "Cs"})
_SPACES: Final = "\t\n\r\v\f\x1b\x85"
_JUDGED_CHARACTERS: Final = 4_000
_SHORT_CHARACTERS: Final = 40
_COMMON_SHARE: Final = 40
_NUMBERED = re.compile(r"(?P<number>\d{1,3})[.)]\s+(?P<title>\S.{0,98})")
_SETEXT_OR_SENTENCE_END: Final = (".", ";", ",", ":")


def decode(content: bytes) -> str:
    """Decode UTF-8, or UTF-16 or UTF-32 with a byte-order mark.

    Raises UnreadableError if the content is binary, in another encoding, or has too many lines.
    """
    encoding = next((name for mark, name in WIDE.items() if content.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig":
        binary = _BINARY.search(content)
        if binary:
            raise UnreadableError(
                f"is not text: byte {binary.start():,} is 0x{content[binary.start()]:02x}. Text, "
                "Markdown, reStructuredText, HTML, PDF, Word, CSV, JSON and zip files can be read."
            )
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"is not valid {encoding.removesuffix('-sig').upper()}: "
            f"byte {error.start:,} is 0x{content[error.start]:02x}. Save it as UTF-8."
        ) from error
    if encoding != "utf-8-sig" and not _is_writing(text):
        raise UnreadableError(
            f"begins like {encoding.upper()} and goes on as no writing does. Save it as UTF-8."
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.count("\n")
    if lines > MAX_LINES:
        raise UnreadableError(f"has {lines:,} lines; the limit is {MAX_LINES:,}. Split it.")
    return text


def _is_writing(text: str) -> bool:
    """Whether text decoded from UTF-16 or UTF-32 is plausible. Nearly any bytes can be decoded.

    Text in every script has some spaces, line ends or punctuation, and no unassigned characters.
    """
    head = text[:_JUDGED_CHARACTERS]
    if any(unicodedata.category(sign) in _MEANINGLESS and sign not in _SPACES for sign in head):
        return False
    common = sum(sign < "\u0100" or unicodedata.category(sign)[0] in "ZP" for sign in head)
    return len(head) < _SHORT_CHARACTERS or common * _COMMON_SHARE >= len(head)


def parse_markdown(text: str, name: str) -> ParsedFile:
    """Parse Markdown; UnreadableError if its front matter is broken, or no text follows."""
    matter, text, first_line = front_matter(text)
    if not text.strip():
        raise UnreadableError("has front matter and nothing after it.")
    written, text = text, without_myst(with_label_headings(text))
    if text.count("\n") != written.count("\n"):
        first_line = 0
    text = without_site_markup(text)
    if not text.strip():
        raise UnreadableError("has nothing but comments and markup.")
    heading = first_heading(text)
    return ParsedFile(
        title=matter.title or ("" if is_generic(heading) else heading) or name,
        page=matter.page,
        text=text,
        tags=matter.tags,
        verified=matter.verified,
        link=matter.link,
        hidden=matter.hidden,
        first_line=first_line,
    )


def parse_plain(text: str, name: str) -> ParsedFile:
    """Parse plain text, where `#` doesn't mark a heading, and front matter is text."""
    headed = with_headings(text)
    return ParsedFile(name, headed, first_line=1 if headed == text else 0)


def front_matter(text: str) -> tuple[FrontMatter, str, int]:
    """Split a text into front matter, the text below, and the line number of the text below.

    A block between two horizontal rules is text if its first line isn't `key: value`.
    """
    if (found := _TOML.match(text)) is not None and "=" in found["block"]:
        matter = parsed_front_matter(found["block"], toml=True)
    elif (found := _YAML.match(text)) is not None and (
        not found["block"].strip() or _KEY.match(found["block"])
    ):
        matter = parsed_front_matter(found["block"])
    else:
        return FrontMatter(), text, 1
    content = text[found.end() :].strip()
    # Front matter may contain the text's first words, so the last occurrence counts.
    return matter, content, text.count("\n", 0, text.rindex(content)) + 1


def is_generic(title: str) -> bool:
    """Whether a title is too generic to name a document."""
    return title.strip(" _.").casefold() in _GENERIC


def first_heading(text: str) -> str:
    """The heading near the top that titles the whole text; empty if there is none.

    It is the only heading of the highest level, with at most `ABOVE_CHARACTERS` of text above.
    """
    tokens = _MARKDOWN.parse(text[:TOP_CHARACTERS])
    headings = [
        (token.tag, place, without_own_id(inline.content.strip()))
        for place, (token, inline) in enumerate(itertools.pairwise(tokens))
        if token.type == "heading_open" and token.level == 0
    ]
    highest = min((tag for tag, _, _ in headings), default="")
    found = [(place, heading) for tag, place, heading in headings if tag == highest]
    if len(found) != 1:
        return ""
    [(place, heading)] = found
    above = sum(len(token.content) for token in tokens[:place])
    return heading if above <= (ABOVE_CHARACTERS if highest == "h1" else 0) else ""


def with_label_headings(text: str) -> str:
    """Make Markdown headings of lines in bold, if the text is long and has no heading."""
    if len(text) < _LABELLED_CHARACTERS or ("**" not in text and "__" not in text):
        return text
    lines = text.split("\n")
    labels: dict[int, str] = {}
    above = fence = ""
    for place, line in enumerate(lines):
        before, fence = fence, fence_after(line, fence)
        if not (before or fence):
            if _HEADING.match(line) or (above.strip() and _UNDERLINE.match(line)):
                return text
            label = _LABEL.match(line) if not above.strip() else None
            if label is not None and not label["words"].endswith((".", "!", ",", ";")):
                labels[place] = f"## {label['words'].strip().removesuffix(':')}"
        above = line
    if len(labels) < _LABELS:
        return text
    return "\n".join(labels.get(place, line) for place, line in enumerate(lines))


def with_headings(text: str) -> str:
    """Make Markdown headings of numbered sections in plain text.

    Lines such as `3. The Rise of Open-Source Software` begin sections, and aren't items of a list,
    if they count up from 1 and text follows each line. A short first line without a full stop,
    before the first section, becomes the heading of the text below it.
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
    # A heading needs a blank line above it.
    return "\n".join(f"\n{line}\n" if line.startswith("## ") else line for line in headed)


def _numbered_sections(lines: list[str]) -> set[int]:
    """The positions of lines that open a numbered section; empty for a numbered list."""
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
