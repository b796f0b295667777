"""Choice of sentences: ids that a model named become sentences that somebody wrote. Pure.

Nothing can be shown that does not stand in the passages: the model's own words are never read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.answers.phrased import Line
from bot.phrasing.replies import Chosen
from bot.phrasing.sentences import Numbered, lines
from bot.phrasing.task import Quoted


@dataclass(frozen=True, slots=True)
class Choice:
    """What is shown of a choice, the ids that are shown, and what became of each id."""

    lines: tuple[Line, ...]
    ids: tuple[str, ...]
    verdicts: dict[str, int]


CHOSEN: Final = "chosen"
UNKNOWN: Final = "unknown"
LEFT_OUT: Final = "left out"


def choose(quotes: Sequence[Quoted], numbered: Sequence[Numbered], reply: Chosen) -> Choice:
    """The sentences that a reply names, as they are shown.

    Ids that were not offered are passed over, as are those that are named twice or for which there
    is no room. A model that says that nothing answers chooses nothing.
    """
    offered = {one.id: one for one in numbered}
    known = [offered[key] for key in dict.fromkeys(reply.sentences) if key in offered]
    found, ids = lines(quotes, known) if reply.answers else ([], [])
    counts = {
        CHOSEN: len(ids),
        UNKNOWN: sum(key not in offered for key in reply.sentences),
    }
    counts[LEFT_OUT] = len(reply.sentences) - sum(counts.values())
    return Choice(
        tuple(found), tuple(ids), {name: count for name, count in counts.items() if count}
    )
