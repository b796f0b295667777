"""Disagreement between two quoted notes, as the line that stands between them. Pure."""

from typing import Final

from bot.text.languages import Sentence
from bot.text.markdown import plain
from indexer.contradictions.detector import Contradiction, Statement
from knowledge.values.guilds import Language

# So much of each of two sentences that disagree is repeated, around what differs.
DISAGREEMENT_CHARACTERS: Final = 140


_DISAGREE: Final = Sentence("⚠ These two notes disagree: {left} and {right}")


def disagreement(found: Contradiction, language: Language = Language.ENGLISH) -> str:
    """Between two quoted notes that say different things: both sentences, what differs in bold."""
    return _DISAGREE(language, left=_differing(found.left), right=_differing(found.right))


def _differing(statement: Statement) -> str:
    """A sentence on one line with what differs in bold; a long one is cut around that."""
    text, spans = statement.text, statement.differing
    first, last = spans[0][0], spans[-1][1]
    spare = max(DISAGREEMENT_CHARACTERS - (last - first), 0) // 2
    start = first - spare if first > spare else 0
    end = min(max(last + spare, start + DISAGREEMENT_CHARACTERS), len(text))
    parts: list[str] = ["… " if start else ""]
    position = start
    for a, b in spans:
        parts += [_line(text[position:a]), f"**{_line(text[a:b]).strip()}**"]
        position = b
    parts += [_line(text[position:end]), " …" if end < len(text) else ""]
    return f"“{''.join(parts).strip()}”"


def _line(text: str) -> str:
    """A part of a line, made safe, with the blanks at its ends that `plain` takes off."""
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{plain(text)}{after}"
