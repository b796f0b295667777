"""Text of a model's lines above an answer, with the numbers of the cited quotations. Pure.

Sentences chosen from the passages are quoted verbatim. Sentences written by the model are plain
text without bold, links or mentions.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.answers.phrased import Line, Phrased
from bot.text.languages import Sentence
from bot.text.markdown import plain, quotation, safe_markdown, shorten, size
from indexer.text.sentences import FENCES, LIST_MARKER

# The largest numbers of characters, so that a phone's screen shows the beginning of a quotation
# below, and of each further passage that a line cites.
LINES_CHARACTERS: Final = 420
FURTHER_CHARACTERS: Final = 180
# Longer text is not shown, because the quotations below would not fit into the message.
MOST_CHARACTERS: Final = 1_400

_BLOCK: Final = re.compile(rf"(?:{'|'.join(map(re.escape, FENCES))}|\||>|#)")

_UNDER_WAY: Final = Sentence("A language model may add to this until {time}.")
_CHOSEN: Final = Sentence("Chosen word for word by {model} from the passages quoted below.")
_PHRASED: Final = Sentence(
    "Written by {model} from the quotes below. Numbers, names and negations were checked, but read "
    "the quotes."
)
QUOTES_LABELS: Final[Mapping[str, Sentence]] = {"quotes": Sentence("Quotes only")}
_MODEL_CHARACTERS: Final = 60


def phrased_text(phrased: Phrased, numbers: Mapping[int, int]) -> tuple[str, ...]:
    """The model's lines above the quotations, and a label with the model's name.

    `numbers` maps the position of a quote in the answer to the number that readers see; both begin
    with 1. Empty if there are no lines, or the text is too long.
    """
    cited: list[tuple[Line, str]] = []
    for line in _fitting(phrased.lines):
        seen = {numbers[number] for number in line.numbers if number in numbers}
        cited.append((line, "".join(f"[{number}]" for number in sorted(seen))))
    if not cited:
        return ()
    verbatim = all(line.verbatim for line, _ in cited)
    if verbatim:
        text = quotation(_join(cited))
    else:
        text = " ".join(f"{plain(line.text)} {cite}".strip() for line, cite in cited)
    if size(text) > MOST_CHARACTERS:
        return ()
    return text, label(phrased.model, verbatim=verbatim)


def cited_places(phrased: Phrased) -> list[int]:
    """The indexes of the quotes that the shown lines cite."""
    numbers = (number - 1 for line in _fitting(phrased.lines) for number in line.numbers)
    return list(dict.fromkeys(numbers))


def _fitting(lines: Sequence[Line]) -> list[Line]:
    """The first line, and as many more as fit a phone's screen with the passages they cite."""
    kept: list[Line] = []
    left, passages = LINES_CHARACTERS, set[int]()
    for line in lines:
        needed = size(line.text)
        if kept:
            needed += FURTHER_CHARACTERS * len({*line.numbers} - passages)
            if needed > left:
                break
        kept.append(line)
        left -= needed
        passages.update(line.numbers)
    return kept


def _join(lines: Sequence[tuple[Line, str]]) -> str:
    """Join lines in one paragraph; lists, code and tables start a new line."""
    text = ""
    block_before = False
    for line, cite in lines:
        block = "\n" in line.text or bool(_BLOCK.match(line.text) or LIST_MARKER.match(line.text))
        between = "\n" if block or block_before else " "
        # After a code fence or table row, a number on the same line would break the block.
        apart = "\n" if line.text.rstrip().endswith((*FENCES, "|")) else " "
        # All bold marks are removed if one of them is unpaired.
        shown = line.text if line.text.count("**") % 2 == 0 else line.text.replace("**", "")
        text += f"{between if text else ''}{safe_markdown(shown)}{apart}{cite}"
        block_before = block
    return text


def under_way(until: datetime) -> str:
    """The line below an answer while a model works on additions, until the time `until`."""
    return f"-# {_UNDER_WAY(time=f'<t:{math.ceil(until.timestamp())}:T>')}"


def label(model: str, *, verbatim: bool) -> str:
    """The line below a model's lines, with the model's name."""
    named = plain(shorten(model, _MODEL_CHARACTERS))
    return f"-# {(_CHOSEN if verbatim else _PHRASED)(model=named)}"
