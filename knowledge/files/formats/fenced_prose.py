"""Code fences of Markdown that hold no code: prose, and links that a page shows as cards.

A page shows such a fence with its marks, or as a box; quoted, its text would be one block of code
of which nothing can be marked, or an address that can't be pressed. Each line stays the line it
was. Pure.
"""

import re
from typing import Final

_OPENING: Final = re.compile(r"[ \t]{0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^`\n]*)\Z")
_CARD: Final = "embed"
_LANGUAGES: Final = frozenset({"markdown", "md"})
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']{1,2000}")
# What an example of Markdown has, and a text that is only fenced has not.
_EXAMPLE: Final = re.compile(
    r"^[ \t]*(?:#|---|\||[`~]{3})|\]\(|</?[a-z][\w-]*[\s/>]|\{[{%]|:::",
    re.MULTILINE | re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"[.!?](?=[*_\s)]|\Z)|[。！？]")
_SENTENCES: Final = 4
_WORDS: Final = 60


def without_prose_fences(lines: list[str]) -> list[str]:
    """The lines of a Markdown text without the fences that hold no code."""
    found = [*lines]
    place = 0
    while place < len(found):
        opened = _OPENING.match(found[place])
        if opened is None:
            place += 1
            continue
        after = _closing(found, place + 1, opened["mark"])
        shown = _shown(found[place + 1 : after], opened["info"].strip().lower())
        if shown is not None and after < len(found):
            found[place : after + 1] = ["", *shown, ""]
        place = after + 1
    return found


def _closing(lines: list[str], first: int, mark: str) -> int:
    """The line that closes a fence; behind the last one if none does."""
    for place in range(first, len(lines)):
        stripped = lines[place].strip()
        if stripped.startswith(mark) and not stripped.strip(mark[0]):
            return place
    return len(lines)


def _shown(inside: list[str], language: str) -> list[str] | None:
    """The lines that a page would show instead of a fence; None where it holds code."""
    text = "\n".join(inside)
    if language == _CARD:
        addresses = _ADDRESS.findall(text)
        if len(addresses) != 1:
            return None
        return [found[0] if (found := _ADDRESS.search(line)) else "" for line in inside]
    return inside if language in _LANGUAGES and _is_prose(text) else None


def _is_prose(text: str) -> bool:
    return (
        _EXAMPLE.search(text) is None
        and len(_SENTENCE_END.findall(text)) >= _SENTENCES
        and len(text.split()) >= _WORDS
    )
