"""Messages with whole passages, and the labels of the menu *Other passages*."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from bot.answers.outcome import citation
from bot.answers.quotations import citation_line, passage_markdown
from bot.text.languages import Sentence
from bot.text.markdown import (
    MESSAGE_CHARACTERS,
    quoted_parts,
    safe_markdown,
    shorten,
    size,
)
from bot.text.place_names import place_name
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from knowledge.values.guilds import Language
from knowledge.values.questions import RecordedHit

# In place of text no longer in the index: a deleted message or withdrawn note is never shown.
NO_LONGER_THERE: Final = Sentence("A message that was changed or deleted")
NO_LONGER_QUOTED: Final = Sentence("A passage that was changed or withdrawn")


def replacement_for(hit: RecordedHit, language: Language) -> str:
    """The text in place of a deleted or withdrawn passage."""
    return (NO_LONGER_QUOTED if hit.source_channel_id is None else NO_LONGER_THERE)(language)


def passage(found: StoredPassage, language: Language = Language.ENGLISH) -> list[str]:
    """A whole passage, split into messages; the last message has the citation."""
    *parts, last = quoted_parts(safe_markdown(passage_markdown(found.kind, found.text)))
    cited = citation_line(citation(found), language)
    together = size(f"{last}\n{cited}") <= MESSAGE_CHARACTERS
    return [*parts, f"{last}\n{cited}"] if together else [*parts, last, cited]


# Discord's limit for the label of an option.
OPTION_CHARACTERS: Final = 100


def option(hit: Hit) -> str:
    """The label of a passage in the menu, without Markdown."""
    named = place_name(hit.passage.title, hit.passage.heading, OPTION_CHARACTERS)
    return named or hit.passage.document_id[:OPTION_CHARACTERS]


def options(hits: Sequence[Hit]) -> list[str]:
    """The labels of passages in the menu; repeated labels get a number."""
    labels: list[str] = []
    times: Counter[str] = Counter()
    for label in map(option, hits):
        times[label] += 1
        number = f" ({times[label]})" if times[label] > 1 else ""
        labels.append(shorten(label, OPTION_CHARACTERS - len(number)) + number)
    return labels
