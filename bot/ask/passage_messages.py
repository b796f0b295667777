"""Messages with passages whole, also those an answer did not quote, and the list to choose from."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from bot.answers.decision import citation as citation_of
from bot.ask.messages import citation, place
from bot.text.languages import Sentence
from bot.text.markdown import (
    MESSAGE_CHARACTERS,
    quoted,
    quoted_parts,
    shortened,
    shown,
    size,
)
from bot.text.place_names import place_name
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from knowledge.model.guilds import Language
from knowledge.model.questions import Question, RecordedHit

_NO_PASSAGE: Final = Sentence("I found nothing close to this question.")


# What was said in a channel is shown from the index alone, so that nothing outlives a message.
NO_LONGER_THERE: Final = Sentence("A message that was deleted or changed since")
# So is everything else, so that nothing outlives a note that was retired or withdrawn.
NO_LONGER_QUOTED: Final = Sentence("A passage that was changed since, or is not quoted any more")


def gone(hit: RecordedHit, language: Language) -> str:
    """What stands in the place of a passage that may not be shown any more."""
    return (NO_LONGER_QUOTED if hit.source_channel_id is None else NO_LONGER_THERE)(language)


_ALL_QUOTED: Final = Sentence("All that I found is quoted above.")


def more(
    question: Question, language: Language = Language.ENGLISH, quoted_above: str = ""
) -> list[str]:
    """Every passage that was found and is not whole in what is quoted above, in messages.

    Each is a quotation: a mark that is opened in one can't be closed in another, and hide or
    change what is between them.
    """
    messages: list[str] = []
    above = quoted_above.replace("**", "")
    for hit in question.hits[:5]:
        if hit.passage and quoted(shown(hit.passage)).replace("**", "") in above:
            continue
        where = place(hit.title, hit.heading, hit.link) if hit.passage else gone(hit, language)
        parts = quoted_parts(shown(hit.passage)) if hit.passage else []
        for part in [*parts, f"-# {where}"]:
            between = "\n" if parts and part.startswith("-# ") else "\n\n"
            if messages and size(messages[-1] + between + part) <= MESSAGE_CHARACTERS:
                messages[-1] += between + part
            else:
                messages.append(part)
    return messages or [(_ALL_QUOTED if question.hits else _NO_PASSAGE)(language)]


def passage(found: StoredPassage, language: Language = Language.ENGLISH) -> list[str]:
    """A passage whole, in messages, the last one with its citation."""
    *parts, last = quoted_parts(shown(found.text))
    cited = citation(citation_of(found), language)
    together = size(f"{last}\n{cited}") <= MESSAGE_CHARACTERS
    return [*parts, f"{last}\n{cited}"] if together else [*parts, last, cited]


# Discord's limit.
OPTION_CHARACTERS: Final = 100


def option(hit: Hit) -> str:
    """What a passage is called in the list of passages: plain text, as lists show no Markdown."""
    named = place_name(hit.passage.title, hit.passage.heading, OPTION_CHARACTERS)
    return named or hit.passage.document_id[:OPTION_CHARACTERS]


def options(hits: Sequence[Hit]) -> list[str]:
    """What passages are called in a list; where two are called alike, the second by number."""
    labels: list[str] = []
    times: Counter[str] = Counter()
    for label in map(option, hits):
        times[label] += 1
        number = f" ({times[label]})" if times[label] > 1 else ""
        labels.append(shortened(label, OPTION_CHARACTERS - len(number)) + number)
    return labels
