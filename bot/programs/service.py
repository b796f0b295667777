"""Service for other programs: answers, searches and documents as plain records.

A program sees what everybody sees: the shared documents, and those of one server where one is
named; never a channel's. Nothing that it asks is recorded. Functions of the core, in whose thread
they run.

Errors:
    Exception
    └── UnusableError     what was asked can't be; the message says why
"""

from dataclasses import dataclass
from typing import Final

from bot.answers.decision import Answer, Clarification, citation
from bot.answers.lookup import Ask, scopes_of
from bot.answers.pipeline import problem_with
from bot.ask import messages
from bot.engine.core import Core
from indexer.index.stored_passage import StoredPassage
from knowledge.model.questions import Evidence

# Nobody is asking; no member has this id.
_NO_MEMBER: Final = 0
MOST_PASSAGES: Final = 50


class UnusableError(Exception):
    """What was asked can't be: says what is wrong with it."""


@dataclass(frozen=True)
class Passage:
    """Text that may be quoted, with what to cite it by."""

    document: str
    title: str
    heading: str
    text: str
    link: str


@dataclass(frozen=True)
class Answered:
    """An answer: how well it is supported, and the quotations that it consists of.

    `evidence` is `strong`, `partial` or `none`; `probability` is that the first quotation answers.
    Where evidence is none there is no quotation, and `nearest` has the titles that came nearest.
    """

    question: str
    evidence: Evidence
    probability: float
    quotes: list[Passage]
    nearest: list[str]


@dataclass(frozen=True)
class WholeDocument:
    """A document with its passages in reading order."""

    document: str
    title: str
    link: str
    passages: list[Passage]


def ask(core: Core, guild_id: int | None, question: str) -> Answered:
    """Answer a question as a member of the guild is answered in public.

    Raises:
        UnusableError: if it is no question, or too long.
    """
    [reply] = core.answer_pipeline.ask([Ask(question, _NO_MEMBER, guild_id)], record=False)
    if isinstance(reply.outcome, Clarification):
        raise UnusableError(reply.outcome.problem)
    quotes = []
    if isinstance(reply.outcome, Answer):
        quotes = [
            Passage(
                quote.citation.document_id,
                quote.citation.title,
                quote.citation.heading,
                markdown,
                quote.citation.link,
            )
            for quote, markdown in messages.excerpts(reply.outcome)
        ]
    return Answered(
        reply.question,
        reply.evidence,
        round(reply.signals.get("probability", 0.0), 4),
        quotes,
        list(dict.fromkeys(hit.passage.title for hit in reply.hits if hit.passage.title)),
    )


def search(core: Core, guild_id: int | None, query: str, most: int) -> list[Passage]:
    """The best passages for a query, one a document, whatever the evidence.

    Raises:
        UnusableError: if nothing can be looked for with it.
    """
    if problem := problem_with(query):
        raise UnusableError(problem)
    return [_passage(hit.passage) for hit in core.search(query, guild_id, most)]


def document(core: Core, guild_id: int | None, document_id: str) -> WholeDocument:
    """A document by its id.

    Raises:
        UnusableError: if there is none that this program may see.
    """
    found = core.document(document_id, scopes_of(guild_id, ()))
    if not found:
        raise UnusableError("There is no such document here. `search` gives the ids of documents.")
    first = _passage(found[0])
    return WholeDocument(
        document_id, first.title, first.link, [_passage(passage) for passage in found]
    )


def _passage(found: StoredPassage) -> Passage:
    cited = citation(found)
    return Passage(found.document_id, found.title, found.heading, found.text, cited.link)
