"""Tables of contents and stubs: passages that only lead to other text. Pure."""

import re
from collections.abc import Set
from typing import Final

from indexer.text.analyzer import is_stop_word, word_set
from indexer.text.sentences import LIST_MARKER
from knowledge.languages.vocabularies import ENGLISH
from knowledge.text import QUESTION_MARKS

# Least number of lines of a table of contents, and their least share of a passage's characters.
LEAST_LINES: Final = 3
LEAST_SHARE: Final = 0.6
# The most characters of a stub, and the most words that its title lacks.
STUB_CHARACTERS: Final = 80
STUB_WORDS: Final = 2

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


def is_stub(title: str, text: str) -> bool:
    """Whether a document is a sentence that says hardly more than its title."""
    # A short answer to a question is no stub.
    says_more = title.endswith(QUESTION_MARKS) or any(map(str.isdigit, text))
    if says_more or len(text) > STUB_CHARACTERS or _HEADING.search(text):
        return False
    new = word_set(text) - word_set(title)
    return len([word for word in new if not is_stop_word(word, ENGLISH)]) <= STUB_WORDS


def _only_leads(line: str, headings: Set[str]) -> bool:
    if _words(_LINK.sub(lambda link: link["label"], line)) in headings:
        return True
    links = [*_LINK.finditer(line)]
    within = bool(links) and not any("://" in link["target"] for link in links)
    rest = _LINK.sub(" ", line) if within else _TAG.sub(" ", line)
    return (within or rest != line) and not _WORD.search(rest)


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
