"""Tables of contents and stubs: passages that only lead to other text. Pure."""

import re
from collections.abc import Set
from typing import Final

from indexer.text.sentences import LIST_MARKER

# Least number of lines of a table of contents, and their least share of a passage's characters.
LEAST_LINES: Final = 3
LEAST_SHARE: Final = 0.6
# A document with less text than this, without code, is a stub.
STUB_CHARACTERS: Final = 60

_HEADING: Final = re.compile(r"^[ ]{0,3}#{1,6}[ \t]+([^\n]{1,300}?)[ \t]*#*$", re.MULTILINE)
_UNDERLINED: Final = re.compile(r"^([^\s#>|`-][^\n]{0,299})\n(?:={3,}|-{3,})$", re.MULTILINE)
_LINK: Final = re.compile(r"!?\[(?P<label>[^\[\]\n]{0,300})\]\(<?(?P<target>[^()<>\s]{0,500})>?\)")
_TAG: Final = re.compile(r"#[\w-]{1,50}|`[\w-]{1,50}`")
_WORD: Final = re.compile(r"\w+")


def headings_in(text: str) -> frozenset[str]:
    """The words of each heading of a Markdown text."""
    found = (*_HEADING.findall(text), *_UNDERLINED.findall(text))
    return frozenset(map(_words, found)) - {""}


def is_contents(passage: str, headings: Set[str]) -> bool:
    """Whether a passage is mostly links within its site, headings of its own page, or tags.

    `headings` are those of the page (`headings_in`).
    """
    lines = [LIST_MARKER.sub("", line, count=1).strip() for line in passage.split("\n")]
    lines = [line for line in lines if line]
    leading = [line for line in lines if _only_leads(line, headings)]
    share = sum(map(len, leading)) / max(sum(map(len, lines)), 1)
    return len(leading) >= LEAST_LINES and share >= LEAST_SHARE


def is_stub(document_text: str) -> bool:
    """Whether a document has hardly any text besides its headings."""
    text = _LINK.sub(lambda link: link["label"], _HEADING.sub("", document_text))
    return "```" not in text and len(" ".join(text.split())) < STUB_CHARACTERS


def _only_leads(line: str, headings: Set[str]) -> bool:
    if _words(_LINK.sub(lambda link: link["label"], line)) in headings:
        return True
    links = [*_LINK.finditer(line)]
    within = bool(links) and not any("://" in link["target"] for link in links)
    rest = _LINK.sub(" ", line) if within else _TAG.sub(" ", line)
    return (within or rest != line) and not _WORD.search(rest)


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
